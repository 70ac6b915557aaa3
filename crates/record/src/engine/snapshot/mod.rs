//! Snapshots of processes: the state that a reader of the log cannot derive, stored after execve
//! and at attach.
//!
//! A snapshot after execve would cost a small program more than all its calls if each part were
//! asked of /proc. So the recorder follows what calls do to the inherited state (`follow`), and
//! asks only for what may have changed in other ways. It follows a process as long as it is sure: a
//! process has one thread and shares nothing with another, and every call of it is seen. Of any
//! other process everything is read.

mod check;
mod descriptors;
mod follow;
mod read;
mod take;

pub(crate) use follow::Exit;
pub(crate) use take::At;

use crate::engine::namespaces::Namespaces;
use descriptors::Descriptors;
use foldhash::fast::RandomState;
use read::Held;
use std::collections::HashMap;
use std::sync::Arc;
use sysreel_sys::Tid;
use sysreel_sys::cached_stat::ServedDevices;
use sysreel_sys::process;

/// What is known of the recorded processes.
#[derive(Debug)]
pub(crate) struct Snapshots {
    pub(crate) namespaces: Namespaces,
    /// Whether the log has names of descriptors.
    names: bool,
    /// Whether any process is followed.
    following: bool,
    /// The followed processes, by thread group id.
    processes: HashMap<Tid, Process, RandomState>,
    /// The file systems that processes serve.
    served: ServedDevices,
    /// The events lost so far: their calls were seen by the recorder, but not by readers.
    lost: u64,
    /// If snapshots are checked: what was found wrong.
    wrong: Option<Vec<String>>,
}

/// A process with one thread, of which every call is seen.
#[derive(Debug, Clone)]
struct Process {
    /// `None` if it is unknown which descriptors are open.
    descriptors: Option<Arc<Descriptors>>,
    /// `None` if a call may have changed it, or the program's file gave privileges.
    held: Option<Arc<Held>>,
    umask: Option<u32>,
    /// The ignored signals.
    ignored: Option<u64>,
    personality: Option<u64>,
    /// Whether its root is that of the recorder.
    at_root: bool,
    /// Whether it never had another thread.
    alone: bool,
}

/// What is known of a process, for another tracer.
#[derive(Debug)]
pub(crate) struct Followed(Process);

impl Snapshots {
    /// `names`: the log has names of descriptors. `following`: all processes descend from one that
    /// the recorder spawned, and all their calls are seen. `checked`: see
    /// [`Options::check_snapshots`](crate::Options::check_snapshots).
    pub(crate) fn new(names: bool, alike: bool, following: bool, checked: bool) -> Snapshots {
        Snapshots {
            namespaces: Namespaces::new(alike),
            names,
            following,
            processes: HashMap::default(),
            served: ServedDevices::default(),
            lost: 0,
            wrong: checked.then(Vec::new),
        }
    }

    /// Follows no process from now on.
    pub(crate) fn stop_following(&mut self) {
        self.following = false;
        self.processes.clear();
    }

    /// Follows a process no more, until its next execve.
    pub(crate) fn forget(&mut self, tgid: Tid) {
        self.processes.remove(&tgid);
    }

    /// Takes what is known of a process that moves to another tracer.
    pub(crate) fn take_followed(&mut self, tgid: Tid) -> Option<Followed> {
        self.processes.remove(&tgid).map(Followed)
    }

    /// Adds what another tracer knows of a process.
    pub(crate) fn follow(&mut self, tgid: Tid, followed: Option<Followed>) {
        if let Some(Followed(process)) = followed.filter(|_| self.following) {
            self.processes.insert(tgid, process);
        }
    }

    /// Sets how many events were lost so far.
    pub(crate) fn set_lost(&mut self, lost: u64) {
        if lost != self.lost {
            self.lost = lost;
            // Readers may not know what the recorder does.
            for process in self.processes.values_mut() {
                process.descriptors = None;
            }
        }
    }

    /// Returns the user and system time of a task that is about to exit, in nanoseconds.
    pub(crate) fn cpu_time(&self, tid: Tid, tgid: Tid) -> (u64, u64) {
        let alone = self.processes.get(&tgid).is_some_and(|process| process.alone);
        let known = if alone { process::cpu_time_of_process(tgid) } else { None };
        known.unwrap_or_else(|| process::cpu_time(tid))
    }

    /// Returns what checks have found wrong.
    pub(crate) fn into_wrong(self) -> Vec<String> {
        self.wrong.unwrap_or_default()
    }
}

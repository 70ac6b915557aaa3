//! Processes that create tasks while they are being attached to.
//!
//! Whether a child is traced is decided when its clone(2) begins (kernel/fork.c, `kernel_clone`),
//! but the child appears in /proc only when that call is nearly over. A task seized in between has
//! an untraced child that no list shows yet. So /proc is read again when every thread of a process
//! has made its first stop, by which time such calls are over.

use crate::session::Session;
use std::collections::{HashMap, HashSet};
use sysreel_format::{Origin, TaskId};
use sysreel_sys::process::Status;
use sysreel_sys::{Tid, attach, clock};

/// Processes whose threads have not all made their first stop, each with the children that it had
/// before the attach and that are not to be recorded.
#[derive(Debug, Default)]
pub(crate) struct Attaching {
    left_alone: HashMap<Tid, HashSet<Tid>>,
    /// Whether children older than the attach are recorded too.
    tree: bool,
}

impl Attaching {
    pub(crate) fn new(tree: bool) -> Attaching {
        Attaching { left_alone: HashMap::new(), tree }
    }

    /// Notes the children of a process that is about to be attached to.
    pub(crate) fn begin(&mut self, tgid: Tid) {
        let children =
            if self.tree { HashSet::new() } else { attach::children(tgid).into_iter().collect() };
        self.left_alone.insert(tgid, children);
    }
}

impl Session {
    /// Handles the first stop of an attached thread.
    pub(crate) fn first_stop_at_attach(&mut self, tgid: Tid) {
        let is_left = self.tasks.iter().any(|(_, task)| task.tgid == tgid && !task.captured);
        let is_over = self.detaching.is_some() || !self.attaching.left_alone.contains_key(&tgid);
        if is_left || is_over {
            return;
        }
        let threads = attach::threads(tgid).unwrap_or_default();
        let untraced: Vec<Tid> = threads.into_iter().filter(|&tid| self.is_untraced(tid)).collect();
        for &tid in &untraced {
            self.attach_late(tid);
        }
        let left_alone = self.attaching.left_alone.remove(&tgid).unwrap_or_default();
        for child in attach::children(tgid) {
            if !left_alone.contains(&child) && self.is_untraced(child) {
                self.attaching.begin(child);
                for tid in self.tracer.attach(child).unwrap_or_default() {
                    self.add_attached_task(tid);
                }
            }
        }
        if !untraced.is_empty() {
            // These may be creating tasks as well.
            self.attaching.left_alone.insert(tgid, left_alone);
        }
    }

    /// Whether the task is alive and has no tracer.
    pub(crate) fn is_untraced(&self, tid: Tid) -> bool {
        self.tasks.get(tid).is_none()
            && !self.parked.contains_key(&tid)
            && !self.handed_over.contains(tid)
            && Status::read(tid)
                .is_ok_and(|status| status.tracer == 0 && !matches!(status.state, b'Z' | b'X'))
    }

    /// Attaches to a thread after the others of its process.
    pub(crate) fn attach_late(&mut self, tid: Tid) {
        // A thread that has ended needs no tracer.
        if self.tracer.seize(tid).is_ok() {
            self.add_attached_task(tid);
        }
    }

    /// Records the TASK event of a seized task and requests its first stop.
    pub(crate) fn add_attached_task(&mut self, tid: Tid) {
        let status = Status::read(tid).unwrap_or_default();
        let tgid = if status.tgid == 0 { tid } else { status.tgid };
        let memory = self.tasks.memory_of_process(tgid);
        let now = clock::monotonic_ns();
        let task =
            self.add_task(tid, tgid, TaskId::NONE, Origin::ATTACHED, now, &status.namespace_ids);
        task.memory = memory;
        // If the task has died, wait reports it.
        _ = self.tracer.interrupt(tid);
    }
}

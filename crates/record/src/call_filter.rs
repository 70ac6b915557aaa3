//! Recording some calls only.
//!
//! The program runs under a seccomp filter of the recorder's own, so that other calls do not stop
//! at all. A call that is wanted makes two stops: that of the filter, which tells of the call what
//! an entry stop would (its struct has the operation SECCOMP, and is stored as it came), and its
//! exit.
//!
//! A filter of the program's own can answer a call before ours is heard: an errno, a trap and death
//! outrank RET_TRACE (seccomp(2)). A task with such a filter is stopped at every call, for the
//! entry stop comes before all filters (Linux 4.8); what is not wanted is left out here then. The
//! same holds from the start when the recorder itself lives under a filter.
//!
//! uprobe and uretprobe, which trampolines of the kernel's make, are never shown to a filter (Linux
//! 6.14): they are never recorded so.

use crate::session::Session;
use crate::task::Task;
use sysreel_abi::{AuditArch, CallSet, Filter};
use sysreel_format::{Altered, Altering, EventKind, NoteCode, Severity, SourceId, TaskId};
use sysreel_sys::info::Op;
use sysreel_sys::{Event, Resume, Stop, StopKind, SyscallInfo, Tid, clock, process, seccomp};

/// Which calls are recorded, when not all are.
#[derive(Debug)]
pub(crate) struct Only {
    watch: CallSet,
    /// The filter that the program runs under; `None` when the recorder has one itself, which ours
    /// would come behind.
    filter: Option<seccomp::Filter>,
    /// What the filter answers with RET_TRACE. A program's own filter could answer the same for the
    /// same call by chance, one in 65536: so it is drawn anew for each recording.
    data: u16,
    /// Did the filter need no_new_privs?
    no_new_privs: bool,
}

/// Where a task stands, as far as calls are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Calling {
    /// In no call that was seen to begin.
    #[default]
    Nothing,
    /// In one that is recorded.
    Recorded,
    /// In one that is not.
    LeftOut,
}

impl Only {
    /// `None` when the filter would be too long for the kernel.
    pub(crate) fn new(filter: &Filter, names: bool, data: u16) -> Option<Only> {
        let watch = CallSet::new(filter, names);
        let own = Tid::try_from(std::process::id()).unwrap_or(0);
        let under_filter = process::Status::of(own).is_ok_and(|status| status.seccomp != 0);
        let filter = if under_filter {
            None
        } else {
            let ranges: Vec<_> =
                watch.ranges().into_iter().map(|(arch, ranges)| (arch.0, ranges)).collect();
            Some(seccomp::Filter::new(&ranges, data)?)
        };
        Some(Only { watch, filter, data, no_new_privs: false })
    }

    /// What the program is to be started under.
    pub(crate) fn filter(&self) -> Option<&seccomp::Filter> {
        self.filter.as_ref()
    }

    /// Looks at what the filter took, now that the program has it.
    pub(crate) fn installed_in(&mut self, tid: Tid) {
        let own = Tid::try_from(std::process::id()).unwrap_or(0);
        let set = |tid| process::Status::of(tid).is_ok_and(|status| status.no_new_privs);
        self.no_new_privs = self.filter.is_some() && set(tid) && !set(own);
    }

    fn watches(&self, info: &SyscallInfo) -> bool {
        info.call().is_some_and(|(nr, _)| self.watch.contains(AuditArch(info.arch()), nr))
    }

    /// Is this seccomp stop one that our filter asked for? Its answer gives way to the same answer
    /// of a filter that came later.
    fn asked_for(&self, info: &SyscallInfo) -> bool {
        self.filter.is_some() && info.ret_data() == Some(self.data.into()) && self.watches(info)
    }
}

impl Session {
    /// Takes note of where the task stands. Is this stop of a call that nobody asked for, or the
    /// second that tells of the same call?
    pub(crate) fn is_left_out(&mut self, stop: &Stop) -> bool {
        let Some(only) = &self.only else { return false };
        let Some(task) = self.tasks.get_mut(stop.tid()) else { return false };
        match (stop.kind(), self.info.op()) {
            (StopKind::Syscall, Some(Op::ENTRY)) => {
                task.calling =
                    if only.watches(&self.info) { Calling::Recorded } else { Calling::LeftOut };
                task.calling == Calling::LeftOut
            }
            (StopKind::Syscall, Some(Op::EXIT)) => {
                std::mem::take(&mut task.calling) == Calling::LeftOut
            }
            (StopKind::Event(Event::SECCOMP), _) if only.asked_for(&self.info) => {
                let told = task.calling != Calling::Nothing;
                task.calling = Calling::Recorded;
                told
            }
            _ => false,
        }
    }

    /// Does the seccomp stop at hand begin a call for us, rather than ask for a tracer on the
    /// program's behalf?
    pub(crate) fn is_own_seccomp_stop(&self) -> bool {
        self.only.as_ref().is_some_and(|only| only.asked_for(&self.info))
    }

    /// Does the program run under a filter of ours?
    pub(crate) fn is_filtered(&self) -> bool {
        self.only.as_ref().is_some_and(|only| only.filter.is_some())
    }

    /// How a task goes on: to its next call, or to the next that is wanted.
    pub(crate) fn next_stop(&self, tid: Tid) -> Resume {
        let filtered = self.is_filtered();
        let freely = |task: &Task| filtered && !task.trace_all && task.calling == Calling::Nothing;
        if self.tasks.get(tid).is_some_and(freely) { Resume::Freely } else { Resume::ToNextSyscall }
    }

    /// Do spawned tasks stop at every call from the start?
    pub(crate) fn trace_all_at_start(&self) -> bool {
        self.only.as_ref().is_some_and(|only| only.filter.is_none())
    }

    /// A call is about to put a filter on all threads of a process at once: those that run freely
    /// are told to stop, and from there on at every call.
    pub(crate) fn trace_all_in_threads(&mut self, caller: Tid, tgid: Tid) {
        if self.only.is_none() {
            return;
        }
        for (tid, task) in
            self.tasks.iter_mut().filter(|(tid, task)| task.tgid == tgid && *tid != caller)
        {
            if !std::mem::replace(&mut task.trace_all, true) {
                // One that died meanwhile is reported by wait.
                _ = self.tracer.interrupt(tid);
            }
        }
    }

    /// Commits what the filter changed in the program.
    pub(crate) fn filter_event(&mut self) {
        let Some(only) = &self.only else { return };
        let now = clock::monotonic_ns();
        let Some(filter) = &only.filter else {
            return self.note(
                TaskId::NONE,
                NoteCode::OTHER,
                Severity::INFO,
                "the recorder runs under a seccomp filter, which one of its own would come behind: \
                 every call is stopped at",
            );
        };
        let given = filter.bytes();
        let mut alter = |what, given: &[u8], kernel: &[u8]| {
            self.sink.row.begin(EventKind::ALTERED, SourceId::RECORDER, TaskId::NONE, now);
            self.sink.row.altered_body(&Altered { what, arg: 0, kernel, given });
            self.sink.commit();
        };
        alter(Altering::SECCOMP_FILTER, &given, &[]);
        if only.no_new_privs {
            alter(Altering::NO_NEW_PRIVS, &[1], &[0]);
        }
    }
}

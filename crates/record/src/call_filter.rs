//! Records some calls only (`--only`).
//!
//! The program runs under a seccomp filter of the recorder, so that other calls do not stop at all.
//! A wanted call makes two stops: the filter's, whose struct has the contents of an entry stop
//! (with operation SECCOMP, and stored as it is), and the exit.
//!
//! A filter of the program can answer a call before the recorder's filter takes effect: an errno, a
//! trap and death outrank RET_TRACE (seccomp(2)). A task with such a filter is stopped at every
//! call, because the entry stop comes before all filters (Linux 4.8), and unwanted calls are left
//! out here. The same applies from the start when the recorder itself runs under a filter.
//!
//! uprobe and uretprobe, made by trampolines of the kernel, are never shown to a filter (Linux
//! 6.14), so they are not recorded.

use crate::session::Session;
use crate::task::Task;
use sysreel_abi::{AuditArch, CallSet, Filter};
use sysreel_format::{Altered, Altering, EventKind, NoteCode, Severity, SourceId, TaskId};
use sysreel_sys::info::Op;
use sysreel_sys::{Event, Resume, Stop, StopKind, SyscallInfo, Tid, clock, process, seccomp};

/// The calls to record, and the filter for them.
#[derive(Debug)]
pub(crate) struct Only {
    watch: CallSet,
    /// The filter of the program; `None` when the recorder itself runs under a filter, which would
    /// take precedence.
    filter: Option<seccomp::Filter>,
    /// The data of RET_TRACE. A filter of the program could by chance return the same data for the
    /// same call, one in 65536, so it is random for each recording.
    data: u16,
    /// Whether installing the filter set no_new_privs.
    no_new_privs: bool,
}

/// Whether a task is in a call, and whether that call is recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Calling {
    /// In no call whose start was seen.
    #[default]
    Nothing,
    /// In a recorded call.
    Recorded,
    /// In a call that is left out.
    LeftOut,
}

impl Only {
    /// Returns `None` when the filter would be too long for the kernel.
    pub(crate) fn new(filter: &Filter, names: bool, data: u16) -> Option<Only> {
        let watch = CallSet::new(filter, names);
        let own = Tid::try_from(std::process::id()).unwrap_or(0);
        let under_filter = process::Status::read(own).is_ok_and(|status| status.seccomp != 0);
        let filter = if under_filter {
            None
        } else {
            let ranges: Vec<_> =
                watch.ranges().into_iter().map(|(arch, ranges)| (arch.0, ranges)).collect();
            Some(seccomp::Filter::new(&ranges, data)?)
        };
        Some(Only { watch, filter, data, no_new_privs: false })
    }

    /// The filter to start the program with.
    pub(crate) fn filter(&self) -> Option<&seccomp::Filter> {
        self.filter.as_ref()
    }

    /// Checks whether installing the filter in the program set no_new_privs.
    pub(crate) fn check_installed(&mut self, tid: Tid) {
        let own = Tid::try_from(std::process::id()).unwrap_or(0);
        let set = |tid| process::Status::read(tid).is_ok_and(|status| status.no_new_privs);
        self.no_new_privs = self.filter.is_some() && set(tid) && !set(own);
    }

    fn watches(&self, info: &SyscallInfo) -> bool {
        info.call().is_some_and(|(nr, _)| self.watch.contains(AuditArch(info.arch()), nr))
    }

    /// Whether the recorder's filter caused this seccomp stop. If a later filter returns RET_TRACE
    /// too, the kernel reports that one's data.
    fn is_own_stop(&self, info: &SyscallInfo) -> bool {
        self.filter.is_some() && info.ret_data() == Some(self.data.into()) && self.watches(info)
    }
}

impl Session {
    /// Whether to leave out this stop: its call is not wanted, or an earlier stop already showed
    /// the call's start. Also updates the task's state.
    pub(crate) fn leaves_out(&mut self, stop: &Stop) -> bool {
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
            (StopKind::Event(Event::SECCOMP), _) if only.is_own_stop(&self.info) => {
                let already_seen = task.calling != Calling::Nothing;
                task.calling = Calling::Recorded;
                already_seen
            }
            _ => false,
        }
    }

    /// Whether the current seccomp stop starts a recorded call, as opposed to one for which the
    /// program's filter wants a tracer.
    pub(crate) fn is_own_seccomp_stop(&self) -> bool {
        self.only.as_ref().is_some_and(|only| only.is_own_stop(&self.info))
    }

    /// Whether the program runs under the recorder's filter.
    pub(crate) fn is_filtered(&self) -> bool {
        self.only.as_ref().is_some_and(|only| only.filter.is_some())
    }

    /// How to resume a task: to its next call, or to the next wanted call.
    pub(crate) fn next_stop(&self, tid: Tid) -> Resume {
        let filtered = self.is_filtered();
        let freely = |task: &Task| filtered && !task.trace_all && task.calling == Calling::Nothing;
        if self.tasks.get(tid).is_some_and(freely) { Resume::Freely } else { Resume::ToNextSyscall }
    }

    /// Whether spawned tasks stop at every call from the start.
    pub(crate) fn trace_all_at_start(&self) -> bool {
        self.only.as_ref().is_some_and(|only| only.filter.is_none())
    }

    /// Prepares for a call that installs a filter on all threads of a process: threads that run
    /// freely are interrupted and stop at every call from then on.
    pub(crate) fn trace_all_in_threads(&mut self, caller: Tid, tgid: Tid) {
        if self.only.is_none() {
            return;
        }
        for (tid, task) in
            self.tasks.iter_mut().filter(|(tid, task)| task.tgid == tgid && *tid != caller)
        {
            if !std::mem::replace(&mut task.trace_all, true) {
                // If the task has died, wait reports it.
                _ = self.tracer.interrupt(tid);
            }
        }
    }

    /// Records what the filter changed in the program.
    pub(crate) fn filter_event(&mut self) {
        let Some(only) = &self.only else { return };
        let now = clock::monotonic_ns();
        let Some(filter) = &only.filter else {
            return self.note(
                TaskId::NONE,
                NoteCode::OTHER,
                Severity::INFO,
                "the recorder runs under a seccomp filter, which could answer calls before its \
                 own: every call stops",
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

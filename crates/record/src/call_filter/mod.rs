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

use crate::engine::{Admit, Birth, BySlot, Context, Detach, Exit, Flow, Slot, StopHook};
use sysreel_abi::{AuditArch, CallSet, Filter, installs_seccomp, reaches_all_threads};
use sysreel_format::{Altering, NoteCode, Severity, TaskId};
use sysreel_sys::info::Op;
use sysreel_sys::{Event, Resume, Stop, StopKind, SyscallInfo, Tid, process, seccomp};

/// The calls to record, and the filter for them.
#[derive(Debug)]
pub(crate) struct CallFilter {
    watch: CallSet,
    /// The filter of the program; `None` when the recorder itself runs under a filter, which would
    /// take precedence.
    filter: Option<seccomp::Filter>,
    /// The data of RET_TRACE. A filter of the program could by chance return the same data for the
    /// same call, one in 65536, so it is random for each recording.
    data: u16,
    /// Whether installing the filter set no_new_privs.
    no_new_privs: bool,
    tasks: BySlot<Filtered>,
}

/// A task under the filter.
#[derive(Debug, Clone, Copy, Default)]
struct Filtered {
    /// The progress of its current call.
    calling: Calling,
    /// Whether it stops at every call although some are left out.
    trace_all: bool,
}

/// Whether a task is in a call, and whether that call is recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Calling {
    /// In no call whose start was seen.
    #[default]
    Nothing,
    /// In a recorded call.
    Recorded,
    /// In a call that is left out.
    LeftOut,
}

impl CallFilter {
    /// Returns `None` when the filter would be too long for the kernel.
    pub(crate) fn new(filter: &Filter, names: bool, data: u16) -> Option<CallFilter> {
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
        Some(CallFilter { watch, filter, data, no_new_privs: false, tasks: BySlot::default() })
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

impl StopHook for CallFilter {
    /// Records what the filter changed in the program.
    fn program_begins(&mut self, cx: &mut Context) {
        let Some(filter) = &self.filter else {
            let text = "the recorder runs under a seccomp filter, which could answer calls before \
                        its own: every call stops";
            return cx.log.note(TaskId::NONE, NoteCode::OTHER, Severity::INFO, text);
        };
        cx.log.altered_event(TaskId::NONE, Altering::SECCOMP_FILTER, 0, &[], &filter.bytes());
        if self.no_new_privs {
            cx.log.altered_event(TaskId::NONE, Altering::NO_NEW_PRIVS, 0, &[0], &[1]);
        }
    }

    /// Leaves out a stop whose call is not wanted, or of whose call an earlier stop already showed
    /// the start.
    fn admit(&mut self, cx: &mut Context, stop: &Stop) -> Admit {
        let watches = self.watches(&cx.info);
        let is_own_stop = self.is_own_stop(&cx.info);
        let task = self.tasks.get_mut(cx.at.slot);
        let leaves_out = match (stop.kind(), cx.info.op()) {
            (StopKind::Syscall, Some(Op::ENTRY)) => {
                task.calling = if watches { Calling::Recorded } else { Calling::LeftOut };
                task.calling == Calling::LeftOut
            }
            (StopKind::Syscall, Some(Op::EXIT)) => {
                std::mem::take(&mut task.calling) == Calling::LeftOut
            }
            (StopKind::Event(Event::SECCOMP), _) if is_own_stop => {
                let already_seen = task.calling != Calling::Nothing;
                task.calling = Calling::Recorded;
                already_seen
            }
            _ => false,
        };
        if leaves_out { Admit::Skip } else { Admit::Record }
    }

    fn is_entry(&mut self, cx: &Context, _stop: &Stop) -> bool {
        self.is_own_stop(&cx.info)
    }

    fn entry(&mut self, cx: &mut Context, _stop: &mut Stop) -> Flow {
        if cx.call().is_some_and(|call| reaches_all_threads(call.abi, call.row, &call.args)) {
            self.trace_all_in_threads(cx);
        }
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, _stop: &mut Stop, exit: &Exit) -> Flow {
        if let Some(call) = exit.call.filter(|_| !exit.is_error)
            && installs_seccomp(call.abi, call.row, &call.args)
        {
            self.tasks.get_mut(cx.at.slot).trace_all = true;
        }
        Flow::Stays
    }

    fn task_begins(&mut self, cx: &mut Context, task: Slot, birth: Birth) {
        let trace_all = match birth {
            Birth::Spawned | Birth::Attached => self.filter.is_none(),
            Birth::Made { by, .. } => self.tasks.get_mut(by).trace_all,
            // The unknown maker may have a filter that this task inherited.
            Birth::Adopted { .. } => {
                let any = |(slot, _)| self.tasks.get(slot).is_some_and(|task| task.trace_all);
                cx.tasks.iter().filter(|(other, _)| *other != task).any(any)
            }
        };
        self.tasks.set(task, Filtered { calling: Calling::Nothing, trace_all });
    }

    /// Runs freely to the next wanted call where the filter stops it there.
    fn resume(&mut self, task: Slot) -> Resume {
        let Filtered { calling, trace_all } = *self.tasks.get_mut(task);
        match self.filter.is_some() && !trace_all && calling == Calling::Nothing {
            true => Resume::Freely,
            false => Resume::ToNextSyscall,
        }
    }

    fn can_detach(&mut self) -> Detach {
        match &self.filter {
            Some(_) => {
                Detach::Nowhere("under the filter of --only a task cannot run without its recorder")
            }
            None => Detach::Anywhere,
        }
    }
}

impl CallFilter {
    /// Prepares for a call that installs a filter on all threads of a process: threads that run
    /// freely are interrupted and stop at every call from then on.
    fn trace_all_in_threads(&mut self, cx: &Context) {
        let Some(tgid) = cx.task().map(|task| task.tgid) else { return };
        for (slot, task) in cx.tasks.iter() {
            if task.tgid == tgid
                && slot != cx.at.slot
                && !std::mem::replace(&mut self.tasks.get_mut(slot).trace_all, true)
                && !cx.owes_stop(task)
            {
                // If the task has died, wait reports it.
                _ = cx.tracer.interrupt(task.tid);
            }
        }
    }
}

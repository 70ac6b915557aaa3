//! Tasks that live and are not recorded at the moment: see `handover`.

use super::task::Task;
use std::collections::BTreeSet;
use sysreel_sys::Tid;

/// A living task that is not recorded.
#[derive(Debug)]
pub(crate) struct Away {
    pub(crate) task: Task,
    pub(crate) why: Why,
}

/// Why a task is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was detached at its PTRACE_TRACEME, having used `cpu_ns` of CPU time. Whether it is
    /// traced now is not known yet.
    Asked { cpu_ns: u64 },
    /// This task is in a call that attaches to it.
    Attaching(Tid),
    /// Another task traces it.
    Traced,
    /// It is the init of a PID namespace and crashes.
    Crashing,
}

/// The living tasks that are not recorded.
#[derive(Debug, Default)]
pub(crate) struct AwayTasks {
    pub(crate) tasks: Vec<Away>,
    /// The ordinals of tasks that were ever handed over.
    pub(crate) traced: BTreeSet<u32>,
}

impl AwayTasks {
    pub(crate) fn tids(&self) -> Vec<Tid> {
        self.tasks.iter().map(|away| away.task.tid).collect()
    }

    pub(crate) fn contains(&self, tid: Tid) -> bool {
        self.why(tid).is_some()
    }

    /// Why the task is away; `None` when it is not.
    pub(crate) fn why(&self, tid: Tid) -> Option<Why> {
        self.tasks.iter().find(|away| away.task.tid == tid).map(|away| away.why)
    }

    /// Whether a task is away of which it is not known yet whether it is traced.
    pub(crate) fn any_asked(&self) -> bool {
        self.tasks.iter().any(|away| matches!(away.why, Why::Asked { .. }))
    }

    /// Removes a task from the list.
    pub(crate) fn take(&mut self, tid: Tid) -> Option<Task> {
        let at = self.tasks.iter().position(|away| away.task.tid == tid)?;
        Some(self.tasks.remove(at).task)
    }

    /// Notes that `tracer` is no longer in a call that attaches.
    pub(crate) fn attach_is_over(&mut self, tracer: Tid) {
        for away in self.tasks.iter_mut().filter(|away| away.why == Why::Attaching(tracer)) {
            away.why = Why::Traced;
        }
    }

    /// Notes that a task has a tracer.
    pub(crate) fn is_traced(&mut self, tid: Tid) {
        for away in self.tasks.iter_mut().filter(|away| away.task.tid == tid) {
            if matches!(away.why, Why::Asked { .. }) {
                away.why = Why::Traced;
            }
        }
    }
}

//! Tasks that live and are not recorded at the moment: see `handover`.

use crate::task::Task;
use std::collections::BTreeSet;
use sysreel_sys::Tid;
use sysreel_sys::signals::Ticker;

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
pub(crate) struct HandedOver {
    pub(crate) away: Vec<(Tid, Away)>,
    /// The ordinals of tasks that were ever handed over.
    pub(crate) traced: BTreeSet<u32>,
    /// Ticks while it is unknown whether a task is traced.
    pub(crate) ticker: Option<Ticker>,
    /// Whether the log already says that tracers are refused.
    pub(crate) refusal_noted: bool,
    /// Tasks whose call was skipped, with the result to return.
    pub(crate) answers: Vec<(Tid, i64)>,
}

impl HandedOver {
    /// The number of tasks that were handed over.
    pub(crate) fn count(&self) -> usize {
        self.traced.len()
    }

    /// Whether there are skipped calls that have not returned yet.
    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Whether the task is not recorded at the moment.
    pub(crate) fn contains(&self, tid: Tid) -> bool {
        self.away.iter().any(|(other, _)| *other == tid)
    }

    /// Removes a task from the list.
    pub(crate) fn take(&mut self, tid: Tid) -> Option<Away> {
        let at = self.away.iter().position(|(other, _)| *other == tid)?;
        Some(self.away.remove(at).1)
    }
}

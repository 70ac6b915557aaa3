//! The task of an item.

use std::fmt;

use sysreel_format::TaskId;

use crate::state::{self, ProcessId, Tracker};

/// A task (a thread), with the state at its item. Costs nothing until it is asked.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    pub(super) id: TaskId,
    pub(super) state: &'a Tracker,
}

impl<'a> Task<'a> {
    /// Returns its ordinal in the log, which is never reused; [`TaskId::NONE`] for an event that
    /// concerns no task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Returns its tid, as the recorder saw it; 0 if the log does not have it.
    #[must_use]
    pub fn tid(&self) -> u32 {
        self.known().map_or(0, |task| task.tid)
    }

    /// Returns the tid of its thread group leader: what programs call their pid. 0 if the log does
    /// not have it.
    #[must_use]
    pub fn tgid(&self) -> u32 {
        self.known().map_or(0, |task| task.tgid)
    }

    /// Returns the task that created it; [`TaskId::NONE`] if the log does not have it.
    #[must_use]
    pub fn parent(&self) -> TaskId {
        self.known().map_or(TaskId::NONE, |task| task.parent)
    }

    /// Returns its process, an ordinal that is never reused. [`ProcessId::NONE`] unless
    /// [`Follow::processes`](crate::state::Follow) is set.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.state.context(self.id).map_or(ProcessId::NONE, |context| context.process)
    }

    /// Returns the path of the program that it runs; `None` if the log does not name it.
    #[must_use]
    pub fn program(&self) -> Option<&'a [u8]> {
        self.state.program(self.id)
    }

    /// Whether it has begun an execve(2). Until then a task that the recorder started runs the
    /// recorder's code.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.known().is_none_or(|task| task.has_run)
    }

    /// Returns the state of the recorded system at this point.
    #[must_use]
    pub fn state(&self) -> &'a Tracker {
        self.state
    }

    pub(crate) fn known(&self) -> Option<&'a state::Task> {
        self.state.task(self.id)
    }
}

impl fmt::Debug for Task<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id)
            .field("tid", &self.tid())
            .finish_non_exhaustive()
    }
}

//! What the engine shares with its hooks and its scheduler.

use super::capture::Capture;
use super::due::Due;
use super::log::Log;
use super::peers::Peers;
use super::snapshot::Snapshots;
use super::task::{Call, Slot, Task, Tasks};
use crate::error::Error;
use sysreel_abi::plan::{self, Limits};
use sysreel_format::{Completeness, TaskId};
use sysreel_sys::{Report, SyscallInfo, Tid, Tracer};

/// The tracer, the tasks, the current stop and the log.
///
/// Hooks and schedulers get it with every stop; each has a state of its own besides.
pub(crate) struct Context {
    pub(crate) tracer: Tracer,
    pub(crate) tasks: Tasks,
    pub(crate) due: Due,
    /// What is known of the state that new programs inherit.
    pub(crate) snapshots: Snapshots,
    pub(crate) log: Log,
    /// The task of the current stop.
    pub(crate) at: At,
    /// What the kernel said of the current stop.
    pub(crate) info: SyscallInfo,
    /// The memory that was read at the current stop.
    pub(crate) capture: Capture,
    /// What the log lacks of that memory.
    pub(crate) missing: Completeness,
    /// Whether the recording ends before its tasks.
    pub(crate) is_ending: bool,
    /// This tracer among others; `None` if it is the only one.
    pub(crate) peers: Option<Peers>,
}

/// The task of a stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) slot: Slot,
    pub(crate) tid: Tid,
    pub(crate) id: TaskId,
    /// When the stop was reported, in nanoseconds of CLOCK_MONOTONIC.
    pub(crate) t_ns: u64,
}

impl Context {
    /// Makes a task the one of the current stop.
    pub(crate) fn enter(&mut self, slot: Slot, t_ns: u64) {
        if let Some(task) = self.tasks.at(slot) {
            self.at = At { slot, tid: task.tid, id: task.id, t_ns };
        }
    }

    /// Takes all reports that are due.
    ///
    /// # Errors
    /// When wait4(2) fails.
    pub(crate) fn take_due(&mut self) -> Result<(), Error> {
        while let Some(report @ (Report::Stopped(_) | Report::Gone { .. })) = self.tracer.poll()? {
            self.due.push(report);
        }
        Ok(())
    }

    /// The task of the current stop.
    pub(crate) fn task(&self) -> Option<&Task> {
        self.tasks.at(self.at.slot)
    }

    /// The open call of the task of the current stop.
    pub(crate) fn call(&self) -> Option<&Call> {
        self.task().and_then(|task| task.call.as_ref())
    }

    /// Plans and reads what the call of the current stop would have written if it had succeeded, at
    /// its maximum lengths.
    pub(crate) fn plan_success(&mut self, call: &Call) {
        let Call { abi, row, args, state, .. } = call;
        self.capture.begin(self.at.tid);
        self.capture.plan(|requests, memory| {
            let limits = &Limits::DEFAULT;
            plan::at_exit(*abi, row, args, i64::MAX, false, state, limits, requests, memory)
        });
    }
}

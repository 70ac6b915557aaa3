//! What the tracers of a recording tell each other.

use super::snapshot::Followed;
use super::task::Task;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use sysreel_sys::affinity::Mask;
use sysreel_sys::moving::Parked;
use sysreel_sys::{Signal, Tid};

/// A message to another tracer.
pub(crate) enum Message {
    /// A task, which waits to be taken over.
    Task(Box<Moved>),
    /// A leader whose thread has succeeded in execve(2) is gone.
    Superseded(Tid),
    /// A program is about to trace this task: let it go.
    Give {
        target: Tid,
        /// The task that is to trace it.
        tracer: Tid,
        /// Set when the task was let go.
        done: Arc<AtomicBool>,
    },
    /// A program that traces others may have begun or ended to trace one.
    Tracing {
        end: TracingEnd,
        /// Counts down when the tracer has looked at its tasks that are away.
        left: Arc<AtomicUsize>,
    },
    /// Let all tasks go: the recording ends by this signal, or with the program.
    LetGo(Option<Signal>),
}

/// A task that moves to another tracer.
pub(crate) struct Moved {
    pub(crate) parked: Parked,
    pub(crate) task: Task,
    pub(crate) followed: Option<Followed>,
    pub(crate) baggage: Baggage,
}

/// What hooks know of a task that moves to another tracer.
#[derive(Debug, Default)]
pub(crate) struct Baggage {
    /// The affinity mask it would have without a recorder.
    pub(crate) own_mask: Option<Arc<Mask>>,
}

/// After what a task that another program traces may have another tracer, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TracingEnd {
    /// The call by which this task attaches to another one is over.
    Attach { by: Tid, is_error: bool },
    /// A task, which may be known, was detached from.
    Detach { from: Option<Tid> },
    /// A task was waited for.
    Wait,
    /// This task, which may have traced others, has ended.
    Ended(Tid),
}

//! The interface of what is kept or changed besides the stops themselves.
//!
//! A hook is a type with a state of its own that implements [`StopHook`]. Hooks are composed
//! statically: a tuple of hooks is a hook, and so is an `Option` of one. The order in a tuple is
//! part of the contract: for each stop the hooks are called from left to right, and what they add
//! to the event appears in that order. A hook never waits for a task except through
//! [`Context::drive`], and allocates nothing at a stop once its buffers
//! have grown.

mod compose;

use super::context::Context;
use super::messages::Baggage;
use super::task::{Call, Slot};
use sysreel_abi::Row;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Event, Resume, Signal, Stop};

/// What becomes of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admit {
    /// It is recorded.
    Record,
    /// It is left out of the log. The task goes on as after a recorded stop.
    Skip,
    /// It is of the recorder's own making: the task goes on as if it had not stopped.
    Swallow,
}

/// What a hook has done with the task of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the engine must not resume a task that has left its stop"]
pub(crate) enum Flow {
    /// The task is in the stop that was recorded, or in one that takes its place and is not
    /// recorded.
    Stays,
    /// The task has moved on to another stop, which `stop` is now and which is still to be
    /// recorded.
    Moved,
    /// The task has left the stop: it has ended, or its next report is queued.
    Left,
}

/// Where a task is after a hook has reached its stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the engine must not resume a task that has left its stop"]
pub(crate) enum Reach {
    /// In the stop, or in one that takes its place, which is to be recorded.
    Stays,
    /// In a stop of the recorder's own making: the task goes on as if it had not stopped.
    Swallow,
    /// It has left the stop, as with [`Flow::Left`].
    Left,
}

/// A half of a call that was made without a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    /// It begins.
    Entry,
    /// It ends.
    Exit,
}

/// How a task came into the recording.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Birth {
    /// The recorder started it.
    Spawned,
    /// The recorder attached to it, for the first time or after another tracer.
    Attached,
    /// A recorded task made it.
    Made {
        by: Slot,
        /// Whether they share an address space.
        shares_memory: bool,
        /// Whether it is known to have ended already, so that it never stops.
        has_ended: bool,
    },
    /// Its maker did not report it. `by` is its parent or its thread group's leader, if recorded.
    Adopted { by: Option<Slot> },
}

/// How a task leaves the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It has ended.
    Ended,
    /// It lives on without the recorder.
    LetGo,
}

/// Where a task can be let go, so that it runs on without the recorder as if there never was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detach {
    /// At any stop at which no call begins.
    Anywhere,
    /// Only at a stop that the recorder asks for, and not to another tracer, for this reason.
    AtInterrupt(&'static str),
    /// Nowhere, for this reason.
    Nowhere(&'static str),
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit {
    /// The call; `None` when its entry was not seen or had no row.
    pub(crate) call: Option<Call>,
    /// The value in the result register.
    pub(crate) rval: i64,
    /// Whether the kernel says that it is an error.
    pub(crate) is_error: bool,
}

/// Sees every stop, and answers how the task goes on. Every method has a default that does nothing.
#[allow(unused_variables)]
pub(crate) trait StopHook {
    /// The recording begins: nothing is in the log yet.
    fn begin(&mut self, cx: &mut Context) {}

    /// The spawned program is in the log, and about to run.
    fn program_begins(&mut self, cx: &mut Context) {}

    /// A task of which something is known has stopped. Called before anything else looks at the
    /// stop.
    fn reach(&mut self, cx: &mut Context, stop: &mut Stop) -> Reach {
        Reach::Stays
    }

    /// Returns the next half of a call that tasks have made without a stop, and that is to be
    /// recorded before the current stop: `cx.at` is its task, `cx.info` its struct, and
    /// `cx.capture` has its memory.
    fn next_made(&mut self, cx: &mut Context) -> Option<Half> {
        None
    }

    /// The half of a call that `next_made` returned ends with its event: adds to the event.
    fn made(&mut self, cx: &mut Context, half: Half, exit: Option<&Exit>) {}

    /// Decides whether the current stop is recorded.
    fn admit(&mut self, cx: &mut Context, stop: &Stop) -> Admit {
        Admit::Record
    }

    /// Whether a call begins at this PTRACE_EVENT_SECCOMP stop, because the recorder's own filter
    /// has caused it.
    fn is_entry(&mut self, cx: &Context, stop: &Stop) -> bool {
        false
    }

    /// Whether the call of this PTRACE_EVENT_SECCOMP stop goes on as it is: the recorder's own
    /// filter has caused the stop. `data` is what the filter returned.
    fn lets_pass(&mut self, cx: &Context, data: u64) -> bool {
        false
    }

    /// Whether the memory of a call must be read although none is recorded.
    fn needs_memory(&mut self, row: &Row) -> bool {
        false
    }

    /// A recorded stop, before anything but the kernel's struct is in its event.
    fn stopped(&mut self, cx: &mut Context, stop: &Stop) {}

    /// A call begins. Its memory is in `cx.capture`.
    fn entry(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        Flow::Stays
    }

    /// A call ends. Its memory is in `cx.capture`.
    fn exit(&mut self, cx: &mut Context, stop: &mut Stop, exit: &Exit) -> Flow {
        Flow::Stays
    }

    /// A signal is about to be delivered: corrects the siginfo that the program will see.
    fn siginfo(
        &mut self,
        cx: &mut Context,
        stop: &Stop,
        signal: Signal,
        siginfo: &mut [u8; SIGINFO],
    ) {
    }

    /// A signal is about to be delivered, and its siginfo is in the event. `deliver` is the signal
    /// that the task gets; a hook may suppress it.
    fn signal(
        &mut self,
        cx: &mut Context,
        stop: &mut Stop,
        siginfo: &[u8; SIGINFO],
        deliver: &mut Signal,
    ) -> Flow {
        Flow::Stays
    }

    /// A PTRACE_EVENT stop, before its message is in the event.
    fn event(&mut self, cx: &mut Context, stop: &Stop, event: Event) {}

    /// A task has a new program: the event of its execve is in the log.
    fn new_image(&mut self, cx: &mut Context, task: Slot) {}

    /// A task was added. Its TASK event is in the log.
    fn task_begins(&mut self, cx: &mut Context, task: Slot, birth: Birth) {}

    /// A task has ended, or is let go. It is still in `cx.tasks`.
    fn task_ends(&mut self, cx: &mut Context, task: Slot, how: End) {}

    /// A process of one task moves to another tracer. It is still in `cx.tasks`.
    fn leaves(&mut self, cx: &mut Context, task: Slot, baggage: &mut Baggage) {}

    /// A process has come from another tracer.
    fn arrives(&mut self, cx: &mut Context, task: Slot, baggage: &Baggage) {}

    /// How a task is resumed. One hook that wants every call is enough.
    fn resume(&mut self, task: Slot) -> Resume {
        Resume::ToNextSyscall
    }

    /// The task of the current stop is about to be resumed, into user code or into a call.
    fn before_resume(&mut self, cx: &mut Context, to_user_code: bool) {}

    /// Called before each wait: for what is due at a certain time.
    fn tick(&mut self, cx: &mut Context) {}

    /// Where tasks can be let go.
    fn can_detach(&mut self) -> Detach {
        Detach::Anywhere
    }

    /// The recording ends before its tasks, and all of them are asked to stop.
    fn begin_detaching(&mut self, cx: &mut Context) {}

    /// The task is about to be let go at this stop: undoes what would make it fail.
    fn before_detach(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        Flow::Stays
    }

    /// The recording is over: the last events can be committed.
    fn end(&mut self, cx: &mut Context) {}
}

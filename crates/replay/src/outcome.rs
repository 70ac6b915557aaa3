//! What a replay tells its caller.

use crate::divergence::Divergence;
use crate::frame::Frame;
use serde::Serialize;
use sysreel_format::Event;

/// Receives the progress and the output of a replay. It must read clocks only inside
/// [`sysreel_sys::clock::with_time_stamps`].
pub trait Observer {
    /// Called after each replayed event.
    fn replayed(&mut self, event: &Event<'_>);
    /// Called when the program writes to what was the recorder's standard output (`to` is 1) or
    /// standard error (2).
    fn output(&mut self, to: u32, bytes: &[u8]);
}

/// How a replay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The whole log was replayed without a difference.
    Identical {
        /// The number of events.
        events: u64,
        /// The number of system calls that were compared.
        calls: u64,
        /// The wait status of the program, if the log has its end.
        status: Option<u32>,
    },
    /// The replay reached [`Options::until`](crate::Options::until).
    Stopped {
        /// The last event that was replayed.
        event: u64,
        /// The position of each task.
        tasks: Vec<Position>,
    },
    /// The replay differs from the recording.
    Diverged(Box<Divergence>),
}

/// The position of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The task, by its ordinal in the log.
    pub task: u32,
    /// Its instruction pointer.
    pub ip: u64,
    /// Its frames, innermost first.
    pub backtrace: Vec<Frame>,
}

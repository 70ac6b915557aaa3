//! A node and its parts.

use sysreel_inspect::calls::End;
use sysreel_inspect::format::{Event, Origin};

use crate::pool::{Bytes, BytesList};

/// An event, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the event.
    pub event: u64,
    /// CLOCK_MONOTONIC, in nanoseconds.
    pub t_ns: u64,
}

impl Place {
    /// Returns the place of an event.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Self {
        Self { event: event.number, t_ns: event.t_ns }
    }
}

/// The program that a process runs.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The path of its file; `None` if it is not in the log, or had no room.
    pub exe: Option<Bytes>,
    /// Its arguments, as for `exe`.
    pub argv: Option<BytesList>,
    /// Whether the process executed it, rather than a process before it.
    pub is_own: bool,
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The process executed another program.
    Exec,
    /// The process, or the thread, ended.
    Ended(End),
}

/// A process from its beginning or its execve(2) to its end or the next one; or a thread.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node that made the process, that ran before in it, or that the thread belongs to.
    pub parent: Option<u32>,
    /// The pid.
    pub pid: u32,
    /// The tid of a thread.
    pub tid: Option<u32>,
    /// How many programs the process has executed.
    pub exec: u32,
    /// Whether an execve(2) began it.
    pub is_exec: bool,
    /// How the process came into the log.
    pub origin: Origin,
    /// What it runs.
    pub program: Program,
    /// Where it begins.
    pub start: Place,
    /// Where it ends, and how.
    pub end: Option<(Place, Ended)>,
    /// The CPU time of the process in user mode and in the kernel, in nanoseconds, if it ended and
    /// the log has it.
    pub cpu: Option<(u64, u64)>,
    /// The number of threads that it had.
    pub threads: u32,
}

impl Node {
    pub(super) fn new(start: Place) -> Self {
        Self {
            parent: None,
            pid: 0,
            tid: None,
            exec: 0,
            is_exec: false,
            origin: Origin::UNKNOWN,
            program: Program::default(),
            start,
            end: None,
            cpu: None,
            threads: 0,
        }
    }
}

//! The engine of a recording: follows every task from report to report.
//!
//! 1. [`Engine::run`] takes the next report of wait4(2) that the scheduler picks.
//! 2. `on_stop` looks up the task. The stop of a task that no maker has reported yet is parked
//!    (`newborns`); the stop after an execve may first rename its task (`lifecycle`).
//! 3. `handle` has [`record_stop`](stop::record_stop) build and commit a STOP event: it asks
//!    PTRACE_GET_SYSCALL_INFO, reads the memory that the table names for an entry or exit (`calls`,
//!    `capture`), calls the hooks, and appends the row to the segment. From then on the event
//!    survives the recorder's death.
//! 4. `handle` then decides how the task continues: resumed to its next stop, left in a group stop,
//!    detached because the recording ends (`detach`) or because another program traces it
//!    (`handover`).
//! 5. Resuming, listening or detaching consumes the [`Stop`](sysreel_sys::Stop). Nothing on this
//!    path allocates once all buffers have grown (tests/allocations.rs).
//!
//! What is kept or changed besides are hooks ([`StopHook`]), and the order of tasks is a
//! [`Scheduler`]'s: the engine does not know which it has. Each part has its own state and gets the
//! [`Context`], which all share. Signals to the recorder and overdue waits interrupt wait4(2) and
//! are handled between two reports.

mod answers;
mod attaching;
mod away;
mod calls;
mod capture;
mod context;
mod copies;
mod detach;
mod drive;
mod due;
mod handle;
mod handover;
mod hook;
mod init_crash;
mod job;
mod lifecycle;
mod log;
mod made;
mod messages;
mod moves;
mod namespaces;
mod newborns;
mod peers;
mod post;
mod program;
mod restart;
mod run;
mod scheduler;
mod snapshot;
mod stop;
mod targets;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use attaching::Attaching;
pub(crate) use context::Context;
pub(crate) use copies::Copies;
pub(crate) use drive::{Deadline, Undriven};
pub(crate) use due::Arrival;
pub(crate) use hook::{Admit, Birth, Detach, End, Exit, Flow, Half, Reach, StopHook};
pub(crate) use log::Log;
pub(crate) use messages::Baggage;
pub(crate) use peers::Peers;
pub(crate) use run::{Ended, Engine, Parts};
pub(crate) use scheduler::{FairScheduler, Polls, Scheduler};
pub(crate) use task::{BySlot, Call, CallTurn, MemoryId, NextStop, Slot, Task, TurnGroup};

//! Runs a recorded program again, with every answer coming from the log.
//!
//! The program reads no file, sends no packet and asks no clock: each of its system calls stops at
//! the entry (PTRACE_SYSEMU) and is not made. The replay compares the entry with the recorded one,
//! bit for bit, and gives the program the recorded result. Only what changes the address space or
//! makes tasks is done for real, by calls injected at the page of the stub, which a seccomp filter
//! fences in ([`sysreel_sys::stub`]). The first difference ends the replay with a [`Divergence`].
//!
//! [`Replay`] checks the log (`preconditions`), runs the engine, and describes where it ended
//! (`backtrace`, `elf`). The engine (`engine`) is the loop over the events of the log. It knows the
//! kernel as a trait (`kernel`), with ptrace(2) behind it, so that unit tests reach every branch
//! without a process. `file_pool` is the memory mapped in place of files.
//!
//! docs/replay.md lists which recordings can be replayed, and on which machines.

#![forbid(unsafe_code)]

mod backtrace;
mod divergence;
mod elf;
mod engine;
mod error;
mod file_pool;
mod frame;
mod kernel;
mod machine;
mod options;
mod outcome;
mod preconditions;
mod replay;
mod stub_place;

pub use divergence::{Divergence, Field, first_difference};
pub use error::Error;
pub use frame::Frame;
pub use options::{Check, MAX_PATIENCE, MAX_SLOWDOWN, Options, PATIENCE};
pub use outcome::{Observer, Outcome, Position};
pub use preconditions::{check_replayable, files_to_read};
pub use replay::Replay;

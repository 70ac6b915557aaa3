//! Runs a recorded program again, every answer coming from the log.
//!
//! No file is read, no packet sent, no clock asked: each system call of the program stops at its
//! entry (PTRACE_SYSEMU) and is not made. What it asks is compared with what was recorded, bit for
//! bit; what it got is given to it again. Only what shapes its memory and makes tasks is done for
//! real, from a page that the program does not know, behind a fence that kills anything else
//! ([`sysreel_sys::stub`]). The first difference ends the replay with a [`Divergence`].
//!
//! docs/replay.md says which recordings can be replayed, and where.

#![forbid(unsafe_code)]

mod address_space;
mod backtrace;
mod calls;
mod divergence;
mod elf;
mod engine;
mod error;
mod file_pool;
mod machine;
mod memory;
mod state;
mod stops;
mod suited;
mod task;

pub use backtrace::Frame;
pub use divergence::{Divergence, Field, first_difference};
pub use engine::{Check, LONGER, Observer, Options, Outcome, PATIENCE, Position, Replay};
pub use error::Error;
pub use suited::{files_to_read, suits};

//! Runs a recorded program again, with every answer coming from the log.
//!
//! The program reads no file, sends no packet and asks no clock: each of its system calls stops at
//! the entry (PTRACE_SYSEMU) and is not made. The replay compares the entry with the recorded one,
//! bit for bit, and gives the program the recorded result. Only what changes the address space or
//! makes tasks is done for real, by calls injected at the page of the stub, which a seccomp filter
//! fences in ([`sysreel_sys::stub`]). The first difference ends the replay with a [`Divergence`].
//!
//! [`Replay`] is the loop over the events of the log (`engine`). `stops` handles each recorded
//! stop, `calls` the entries and exits among them, `reached` runs a task to its next stop.
//! `address_space` repeats what calls did to mappings; `file_pool` is the memory mapped in place of
//! files. `backtrace` and `elf` name the place of a divergence.
//!
//! docs/replay.md lists which recordings can be replayed, and on which machines.

#![forbid(unsafe_code)]

mod address_space;
mod backtrace;
mod calls;
mod divergence;
mod elf;
mod engine;
mod error;
mod file_pool;
mod frame;
mod machine;
mod memory;
mod preconditions;
mod reached;
mod state;
mod stop_info;
mod stops;
mod task;

pub use divergence::{Divergence, Field, first_difference};
pub use engine::{Check, MAX_SLOWDOWN, Observer, Options, Outcome, PATIENCE, Position, Replay};
pub use error::Error;
pub use frame::Frame;
pub use preconditions::{check_replayable, files_to_read};

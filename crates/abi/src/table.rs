//! The table: one row per system call, written like a prototype.
//!
//! ```text
//! read (fd: FD, buf: out(ret("count")), count: SIZE) -> SIZE, emulate(FILE);
//! ```
//!
//! Names are the kernel's own, so its tracepoint formats can check them. Rows hold no numbers;
//! [`crate::number`] finds them by name. Argument orders and meanings that only one ABI has stand
//! in a group of their own.

mod aarch64;
mod clock;
mod creds;
mod file;
mod i386;
mod ipc;
mod memory;
mod mount;
mod network;
mod poll;
mod process;
mod rows;
mod signal;
mod system;
mod xattr;

use crate::arch::Abi;
use crate::desc::Row;

/// All groups of rows, each with the ABI that it is only for.
pub(crate) fn groups() -> impl Iterator<Item = (Option<Abi>, &'static [Row])> {
    [
        (None, file::ROWS),
        (None, xattr::ROWS),
        (None, mount::ROWS),
        (None, poll::ROWS),
        (None, network::ROWS),
        (None, process::ROWS),
        (None, memory::ROWS),
        (None, signal::ROWS),
        (None, ipc::ROWS),
        (None, clock::ROWS),
        (None, creds::ROWS),
        (None, system::ROWS),
        (Some(Abi::I386), i386::ROWS),
        (Some(Abi::Aarch64), aarch64::ROWS),
    ]
    .into_iter()
}

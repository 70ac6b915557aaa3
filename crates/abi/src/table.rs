//! The table: one row per system call, written like a prototype.
//!
//! ```text
//! read (fd: FD, buf: out(ret("count")), count: SIZE) -> SIZE, emulate(FILE);
//! ```
//!
//! Argument names are the kernel's, so that its tracepoint formats can check them. Rows contain no
//! numbers; [`crate::number`] finds them by name. Calls of one ABI only, and calls whose arguments
//! differ in one ABI, are in groups of their own.

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

/// All groups of rows, each with the ABI it is restricted to.
pub(crate) static GROUPS: [(Option<Abi>, &[Row]); 14] = [
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
];

/// Returns all groups of rows, each with the ABI it is restricted to.
pub(crate) fn groups() -> impl Iterator<Item = (Option<Abi>, &'static [Row])> {
    GROUPS.into_iter()
}

//! The calls of a log: each once, with its entry and its exit paired, and everything between them.
//!
//! [`LogFile::calls`](crate::LogFile::calls) reads a log from its beginning and yields [`Item`]s. A
//! call comes when it ends, so its result, its duration and the memory that it wrote are known:
//!
//! ```no_run
//! use sysreel_inspect::calls::Item;
//! use sysreel_inspect::{Follow, open};
//!
//! # fn main() -> Result<(), sysreel_inspect::Error> {
//! let file = open("run.reel".as_ref())?;
//! let mut calls = file.calls(Follow::default());
//! while let Some(item) = calls.next()? {
//!     let Item::Call(call) = item else { continue };
//!     println!("{} {call} ({:?})", call.task().tid(), call.duration());
//! }
//! assert!(calls.findings().is_whole(), "{}", calls.findings());
//! # Ok(())
//! # }
//! ```
//!
//! `crates/inspect/examples` has short programs: who reads a file, who writes which file, the
//! slowest calls, connections as CSV, the effects that only one of two logs has.
//!
//! An item borrows from the cursor until the next one is asked for, so a `for` loop over it is not
//! possible. [`Calls::for_each`] does the same with a closure, and faster: other threads decode
//! ahead.
//!
//! - **Numbers.** Each event has a number, the order of its arrival. A call has two: that of its
//!   entry, [`Call::number`], and that of its exit, [`Call::exit_number`]. `sysreel print` shows
//!   them with `--event-numbers`, and takes them with `--from` and `--to`.
//! - **Times** are [`Time`]s on the recording machine's CLOCK_MONOTONIC; durations are
//!   [`std::time::Duration`]s.
//! - **Tasks** are threads. A task is identified by [`Task::id`], because the kernel uses a tid
//!   again. All tasks of one process have the same [`Task::tgid`].
//! - **Arguments** are found by their name in the kernel's prototype (docs/syscalls.md):
//!   `call.args().get("flags")`. They are numbers, and become text only on demand.
//! - **State.** [`Follow`](crate::state::Follow) selects what is followed: without any of it,
//!   [`Call::fd`] and [`PathArg::full`] know nothing of descriptors and directories, and reading is
//!   fastest.
//! - **Files.** With [`Follow::processes`](crate::state::Follow), [`Call::reads`] and
//!   [`Call::writes`] are the [`OpenFile`](crate::state::OpenFile)s between which a call moves
//!   data, and [`Call::fd`] is any other by its argument; [`Ended::value`] is the number of bytes.
//!   [`OpenFile::name`](crate::state::OpenFile::name) follows renames;
//!   [`OpenFile::mode`](crate::state::OpenFile) has file type and permissions. Pipes, sockets and
//!   devices are files too: their names are `pipe:[123]`, `socket:[123]` and `/dev/null`.
//! - **Damage** is not an error. What is missing comes as [`Item::Lost`] and [`Item::Damage`], and
//!   [`Calls::findings`] counts it.
//!
//! The order of items is that of the events that end something: a call that takes long comes after
//! calls that began later. [`Calls::with_entries`] adds [`Item::Entered`] where each one began.
//!
//! Numbers of the kernel (`TaskId`, `Origin`, `GoneHow`, ...) are types of
//! [`format`](crate::format) and [`abi`](crate::abi), which know their names and keep unknown
//! values.

mod args;
mod call;
mod cursor;
mod data;
mod driver;
mod ended;
mod environment;
mod growing;
mod item;
mod items;
mod memory;
mod task;
mod time;
mod walk;

#[cfg(test)]
mod tests;

pub use args::{Arg, Args};
pub use call::Call;
pub(crate) use call::Returned;
pub use cursor::{Calls, Visitor};
pub use data::{Moved, SockAddr};
pub(crate) use driver::Driver;
pub use ended::{Ended, Errno};
pub use environment::Environment;
pub use growing::Growing;
pub use item::{
    Alterations, AlterationsIter, At, Damage, Damaged, End, Exec, Item, Lost, Signal, Stop,
};
pub use memory::{MadeFd, PathArg, Paths, Region, Regions};
pub use task::Task;
pub use time::Time;
pub(crate) use walk::{Section, Walk, walk, walk_section};

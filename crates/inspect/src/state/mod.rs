//! Follows the state of the recorded system from event to event: tasks, the call each has open, and
//! the file descriptors of each process. Printing and comparing share it. It holds only what is
//! alive at the current event.
//!
//! [`Follow`] selects the parts that cost time: printing needs only the names of descriptors,
//! comparing needs processes with open file descriptions, directories and address spaces.
//! The driver of calls ([`crate::calls`]) tells the tracker what each event means.

#![deny(clippy::arithmetic_side_effects)]

mod context;
pub mod files;
pub mod maps;
mod names;
mod open_call;
pub mod paths;
mod processes;
mod resolved_call;
mod step;
mod table;
#[cfg(test)]
mod tests;
mod tracker;

pub use context::TaskContext;
pub use files::{FileTable, Made, OpenFile, ProcessId};
pub use names::{FdName, FdTable};
pub use open_call::OpenCall;
pub(crate) use resolved_call::{ResolvedCall, region};
pub use table::Table;
pub use tracker::{Follow, Task, Tracker};

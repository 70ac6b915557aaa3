//! Follows the state of the recorded system from event to event: tasks, the call each has open, and
//! the file descriptors of each process. Printing and comparing share it. It holds only what is
//! alive at the current event.
//!
//! [`Follow`] selects the parts that cost time: printing needs descriptors and directories only if
//! it shows names, comparing needs also address spaces.
//! The driver of calls ([`crate::calls`]) tells the tracker what each event means.

#![deny(clippy::arithmetic_side_effects)]

mod accepting;
mod attribute_changes;
mod attributes;
mod connections;
mod context;
mod credential_changes;
mod dentry;
mod descriptors;
mod directories;
pub mod files;
mod locks;
mod mapping_calls;
pub mod maps;
mod mounts;
mod netlink_sockets;
mod new_fds;
mod open_call;
mod open_fds;
pub mod paths;
mod process_state;
mod processes;
mod resolved_call;
mod table;
#[cfg(test)]
mod tests;
mod tracker;

pub(crate) use attribute_changes::environment;
pub use attributes::{Signals, TaskCredentials};
pub use context::TaskContext;
pub use descriptors::{Descriptor, DescriptorOrigin, FileTable, TableId};
pub use files::{FileName, Made, OpenFile, ProcessId};
pub use locks::Lock;
pub use open_call::OpenCall;
pub use paths::Places;
pub use process_state::{FdTable, ProcessState};
pub(crate) use resolved_call::{ResolvedCall, region};
pub use table::Table;
pub use tracker::{Follow, Task, Tracker};

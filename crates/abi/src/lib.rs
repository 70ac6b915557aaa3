//! The meaning of the Linux system call ABI: a table of all calls, constants, and layouts.
//!
//! Pure data and total functions. Nothing is read from the running system, so answers are the same
//! on every host. The recorder asks which memory a call reads and writes ([`plan`]), the inspector
//! how to print a value ([`render`], [`ArgKind`]), the replayer whether a call can be answered from
//! a log ([`Replay`]).
//!
//! No other crate contains a system call number or compares call names: what a call *does* is its
//! [`CallKind`], and [`makes_fd()`] finds the descriptors that it makes.
//!
//! # Layers
//!
//! A module imports from its own layer and from lower ones, and there are no import circles:
//!
//! 1. Vocabulary: `arch`, `bytes`, `errno`, `layout`, `desc`, `consts`. The types of which rows
//!    consist, structure sizes, constants.
//! 2. Rows: `table`, with one row per call, and `special`, with the sub-tables for arguments that
//!    depend on a command.
//! 3. Lookup: `number`, from a number to its row, and `demultiplex`, from socketcall and ipc to the
//!    calls that they make.
//! 4. Answers: all other modules. Plans, filters, rendering, replay, descriptors.
//!
//! The vocabulary knows no row, rows do not know the lookup, and the lookup knows no plan. Methods
//! of a vocabulary type that need a higher layer are implemented there, such as [`Row::meaning`] in
//! `special`.
#![forbid(unsafe_code)]

pub mod arch;
pub mod attributes;
mod bytes;
pub mod clone;
pub mod consts;
mod demultiplex;
pub mod desc;
pub mod errno;
pub mod fast;
mod fd_table;
pub mod fds;
pub mod filter;
mod inherited;
pub mod intent;
pub mod layout;
mod mapped;
pub mod netlink;
pub mod number;
pub mod places;
pub mod plan;
pub mod render;
pub mod replay;
mod rights;
mod seccomp;
pub mod seed;
pub mod signal;
mod special;
mod table;
mod tracing;

pub use arch::{Abi, AuditArch};
pub use clone::{CloneFlags, clone_flags};
pub use demultiplex::{Demultiplexed, demultiplex};
pub use desc::{
    Arg, ArgKind, CallKind, Classes, Constants, Dir, Field, Len, Makes, Mem, Replay, Row, Sibling,
    Special, Total, When,
};
pub use errno::{errno_message, errno_name};
pub use fd_table::{FdEffect, closes_on_exec, fd_effect, has_close_on_exec};
pub use fds::{Fds, makes_fd};
pub use filter::{CallSet, Filter, FilterError};
pub use inherited::{Inherited, ignores, may_change};
pub use layout::Layout;
pub use mapped::{async_read_buffers, mapped_len, named_ranges};
pub use number::{Nr, all_rows, row, syscall_name};
pub use places::{MountChange, NamespaceChange, path_args};
pub use rights::{rights, sender_pidfd};
pub use seccomp::{installs_seccomp, reaches_all_threads};
pub use signal::signal_name;
pub use special::bpf::is_per_cpu;
pub use special::ioctl::Request as IoctlRequest;
pub use special::{keyctl, prctl};
pub use tracing::{Tracing, tracing};

//! What the Linux system call ABI means: one table, constants, layouts.
//!
//! Everything here is pure data and total functions. Nothing is read from a running system, so the
//! same answers come out on any host: the recorder asks which memory a call concerns ([`plan`]),
//! the inspector how a value is printed ([`render`], [`desc::Kind`]), the replayer what may be
//! emulated ([`desc::Replay`]).
//!
//! No other crate holds a system call number or compares a name: what a call *does* is
//! [`desc::Act`], and the fds it makes are found by [`fds::makes_fd`].
#![forbid(unsafe_code)]

pub mod arch;
mod bytes;
pub mod clone;
pub mod consts;
mod demultiplex;
pub mod desc;
pub mod errno;
pub mod fds;
pub mod filter;
pub mod intent;
pub mod layout;
mod mapped;
pub mod number;
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
pub use fds::{Fds, makes_fd};
pub use filter::{Filter, FilterError, Watch};
pub use layout::Layout;
pub use mapped::{handed_over, mapped, named_ranges};
pub use number::{Nr, all_rows, row, syscall_name};
pub use rights::rights;
pub use seccomp::{installs_seccomp, reaches_all_threads};
pub use signal::signal_name;
pub use special::bpf::is_per_cpu;
pub use special::ioctl::Request as IoctlRequest;
pub use tracing::{Tracing, tracing};

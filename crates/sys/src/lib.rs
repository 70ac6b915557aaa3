//! Everything of sysreel that talks to the kernel: ptrace stops as types, wait, tracee memory,
//! registers, spawn, attach, shared mappings, affinity.
//!
//! This is the only crate of the project that contains `unsafe`. Every block carries a SAFETY line
//! that cites the man page or kernel source it relies on. Nothing here knows a syscall's meaning
//! (that is `sysreel-abi`) or the log; of `sysreel-format` only the decoder of the struct of
//! PTRACE_GET_SYSCALL_INFO is used.
//!
//! The life of a tracee, as types:
//!
//! ```text
//! Tracer::spawn / Tracer::attach          Tracer::wait
//!          │                                   │
//!          └────────────► running ────────────►│ Report::Stopped(Stop) ──► resume / listen / detach (consume it)
//!                                              │ Report::Gone
//! ```
//!
//! A [`Stop`] is proof that the task is stopped; whatever lets it run again takes it by value, so
//! an operation that needs a stopped task cannot be written for a running one. Death can still
//! strike at any moment (SIGKILL wakes even a stopped task), so each operation answers [`Died`] as
//! a value.

pub mod affinity;
pub mod attach;
pub mod backing;
pub mod buildid;
pub mod clock;
#[cfg(feature = "counting")]
pub mod counting;
pub mod doctor;
pub mod error;
pub mod fdname;
pub mod front;
pub mod info;
pub mod init;
pub mod machine;
pub mod mapping;
pub mod memory;
pub mod object;
pub mod pages;
pub mod probe;
pub mod process;
pub mod regs;
pub mod remote;
pub mod seccomp;
pub mod signals;
pub mod spawn;
pub mod startup;
pub mod stop;
pub mod stub;
pub mod wait;
pub mod waiting;

mod holes;
mod places;
mod raw;

pub use error::{Died, Error, Result};
pub use info::SyscallInfo;
pub use mapping::SharedMapping;
pub use regs::Registers;
pub use remote::{Call, Called, InjectionPoint, Lost};
pub use stop::{Resume, Stop, StopKind, Tracer};
pub use wait::{Event, Report, Signal, WaitStatus};

/// A thread id as the recorder's pid namespace shows it.
pub type Tid = i32;

//! Everything of sysreel that talks to the kernel: ptrace stops as types, wait, tracee memory,
//! registers, spawn, attach, shared mappings, affinity.
//!
//! This is the only crate that contains `unsafe`. Every block has a SAFETY line that cites the man
//! page or kernel source it relies on. What a syscall means is `sysreel-abi`'s subject, the log is
//! `sysreel-format`'s, of which this crate only uses the decoder of the kernel's struct.
//!
//! The life of a tracee, as types:
//!
//! ```text
//! Tracer::spawn, Tracer::attach
//!             │
//!             ▼
//!          running ──► Tracer::wait ──► Report::Stopped(Stop) ──► Stop::detach
//!             ▲              │                    │
//!             │              └───► Report::Gone   │
//!             └────── Stop::resume, listen ───────┘
//! ```
//!
//! A [`Stop`] is proof that the task is stopped. Every operation that lets the task run again takes
//! it by value, so an operation that needs a stopped task cannot be written for a running one. A
//! task can still die at any moment (SIGKILL wakes even a stopped task), so such operations return
//! [`Died`] as a value.

#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]

pub mod affinity;
pub mod attach;
pub mod backing;
pub mod buildid;
pub mod cached_stat;
pub mod clock;
#[cfg(feature = "counting")]
pub mod counting;
pub mod doctor;
pub mod error;
pub mod extents;
#[cfg(feature = "fake")]
pub mod fake;
pub mod fast;
pub mod fdname;
pub mod front;
pub mod info;
pub mod init;
pub mod machine;
pub mod mapping;
pub mod memory;
pub mod moving;
pub mod object;
pub mod pages;
pub mod path;
pub mod probe;
pub mod process;
pub mod pty;
pub mod regs;
pub mod remote;
pub mod seccomp;
mod signal_state;
pub mod signals;
pub mod spawn;
pub mod startup;
pub mod stop;
pub mod stub;
pub mod terminal;
pub mod wait;
pub mod waiting;

mod holes;
mod places;
mod raw;
mod tracer;
mod wait_status;

pub use error::{Died, Error, Result};
pub use info::SyscallInfo;
pub use mapping::SharedMapping;
pub use regs::Registers;
pub use remote::{Call, Called, InjectionPoint, Lost};
pub use stop::{Resume, Stop, StopKind};
pub use tracer::Tracer;
pub use wait::{Event, Report, Signal, WaitStatus};

/// Keys of the auxiliary vector (getauxval(3)).
pub mod auxv {
    /// The entry point of the program.
    pub const ENTRY: u64 = libc::AT_ENTRY;
    /// A descriptor for an interpreter that a misc handler has chosen.
    pub const EXECFD: u64 = libc::AT_EXECFD;
}

/// A thread id, as seen in the recorder's pid namespace.
pub type Tid = i32;

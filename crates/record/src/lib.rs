//! Records tracees: drives them, chooses what memory to capture, writes the log.
//!
//! [`Recorder::prepare`] checks that tracing works, opens the log and starts or seizes the program.
//! [`Recorder::run`] follows it to its end. There are two threads. The tracer owns every tracee and
//! appends events to a segment of shared memory. The writer turns full segments into blocks of the
//! file. The tracer waits for the writer only when every segment is full.
//!
//! The path of a stop begins in `session`, whose module comment describes it.

#![forbid(unsafe_code)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod attaching;
mod audit;
mod away;
mod begin;
mod call_filter;
mod capture;
mod cpu_affinity;
mod detach;
mod determinism;
mod drive;
mod error;
mod exchange;
mod file;
mod handover;
mod init_crash;
mod job;
mod lifecycle;
mod log_file;
mod log_guard;
mod meta;
mod namespaces;
mod newborns;
mod options;
mod outcome;
mod output;
mod recorder;
mod restart;
mod session;
mod sink;
mod snapshot;
mod stop;
mod sync;
mod tail;
mod task;
mod watchdog;
mod writer;

pub use audit::{Audited, Output};
pub use determinism::CHANGES;
pub use error::Error;
pub use options::{CpuPolicy, Options, RowSource};
pub use outcome::{Ended, Outcome, Progress};
pub use recorder::Recorder;

//! Drives tracees, chooses what memory to capture, writes the log.
//!
//! [`Recorder::prepare`] checks that tracing works, opens the log and starts or seizes the program;
//! [`Recorder::run`] follows it to its end. Two threads take part: the tracer, which owns every
//! tracee and appends events to a segment of shared memory, and the writer, which turns full
//! segments into blocks of the file. The tracer waits only when every segment is full.
//!
//! The path of a stop: `session` takes the report and decides how the task goes on, `capture` reads
//! the memory that the table names, `sink` commits the event, and only then the task is resumed.

#![forbid(unsafe_code)]

mod attaching;
mod audit;
mod begin;
mod call_filter;
mod capture;
mod cpu_affinity;
mod detach;
mod determinism;
mod drive;
mod error;
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
mod output;
mod recorder;
mod restart;
mod session;
mod sink;
mod stop;
mod tail;
mod task;
mod watchdog;
mod writer;

pub use audit::{Audited, Output};
pub use determinism::CHANGES;
pub use error::Error;
pub use options::{CpuPolicy, Options, RowSource};
pub use recorder::{Ended, Outcome, Progress, Recorder};

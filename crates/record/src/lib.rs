//! Records tracees: drives them, chooses what memory to capture, writes the log.
//!
//! [`Recorder::prepare`] checks that tracing works, opens the log and starts or seizes the program.
//! [`Recorder::run`] follows it to its end. There are two threads. The tracer owns every tracee and
//! appends events to a segment of shared memory. The writer turns full segments into blocks of the
//! file. The tracer waits for the writer only when every segment is full.
//!
//! The path of a stop begins in `engine`, whose module comment describes it.

#![forbid(unsafe_code)]
#![warn(clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod audit;
mod begin;
mod call_filter;
mod cpu_affinity;
mod determinism;
mod engine;
mod error;
mod exchange;
mod fast;
mod file;
mod log_file;
mod log_guard;
mod message;
mod meta;
mod names;
mod options;
mod outcome;
mod output;
mod progress;
mod recorder;
mod sink;
mod sync;
mod tail;
mod tracers;
mod watchdog;
mod writer;

pub use audit::{Audited, Output};
pub use determinism::CHANGES;
pub use error::Error;
pub use fast::FastFigures;
pub use options::{CpuPolicy, FastFault, FastMode, Options, RowSource};
pub use outcome::{Ended, Outcome};
pub use progress::Progress;
pub use recorder::Recorder;

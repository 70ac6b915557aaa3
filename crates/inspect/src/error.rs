//! The errors of this crate. Messages name the file, what is wrong with it, and what to do.

use std::io;
use std::path::PathBuf;

/// Why a log could not be opened or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file does not exist or may not be read.
    #[error("{}: cannot be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not a log that this version can read.
    #[error("{}: {source}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what to do.
        source: sysreel_format::Error,
    },
    /// An event that is needed could not be decoded.
    #[error("{}: event {number} cannot be decoded: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The number of the event.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The policy is not valid.
    #[error("{}:{line}: {why}", path.display())]
    Policy {
        /// The policy.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The baseline is not valid.
    #[error("{}:{line}: {why}", path.display())]
    Baseline {
        /// The baseline.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The range ends before it begins.
    #[error("the end of the range is before its beginning")]
    EmptyRange,
    /// The event that was asked for is not in the log, or not of the kind that is needed.
    #[error("event {number}: {why}")]
    NoSuchEvent {
        /// The number of the event.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Write(#[source] io::Error),
}

impl Error {
    /// Whether the reader of the output closed the pipe, which is not worth a message.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

//! What can go wrong when a log is inspected. Messages name the file, what is wrong with it, and
//! what to do.

use std::io;
use std::path::PathBuf;

/// Why a log could not be opened, or its text not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file, or it may not be read.
    #[error("{}: cannot be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no log that can be read.
    #[error("{}: {source}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what to do.
        source: sysreel_format::Error,
    },
    /// A policy says what it cannot.
    #[error("{}:{line}: {why}", path.display())]
    Policy {
        /// The policy.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A baseline says what it cannot.
    #[error("{}:{line}: {why}", path.display())]
    Baseline {
        /// The baseline.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong, and what to do.
        why: String,
    },
    /// What was made of the log could not be written.
    #[error("cannot write the output: {0}")]
    Write(#[source] io::Error),
}

impl Error {
    /// Whether the reader of the output has gone away: nothing to complain about.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

//! The errors of this crate, and death as a value.

use crate::Tid;

/// What a kernel request can answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The tracee is no longer there (or no longer stopped): ptrace answered ESRCH.
///
/// ptrace(2): "ESRCH: the specified process does not exist, or is not currently being traced by the
/// caller, or is not stopped". As a [`Stop`](crate::Stop) proves the last two, only death remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Died;

/// A request to the kernel that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call of ours failed.
    #[error("{what}{}: {source}", .tid.map(|t| format!(" of task {t}")).unwrap_or_default())]
    Call {
        /// What was being tried, as a phrase: `PTRACE_SEIZE`, `read /proc/1/status`.
        what: String,
        /// The task it concerned.
        tid: Option<Tid>,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// The program to run could not be found or executed.
    #[error("cannot run {}: {source}", .program.display())]
    Exec {
        /// The program as it was named.
        program: std::path::PathBuf,
        /// Why: ENOENT becomes exit code 127, anything else 126, as in env(1).
        source: std::io::Error,
    },
    /// Tracing cannot work here.
    #[error("{found}: {fix}")]
    NoTracing {
        /// What was tried, and how it failed.
        found: String,
        /// Why, as far as it can be known, and what to do about it.
        fix: String,
    },
    /// The kernel did what it should not.
    #[error("{0}")]
    Unsupported(String),
    /// A process could not be attached to.
    #[error("cannot attach to {pid}: {source}{}",
        .hint.map(|h| format!("\n  hint: {h}")).unwrap_or_default())]
    Attach {
        /// The process asked for.
        pid: Tid,
        /// The kernel's answer.
        source: std::io::Error,
        /// What the user can do.
        hint: Option<&'static str>,
    },
}

impl Error {
    pub(crate) fn last(what: impl Into<String>, tid: Option<Tid>) -> Error {
        Error::Call { what: what.into(), tid, source: std::io::Error::last_os_error() }
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Error {
        Error::Call { what: what.into(), tid: None, source }
    }

    /// The errno behind it, where there is one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Error::Call { source, .. }
            | Error::Exec { source, .. }
            | Error::Attach { source, .. } => source.raw_os_error(),
            Error::NoTracing { .. } | Error::Unsupported(_) => None,
        }
    }
}

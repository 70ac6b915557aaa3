//! The errors of this crate.

use crate::Tid;

/// The result of a request to the kernel.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The tracee has died: ptrace failed with ESRCH.
///
/// ptrace(2): "ESRCH: the specified process does not exist, or is not currently being traced by the
/// caller, or is not stopped". A [`Stop`](crate::Stop) proves the last two, so only death remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Died;

/// A failed request to the kernel.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call of this process failed.
    #[error("{what}{}: {source}", .tid.map(|t| format!(" of task {t}")).unwrap_or_default())]
    Call {
        /// The operation, as a phrase: `PTRACE_SEIZE`, `read /proc/1/status`.
        what: String,
        /// The task concerned.
        tid: Option<Tid>,
        /// The errno.
        source: std::io::Error,
    },
    /// The program to run could not be found or executed.
    #[error("cannot run {}: {source}", .program.display())]
    Exec {
        /// The program as the user named it.
        program: std::path::PathBuf,
        /// The reason: ENOENT becomes exit code 127, any other 126, as in env(1).
        source: std::io::Error,
    },
    /// Tracing does not work here.
    #[error("{found}: {fix}")]
    NoTracing {
        /// The check that failed, and how.
        found: String,
        /// The likely reason, and what to do about it.
        fix: String,
    },
    /// The kernel behaved unexpectedly.
    #[error("{0}")]
    Unsupported(String),
    /// A process could not be attached to.
    #[error("cannot attach to {pid}: {source}{}",
        .hint.map(|h| format!("; {h}")).unwrap_or_default())]
    Attach {
        /// The process.
        pid: Tid,
        /// The errno.
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

    /// The errno, where the error has one.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Error::Call { source, .. }
            | Error::Exec { source, .. }
            | Error::Attach { source, .. } => source.raw_os_error(),
            Error::NoTracing { .. } | Error::Unsupported(_) => None,
        }
    }
}

//! How a call ended.

use std::fmt;

use sysreel_abi::errno::{errno_message, errno_name, is_restart};

use sysreel_format::syscall_info::Outcome;

/// An error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// Returns its name, such as `ENOENT`; `None` if it has none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        errno_name(self.0)
    }

    /// Returns the message of the C library for it.
    #[must_use]
    pub fn message(self) -> Option<&'static str> {
        errno_message(self.0)
    }
}

/// Writes the name, or `errno 1234`.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It succeeded, with this return value.
    Returned(i64),
    /// It failed. The second value is the return value as the kernel reported it: the negative
    /// error number, except where the kernel's error flag and its value disagree.
    Failed(Errno, i64),
    /// A signal interrupted it before it did anything, and the kernel intends to make it again
    /// (`ERESTARTSYS` and its kin). If the signal has a handler, the program may get EINTR instead.
    Restarts,
    /// It ended its task, as exit(2) and exit_group(2) do.
    Exited,
    /// Its task ended during the call: it was killed, or another thread called exit_group(2) or
    /// execve(2).
    Killed,
    /// The recorder detached from its task during the call.
    Detached,
    /// The log shows no end of it. In [`Item::Entered`](super::Item::Entered) it goes on; otherwise
    /// the log ends, or events are missing.
    Unfinished,
}

impl Ended {
    pub(crate) fn of(outcome: Outcome) -> Self {
        match outcome.rval {
            rval if !outcome.failed() => Self::Returned(rval),
            rval if is_restart(rval) => Self::Restarts,
            rval => Self::Failed(Errno(i32::try_from(rval.wrapping_neg()).unwrap_or(0)), rval),
        }
    }

    /// Returns the value of a call that succeeded.
    #[must_use]
    pub const fn value(self) -> Option<i64> {
        match self {
            Self::Returned(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it failed: what all counts of errors and the field `failed` of filters mean. A call
    /// that the kernel makes again has not failed, even if its task was detached or killed before.
    #[must_use]
    pub const fn has_failed(self) -> bool {
        matches!(self, Self::Failed(..))
    }

    /// Returns the error of a call that failed.
    #[must_use]
    pub const fn errno(self) -> Option<Errno> {
        match self {
            Self::Failed(errno, _) => Some(errno),
            _ => None,
        }
    }
}

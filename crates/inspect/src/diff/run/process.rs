//! The processes of a run.

use super::inherited::Inherited;
use super::names::NameId;
use super::signals::signal;
use crate::state::ProcessId;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this status.
    Exited(u8),
    /// It was killed by this signal.
    Signal(u32),
    /// The log does not contain its end.
    Unknown,
}

impl End {
    /// Decodes a wait status.
    pub(crate) fn from_wait_status(status: u32) -> Self {
        // The low seven bits are the signal; 0x7f means stopped (wait(2)).
        match status & 0x7f {
            0 => Self::Exited(u8::try_from(status >> 8 & 0xff).unwrap_or(0)),
            0x7f => Self::Unknown,
            signal => Self::Signal(signal),
        }
    }

    /// Returns the result of the `exit` effect; `None` if the end is unknown.
    #[must_use]
    pub fn result(self) -> Option<String> {
        match self {
            Self::Exited(status) => Some(status.to_string()),
            Self::Signal(signal) => Some(self::signal(signal)),
            Self::Unknown => None,
        }
    }
}

/// A program that a process executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The name of the executed file.
    pub role: String,
    /// Its arguments, in canonical form.
    pub argv: Vec<String>,
    /// The event of the snapshot after execve.
    pub event: u64,
    /// What it inherits and its parent, or the program before it, did not have.
    pub(crate) state: Vec<(Inherited, NameId)>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The parent, if the log contains it.
    pub parent: Option<ProcessId>,
    /// The event at which it was created.
    pub event: u64,
    /// The programs that it executed, in order. Empty for a fork without execve, which continues
    /// its parent's program.
    pub images: Vec<Image>,
    /// The role at its creation.
    pub inherited: String,
    /// The number of threads it ever had.
    pub threads: u32,
    /// How it ended.
    pub end: End,
    /// The event of its end.
    pub gone: u64,
}

impl Process {
    /// Returns the last role of the process.
    #[must_use]
    pub fn role(&self) -> &str {
        self.images.last().map_or(&self.inherited, |image| &image.role)
    }
}

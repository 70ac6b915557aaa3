//! The processes of a run.

use crate::state::ProcessId;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this status.
    Exited(u8),
    /// By this signal.
    Signal(u32),
    /// The log does not show it.
    Unknown,
}

impl End {
    /// What a wait status says.
    pub(crate) fn of(status: u32) -> Self {
        // The lowest seven bits are the signal; 0x7f says stopped (wait(2)).
        match status & 0x7f {
            0 => Self::Exited(u8::try_from(status >> 8 & 0xff).unwrap_or(0)),
            0x7f => Self::Unknown,
            signal => Self::Signal(signal),
        }
    }

    /// As it stands in an effect; `None` when it is not known.
    #[must_use]
    pub fn result(self) -> Option<String> {
        match self {
            Self::Exited(status) => Some(status.to_string()),
            Self::Signal(signal) => Some(super::signal(signal)),
            Self::Unknown => None,
        }
    }
}

/// A program that a process ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The name of the file that was executed.
    pub role: String,
    /// Its arguments, by canonical names.
    pub argv: Vec<String>,
    /// The event that brought it.
    pub event: u64,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Who made it, if the log shows it.
    pub parent: Option<ProcessId>,
    /// The event that brought it.
    pub event: u64,
    /// The programs that it ran, in order. A process that never calls execve goes on with its
    /// maker's, which is not repeated here.
    pub images: Vec<Image>,
    /// The role it began with.
    pub inherited: String,
    /// How many threads it ever had.
    pub threads: u32,
    /// How it ended.
    pub end: End,
    /// The event that told so.
    pub gone: u64,
}

impl Process {
    /// The role that it had last.
    #[must_use]
    pub fn role(&self) -> &str {
        self.images.last().map_or(&self.inherited, |image| &image.role)
    }
}

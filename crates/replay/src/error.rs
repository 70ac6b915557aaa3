//! What can keep a log from being replayed.

/// A replay that could not begin, or not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log was not made for it, or has met what no replay can repeat.
    #[error("the log cannot be replayed: {0}")]
    NotReplayable(String),
    /// Programs would go another way on this machine.
    #[error("this machine is not like the one of the recording: {}", .0.join("; "))]
    OtherMachine(Vec<String>),
    /// The kernel refused something.
    #[error("event {event}: {source}")]
    System {
        /// The event that was to be replayed.
        event: u64,
        /// What it was.
        source: sysreel_sys::Error,
    },
    /// The log could not be read.
    #[error(transparent)]
    Format(#[from] sysreel_format::Error),
}

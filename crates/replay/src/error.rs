//! Errors of a replay.

/// Why a replay could not start, or not continue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log was not recorded for replay, or the recorded program did something that cannot be
    /// replayed.
    #[error("the log cannot be replayed: {0}")]
    NotReplayable(String),
    /// An event does not follow from those before it, or lacks what a replay needs of it.
    #[error("the log cannot be replayed: event {event} (task {task}{}): {why}",
        .call.map(|call| format!(", in {call}")).unwrap_or_default())]
    BadEvent {
        /// The number of the event.
        event: u64,
        /// The task, by its ordinal in the log.
        task: u32,
        /// The call that the task is in, as far as the table knows it.
        call: Option<&'static str>,
        /// What is wrong with it.
        why: String,
    },
    /// Programs may take another path on this machine: its CPU differs from that of the recording.
    #[error("this machine differs from that of the recording: {}", .0.join("; "))]
    OtherMachine(Vec<String>),
    /// The kernel refused an operation.
    #[error("event {event}: {source}")]
    System {
        /// The event that was being replayed.
        event: u64,
        /// The operation, and its errno.
        source: sysreel_sys::Error,
    },
    /// The log could not be read.
    #[error(transparent)]
    Format(#[from] sysreel_format::Error),
}

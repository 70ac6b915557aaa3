//! What a replay is asked to do.

use std::time::Duration;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The entry of every call, the memory that it reads, and the recorded state of tasks.
    Every,
    /// The entry of every call, and the recorded registers.
    Fast,
}

/// How long, in CPU time, a task may compute without making a call, if nothing else is asked for.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// A task may compute this many times as long as in the recording, if that is more than
/// [`PATIENCE`], and no limit was asked for.
pub const MAX_SLOWDOWN: u32 = 20;
/// The most that [`MAX_SLOWDOWN`] makes of the recorded time: it comes from the log, which may say
/// anything.
pub const MAX_PATIENCE: Duration = Duration::from_secs(3600);

/// Options of a replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is compared.
    pub check: Check,
    /// The last event to replay; `None` for all.
    pub until: Option<u64>,
    /// Replay although this machine differs from that of the recording.
    pub force: bool,
    /// How long, in CPU time, a task may compute without making a call. `None`: [`PATIENCE`], or
    /// [`MAX_SLOWDOWN`] times as long as in the recording, if that is more, but at most
    /// [`MAX_PATIENCE`].
    pub patience: Option<Duration>,
}

impl Options {
    /// Returns how long a task may compute that has computed for `recorded` in the recording.
    pub(crate) fn limit(patience: Option<Duration>, recorded: Duration) -> Duration {
        let slower = recorded.saturating_mul(MAX_SLOWDOWN).min(MAX_PATIENCE);
        patience.unwrap_or_else(|| PATIENCE.max(slower))
    }
}

impl Default for Options {
    /// Compares everything, to the end of the log, on a machine like that of the recording.
    fn default() -> Options {
        Options { check: Check::Every, until: None, force: false, patience: None }
    }
}

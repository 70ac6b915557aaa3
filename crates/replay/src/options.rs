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

/// The default of [`Options::patience`].
pub const PATIENCE: Duration = Duration::from_secs(10);
/// A task may compute this many times as long as in the recording, if that is more than
/// [`Options::patience`].
pub const MAX_SLOWDOWN: u32 = 20;

/// Options of a replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is compared.
    pub check: Check,
    /// The last event to replay; `None` for all.
    pub until: Option<u64>,
    /// Replay although this machine differs from that of the recording.
    pub force: bool,
    /// How long, in CPU time, a task may compute without making a call, or [`MAX_SLOWDOWN`] times
    /// as long as in the recording, if that is more.
    pub patience: Duration,
}

impl Default for Options {
    /// Compares everything, to the end of the log, on a machine like that of the recording.
    fn default() -> Options {
        Options { check: Check::Every, until: None, force: false, patience: PATIENCE }
    }
}

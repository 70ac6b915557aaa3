//! What a recording reports when it is over.

use crate::audit::Audited;
use crate::fast::FastFigures;
use std::io;
use std::path::PathBuf;
use sysreel_sys::Signal;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There was no command, or the recording ended first.
    NotSeen,
    /// It exited with this status.
    Exited(i32),
    /// It was killed by this signal.
    Killed(Signal),
}

/// The result of a recording.
#[derive(Debug)]
pub struct Outcome {
    /// The path of the log.
    pub path: PathBuf,
    /// How the command ended.
    pub ended: Ended,
    /// The number of events, including lost ones.
    pub events: u64,
    /// The size of the log in bytes.
    pub bytes: u64,
    /// The number of events that are not in the log.
    pub lost: u64,
    /// Why events were lost, or why the log has no footer.
    pub error: Option<io::Error>,
    /// What other programs did to the log's files during the recording, as sentences. The log is at
    /// `path`, as complete as it could be kept.
    pub interference: Vec<String>,
    /// Why the program did not start.
    pub exec: Option<sysreel_sys::Error>,
    /// The signal that ended the recording before the program ended.
    pub detached: Option<Signal>,
    /// The result of the audit, if there was one.
    pub audited: Option<Audited>,
    /// What was recorded from inside processes, if anything was to be.
    pub fast: Option<FastFigures>,
    /// What was wrong in snapshots, if they were checked.
    pub wrong_snapshots: Vec<String>,
    /// The number of tasks with a gap in their recording because another program traced them.
    pub unrecorded: usize,
    /// Why the log cannot be replayed to its end, for a recording that was to be replayable.
    pub not_replayable: Vec<String>,
    /// Why a replay may differ from it.
    pub differing: Vec<String>,
    /// Calls that the recorder has answered instead of the kernel, by name, other than those that
    /// every program makes.
    pub answered: Vec<&'static str>,
}

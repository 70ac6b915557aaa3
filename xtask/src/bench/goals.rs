//! What sysreel wants to reach. A figure here is a promise; the report says of each whether it is
//! kept.

use super::contestant::Contestant;

/// How many times faster than the opponent a workload shall be recorded; `None` where nothing is
/// promised.
pub(super) fn speed(workload: &str, against: Contestant) -> Option<f64> {
    match (against, workload) {
        (Contestant::Strace, "getppid" | "read" | "tar") => Some(5.0),
        (Contestant::Strace, "gcc" | "make") => Some(2.5),
        (Contestant::Strace, "storm" | "threads") => Some(1.5),
        (Contestant::StraceOneCpu, "tar" | "python") => Some(1.2),
        // Never slower.
        (Contestant::StraceOneCpu, _) => Some(1.0),
        _ => None,
    }
}

/// An opponent's name in a sentence.
pub(super) fn opponent(who: Contestant) -> &'static str {
    match who {
        Contestant::StraceOneCpu => "strace on one CPU",
        _ => "strace",
    }
}

/// How many times as long as a plain recording one for replay may take.
pub(super) const REPLAYABLE: f64 = 1.3;

/// How many times as long as its recording a replay may take, where calls are what takes time.
pub(super) fn replay_by_recording(workload: &str) -> Option<f64> {
    matches!(workload, "getppid" | "read" | "tar" | "files").then_some(1.0)
}

/// How many times as long as the bare program a replay may take.
pub(super) fn replay_by_bare(workload: &str) -> Option<f64> {
    match workload {
        "compute" => Some(1.1),
        // Nobody is waited for.
        "waits" => Some(1.0),
        _ => None,
    }
}

/// The most bytes a stop may take with its time in nanoseconds, by workload.
pub(super) const BYTES_A_STOP: &[(&str, f64)] = &[("tar", 2.5), ("python", 4.5)];
/// Stops decoded a second, at least.
pub(super) const DECODE: f64 = 8e6;
/// Lines printed a second, at least.
pub(super) const PRINT: f64 = 1e6;
/// How much more memory ten times as many stops may take: none, but for what an allocator does not
/// give back.
pub(super) const GROWTH: f64 = 1.25;
/// Seconds of one core for aligning ten million tokens with ten million.
pub(super) const ALIGN_SECONDS: f64 = 5.0;
/// MiB that it may take, the streams themselves included.
pub(super) const ALIGN_MEMORY: f64 = 500.0;
/// How many times as long as decoding both logs comparing them may take.
pub(super) const DIFF: f64 = 3.0;

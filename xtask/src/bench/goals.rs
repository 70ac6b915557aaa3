//! The goals of sysreel. The report says for each figure whether it is reached.

use super::contestant::Contestant;

/// How many times faster than the opponent a workload must be recorded; `None` without a goal.
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

/// The most that a recording may take, as a multiple of the bare program.
pub(super) fn of_bare(workload: &str, who: Contestant) -> Option<f64> {
    match (who, workload) {
        (Contestant::Sysreel | Contestant::Fast, "storm") => Some(2.3),
        (Contestant::Sysreel, "gcc") => Some(2.4),
        (Contestant::SeveralTracers, "make") => Some(2.8),
        (Contestant::Fast, "getppid" | "threads") => Some(3.0),
        (Contestant::Fast, "read") => Some(4.0),
        (Contestant::Fast, "tar") => Some(1.5),
        (Contestant::Fast, "python") => Some(1.4),
        (Contestant::Fast, "gcc") => Some(1.8),
        (Contestant::Fast, "make") => Some(2.0),
        (Contestant::Fast, "pipe") => Some(1.65),
        _ => None,
    }
}

/// The most that a recording with several tracers may take, as a multiple of one with one.
pub(super) fn of_one_tracer(workload: &str) -> Option<f64> {
    match workload {
        // 1.8 times the stops a second.
        "loops" => Some(1.0 / 1.8),
        "threads" => Some(0.5),
        // What one task does at a time is not to be slower.
        "getppid" | "read" | "tar" | "storm" => Some(1.05),
        _ => None,
    }
}

/// The most seconds that the start and the end of a recording may take.
pub(super) const START_AND_END: f64 = 0.004;
/// The most seconds for 30 programs with as many descriptors as there can be.
pub(super) const DESCRIPTORS: f64 = 1.0;

/// The name of an opponent, for a sentence.
pub(super) fn opponent(who: Contestant) -> &'static str {
    match who {
        Contestant::StraceOneCpu => "strace on one CPU",
        _ => "strace",
    }
}

/// The goal for a recording with `--replayable`, as a multiple of a plain one.
pub(super) const REPLAYABLE: f64 = 1.3;

/// The goal for a replay, as a multiple of its recording, where calls take most of the time.
pub(super) fn replay_by_recording(workload: &str) -> Option<f64> {
    matches!(workload, "getppid" | "read" | "tar" | "files").then_some(1.0)
}

/// The goal for a replay, as a multiple of the bare program.
pub(super) fn replay_by_bare(workload: &str) -> Option<f64> {
    match workload {
        "compute" => Some(1.1),
        // A replay does not wait.
        "waits" => Some(1.0),
        _ => None,
    }
}

/// The goal for the bytes of a stop, its time in nanoseconds included, by workload.
pub(super) const BYTES_A_STOP: &[(&str, f64)] = &[("tar", 2.5), ("python", 4.5)];
/// The goal for decoded stops a second.
pub(super) const DECODE: f64 = 8e6;
/// The goal for pairing the calls of a log, as a multiple of decoding it.
pub(super) const CALLS: f64 = 1.3;
/// A view that is measured.
pub(super) struct View {
    pub(super) args: &'static [&'static str],
    /// Its goals as multiples of decoding a log of structs, and one with everything.
    pub(super) structs: Option<f64>,
    pub(super) everything: Option<f64>,
}

const fn counting(args: &'static [&'static str]) -> View {
    View { args, structs: Some(1.3), everything: Some(1.3) }
}

const fn following(args: &'static [&'static str]) -> View {
    View { args, structs: None, everything: Some(2.5) }
}

/// The views that are measured.
pub(super) const VIEWS: &[View] = &[
    counting(&["stat"]),
    counting(&["stat", "-F", "errno == ENOENT and openat"]),
    following(&["tree"]),
    following(&["files"]),
    following(&["net"]),
    following(&["fds"]),
    following(&["waits"]),
];
/// The goal for printed lines a second.
pub(super) const PRINT: f64 = 1e6;
/// The goal for the memory with ten times as many stops, as a multiple. Above 1, because allocators
/// do not return all memory.
pub(super) const GROWTH: f64 = 1.25;
/// The goal for aligning ten million tokens with ten million, in seconds of one core.
pub(super) const ALIGN_SECONDS: f64 = 5.0;
/// The goal for the memory of that in MiB, including the streams.
pub(super) const ALIGN_MEMORY: f64 = 500.0;
/// The goal for a comparison, as a multiple of decoding both logs.
pub(super) const DIFF: f64 = 3.0;
/// The goals for the first screen of a log of ten million events, for a key, and for the page of a
/// log of a million events, in seconds.
pub(super) const FIRST_SCREEN: f64 = 1.0;
pub(super) const KEY: f64 = 0.05;
pub(super) const REPORT: f64 = 5.0;
/// The goal for calls a second in a table in columns, on two CPUs.
pub(super) const PARQUET: f64 = 1e6;

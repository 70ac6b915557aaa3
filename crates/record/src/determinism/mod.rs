//! What `record --replayable` changes and stores so that a log can be replayed (docs/replay.md). A
//! plain recording uses none of it.
//!
//! The hooks are methods of [`Session`], most of them named `determinism_*`, which return at once
//! in a plain recording. `calls` vetoes calls and stores mapped files (`contents`, `shared`).
//! `image` makes a new program the same in every run and stores it. `signals` delivers signals
//! where a replay can place them. `scheduler` lets one task run at a time, and `spin_wait` preempts
//! tasks that wait in a loop. `state` records registers and checksums of memory.

mod calls;
mod contents;
mod image;
mod scheduler;
mod shared;
mod signals;
mod spin_wait;
mod state;

use crate::session::Session;
use contents::Contents;
pub(crate) use state::StateCheck;
use std::collections::{BTreeSet, VecDeque};
use std::os::unix::fs::MetadataExt;
use sysreel_format::{
    Completeness, CpuidLeaf, EventKind, MetaCodec, NoteCode, Severity, SnapshotKind, SourceId,
    TaskId,
};
use sysreel_sys::signals::{Alarm, Ticker};
use sysreel_sys::{Stop, Tid, affinity, clock, machine};

/// The version of the snapshot struct.
const SNAPSHOT_VERSION: u16 = 1;

/// What the recorder changes in every program; written to the log and shown to the user.
pub const CHANGES: [&str; 6] = [
    "addresses are not randomized",
    "all tasks share one CPU",
    "the vdso and its clock pages are unmapped",
    "the time-stamp counter is emulated",
    "rseq, clone3, io_uring, userfaultfd and MADV_FREE fail as on a kernel without them",
    "signals wait for the end of a system call",
];

/// State of a replayable recording.
#[derive(Debug, Default)]
pub(crate) struct Determinism {
    contents: Contents,
    /// A buffer for the memory of new programs.
    image: Vec<u8>,
    /// Whether the time-stamp counter is trapped.
    traps: bool,
    /// Device and inode of the recorder's own standard output and error.
    outputs: [Option<(u64, u64)>; 2],
    /// Files that were mapped MAP_SHARED, by device and inode.
    shared: BTreeSet<(u64, u64)>,
    /// Why the log cannot be replayed, each reason once.
    refused: BTreeSet<String>,
    /// The task that has the turn: the only one that may execute instructions.
    turn: Option<Tid>,
    /// When it got the turn, in nanoseconds of CLOCK_MONOTONIC.
    turn_since_ns: u64,
    /// Tasks that were preempted so that others can run.
    preempted: VecDeque<Stop>,
    /// Wakes the tracer while others wait for the turn.
    ticker: Option<Ticker>,
    /// Buffers for the state of a task.
    buffers: state::StateBuffers,
    /// How many times any address space has changed.
    changes: u64,
    /// Wakes the tracer while signals are deferred.
    alarm: Option<Alarm>,
}

impl Determinism {
    /// Stores the contents of mapped files, or only their hashes.
    pub(crate) fn new(file_contents: bool) -> Box<Determinism> {
        let file_id = |fd: u32| {
            let data = std::fs::metadata(format!("/proc/self/fd/{fd}")).ok()?;
            Some((data.dev(), data.ino()))
        };
        let contents = if file_contents { Contents::default() } else { Contents::hashes_only() };
        Box::new(Determinism {
            contents,
            outputs: [file_id(1), file_id(2)],
            ..Determinism::default()
        })
    }

    /// Whether the file was mapped MAP_SHARED.
    fn is_shared(&self, device: u64, inode: u64) -> bool {
        self.shared.contains(&(device, inode))
    }

    /// Returns the reasons why the log cannot be replayed.
    pub(crate) fn into_refused(self) -> Vec<String> {
        self.refused.into_iter().collect()
    }
}

impl Session {
    /// Writes the DETERMINISM snapshot, which describes the machine, before the program starts.
    pub(crate) fn determinism_snapshot(&mut self) {
        if self.determinism.is_none() {
            return;
        }
        let leaf = |leaf: machine::Leaf| CpuidLeaf {
            leaf: leaf.leaf,
            subleaf: leaf.subleaf,
            registers: leaf.registers,
        };
        let determinism = sysreel_format::Determinism {
            cpuid: machine::cpuid().into_iter().map(leaf).collect(),
            xcr0: machine::xcr0(),
            cpu: affinity::current_cpu().and_then(|cpu| u32::try_from(cpu).ok()).unwrap_or(0),
            changes: CHANGES.iter().map(|change| change.as_bytes().to_vec()).collect(),
        };
        // A few kilobytes, far below the limit of a snapshot.
        let Ok(bytes) = determinism.to_bytes() else { return };
        let row = &mut self.sink.row;
        row.begin(EventKind::SNAPSHOT, SourceId::RECORDER, TaskId::NONE, clock::monotonic_ns());
        row.snapshot(SnapshotKind::DETERMINISM, SNAPSHOT_VERSION, &bytes);
        self.sink.commit();
    }

    /// Notes that memory of a call is not complete in the log, so that it cannot be replayed.
    pub(crate) fn note_incomplete_memory(&mut self, task: TaskId, missing: Completeness) {
        if missing.contains(Completeness::CAPTURE_LIMIT) {
            self.not_replayable(
                task,
                "a call reads or writes more memory than the log stores of one stop".into(),
            );
        }
        if missing.contains(Completeness::UNREADABLE_MEMORY) {
            self.not_replayable(task, "memory of a call could not be read".into());
        }
    }

    /// Marks the log as not replayable, and notes the reason once.
    pub(crate) fn not_replayable(&mut self, task: TaskId, why: String) {
        let Some(determinism) = &mut self.determinism else { return };
        self.completeness.insert(Completeness::NOT_REPLAYABLE);
        if determinism.refused.insert(why.clone()) {
            self.note_after_event(task, NoteCode::NOT_REPLAYABLE, Severity::WARNING, why);
        }
    }
}

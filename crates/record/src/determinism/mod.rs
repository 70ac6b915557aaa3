//! The determinism determinism: what a recording changes and keeps so that it can be replayed
//! (docs/replay.md).
//!
//! Nothing of it is there in a plain recording.

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

/// The version of the snapshot struct that is written.
const SNAPSHOT_VERSION: u16 = 1;

/// What the recorder changes in every program, for the log and for people.
pub const CHANGES: [&str; 6] = [
    "addresses are not randomised",
    "all tasks share one CPU",
    "the vdso and its clock pages are gone",
    "the time-stamp counter is answered by the recorder",
    "rseq, clone3, io_uring, userfaultfd and MADV_FREE are answered as by a kernel without them",
    "signals wait for the end of a system call",
];

/// The state of the determinism.
#[derive(Debug, Default)]
pub(crate) struct Determinism {
    contents: Contents,
    /// For the memory of new programs.
    image: Vec<u8>,
    /// The time-stamp counter is trapped.
    traps: bool,
    /// Device and inode of the recorder's own standard output and error.
    outputs: [Option<(u64, u64)>; 2],
    /// Files that were mapped to be shared, by device and inode.
    shared: BTreeSet<(u64, u64)>,
    /// What no replay can repeat, each once.
    refused: BTreeSet<String>,
    /// The task that may execute instructions of its own.
    turn: Option<Tid>,
    /// Since when.
    turn_since_ns: u64,
    /// Tasks that were stopped to let others go on.
    preempted: VecDeque<Stop>,
    /// Looks whether a turn takes too long.
    ticker: Option<Ticker>,
    /// For what is told of a task's state.
    room: state::Room,
    /// How often an address space has changed, whosever it was.
    changes: u64,
    /// Rings while signals are deferred.
    alarm: Option<Alarm>,
}

impl Determinism {
    /// With the contents of mapped files in the log, or their hashes.
    pub(crate) fn new(file_contents: bool) -> Box<Determinism> {
        let of = |fd: u32| {
            let data = std::fs::metadata(format!("/proc/self/fd/{fd}")).ok()?;
            Some((data.dev(), data.ino()))
        };
        let contents = if file_contents { Contents::default() } else { Contents::hashes_only() };
        Box::new(Determinism { contents, outputs: [of(1), of(2)], ..Determinism::default() })
    }

    /// Was the file mapped to be shared?
    fn is_shared(&self, device: u64, inode: u64) -> bool {
        self.shared.contains(&(device, inode))
    }

    /// What no replay can repeat.
    pub(crate) fn into_refused(self) -> Vec<String> {
        self.refused.into_iter().collect()
    }
}

impl Session {
    /// What the log says of the machine, before anything runs.
    pub(crate) fn determinism_event(&mut self) {
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
        // A few kilobytes: far below the limit.
        let Ok(bytes) = determinism.to_bytes() else { return };
        let row = &mut self.sink.row;
        row.begin(EventKind::SNAPSHOT, SourceId::RECORDER, TaskId::NONE, clock::monotonic_ns());
        row.snapshot(SnapshotKind::DETERMINISM, SNAPSHOT_VERSION, &bytes);
        self.sink.commit();
    }

    /// Memory of a call that is not in the log whole.
    pub(crate) fn determinism_missing(&mut self, task: TaskId, missing: Completeness) {
        if missing.contains(Completeness::CAPTURE_LIMIT) {
            self.not_replayable(
                task,
                "a call reads or writes more memory than a log can hold of one stop".into(),
            );
        }
        if missing.contains(Completeness::UNREADABLE_MEMORY) {
            self.not_replayable(task, "memory of a call could not be read".into());
        }
    }

    /// Something that no replay can repeat has happened: the log says what.
    pub(crate) fn not_replayable(&mut self, task: TaskId, why: String) {
        let Some(determinism) = &mut self.determinism else { return };
        self.completeness.insert(Completeness::NOT_REPLAYABLE);
        if determinism.refused.insert(why.clone()) {
            self.note_after_event(task, NoteCode::NOT_REPLAYABLE, Severity::WARNING, why);
        }
    }
}

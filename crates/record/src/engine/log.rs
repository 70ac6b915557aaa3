//! The log as the engine and its hooks write it: events, notes, and what the log cannot show.

use crate::progress::Progress;
use crate::sink::Sink;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use sysreel_format::{
    Altered, Altering, Clock, Completeness, EventBuf, EventKind, Note, NoteCode, Severity,
    SourceId, TaskId,
};
use sysreel_sys::clock;

/// The log, and what is known of its completeness.
pub(crate) struct Log {
    pub(crate) sink: Sink,
    pub(crate) completeness: Completeness,
    /// Notes to commit after the current event, last first.
    pending: Vec<(TaskId, NoteCode, Severity, String)>,
    /// What was noted once.
    noted: BTreeSet<(NoteCode, String)>,
    /// Shows the user a warning at once.
    pub(crate) warn: fn(&str),
    /// Counters for another thread.
    pub(crate) progress: Arc<Progress>,
    /// The ordinal of the next task. Locked until its TASK event is committed: the tasks of a log
    /// come in the order of their ordinals.
    births: Arc<Mutex<u32>>,
}

impl Log {
    pub(crate) fn new(
        sink: Sink,
        completeness: Completeness,
        progress: Arc<Progress>,
        warn: fn(&str),
    ) -> Log {
        Log {
            sink,
            completeness,
            pending: Vec::new(),
            noted: BTreeSet::new(),
            warn,
            progress,
            births: Arc::default(),
        }
    }

    /// Returns the log of another tracer of the same recording.
    pub(crate) fn for_another(&self) -> Log {
        let (progress, births) = (Arc::clone(&self.progress), Arc::clone(&self.births));
        let log = Log::new(self.sink.for_another(), self.completeness, progress, self.warn);
        Log { births, ..log }
    }

    /// Adds what the log of another tracer has found.
    pub(crate) fn add(&mut self, other: Log) {
        self.completeness.insert(other.completeness);
        self.noted.extend(other.noted);
    }

    /// Returns the ordinal of the next task, to be increased when its event is committed.
    pub(crate) fn births(&self) -> Arc<Mutex<u32>> {
        Arc::clone(&self.births)
    }

    /// The number of events that are known to be lost.
    pub(crate) fn lost(&self) -> u64 {
        self.sink.refused() + self.progress.lost.load(Ordering::Relaxed)
    }

    /// The event that is being built.
    pub(crate) fn row(&mut self) -> &mut EventBuf {
        &mut self.sink.row
    }

    /// Starts an event of the recorder.
    pub(crate) fn begin(&mut self, kind: EventKind, task: TaskId, t_ns: u64) -> &mut EventBuf {
        self.sink.row.begin(kind, SourceId::RECORDER, task, t_ns);
        &mut self.sink.row
    }

    /// Commits the event. From then on it survives the recorder's death.
    pub(crate) fn commit(&mut self) {
        self.sink.commit();
    }

    /// Keeps a note until the event it concerns is committed.
    pub(crate) fn note_after_event(
        &mut self,
        task: TaskId,
        code: NoteCode,
        severity: Severity,
        text: String,
    ) {
        self.pending.push((task, code, severity, text));
    }

    /// Keeps a note as [`Log::note_after_event`] does, unless the same was noted before.
    pub(crate) fn note_once(
        &mut self,
        task: TaskId,
        code: NoteCode,
        severity: Severity,
        text: String,
    ) {
        if self.noted.insert((code, text.clone())) {
            self.note_after_event(task, code, severity, text);
        }
    }

    /// Returns what [`Log::note_once`] has noted under a code.
    pub(crate) fn noted(&self, code: NoteCode) -> Vec<String> {
        let of_code = self.noted.iter().filter(|(other, _)| *other == code);
        of_code.map(|(_, text)| text.clone()).collect()
    }

    /// Commits the kept notes.
    pub(crate) fn commit_notes(&mut self) {
        while let Some((task, code, severity, text)) = self.pending.pop() {
            self.note(task, code, severity, &text);
        }
    }

    /// Commits a note.
    pub(crate) fn note(&mut self, task: TaskId, code: NoteCode, severity: Severity, text: &str) {
        let row = self.begin(EventKind::NOTE, task, clock::monotonic_ns());
        row.note(&Note { code, severity, text: text.as_bytes() });
        self.commit();
    }

    /// Commits an event that ties the monotonic times of stops to the other clocks.
    pub(crate) fn clock_event(&mut self) {
        let now = Clock {
            monotonic: clock::monotonic_ns(),
            realtime: clock::realtime_ns(),
            boottime: clock::boottime_ns(),
        };
        self.begin(EventKind::CLOCK, TaskId::NONE, now.monotonic).clock(&now);
        self.commit();
    }

    /// Adds to the event that the recorder has changed something of the tracee.
    pub(crate) fn altered(&mut self, what: Altering, arg: u16, kernel: &[u8], given: &[u8]) {
        self.sink.row.altered(&Altered { what, arg, kernel, given });
    }

    /// Commits an event that says so.
    pub(crate) fn altered_event(
        &mut self,
        task: TaskId,
        what: Altering,
        arg: u16,
        kernel: &[u8],
        given: &[u8],
    ) {
        let row = self.begin(EventKind::ALTERED, task, clock::monotonic_ns());
        row.altered_body(&Altered { what, arg, kernel, given });
        self.commit();
    }
}

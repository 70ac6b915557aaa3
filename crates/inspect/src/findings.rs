//! What is missing or damaged in a log. [`LogFile::read`](crate::LogFile) collects it for every
//! reader, and every command derives its exit status from it.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use sysreel_format::{
    Body, Ending, Event, EventKind, Item, Log, MetaCodec, Missing, Parts, ProcessSnapshot, ReadAt,
    SnapshotKind, Why,
};

use crate::text::counted;

/// What reading a log found missing or damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The number of events that were read.
    pub events: u64,
    /// The number of holes.
    pub holes: u64,
    /// The number of events that are known to be missing.
    pub missing: u64,
    /// Whether the log ends without a footer, so that later events may be missing.
    pub open_end: bool,
    /// Whether it ends so because its recorder is running.
    pub is_being_written: bool,
    /// The number of events that could not be decoded, in full or in part.
    pub malformed: u64,
    /// The number of the first such event, and what is wrong with it.
    pub first_malformed: Option<(u64, String)>,
    /// The number of buffers that could not be read.
    pub lost_buffers: u64,
    /// The number of buffers missing between those that the log has.
    pub missing_buffers: u64,
    /// Why the metadata could not be read, if so.
    pub metadata: Option<String>,
    /// The offset of the damaged footer, if it is damaged.
    pub footer: Option<u64>,
    /// The fields of a filter that the log does not have for some items, and how many these are.
    pub not_recorded: Vec<(String, u64)>,
    /// What the recorder was told to leave out and the reader needs, a sentence each.
    pub left_out: Vec<String>,
    /// The number of calls of which the reader needs a path or an address, and the log has only the
    /// beginning.
    pub cut_names: u64,
    /// Whether a filter was given and nothing matched it. Then nothing is missing.
    pub unmatched: bool,
}

impl Findings {
    /// Returns what opening the log found.
    #[must_use]
    pub fn from_open<S: ReadAt>(log: &Log<S>) -> Self {
        let footer = match log.ending() {
            Ending::Damaged { offset } => Some(offset),
            Ending::Clean | Ending::Unfinished { .. } => None,
        };
        Self { metadata: log.meta_error().map(ToString::to_string), footer, ..Self::default() }
    }

    /// Whether nothing is missing or damaged.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.holes == 0
            && !self.open_end
            && self.malformed == 0
            && self.lost_buffers == 0
            && self.missing_buffers == 0
            && self.metadata.is_none()
            && self.footer.is_none()
            && self.not_recorded.is_empty()
            && self.left_out.is_empty()
            && self.cut_names == 0
    }

    /// Counts an item. Decodes all parts of an event, also those that the reader ignores: every
    /// reader must report the same damage.
    pub(crate) fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Event(event) => self.event(event, decode_all(event).as_ref().err()),
            Item::Missing(missing) => self.missing(missing),
        }
    }

    /// Counts an event of which all parts were decoded, up to the first error.
    pub(crate) fn event(&mut self, event: &Event<'_>, error: Option<&sysreel_format::Error>) {
        self.events = self.events.saturating_add(1);
        if let Some(error) = error {
            self.malformed = self.malformed.saturating_add(1);
            self.first_malformed.get_or_insert_with(|| (event.number, error.to_string()));
        } else if event.kind == EventKind::LOSS
            && let Ok(Body::Loss(loss)) = event.decode()
        {
            self.holes = self.holes.saturating_add(1);
            self.missing = self.missing.saturating_add(loss.count.max(1));
        }
    }

    /// Adds the findings of a later part of the same log.
    pub(crate) fn add_later(&mut self, later: Self) {
        self.events = self.events.saturating_add(later.events);
        self.holes = self.holes.saturating_add(later.holes);
        self.missing = self.missing.saturating_add(later.missing);
        self.open_end |= later.open_end;
        // The recorder may have ended in between.
        self.is_being_written = later.is_being_written;
        self.malformed = self.malformed.saturating_add(later.malformed);
        self.first_malformed = self.first_malformed.take().or(later.first_malformed);
        self.lost_buffers = self.lost_buffers.saturating_add(later.lost_buffers);
        self.missing_buffers = self.missing_buffers.saturating_add(later.missing_buffers);
        self.metadata = self.metadata.take().or(later.metadata);
        self.footer = self.footer.or(later.footer);
        self.not_recorded.extend(later.not_recorded);
        self.left_out.extend(later.left_out);
        self.cut_names = self.cut_names.saturating_add(later.cut_names);
        self.unmatched |= later.unmatched;
    }

    /// Records that the log ends without a footer, if so.
    pub(crate) fn ending(&mut self, ending: Ending) {
        self.open_end |= matches!(ending, Ending::Unfinished { .. });
    }

    /// Counts a hole. A log that only ends without a footer has no hole, but an open end.
    fn missing(&mut self, missing: &Missing) {
        match (missing.count, missing.why) {
            (None, Why::Unfinished) => self.open_end = true,
            (None, _) => {
                self.open_end = true;
                self.holes = self.holes.saturating_add(1);
            }
            (Some(count), _) => {
                self.holes = self.holes.saturating_add(1);
                self.missing = self.missing.saturating_add(count);
            }
        }
    }

    /// Returns a sentence for each finding.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.metadata.clone());
        if let Some(offset) = self.footer {
            lines.push(format!(
                "the footer at offset {offset} is damaged: the summary of the recording is lost"
            ));
        }
        if self.open_end && self.is_being_written {
            lines.push(format!(
                "the log is being written: {} so far",
                counted(self.events, "event")
            ));
        } else if self.open_end {
            lines.push(format!(
                "the recording was not finished (the recorder died, or the file was truncated): {} \
                 read, later ones may be missing",
                were(self.events, "event")
            ));
        }
        if self.missing > 0 {
            let places = counted(self.holes, "place");
            lines.push(format!("{} missing in {places}", are(self.missing, "event")));
        } else if self.holes > 0 {
            lines.push(format!("events are missing in {}", counted(self.holes, "place")));
        }
        if let Some((number, why)) = &self.first_malformed {
            lines.push(format!(
                "{} could not be decoded (the first is event {number}: {why})",
                counted(self.malformed, "event")
            ));
        }
        if self.missing_buffers > 0 {
            lines.push(format!("{} missing", are(self.missing_buffers, "captured buffer")));
        }
        for (field, count) in &self.not_recorded {
            lines.push(format!(
                "the filter asks for `{field}`, which was not recorded for {}",
                counted(*count, "item")
            ));
        }
        lines.extend(self.left_out.iter().cloned());
        if self.cut_names > 0 {
            lines.push(format!(
                "of the paths or addresses of {} only the beginning was recorded \
                 (--capture-limit)",
                counted(self.cut_names, "call")
            ));
        }
        if self.lost_buffers > 0 {
            lines.push(format!(
                "{} could not be read",
                counted(self.lost_buffers, "captured buffer")
            ));
        }
        lines
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join("; "))
    }
}

/// Returns a number of things with a verb: `1 event is`, `2 events are`.
fn are(count: u64, thing: &str) -> String {
    format!("{} {}", counted(count, thing), if count == 1 { "is" } else { "are" })
}

/// The same in the past.
fn were(count: u64, thing: &str) -> String {
    format!("{} {}", counted(count, thing), if count == 1 { "was" } else { "were" })
}

/// Decodes all of an event.
fn decode_all(event: &Event<'_>) -> Result<(), sysreel_format::Error> {
    match event.decode()? {
        Body::Stop(stop) => decode_parts(stop.parts)?,
        Body::Task(task) => decode_parts(task.parts)?,
        Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. } => {
            ProcessSnapshot::from_bytes(bytes)?;
        }
        _ => {}
    }
    Ok(())
}

fn decode_parts(mut parts: Parts<'_>) -> Result<(), sysreel_format::Error> {
    parts.try_for_each(|part| part.map(drop))
}

//! What a walk over a log finds missing or damaged. Every reader gets it from the same place,
//! [`LogFile::read`](crate::LogFile), and every command makes its exit status of it.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use sysreel_format::{
    Body, Ending, Event, Item, Log, MetaCodec, Missing, Parts, ProcessSnapshot, ReadAt,
    SnapshotKind, Why,
};

/// What a walk over a log finds missing or damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many events were read.
    pub events: u64,
    /// How many holes there are.
    pub holes: u64,
    /// How many events are known to be missing.
    pub missing: u64,
    /// The log ends without a footer: what came after its last event is not known.
    pub open_end: bool,
    /// How many events could not be decoded, in full or in part.
    pub malformed: u64,
    /// The first of them, and what is wrong with it.
    pub first_malformed: Option<(u64, String)>,
    /// How many buffers a reader asked for in vain.
    pub lost_buffers: u64,
    /// How many buffers are missing between those that the log has.
    pub missing_buffers: u64,
    /// Why the metadata cannot be read, if they cannot.
    pub metadata: Option<String>,
    /// Where the footer should be, if it is damaged.
    pub footer: Option<u64>,
}

impl Findings {
    /// What opening the log has found.
    #[must_use]
    pub fn of_opening<S: ReadAt>(log: &Log<S>) -> Self {
        let footer = match log.ending() {
            Ending::Damaged { offset } => Some(offset),
            Ending::Clean | Ending::Unfinished { .. } => None,
        };
        Self { metadata: log.meta_error().map(ToString::to_string), footer, ..Self::default() }
    }

    /// Whether everything that the log should have was there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.holes == 0
            && !self.open_end
            && self.malformed == 0
            && self.lost_buffers == 0
            && self.missing_buffers == 0
            && self.metadata.is_none()
            && self.footer.is_none()
    }

    /// Counts an item, and decodes all of an event: a reader that needs only some of its parts must
    /// not pass over one that it could not have understood.
    pub(crate) fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Event(event) => {
                self.events = self.events.saturating_add(1);
                match check(event) {
                    Ok(0) => {}
                    Ok(lost) => {
                        self.holes = self.holes.saturating_add(1);
                        self.missing = self.missing.saturating_add(lost);
                    }
                    Err(error) => {
                        self.malformed = self.malformed.saturating_add(1);
                        self.first_malformed
                            .get_or_insert_with(|| (event.number, error.to_string()));
                    }
                }
            }
            Item::Missing(missing) => self.missing(missing),
        }
    }

    /// Notes that a log ends without a footer.
    pub(crate) fn ending(&mut self, ending: Ending) {
        self.open_end |= matches!(ending, Ending::Unfinished { .. });
    }

    /// Counts a hole. A log that merely ends without a footer has no hole, only an open end.
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

    /// Each finding as a sentence.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        said.extend(self.metadata.clone());
        if let Some(offset) = self.footer {
            said.push(format!(
                "the footer at offset {offset} is damaged: the recorder's last word is lost"
            ));
        }
        if self.open_end {
            said.push(format!(
                "the recording was not finished (its recorder died, or the file was cut): {} \
                 events were read, and what came after them is not known",
                self.events
            ));
        }
        if self.missing > 0 {
            said.push(format!("{} events are missing in {} places", self.missing, self.holes));
        } else if self.holes > 0 {
            said.push(format!("events are missing in {} places", self.holes));
        }
        if let Some((number, why)) = &self.first_malformed {
            said.push(format!(
                "{} events could not be decoded (the first is event {number}: {why})",
                self.malformed
            ));
        }
        if self.missing_buffers > 0 {
            said.push(format!("{} captured buffers are missing", self.missing_buffers));
        }
        if self.lost_buffers > 0 {
            said.push(format!("{} captured buffers could not be read", self.lost_buffers));
        }
        said
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join("; "))
    }
}

/// Decodes all of an event. Answers how many events it says were lost.
fn check(event: &Event<'_>) -> Result<u64, sysreel_format::Error> {
    match event.decode()? {
        Body::Stop(stop) => parts(stop.parts)?,
        Body::Task(task) => parts(task.parts)?,
        Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. } => {
            ProcessSnapshot::from_bytes(bytes)?;
        }
        Body::Loss(loss) => return Ok(loss.count.max(1)),
        _ => {}
    }
    Ok(0)
}

fn parts(mut parts: Parts<'_>) -> Result<(), sysreel_format::Error> {
    parts.try_for_each(|part| part.map(drop))
}

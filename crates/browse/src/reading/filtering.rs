//! Applies a filter: reads the log once more, because what fields are is in the log alone.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sysreel_inspect::abi::Filter;
use sysreel_inspect::calls::{Growing, Item, Visitor};
use sysreel_inspect::filter::Matcher;
use sysreel_inspect::format::Event;
use sysreel_inspect::open;
use sysreel_inspect::print::Lined;

use super::read;
use crate::message::{End, Message, Shared, Stop};

/// How many matches are passed on at once, and how long they are kept back.
const MOST: usize = 1 << 14;
const PATIENCE: Duration = Duration::from_millis(50);
const OFTEN: u64 = 1 << 9;

/// Finds the rows that match. `job`: its number.
pub(crate) fn filter(
    path: PathBuf,
    follow: bool,
    filter: Filter,
    (job, shared, stop): (u64, Shared, Stop),
) {
    let mut growing = Growing::new(Matcher::follow(&filter));
    let done = open(&path).and_then(|file| {
        let mut matching = Matching {
            matcher: Matcher::new(filter).for_log(&file),
            lined: Lined::new(&file),
            row: 0,
            found: Vec::new(),
            told: Instant::now(),
            events: 0,
            job,
            shared: shared.clone(),
            stop: stop.clone(),
        };
        drop(file);
        let to = (&mut matching, &stop);
        read(&path, follow, &mut growing, to, |matching: &mut Matching, _| matching.tell())?;
        Ok(matching.matcher.not_recorded().keys().cloned().collect::<Vec<_>>())
    });
    let end = match done {
        Ok(lacks) if lacks.is_empty() => End::Quietly,
        Ok(lacks) => End::Said(format!("the log does not have {} everywhere", lacks.join(", "))),
        Err(error) => End::Failed(error.to_string()),
    };
    if !stop.is_stopped() {
        shared.tell(Message::Ended(job, end));
    }
}

struct Matching {
    matcher: Matcher,
    lined: Lined,
    /// The number of rows so far.
    row: usize,
    found: Vec<u32>,
    told: Instant,
    events: u64,
    job: u64,
    shared: Shared,
    stop: Stop,
}

impl Matching {
    fn tell(&mut self) {
        let found = std::mem::take(&mut self.found);
        self.told = Instant::now();
        if !self.shared.tell(Message::Matches(self.job, found, self.row)) {
            self.stop.stop();
        }
    }
}

impl Visitor for Matching {
    fn event(&mut self, event: &Event<'_>) {
        self.events = event.number.saturating_add(1);
        let is_late = || self.told.elapsed() > PATIENCE;
        if self.found.len() >= MOST || self.events.is_multiple_of(OFTEN) && is_late() {
            self.tell();
            let total = self.shared.index().events.1;
            if let Some(total) = total {
                let percent = self.events.saturating_mul(100).checked_div(total).unwrap_or(0);
                self.shared.tell(Message::Progress(self.job, percent.min(99)));
            }
        }
    }

    fn item(&mut self, item: &Item<'_>, _in_range: bool) {
        self.matcher.note(item);
        if self.lined.line(item).is_none() {
            return;
        }
        let matches = match item {
            Item::Call(call) => self.matcher.matches(call),
            other => self.matcher.matches_item(other),
        };
        if matches {
            self.found.extend(u32::try_from(self.row));
        }
        self.row = self.row.saturating_add(1);
    }

    fn is_over(&self) -> bool {
        self.stop.is_stopped()
    }
}

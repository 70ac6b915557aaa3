//! What a walk over a log found wanting, so that a command can say so in its exit status.

use sysreel_format::{Ending, Missing, Why};

/// What a walk over a log found wanting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many events were given.
    pub events: u64,
    /// How many holes there are.
    pub holes: u64,
    /// How many events are known to be missing.
    pub missing: u64,
    /// The log ends without a footer: what came after its last event is not known.
    pub open_end: bool,
    /// How many events could not be decoded.
    pub malformed: u64,
    /// How many buffers are no longer in the log.
    pub lost_buffers: u64,
}

impl Findings {
    /// Whether everything that the log should have was there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.holes == 0 && !self.open_end && self.malformed == 0 && self.lost_buffers == 0
    }

    /// Takes into account how the log ends. True when that is news: no hole has told that the end is open.
    pub(crate) fn ending(&mut self, ending: Ending) -> bool {
        let news = ending != Ending::Clean && !self.open_end;
        self.open_end |= news;
        news
    }

    /// Takes a hole into account. A log that merely ends without a footer has no hole, only an open end.
    pub(crate) fn missing(&mut self, missing: &Missing) {
        match (missing.count, missing.why) {
            (None, Why::Unfinished) => self.open_end = true,
            (None, _) => {
                self.open_end = true;
                self.holes += 1;
            }
            (Some(count), _) => {
                self.holes += 1;
                self.missing = self.missing.saturating_add(count);
            }
        }
    }
}

//! Reads logs through the library.

use std::path::Path;
use sysreel_format::{Ending, Event, Item, Log, Why};
use sysreel_inspect::FileSource;

/// What was read of a log, besides its events.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) ending: Ending,
    pub(crate) events: u64,
    /// What is missing, in words. An open end is not among it.
    pub(crate) missing: Vec<String>,
}

impl Read {
    /// Asserts that the recorder ended the log and that no event is missing.
    #[track_caller]
    pub(crate) fn is_clean(&self) -> &Read {
        assert!(
            self.ending == Ending::Clean && self.missing.is_empty() && self.events > 0,
            "{self:?}"
        );
        self
    }
}

/// Calls a function for every event of a log and its tail. Of a log that is still being recorded
/// some events may be missing: those that move from the tail to the file meanwhile.
#[track_caller]
pub(crate) fn each(path: &Path, mut visit: impl FnMut(&Log<FileSource>, &Event)) -> Read {
    let file = sysreel_inspect::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let log = file.log();
    let mut read = Read { ending: log.ending(), events: 0, missing: Vec::new() };
    let mut events = log.events();
    while let Some(item) = events.next().unwrap() {
        match item {
            Item::Event(event) => {
                assert!(
                    event.number == read.events || !read.missing.is_empty(),
                    "event {} follows event {}",
                    event.number,
                    read.events.wrapping_sub(1)
                );
                read.events = event.number + 1;
                visit(log, &event);
            }
            Item::Missing(missing) if missing.count.is_none() && missing.why == Why::Unfinished => {
                // The log has no end yet, but nothing is lost.
            }
            Item::Missing(missing) => read.missing.push(missing.to_string()),
        }
    }
    read
}

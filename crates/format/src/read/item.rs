//! The items that a reader yields: events, holes, and the end of the log.

use std::fmt;

use crate::DropReasons;
use crate::event::Event;

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With footer and trailer: the recorder finished it.
    Clean,
    /// Without trailer: the recorder was killed or is still recording, or the file was truncated.
    Unfinished {
        /// The length of the file.
        offset: u64,
    },
    /// With a trailer, but its footer is damaged.
    Damaged {
        /// The offset where the footer should be.
        offset: u64,
    },
}

/// An item that a cursor yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An event.
    Event(Event<'a>),
    /// Missing events.
    Missing(Missing),
}

/// Missing events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The number of the first of them.
    pub first: u64,
    /// The number of events; `None` if unknown: all from `first` on.
    pub count: Option<u64>,
    /// The offset of the problem in the file.
    pub offset: u64,
    /// Why they are missing.
    pub why: Why,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The recorder dropped them. The reasons cover all its losses up to there.
    Dropped(DropReasons),
    /// Their block is damaged, or was cut out of the file.
    Damaged,
    /// The file ends in the middle of a block.
    Truncated,
    /// The file ends between two blocks and without a footer: more may have followed.
    Unfinished,
    /// Their block has an unknown codec.
    Codec(u16),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Missing { first, offset, why, .. } = self;
        match self.count {
            Some(1) => write!(f, "event {first} is missing")?,
            Some(count) => {
                write!(
                    f,
                    "events {first} to {} are missing",
                    first.saturating_add(count).saturating_sub(1)
                )?;
            }
            None => write!(f, "events from {first} on may be missing")?,
        }
        write!(f, " (offset {offset}): {why}")
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Dropped(reasons) => write!(f, "dropped while recording ({reasons})"),
            Why::Damaged => f.write_str("the file is damaged"),
            Why::Truncated => f.write_str("the file is cut short"),
            Why::Unfinished => f.write_str("the file ends without a footer"),
            Why::Codec(codec) => {
                write!(f, "unknown codec {codec}: use a newer sysreel")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Missing, Why};
    use crate::DropReasons;

    #[test]
    fn missing_events_are_described() {
        let hole = |first, count, why| Missing { first, count, offset: 99, why }.to_string();
        assert_eq!(
            hole(7, Some(1), Why::Damaged),
            "event 7 is missing (offset 99): the file is damaged"
        );
        let full = Why::Dropped(DropReasons::DISK_FULL);
        assert_eq!(
            hole(7, Some(3), full),
            "events 7 to 9 are missing (offset 99): dropped while recording (disk full)"
        );
        assert_eq!(
            hole(7, None, Why::Truncated),
            "events from 7 on may be missing (offset 99): the file is cut short"
        );
    }
}

//! What a reader tells: events, what is missing, and how the log ends.

use std::fmt;

use crate::DropReasons;
use crate::event::Event;

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With footer and trailer: the recorder finished it.
    Clean,
    /// Without: the recorder was killed, is still at work, or the file was cut.
    Unfinished {
        /// The length of the file.
        offset: u64,
    },
    /// With a trailer, but the footer that it names is damaged.
    Damaged {
        /// Where the footer should be.
        offset: u64,
    },
}

/// What a cursor finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An event.
    Event(Event<'a>),
    /// Events that should be there, and are not.
    Missing(Missing),
}

/// Events that should be there, and are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The number of the first of them.
    pub first: u64,
    /// How many; `None` when nobody can tell: everything from there on.
    pub count: Option<u64>,
    /// Where in the file the trouble is.
    pub offset: u64,
    /// Why they are not there.
    pub why: Why,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The recorder dropped them. The reasons are those of all its losses up to there.
    Dropped(DropReasons),
    /// Their block is damaged, or was cut out of the file.
    Damaged,
    /// The file ends in the middle of a block.
    Truncated,
    /// The file ends without a footer, between two blocks: more may have followed.
    Unfinished,
    /// Their block has a codec that this version does not know.
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
                write!(f, "coded in a way this version does not know (codec {codec})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Missing, Why};
    use crate::DropReasons;

    #[test]
    fn a_hole_is_told_in_words() {
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

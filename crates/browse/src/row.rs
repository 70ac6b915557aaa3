//! The rows of the list: what is kept in memory of each line of a log.

use sysreel_inspect::calls::Ended;
use sysreel_inspect::print::LineKind;

/// How a call ended, or what a row is instead of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Returned,
    /// With this error number.
    Failed(u16),
    Restarts,
    Exited,
    Killed,
    Detached,
    Unfinished,
    /// Not a call.
    Item(LineKind),
}

/// Error numbers are below this (include/linux/err.h, MAX_ERRNO).
const MAX_ERRNO: u16 = 4095;
/// The first code of a call that neither returned nor failed.
const ENDS: u16 = 0xf000;
const OTHER_ENDS: [Outcome; 5] =
    [Outcome::Restarts, Outcome::Exited, Outcome::Killed, Outcome::Detached, Outcome::Unfinished];
/// The first code of what is not a call.
const ITEMS: u16 = 0xff00;

impl Outcome {
    pub(crate) fn of(ended: Ended) -> Self {
        match ended {
            Ended::Returned(_) => Self::Returned,
            Ended::Failed(errno, _) => {
                Self::Failed(u16::try_from(errno.0).unwrap_or(0).min(MAX_ERRNO))
            }
            Ended::Restarts => Self::Restarts,
            Ended::Exited => Self::Exited,
            Ended::Killed => Self::Killed,
            Ended::Detached => Self::Detached,
            _ => Self::Unfinished,
        }
    }

    /// Whether the call failed, or its task was killed in it.
    pub(crate) fn is_error(self) -> bool {
        matches!(self, Self::Failed(_) | Self::Killed)
    }

    /// A letter that tells it without color.
    pub(crate) fn mark(self) -> char {
        match self {
            Self::Returned => ' ',
            Self::Failed(_) => '!',
            Self::Restarts => '~',
            Self::Exited => '.',
            Self::Killed => 'x',
            Self::Detached | Self::Unfinished => '?',
            Self::Item(_) => '-',
        }
    }

    fn code(self) -> u16 {
        let at = |at: Option<usize>| at.and_then(|at| u16::try_from(at).ok()).unwrap_or(0);
        match self {
            Self::Returned => 0,
            // An error without a number is one all the same.
            Self::Failed(errno) => errno.saturating_add(1),
            Self::Item(kind) => ITEMS | at(LineKind::ALL.iter().position(|one| *one == kind)),
            other => ENDS | at(OTHER_ENDS.iter().position(|one| *one == other)),
        }
    }

    fn from_code(code: u16) -> Self {
        let other = |list: &[Self]| list.get(usize::from(code - ENDS)).copied();
        match code {
            0 => Self::Returned,
            ITEMS.. => {
                let kind = LineKind::ALL.get(usize::from(code - ITEMS));
                Self::Item(kind.copied().unwrap_or(LineKind::Other))
            }
            ENDS.. => other(&OTHER_ENDS).unwrap_or(Self::Unfinished),
            errno => Self::Failed(errno - 1),
        }
    }
}

/// What is kept of a line: where it is in the log, and what is asked of many lines at once. All
/// else is decoded when it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    first: [u8; 6],
    last: [u8; 6],
    pub(crate) task: u32,
    /// The open file description, by its ordinal in the log; 0 for none.
    pub(crate) object: u32,
    /// The name of the call, by its number in the index.
    pub(crate) name: u16,
    outcome: u16,
}

/// No event: that of the end of a call which is open at the end of the log.
pub(crate) const NEVER: u64 = u64::MAX;

/// The most event numbers that fit; the largest one means [`NEVER`].
const MOST: u64 = (1 << 48) - 1;

impl Row {
    pub(crate) fn new((first, last): (u64, u64), task: u32, name: u16, outcome: Outcome) -> Self {
        let pack = |number: u64| {
            let bytes = number.min(MOST).to_le_bytes();
            std::array::from_fn(|at| bytes[at])
        };
        let (first, last) = (pack(first), pack(last));
        Self { first, last, task, object: 0, name, outcome: outcome.code() }
    }

    /// The event at which the call began; the event of what is not a call.
    pub(crate) fn first(&self) -> u64 {
        unpack(self.first)
    }

    /// The event at which it ended; [`NEVER`] if it did not.
    pub(crate) fn last(&self) -> u64 {
        unpack(self.last)
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::from_code(self.outcome)
    }

    /// What kind of line it is.
    pub(crate) fn kind(&self) -> LineKind {
        match self.outcome() {
            Outcome::Item(kind) => kind,
            _ => LineKind::Call,
        }
    }
}

fn unpack(bytes: [u8; 6]) -> u64 {
    let mut all = [0; 8];
    all[..6].copy_from_slice(&bytes);
    match u64::from_le_bytes(all) {
        MOST => NEVER,
        number => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_small_and_keeps_all() {
        assert_eq!(size_of::<Row>(), 24);
        let kinds = LineKind::ALL.iter().filter(|kind| **kind != LineKind::Call);
        let others = kinds.map(|kind| Outcome::Item(*kind));
        let failed = [0, 1, MAX_ERRNO].map(Outcome::Failed);
        let all = OTHER_ENDS.into_iter().chain(others).chain(failed).chain([Outcome::Returned]);
        for outcome in all {
            let row = Row::new((1 << 40, NEVER), 7, 9, outcome);
            assert_eq!((row.first(), row.last()), (1 << 40, NEVER));
            assert_eq!(row.outcome(), outcome);
        }
    }
}

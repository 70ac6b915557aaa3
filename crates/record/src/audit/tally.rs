//! The figures of an audit.

use super::outputs::{Output, Outputs};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Why a call was not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Skipped {
    Shared,
    IoUring,
    NoReturn,
    Replaced,
    NoEntry,
    Unreadable,
    TooLarge,
}

impl Skipped {
    fn describe(self) -> &'static str {
        match self {
            Skipped::Shared => "memory shared with another task",
            Skipped::IoUring => "io_uring may write at any time",
            Skipped::NoReturn => "did not return",
            Skipped::Replaced => "execve replaced the memory",
            Skipped::NoEntry => "entry not seen",
            Skipped::Unreadable => "memory not readable",
            Skipped::TooLarge => "too much memory",
        }
    }
}

/// The figures of a running audit.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    judged: u64,
    names: BTreeSet<String>,
    skipped: BTreeMap<Skipped, u64>,
    /// Bytes that could not be compared: of a file that cannot be opened, or unreadable.
    pub(crate) not_compared: u64,
    pub(crate) findings: u64,
    pub(super) outputs: Outputs,
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Calls whose memory was compared.
    pub judged: u64,
    /// The number of different calls among them.
    pub names: u64,
    /// Reasons why calls were not checked, with the number of calls.
    pub skipped: Vec<(&'static str, u64)>,
    /// Bytes of checked calls that could not be compared.
    pub not_compared: u64,
    /// Changes that rows did not announce, and regions announced too long.
    pub findings: u64,
    /// Memory that rows announced as written by successful calls, and how often it changed.
    pub outputs: Vec<Output>,
}

impl Tally {
    pub(crate) fn count_checked(&mut self, name: &str) {
        self.judged += 1;
        if !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
    }

    pub(crate) fn count_skipped(&mut self, why: Skipped) {
        *self.skipped.entry(why).or_default() += 1;
    }

    pub(crate) fn finish(&self) -> Audited {
        Audited {
            judged: self.judged,
            names: self.names.len() as u64,
            skipped: self.skipped.iter().map(|(why, count)| (why.describe(), *count)).collect(),
            not_compared: self.not_compared,
            findings: self.findings,
            outputs: self.outputs.to_vec(),
        }
    }
}

impl fmt::Display for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped: u64 = self.skipped.iter().map(|(_, count)| count).sum();
        write!(f, "{} calls of {} names judged, {skipped} not judged", self.judged, self.names)?;
        for (i, (why, count)) in self.skipped.iter().enumerate() {
            write!(f, "{}{count} {why}", if i == 0 { " (" } else { ", " })?;
        }
        if !self.skipped.is_empty() {
            f.write_str(")")?;
        }
        if self.not_compared > 0 {
            write!(f, ", {} bytes that could not be compared", self.not_compared)?;
        }
        write!(f, ", {} findings", self.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_in_the_summary() {
        let mut tally = Tally { not_compared: 5, findings: 2, ..Tally::default() };
        tally.count_checked("read");
        tally.count_checked("read");
        tally.count_checked("write");
        for why in [Skipped::Replaced, Skipped::Shared, Skipped::Shared] {
            tally.count_skipped(why);
        }
        assert_eq!(
            tally.finish().to_string(),
            "3 calls of 2 names judged, 3 not judged (2 memory shared with another task, 1 execve \
             replaced the memory), 5 bytes that could not be compared, 2 findings"
        );
        assert_eq!(
            Tally::default().finish().to_string(),
            "0 calls of 0 names judged, 0 not judged, 0 findings"
        );
    }
}

//! The policy of a project: which differences are expected and why, which are forbidden, and which
//! properties every run must have.
//!
//! A policy is a TOML file kept in the repository. [`Policy::read`] parses it, [`Policy::judge`]
//! applies it to a [`Report`](super::Report) for `diff`, `baseline check` and `ab` alike.
//! docs/ci.md describes the file.

mod apply;
mod call_rules;
mod file;
mod matcher;
mod run_rules;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;
use sysreel_abi::Filter;

pub use apply::Facts;
pub(crate) use apply::prune;
pub use file::Lookup;
pub use matcher::Matcher;
pub(crate) use matcher::{RealNames, subject};

use super::Level;
use super::rule::Severity;
use call_rules::CallRule;
use matcher::Pattern;
use run_rules::{Budget, Sequence};

/// A day, written `2026-12-31` in policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day, from 1.
    pub day: u8,
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Date {
    /// Returns the day in UTC, `seconds` after the Unix epoch. Times after the year 9999, the
    /// last that jiff has, are its last day.
    #[must_use]
    pub fn from_unix_time(seconds: u64) -> Self {
        let at = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
        let date = Offset::UTC.to_datetime(at.unwrap_or(Timestamp::MAX));
        Self {
            year: date.year().unsigned_abs(),
            month: date.month().unsigned_abs(),
            day: date.day().unsigned_abs(),
        }
    }
}

/// A part of its surroundings that a baseline can be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPart {
    /// The machine: `x86_64`.
    Machine,
    /// The kernel release.
    Kernel,
    /// The build id of the C library.
    Libc,
    /// The name of the system image.
    Image,
}

impl KeyPart {
    /// All parts: the key of a baseline without a policy.
    pub const ALL: [Self; 4] = [Self::Machine, Self::Kernel, Self::Libc, Self::Image];
}

/// What an entry does with the differences that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// They are noise.
    Ignore,
    /// They are allowed.
    Allow,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignore => "ignore",
            Self::Allow => "allow",
        })
    }
}

/// An entry that takes differences out of a report.
#[derive(Clone, Debug)]
pub struct Exception {
    /// What the entry does with them.
    pub kind: Kind,
    /// Which differences it matches.
    pub matcher: Matcher,
    /// The reason given. Never empty for `ignore`.
    pub reason: String,
    /// The last day on which the entry applies.
    pub expires: Option<Date>,
    /// The line of the entry in the policy.
    pub line: usize,
}

/// Effects that are forbidden, even if both runs have them.
#[derive(Clone, Debug)]
pub struct Forbidden {
    matcher: Matcher,
    description: String,
}

/// A parsed policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The path it was read from; empty without a policy.
    pub path: PathBuf,
    /// Named directories.
    pub roots: Vec<(String, PathBuf)>,
    /// The least severity that fails.
    pub gate: Option<Severity>,
    /// How many failing differences are tolerated.
    pub tolerated: usize,
    /// The parts of its surroundings that a baseline is bound to; all of them if `None`.
    pub environment: Option<Vec<KeyPart>>,
    /// The entries for expected differences.
    pub exceptions: Vec<Exception>,
    forbidden: Vec<Forbidden>,
    budgets: Vec<Budget>,
    sequences: Vec<Sequence>,
    calls: Vec<CallRule>,
    secrets: Vec<Pattern>,
}

impl Policy {
    /// Returns the parts of its surroundings that a baseline is bound to.
    #[must_use]
    pub fn key(&self) -> &[KeyPart] {
        self.environment.as_deref().unwrap_or(&KeyPart::ALL)
    }

    /// Returns the filters with which a run must be read to check every entry.
    #[must_use]
    pub fn filters(&self) -> Vec<Filter> {
        self.calls.iter().map(|rule| rule.filter.clone()).collect()
    }

    /// Returns the level at which a run must be read to check every entry.
    #[must_use]
    pub fn level(&self) -> Level {
        if self.budgets.is_empty() && self.sequences.is_empty() {
            Level::Effects
        } else {
            Level::Sequence
        }
    }

    /// Formats a place in the policy: `ci.toml:12`.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

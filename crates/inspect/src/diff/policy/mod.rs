//! What a project says about differences: which are expected and why, which never may be, what must
//! hold whatever the other run did.
//!
//! A policy is a TOML file that is committed. [`Policy::read`] understands it, [`Policy::judge`]
//! applies it to a [`Report`](super::Report): the one place for `diff`, `baseline check` and `ab`.
//! docs/ci.md says what can stand in it.

mod apply;
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

pub use apply::Facts;
pub(crate) use apply::prune;
pub use file::Lookup;
pub use matcher::Matcher;

use super::Level;
use super::rule::Severity;
use matcher::Pattern;
use run_rules::{Budget, Sequence};

/// A day, as policies write it: `2026-12-31`.
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
    /// Returns the day in UTC, from seconds since 1970. Later times than jiff
    /// knows (the year 9999) are the last day that it does.
    #[must_use]
    pub fn of_unix_time(seconds: u64) -> Self {
        let at = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
        let date = Offset::UTC.to_datetime(at.unwrap_or(Timestamp::MAX));
        Self {
            year: date.year().unsigned_abs(),
            month: date.month().unsigned_abs(),
            day: date.day().unsigned_abs(),
        }
    }
}

/// Which parts of its surroundings a run is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPart {
    /// The machine: `x86_64`.
    Machine,
    /// The kernel's release.
    Kernel,
    /// The build id of the C library.
    Libc,
    /// The name of the system's image.
    Image,
}

impl KeyPart {
    /// All: what a baseline is bound to where no policy says otherwise.
    pub const ALL: [Self; 4] = [Self::Machine, Self::Kernel, Self::Libc, Self::Image];
}

/// What an entry does with the differences that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// They are noise.
    Ignore,
    /// They may be.
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

/// An entry that takes differences out.
#[derive(Clone, Debug)]
pub struct Exception {
    /// What it does with them.
    pub kind: Kind,
    /// Which they are.
    pub matcher: Matcher,
    /// Why. Never empty where something is ignored.
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Option<Date>,
    /// Where it stands in the policy.
    pub line: usize,
}

/// Effects that may not be, whatever the other run did.
#[derive(Clone, Debug)]
pub struct Forbidden {
    matcher: Matcher,
    because: String,
}

/// What a project says about differences.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Where it was read; empty for none.
    pub path: PathBuf,
    /// Directories that have names.
    pub roots: Vec<(String, PathBuf)>,
    /// The severity that fails.
    pub gate: Option<Severity>,
    /// How many differences at the gate do not fail yet.
    pub tolerated: usize,
    /// What a baseline is bound to.
    pub environment: Option<Vec<KeyPart>>,
    /// What is expected.
    pub exceptions: Vec<Exception>,
    forbidden: Vec<Forbidden>,
    budgets: Vec<Budget>,
    sequences: Vec<Sequence>,
    secrets: Vec<Pattern>,
}

impl Policy {
    /// The parts of its surroundings that a baseline is bound to.
    #[must_use]
    pub fn key(&self) -> &[KeyPart] {
        self.environment.as_deref().unwrap_or(&KeyPart::ALL)
    }

    /// How closely a run must be read for all that it says.
    #[must_use]
    pub fn level(&self) -> Level {
        if self.budgets.is_empty() && self.sequences.is_empty() {
            Level::Effects
        } else {
            Level::Sequence
        }
    }

    /// `ci.toml:12`.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

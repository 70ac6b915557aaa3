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
    /// The day (UTC) that many seconds after the beginning of 1970.
    #[must_use]
    pub fn of_unix_time(seconds: u64) -> Self {
        // Years are counted from March on, so that the odd day stands at their end; 400 of them
        // have 146,097 days.
        let days = seconds / 86_400 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let small = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        Self { year: u16::try_from(year).unwrap_or(u16::MAX), month: small(month), day: small(day) }
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

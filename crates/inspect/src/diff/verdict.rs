//! The result of a comparison after the policy and repeated runs were applied. All formats are
//! written from it.

use serde::Serialize;

use super::context::Around;
use super::policy::Kind;
use super::report::{Difference, Report};
use super::rule::Severity;

/// Differences that an entry of the policy took out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excepted {
    /// What the entry does with them.
    pub kind: Kind,
    /// Its place in the policy: `ci.toml:12`.
    pub place: String,
    /// The reason given.
    pub reason: String,
    /// How many differences it took out.
    pub count: usize,
}

/// A difference that occurs in some repetitions only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unstable {
    /// The difference, without its consequences.
    pub difference: Difference,
    /// How many repetitions have it.
    pub seen: usize,
    /// The number of repetitions.
    pub of: usize,
}

/// A report with the gate and what was taken out of it.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The differences that are left.
    #[serde(flatten)]
    pub report: Report,
    /// The least severity that fails.
    pub gate: Severity,
    /// The least severity that the text format lists; below it differences are counted.
    #[serde(skip)]
    pub listed: Severity,
    /// The calls around the first difference, if they were read.
    #[serde(skip)]
    pub first: Option<Around>,
    /// How many failing differences are tolerated.
    pub tolerated: usize,
    /// What the policy took out.
    pub excepted: Vec<Excepted>,
    /// Messages about the policy: entries that match nothing or have expired.
    pub notices: Vec<String>,
    /// Differences that did not recur when the runs were repeated.
    pub unstable: Vec<Unstable>,
    /// Learned noise of the baseline that occurred again, one line each with its evidence.
    pub noise: Vec<String>,
}

impl Verdict {
    /// Returns the verdict on a report without policy or repetitions.
    #[must_use]
    pub fn new(report: Report, gate: Severity) -> Self {
        let (excepted, notices, unstable, noise) = Default::default();
        Self {
            report,
            gate,
            listed: gate,
            first: None,
            tolerated: 0,
            excepted,
            notices,
            unstable,
            noise,
        }
    }

    /// Returns the differences at or above the gate.
    pub fn failing(&self) -> impl Iterator<Item = &Difference> {
        self.report.at_least(self.gate)
    }

    /// Whether no more differences fail than are tolerated.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.failing().count() <= self.tolerated
    }
}

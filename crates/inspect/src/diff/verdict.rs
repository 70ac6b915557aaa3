//! What becomes of a report once a policy and repeated runs have had their say. Every format is
//! made of this.

use serde::Serialize;

use super::context::Around;
use super::policy::Kind;
use super::report::{Difference, Report};
use super::rule::Severity;

/// Differences that an entry of the policy has taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excepted {
    /// What the entry does.
    pub kind: Kind,
    /// Where it stands: `ci.toml:12`.
    pub place: String,
    /// Why.
    pub reason: String,
    /// How many differences it has taken out.
    pub count: usize,
}

/// A difference that some repetitions show and others do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unstable {
    /// The difference, alone.
    pub difference: Difference,
    /// How many repetitions show it.
    pub seen: usize,
    /// How many there were.
    pub of: usize,
}

/// What is made of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The differences that are left.
    #[serde(flatten)]
    pub report: Report,
    /// The severity from which on a difference fails.
    pub gate: Severity,
    /// The severity from which on a text lists differences; the others are counted.
    #[serde(skip)]
    pub listed: Severity,
    /// Where the first of them shows, if somebody has looked.
    #[serde(skip)]
    pub first: Option<Around>,
    /// How many such differences do not fail yet.
    pub tolerated: usize,
    /// What the policy has taken out.
    pub excepted: Vec<Excepted>,
    /// What is to be said about the policy itself: entries that are of no use, or have expired.
    pub notices: Vec<String>,
    /// What did not come back when the runs were repeated.
    pub unstable: Vec<Unstable>,
    /// Noise that the baseline has learned and that was there again, a line each with its evidence.
    pub noise: Vec<String>,
}

impl Verdict {
    /// What a report means where nobody has anything to say about it.
    #[must_use]
    pub fn of(report: Report, gate: Severity) -> Self {
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

    /// The differences that the gate sees.
    pub fn failing(&self) -> impl Iterator<Item = &Difference> {
        self.report.at_least(self.gate)
    }

    /// Whether the gate lets them through.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.failing().count() <= self.tolerated
    }
}

//! What a comparison answers. Every format is made of this.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rule::{Rule, Severity};
use super::run::{CountedOnly, Environment, Run};
use crate::Findings;

/// One of the two logs.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// The log.
    pub log: String,
    /// Where it was recorded.
    pub environment: Environment,
    /// What it cannot show, in words.
    pub completeness: Vec<&'static str>,
    /// Whether all of it was there.
    pub whole: bool,
    /// How many events it has.
    pub events: u64,
    /// How many processes.
    pub processes: usize,
    /// What is missing of it.
    #[serde(skip)]
    pub findings: Findings,
}

/// Which way a difference goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// In the second run only.
    Added,
    /// In the first run only.
    Removed,
    /// In both, but not the same.
    Changed,
}

impl Change {
    /// The same seen from the other side.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Added => Self::Removed,
            Self::Removed => Self::Added,
            Self::Changed => Self::Changed,
        }
    }
}

/// One difference: one cause, whatever follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its kind.
    pub rule: Rule,
    /// How much it matters: the rule's own severity, or what the place makes of it.
    pub severity: Severity,
    /// Which way it goes.
    pub change: Change,
    /// Where in the process tree: `make>gcc>cc1`.
    pub process: String,
    /// The program that did it.
    pub role: String,
    /// What it is about, by canonical names; together with the rule it is the difference's
    /// identity.
    pub what: String,
    /// How it was in the first run, where both have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// How it is in the second run, where both have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// An event of each log to look at.
    pub events: [Option<u64>; 2],
    /// What follows from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<Difference>,
}

impl Difference {
    /// The highest severity of it and what follows from it.
    #[must_use]
    pub fn gravest(&self) -> Severity {
        self.consequences.iter().map(Self::gravest).fold(self.severity, Ord::max)
    }

    /// How many differences it stands for.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + self.consequences.iter().map(Self::size).sum::<usize>()
    }
}

/// Calls that were not compared one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CountedOnlyCount {
    /// Why.
    pub class: &'static str,
    /// How many there are in the first and the second run.
    pub calls: [u64; 2],
}

/// Where every event of a run went: each is in exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// All events.
    pub events: u64,
    /// All calls, of two events each: `muted`, `same`, `different`, `moved`, `gave_up` and `unseen`
    /// together.
    pub calls: u64,
    /// Calls that are counted by class only.
    #[serde(rename = "muted")]
    pub counted_only: u64,
    /// Calls that have their like in the other run.
    pub same: u64,
    /// Calls that have not.
    pub different: u64,
    /// Calls that have it in another place.
    pub moved: u64,
    /// Calls that could not be compared within the budget.
    pub gave_up: u64,
    /// Calls that do not count at the chosen level.
    pub unseen: u64,
    /// Events that are no ended calls: tasks, snapshots, signals, calls without end.
    pub others: u64,
}

/// How long one call takes, in the first and the second run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Time {
    /// Its name.
    pub call: String,
    /// How often.
    pub count: [u64; 2],
    /// All together, in nanoseconds.
    pub total_ns: [u64; 2],
    /// Half of them took no longer, to a factor of two.
    pub median_ns: [u64; 2],
    /// All but one in a hundred took no longer, to a factor of two.
    pub p99_ns: [u64; 2],
}

/// What a comparison answers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this structure, for those who read it as JSON.
    pub schema: u32,
    /// The two logs.
    pub sides: [Side; 2],
    /// Why the two cannot be compared, if so.
    pub incomparable: Vec<String>,
    /// The differences, the gravest first.
    pub differences: Vec<Difference>,
    /// What was not compared one by one.
    #[serde(rename = "muted")]
    pub counted_only: Vec<CountedOnlyCount>,
    /// Where the calls of each run went.
    pub accounts: [Account; 2],
    /// How long calls take, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Time>,
}

impl Report {
    /// The version of the structure.
    pub const SCHEMA: u32 = 1;

    pub(crate) fn of(
        a: &Run,
        b: &Run,
        incomparable: Vec<String>,
        differences: Vec<Difference>,
        accounts: [Account; 2],
        times: Vec<Time>,
    ) -> Self {
        let classes: BTreeMap<CountedOnly, [u64; 2]> = CountedOnly::ALL
            .into_iter()
            .map(|class| {
                (class, [a, b].map(|run| run.counted_only.get(&class).copied().unwrap_or(0)))
            })
            .collect();
        let counted_only = classes
            .into_iter()
            .filter(|(_, calls)| *calls != [0, 0])
            .map(|(class, calls)| CountedOnlyCount { class: class.name(), calls })
            .collect();
        let sides = [side(a), side(b)];
        let schema = Self::SCHEMA;
        let mut report =
            Self { schema, sides, incomparable, differences, counted_only, accounts, times };
        report.sort();
        report
    }

    /// The gravest first.
    pub(crate) fn sort(&mut self) {
        self.differences.sort_by(|x, y| {
            let key = |d: &Difference| (std::cmp::Reverse(d.gravest()), d.rule, d.change);
            (key(x), &x.process, &x.what).cmp(&(key(y), &y.process, &y.what))
        });
    }

    /// The differences that a gate sees.
    pub fn at_least(&self, gate: Severity) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(move |difference| difference.gravest() >= gate)
    }

    /// Whether both logs are whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.sides.iter().all(|side| side.whole)
    }
}

fn side(run: &Run) -> Side {
    use sysreel_format::Completeness;
    Side {
        log: run.path.display().to_string(),
        environment: run.environment.clone(),
        completeness: run.completeness.names().collect(),
        whole: run.findings.is_whole() && !run.completeness.contains(Completeness::LOST_EVENTS),
        events: run.findings.events,
        processes: run.processes.len(),
        findings: run.findings.clone(),
    }
}

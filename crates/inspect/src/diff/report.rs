//! The result of a comparison, from which all output formats are made.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::effect::Effect;
use super::later::is_used_later;
use super::rule::{Rule, Severity};
use super::run::{CountedOnly, Environment, Run};
use crate::Findings;

/// One of the two logs.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// The path of the log, the first if there are several.
    pub log: String,
    /// The paths of all logs, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<String>,
    /// The surroundings in which it was recorded.
    pub environment: Environment,
    /// What the log does not contain, in words.
    pub completeness: Vec<&'static str>,
    /// Whether the log is complete.
    pub whole: bool,
    /// The number of events.
    pub events: u64,
    /// The number of processes.
    pub processes: usize,
    /// What is missing or damaged in the log.
    #[serde(skip)]
    pub findings: Findings,
}

/// The direction of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// In the second run only.
    Added,
    /// In the first run only.
    Removed,
    /// In both runs, but not the same.
    Changed,
}

impl Change {
    /// Returns the change with the two runs exchanged.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Added => Self::Removed,
            Self::Removed => Self::Added,
            Self::Changed => Self::Changed,
        }
    }
}

/// A difference with its consequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The rule that it falls under.
    pub rule: Rule,
    /// How much it matters: the severity of the rule, adjusted for the place or the result.
    pub severity: Severity,
    /// The direction.
    pub change: Change,
    /// The place in the process tree: `make>gcc>cc1`.
    pub process: String,
    /// The program that causes it.
    pub role: String,
    /// What it is about, in canonical names. Together with the rule it identifies the difference.
    pub what: String,
    /// The value in the first run, if both runs have one.
    pub before: Option<String>,
    /// The value in the second run, if both runs have one.
    pub after: Option<String>,
    /// Both as they are shown without secrets, if that is more than what
    /// [`masked`](crate::diff::mask::masked) knows: all values of variables are secret.
    pub without_secrets: Option<Box<[String; 2]>>,
    /// The effect that it is about, if it is about one: what `what` says, as a value. Its result
    /// is `ok` where the results differ.
    pub effect: Option<Box<Effect>>,
    /// The bytes or lines of small contents that differ, as a diff.
    pub content: Vec<String>,
    /// An event of each log that shows the difference.
    pub events: [Option<u64>; 2],
    /// The differences that follow from this one.
    pub consequences: Vec<Difference>,
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'d> {
            rule: Rule,
            severity: Severity,
            gravest: Severity,
            change: Change,
            process: &'d str,
            role: &'d str,
            what: &'d str,
            #[serde(skip_serializing_if = "Option::is_none")]
            before: Option<&'d str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            after: Option<&'d str>,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            content: &'d [String],
            events: [Option<u64>; 2],
            #[serde(skip_serializing_if = "<[Difference]>::is_empty")]
            consequences: &'d [Difference],
        }
        let Self { rule, severity, change, process, role, what, before, after, .. } = self;
        let shown = Shown {
            rule: *rule,
            severity: *severity,
            gravest: self.gravest(),
            change: *change,
            process,
            role,
            what,
            before: before.as_deref(),
            after: after.as_deref(),
            content: &self.content,
            events: self.events,
            consequences: &self.consequences,
        };
        shown.serialize(to)
    }
}

impl Difference {
    /// Returns the highest severity of the difference and its consequences.
    #[must_use]
    pub fn gravest(&self) -> Severity {
        self.consequences.iter().map(Self::gravest).fold(self.severity, Ord::max)
    }

    /// Returns its place among equally grave ones: first a file that others run or trust later,
    /// last how a process ends, which is what comes of something else.
    fn place(&self) -> u8 {
        match self.rule {
            Rule::RunIncomplete => 0,
            _ if self.makes_later_code() => 1,
            Rule::ExitStatus | Rule::ExitSignal => 3,
            _ => 2,
        }
    }

    /// Whether a write or a rename of it makes a file that is used later.
    fn makes_later_code(&self) -> bool {
        let makes = matches!(self.rule, Rule::FsWriteNew | Rule::FsRenameNew);
        let name = || self.effect.as_ref().map(|effect| effect.resource.last());
        makes && self.severity == Severity::Error && name().is_some_and(is_used_later)
            || self.consequences.iter().any(Self::makes_later_code)
    }

    /// Gives it the effect that its text says.
    #[cfg(test)]
    pub(crate) fn with_effect(mut self) -> Self {
        let is_errno = |word: &str| word.starts_with('E') && self.rule != Rule::ErrChanged;
        let ended = if self.what.rsplit(' ').next().is_some_and(is_errno) { "" } else { " ok" };
        let resource = if self.what.contains(' ') { "" } else { " -" };
        let line = format!("{} {}{resource}{ended}", self.role, self.what);
        self.effect = line.parse().ok().map(Box::new);
        self
    }

    /// Returns the number of differences in it: itself and all consequences.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + self.consequences.iter().map(Self::size).sum::<usize>()
    }
}

/// The calls of one class that were counted and not compared one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CountedOnlyCount {
    /// The class.
    pub class: &'static str,
    /// The number of calls in the first and the second run.
    pub calls: [u64; 2],
}

/// An account of all events of a run: each event is counted in exactly one field below `calls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The number of events.
    pub events: u64,
    /// The number of completed calls, of two events each: the sum of `muted`, `same`, `different`,
    /// `moved`, `gave_up` and `unseen`.
    pub calls: u64,
    /// Calls that were counted by class only.
    #[serde(rename = "muted")]
    pub counted_only: u64,
    /// Calls with a counterpart in the other run.
    pub same: u64,
    /// Calls without a counterpart.
    pub different: u64,
    /// Calls with a counterpart in another place.
    pub moved: u64,
    /// Calls that could not be compared within the budget.
    pub gave_up: u64,
    /// Calls that are not compared at the chosen level.
    pub unseen: u64,
    /// Events that do not belong to a completed call: tasks, snapshots, signals, calls without an
    /// exit.
    pub others: u64,
}

/// How long one kind of call takes in the first and the second run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Time {
    /// The name of the call.
    pub call: String,
    /// The number of calls.
    pub count: [u64; 2],
    /// The total time, in nanoseconds.
    pub total_ns: [u64; 2],
    /// The median, in nanoseconds, rounded down to a power of two.
    pub median_ns: [u64; 2],
    /// The 99th percentile, in nanoseconds, rounded down to a power of two.
    pub p99_ns: [u64; 2],
}

/// The result of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this structure in JSON.
    pub schema: u32,
    /// The two logs.
    pub sides: [Side; 2],
    /// Reasons why the two logs cannot be compared.
    pub incomparable: Vec<String>,
    /// What the programs did that the logs do not show, although the rest was compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
    /// The differences, the gravest first.
    pub differences: Vec<Difference>,
    /// Names that the runs made up and that were compared as one, in pairs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub made_up: Vec<[String; 2]>,
    /// The calls that were counted by class only.
    #[serde(rename = "muted")]
    pub counted_only: Vec<CountedOnlyCount>,
    /// An account of the events of each run.
    pub accounts: [Account; 2],
    /// How long calls take, at level `timing`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Time>,
}

impl Report {
    /// The version of the JSON structure.
    pub const SCHEMA: u32 = 1;

    pub(crate) fn new(
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
        let mut report = Self {
            schema,
            sides,
            incomparable,
            unseen: Vec::new(),
            differences,
            made_up: Vec::new(),
            counted_only,
            accounts,
            times,
        };
        report.sort();
        report
    }

    /// Sorts the differences, the gravest first.
    pub(crate) fn sort(&mut self) {
        self.differences.sort_by(|x, y| {
            let key = |d: &Difference| (Reverse(d.gravest()), d.place(), d.rule, d.change);
            (key(x), &x.process, &x.what).cmp(&(key(y), &y.process, &y.what))
        });
    }

    /// Returns the differences of at least this severity.
    pub fn at_least(&self, gate: Severity) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(move |difference| difference.gravest() >= gate)
    }

    /// Whether both logs are complete.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.sides.iter().all(|side| side.whole)
    }
}

fn side(run: &Run) -> Side {
    use sysreel_format::Completeness;
    Side {
        log: run.path.display().to_string(),
        logs: Vec::new(),
        environment: run.environment.clone(),
        completeness: run.completeness.names().collect(),
        whole: run.findings.is_whole() && !run.completeness.contains(Completeness::LOST_EVENTS),
        events: run.findings.events,
        processes: run.processes.len(),
        findings: run.findings.clone(),
    }
}

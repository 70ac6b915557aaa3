//! The differences as the text format lists them: which, in which order, and in which words.

use super::fold::folded;
use super::lines::{consequence_line, line, top_consequences, with_spaces};
use crate::diff::report::{Change, Difference};
use crate::diff::rule::{Rule, Severity};
use crate::diff::verdict::Verdict;

/// How many consequences of a difference are listed; the others are counted.
const CONSEQUENCES: usize = 5;

/// A difference in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The highest severity of the difference and its consequences.
    pub severity: Severity,
    /// The place in the process tree: `make>gcc>cc1`.
    pub process: String,
    /// The direction.
    pub change: Change,
    /// The rule that it falls under.
    pub rule: Rule,
    /// What it is about.
    pub text: String,
    /// An event of each log that shows the difference.
    pub events: [Option<u64>; 2],
    /// The bytes or lines of small contents that differ, as a diff.
    pub content: Vec<String>,
    /// The consequences that are listed.
    pub consequences: Vec<(Change, String)>,
    /// How many consequences are not.
    pub more: usize,
}

impl Change {
    /// Returns the sign before a difference: `+`, `-` or `~`.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }
}

/// Returns the differences that the text format lists, in its order: the gravest first, those of a
/// process together.
#[must_use]
pub fn findings(verdict: &Verdict) -> Vec<Finding> {
    let verdict = &*folded(verdict);
    let severities = Severity::ALL.into_iter().rev().filter(|severity| *severity >= verdict.listed);
    let of =
        |severity| verdict.report.differences.iter().filter(move |one| one.gravest() == severity);
    severities.flat_map(of).map(finding).collect()
}

fn finding(difference: &Difference) -> Finding {
    let text = line(difference);
    let (follow, more) = top_consequences(difference, CONSEQUENCES);
    Finding {
        severity: difference.gravest(),
        process: with_spaces(&difference.process),
        change: difference.change,
        rule: difference.rule,
        // Without its sign.
        text: text.split_once(' ').map_or(&*text, |(_, text)| text).to_owned(),
        events: difference.events,
        content: difference.content.clone(),
        consequences: follow.iter().map(|one| (one.change, consequence_line(one))).collect(),
        more,
    }
}

//! Rules about calls that an expression of the filter language chooses.

use sysreel_abi::Filter;

use super::run_rules::Scope;
use crate::diff::compare::place;
use crate::diff::report::{Change, Difference};
use crate::diff::rule::Rule;
use crate::diff::run::{Match, Run};

/// How many calls may match an expression in each range: none, where it is forbidden.
#[derive(Clone, Debug)]
pub(super) struct CallRule {
    pub(super) filter: Filter,
    pub(super) scope: Scope,
    pub(super) max: u64,
    /// The rule of the difference: [`Rule::PolicyForbid`] or [`Rule::PolicyBudget`].
    pub(super) rule: Rule,
    pub(super) description: String,
}

impl CallRule {
    /// Returns a notice if the scope is empty, so that the entry limits nothing.
    pub(super) fn notice(&self, run: &Run) -> Option<String> {
        let idle = self.scope.ranges(run).is_empty();
        idle.then(|| format!("{}: {} is not in the run", self.description, self.scope))
    }

    /// Returns a difference for the first range with more calls than allowed. `at` is the place of
    /// the filter among those that the run was read with.
    pub(super) fn check(&self, run: &Run, at: usize) -> Option<Difference> {
        let (found, more) = run.matching.get(at)?;
        self.scope.ranges(run).into_iter().find_map(|(from, to)| {
            let is_within = |found: &&Match| from <= found.event && found.event < to;
            let within: Vec<&Match> = found.iter().filter(is_within).collect();
            // What had no room is counted for the last range.
            let more = if to == u64::MAX { *more } else { 0 };
            let count = u64::try_from(within.len()).unwrap_or(u64::MAX);
            let count = count.saturating_add(more);
            if count <= self.max {
                return None;
            }
            let over = usize::try_from(self.max).unwrap_or(usize::MAX);
            let first = within.get(over).or(within.last())?;
            let role = usize::try_from(first.process.0).ok().and_then(|at| run.processes.get(at));
            let calls = if count == 1 { "call" } else { "calls" };
            Some(Difference {
                before: Some(match self.max {
                    0 => format!("no call where {}", self.filter),
                    max => format!("at most {max} where {}", self.filter),
                }),
                after: Some(format!("{count} {calls}")),
                events: [None, Some(first.event)],
                process: place(run, first.process),
                role: role.map_or_else(|| "-".to_owned(), |process| process.role().to_owned()),
                ..Difference::new(self.rule, Change::Changed, self.description.clone())
            })
        })
    }
}

//! Rules about the order and the number of a run's operations, over the whole run or from one mark
//! to the next.

use std::fmt;
use std::str::FromStr;

use super::matcher::{Pattern, RealNames};
use crate::diff::effect::Op;
use crate::diff::report::{Change, Difference};
use crate::diff::resource::Resource;
use crate::diff::rule::Rule;
use crate::diff::run::{Run, result};
use crate::state::ProcessId;

/// The part of a run that a rule applies to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// The whole run.
    #[default]
    Run,
    /// From each mark of this name to the next mark of any name, set by any process.
    Mark(String),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("mark:") {
            Some(name) if !name.is_empty() => Ok(Self::Mark(name.to_owned())),
            _ if text == "run" => Ok(Self::Run),
            _ => Err(format!("invalid scope `{text}`: expected run or mark:NAME")),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("run"),
            Self::Mark(name) => write!(f, "mark:{name}"),
        }
    }
}

impl Scope {
    /// Returns the event ranges in scope: the first event of each, and the event that ends it.
    pub(super) fn ranges(&self, run: &Run) -> Vec<(u64, u64)> {
        let Self::Mark(name) = self else { return vec![(0, u64::MAX)] };
        let ends = run.marks.iter().skip(1).map(|mark| mark.event).chain([u64::MAX]);
        let marks = run.marks.iter().zip(ends).filter(|(mark, _)| mark.name == *name);
        marks.map(|(mark, end)| (mark.event, end)).collect()
    }
}

/// The operation of a step. `open` is not one of the effects in [`Op`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepOp {
    Open,
    Op(Op),
}

impl FromStr for StepOp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "open" {
            return Ok(Self::Open);
        }
        let op = Op::ALL.iter().copied().find(|op| op.name() == text);
        op.map(Self::Op).ok_or_else(|| {
            format!("unknown operation `{text}`: expected open or an operation from docs/diff.md")
        })
    }
}

impl fmt::Display for StepOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Op(op) => op.fmt(f),
        }
    }
}

#[derive(Debug)]
struct StepKind {
    role: String,
    op: StepOp,
    resource: Resource,
    result: String,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    event: u64,
    process: ProcessId,
    /// An index into [`RunSteps::kinds`].
    kind: usize,
    /// How many calls the step consists of, without failed attempts.
    calls: u32,
}

/// The steps of all tasks, in the order in which they ended.
pub(super) struct RunSteps<'r> {
    run: &'r Run,
    kinds: Vec<StepKind>,
    steps: Vec<Step>,
}

impl<'r> RunSteps<'r> {
    pub(super) fn new(run: &'r Run) -> Self {
        let kinds = run.streams.operations.iter().map(|(role, operation)| StepKind {
            role: run.name(*role).to_owned(),
            op: if operation.opens { StepOp::Open } else { StepOp::Op(operation.op) },
            resource: run.resource(operation),
            result: result(operation.errno),
        });
        let kinds: Vec<StepKind> = kinds.collect();
        let mut steps = Vec::new();
        for stream in &run.streams.all {
            for step in &stream.steps {
                let kind = usize::try_from(step.operation).ok().filter(|kind| *kind < kinds.len());
                let process = stream.process;
                steps.extend(kind.map(|kind| Step {
                    event: step.event,
                    process,
                    kind,
                    calls: step.calls,
                }));
            }
        }
        steps.sort_by_key(|step| step.event);
        Self { run, kinds, steps }
    }

    fn real(&self) -> RealNames<'r> {
        RealNames::of(self.run)
    }

    /// Returns the steps between two events.
    fn between(&self, (from, to): (u64, u64)) -> &[Step] {
        let first = self.steps.partition_point(|step| step.event <= from);
        let end = self.steps.partition_point(|step| step.event < to);
        self.steps.get(first..end).unwrap_or_default()
    }

    /// Returns for each kind whether `matches` accepts it.
    fn matching(&self, matches: impl Fn(&StepKind) -> bool) -> Vec<bool> {
        self.kinds.iter().map(matches).collect()
    }

    fn role(&self, step: &Step) -> String {
        self.kinds.get(step.kind).map_or_else(|| "-".to_owned(), |kind| kind.role.clone())
    }

    fn place(&self, step: &Step) -> String {
        crate::diff::compare::place(self.run, step.process)
    }
}

/// An item of a sequence: an operation and its resource.
#[derive(Clone, Debug)]
pub(super) struct Item {
    op: StepOp,
    resource: Option<Pattern>,
    text: String,
}

impl Item {
    fn matches(&self, kind: &StepKind, real: RealNames<'_>) -> bool {
        self.op == kind.op
            && kind.result == "ok"
            && self
                .resource
                .as_ref()
                .is_none_or(|pattern| pattern.matches_any(&kind.resource, real))
    }
}

/// Parses `write($WS/a b) sync rename`.
pub(super) fn parse_items(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let word = rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len());
        let (name, after) = rest.split_at(word);
        let (resource, after) = match after.strip_prefix('(') {
            None => (None, after),
            Some(inside) => {
                let (inside, after) =
                    inside.split_once(')').ok_or_else(|| format!("missing `)` in `{rest}`"))?;
                (Some(inside.trim()), after)
            }
        };
        items.push(Item {
            op: name.parse()?,
            resource: resource.map(Pattern::new).transpose()?,
            text: resource
                .map_or_else(|| name.to_owned(), |resource| format!("{name}({resource})")),
        });
        rest = after.trim_start();
    }
    if items.is_empty() {
        Err("empty `sequence`: list operations, as in \"write sync rename\"".to_owned())
    } else {
        Ok(items)
    }
}

/// Operations that must come in this order, in each range. Steps that match no item may come
/// anywhere.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) scope: Scope,
    pub(super) items: Vec<Item>,
    pub(super) description: String,
}

impl Sequence {
    /// Returns a difference for the first range in which the order is broken.
    pub(super) fn check(&self, run: &RunSteps<'_>) -> Option<Difference> {
        let ranges = self.scope.ranges(run.run);
        if ranges.is_empty() {
            return Some(self.violation(format!("{} is not in the run", self.scope)));
        }
        let matching: Vec<Vec<bool>> = self
            .items
            .iter()
            .map(|item| run.matching(|kind| item.matches(kind, run.real())))
            .collect();
        ranges.into_iter().find_map(|range| {
            let mut matched: Vec<(usize, &Step)> = Vec::new();
            for step in run.between(range) {
                // A step may match several items: the next one is tried first, then the last one
                // again, then any other.
                let due = matched.last().map_or(0, |(last, _)| last + 1);
                let order = [due, due.wrapping_sub(1)].into_iter().chain(0..self.items.len());
                let is = |at: &usize| {
                    matching.get(*at).and_then(|kinds| kinds.get(step.kind)) == Some(&true)
                };
                let found = order.into_iter().find(is);
                matched.extend(
                    found
                        .filter(|at| matched.last().is_none_or(|(last, _)| last != at))
                        .map(|at| (at, step)),
                );
            }
            let wrong = matched
                .iter()
                .enumerate()
                .find(|(at, (item, _))| at != item)
                .map(|(_, (_, step))| *step);
            if wrong.is_none() && matched.len() == self.items.len() {
                return None;
            }
            let shown: Vec<String> = matched
                .iter()
                .filter_map(|(_, step)| run.kinds.get(step.kind))
                .map(StepKind::to_string)
                .collect();
            let shown = if shown.is_empty() { "none of them".to_owned() } else { shown.join(" ") };
            let mut difference = self.violation(shown);
            difference.events[1] = Some(range.0);
            // The step that breaks the order, or the last one before items are missing.
            if let Some(step) = wrong.or(matched.last().map(|(_, step)| *step)) {
                difference.events[1] = Some(step.event);
                (difference.process, difference.role) = (run.place(step), run.role(step));
            }
            Some(difference)
        })
    }

    fn violation(&self, after: String) -> Difference {
        let expected: Vec<&str> = self.items.iter().map(|item| item.text.as_str()).collect();
        Difference {
            before: Some(expected.join(" ")),
            after: Some(after),
            ..Difference::new(Rule::PolicyAssert, Change::Changed, self.description.clone())
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.op, self.resource)
    }
}

/// How often something may happen in each range.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    pub(super) scope: Scope,
    pub(super) role: Option<Pattern>,
    pub(super) op: Option<StepOp>,
    pub(super) resource: Option<Pattern>,
    pub(super) result: Option<String>,
    pub(super) max: u64,
    pub(super) description: String,
}

impl Budget {
    /// Returns a notice if the scope is empty, so that the budget limits nothing.
    pub(super) fn notice(&self, run: &Run) -> Option<String> {
        let idle = self.scope.ranges(run).is_empty();
        idle.then(|| format!("{}: {} is not in the run", self.description, self.scope))
    }

    /// Returns a difference for the first range that exceeds the budget.
    pub(super) fn check(&self, run: &RunSteps<'_>) -> Option<Difference> {
        let kinds = run.matching(|kind| self.matches(kind, run.real()));
        self.scope.ranges(run.run).into_iter().find_map(|range| {
            let (mut count, mut over) = (0, None);
            for step in run.between(range).iter().filter(|step| kinds.get(step.kind) == Some(&true))
            {
                count += u64::from(step.calls);
                if count > self.max {
                    over.get_or_insert(step);
                }
            }
            over.map(|step| Difference {
                before: Some(format!("at most {}", self.max)),
                after: Some(count.to_string()),
                events: [None, Some(step.event)],
                process: run.place(step),
                role: run.role(step),
                ..Difference::new(Rule::PolicyBudget, Change::Changed, self.description.clone())
            })
        })
    }

    fn matches(&self, kind: &StepKind, real: RealNames<'_>) -> bool {
        self.role.as_ref().is_none_or(|pattern| pattern.matches(&kind.role))
            && self.op.is_none_or(|op| op == kind.op)
            && self.result.as_deref().is_none_or(|wanted| wanted == kind.result)
            && self
                .resource
                .as_ref()
                .is_none_or(|pattern| pattern.matches_any(&kind.resource, real))
    }
}

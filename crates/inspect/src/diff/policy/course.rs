//! What must hold of the course of a run: in which order operations come, and how many there are. Over the whole run, or from a mark to the next.

use std::fmt;
use std::str::FromStr;

use super::matcher::Pattern;
use crate::diff::effect::Op;
use crate::diff::report::{Change, Difference};
use crate::diff::rule::Rule;
use crate::diff::run::{Run, result};
use crate::state::ProcessId;

/// From where to where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of it.
    #[default]
    Run,
    /// From each mark of this name to the next mark of any name, whoever sets it.
    Mark(String),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("mark:") {
            Some(name) if !name.is_empty() => Ok(Self::Mark(name.to_owned())),
            _ if text == "run" => Ok(Self::Run),
            _ => Err(format!("`{text}` is no scope: run, or mark:NAME")),
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
    /// The events of each stretch: its first one, and the one that ends it.
    fn stretches(&self, run: &Run) -> Vec<(u64, u64)> {
        let Self::Mark(name) = self else { return vec![(0, u64::MAX)] };
        let ends = run.marks.iter().skip(1).map(|mark| mark.event).chain([u64::MAX]);
        let marks = run.marks.iter().zip(ends).filter(|(mark, _)| mark.name == *name);
        marks.map(|(mark, end)| (mark.event, end)).collect()
    }
}

/// What one step did: opening is none of the operations on what is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Open,
    Op(Op),
}

impl FromStr for Did {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "open" {
            return Ok(Self::Open);
        }
        let op = Op::ALL.iter().copied().find(|op| op.name() == text);
        op.map(Self::Op)
            .ok_or_else(|| format!("there is no operation `{text}`: open, and those of docs/diff.md"))
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Op(op) => op.fmt(f),
        }
    }
}

/// One step of the run.
#[derive(Clone, Debug)]
struct Step {
    event: u64,
    process: ProcessId,
    role: String,
    did: Did,
    resource: String,
    result: String,
    /// How many calls it is, in vain ones not counted.
    calls: u64,
}

/// The steps of all tasks between two events, as they ended.
fn steps(run: &Run, (from, to): (u64, u64)) -> Vec<Step> {
    let mut steps = Vec::new();
    for stream in &run.streams.all {
        for step in stream.steps.iter().filter(|step| from < step.event && step.event < to) {
            let Some((role, deed)) = usize::try_from(step.deed).ok().and_then(|at| run.streams.deeds.get(at))
            else {
                continue;
            };
            steps.push(Step {
                event: step.event,
                process: stream.process,
                role: run.name(*role).to_owned(),
                did: if deed.opens { Did::Open } else { Did::Op(deed.op) },
                resource: run.resource(deed),
                result: result(deed.errno),
                calls: step.pieces.into(),
            });
        }
    }
    steps.sort_by_key(|step| step.event);
    steps
}

/// One item of a sequence: an operation, and on what.
#[derive(Clone, Debug)]
pub(super) struct Item {
    did: Did,
    resource: Option<Pattern>,
    text: String,
}

impl Item {
    fn matches(&self, step: &Step) -> bool {
        self.did == step.did
            && step.result == "ok"
            && self.resource.as_ref().is_none_or(|pattern| pattern.matches_any(&step.resource))
    }
}

/// Takes `write($WS/a b) sync rename` apart.
pub(super) fn items(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let word = rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len());
        let (name, after) = rest.split_at(word);
        let (resource, after) = match after.strip_prefix('(') {
            None => (None, after),
            Some(inside) => {
                let (inside, after) =
                    inside.split_once(')').ok_or_else(|| format!("`{rest}` lacks its `)`"))?;
                (Some(inside.trim()), after)
            }
        };
        items.push(Item {
            did: name.parse()?,
            resource: resource.map(Pattern::new).transpose()?,
            text: resource.map_or_else(|| name.to_owned(), |resource| format!("{name}({resource})")),
        });
        rest = after.trim_start();
    }
    if items.is_empty() {
        Err("a sequence has operations: \"write sync rename\"".to_owned())
    } else {
        Ok(items)
    }
}

/// Operations that come in this order, in each stretch. Steps that match none of them may come anywhere.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) scope: Scope,
    pub(super) items: Vec<Item>,
    pub(super) because: String,
}

impl Sequence {
    /// The first stretch in which it is otherwise.
    pub(super) fn broken(&self, run: &Run) -> Option<Difference> {
        let stretches = self.scope.stretches(run);
        let expected = || self.items.iter().map(|item| item.text.as_str()).collect::<Vec<_>>().join(" ");
        let otherwise = |after: String, event, process, role| Difference {
            before: Some(expected()),
            after: Some(after),
            events: [None, event],
            process,
            role,
            ..Difference::about(Rule::PolicyAssert, Change::Changed, self.because.clone())
        };
        if stretches.is_empty() {
            return Some(otherwise(
                format!("{} is not in the run", self.scope),
                None,
                "-".into(),
                "-".into(),
            ));
        }
        stretches.into_iter().find_map(|stretch| {
            let steps = steps(run, stretch);
            let mut came: Vec<(usize, &Step)> = Vec::new();
            for step in &steps {
                // The item that is due, or the one that goes on, before any other that it may be too.
                let due = came.last().map_or(0, |(last, _)| last + 1);
                let order = [due, due.wrapping_sub(1)].into_iter().chain(0..self.items.len());
                let mut matching =
                    order.filter(|at| self.items.get(*at).is_some_and(|item| item.matches(step)));
                match matching.next() {
                    Some(at) if came.last().is_some_and(|(last, _)| *last == at) => {}
                    Some(at) => came.push((at, step)),
                    None => {}
                }
            }
            let in_order =
                came.len() == self.items.len() && came.iter().enumerate().all(|(at, (item, _))| at == *item);
            if in_order {
                return None;
            }
            let shown: Vec<String> =
                came.iter().map(|(_, step)| format!("{}({})", step.did, step.resource)).collect();
            let shown = if shown.is_empty() { "none of them".to_owned() } else { shown.join(" ") };
            // Where it goes another way.
            let wrong =
                came.iter().enumerate().find(|(at, (item, _))| at != item).map(|(_, (_, step))| *step);
            let at = wrong.or(came.last().map(|(_, step)| *step));
            let place = at.map_or("-".to_owned(), |step| crate::diff::compare::place(run, step.process));
            let event = at.map_or(stretch.0, |step| step.event);
            Some(otherwise(shown, Some(event), place, at.map_or("-".to_owned(), |step| step.role.clone())))
        })
    }
}

/// How often something may happen in each stretch.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    pub(super) scope: Scope,
    pub(super) role: Option<Pattern>,
    pub(super) did: Option<Did>,
    pub(super) resource: Option<Pattern>,
    pub(super) result: Option<String>,
    pub(super) max: u64,
    pub(super) because: String,
}

impl Budget {
    /// The first stretch in which it is more.
    pub(super) fn exceeded(&self, run: &Run) -> Option<Difference> {
        let stretches = self.scope.stretches(run).into_iter();
        stretches.map(|stretch| steps(run, stretch)).find_map(|steps| {
            let mut meant = steps.iter().filter(|step| self.means(step));
            let mut count = 0;
            let over = meant.find(|step| {
                count += step.calls;
                count > self.max
            })?;
            count += meant.map(|step| step.calls).sum::<u64>();
            Some(Difference {
                before: Some(format!("at most {}", self.max)),
                after: Some(count.to_string()),
                events: [None, Some(over.event)],
                process: crate::diff::compare::place(run, over.process),
                role: over.role.clone(),
                ..Difference::about(Rule::PolicyBudget, Change::Changed, self.because.clone())
            })
        })
    }

    fn means(&self, step: &Step) -> bool {
        self.role.as_ref().is_none_or(|pattern| pattern.matches(&step.role))
            && self.did.is_none_or(|did| did == step.did)
            && self.result.as_deref().is_none_or(|wanted| wanted == step.result)
            && self.resource.as_ref().is_none_or(|pattern| pattern.matches_any(&step.resource))
    }
}

//! A difference found, and where a process is.

use crate::diff::effect::{Effect, Op};
use crate::diff::report::{Change, Difference};
use crate::diff::resource::Resource;
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::state::ProcessId;

/// A difference with the facts that decide which others follow from it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) difference: Difference,
    /// The processes concerned, in the first and the second run.
    pub(crate) processes: [Vec<ProcessId>; 2],
    /// The names that it is about.
    pub(crate) names: Vec<String>,
    /// Whether it follows from an equally grave difference: a program that lists a directory opens
    /// it first, which is a `stat`.
    pub(crate) light: bool,
    /// The index of its cause, if already known.
    pub(crate) cause: Option<usize>,
}

impl Found {
    pub(crate) fn new(rule: Rule, change: Change, role: &str, what: String) -> Self {
        let difference = Difference {
            rule,
            severity: rule.severity(),
            change,
            process: String::new(),
            role: role.to_owned(),
            what,
            before: None,
            after: None,
            without_secrets: None,
            effect: None,
            content: Vec::new(),
            events: [None, None],
            consequences: Vec::new(),
        };
        Self {
            difference,
            processes: [Vec::new(), Vec::new()],
            names: Vec::new(),
            light: false,
            cause: None,
        }
    }
}

impl Found {
    /// Says that it is about an effect.
    pub(crate) fn about(mut self, op: Op, resource: Resource, result: &str) -> Self {
        let (role, result) = (self.difference.role.clone(), result.to_owned());
        self.difference.effect = Some(Box::new(Effect { role, op, resource, result }));
        self
    }

    /// Whether it is about a process that only one run has, or about one that executes a script
    /// with another interpreter.
    pub(crate) fn is_process(&self) -> bool {
        let of_one_run = self.difference.change != Change::Changed;
        self.names.is_empty()
            && match self.difference.rule {
                Rule::ExecNew | Rule::ExecGone | Rule::ProcessCount => true,
                Rule::ExecArgv => of_one_run,
                _ => false,
            }
    }

    /// Returns the operation that it is about.
    pub(crate) fn op(&self) -> Option<Op> {
        self.difference.effect.as_ref().map(|effect| effect.op)
    }

    /// Returns what it is about.
    pub(crate) fn resource(&self) -> Option<&Resource> {
        self.difference.effect.as_ref().map(|effect| &effect.resource)
    }
}

/// Returns the place of a process in the tree: `make>gcc>cc1`.
pub(crate) fn place(run: &Run, id: ProcessId) -> String {
    /// Deeper places are cut off.
    const DEEPEST: usize = 64;
    let mut roles = Vec::new();
    let mut at = Some(id);
    let mut steps = 0_usize;
    while let Some(process) = at.and_then(|id| run.processes.get(usize::try_from(id.0).ok()?)) {
        for image in process.images.iter().rev() {
            roles.push(image.role.as_str());
        }
        if roles.is_empty() {
            roles.push(process.inherited.as_str());
        }
        at = process.parent;
        steps = steps.saturating_add(1);
        if roles.len().max(steps) > DEEPEST {
            roles.push("...");
            break;
        }
    }
    roles.dedup();
    roles.reverse();
    roles.join(">")
}

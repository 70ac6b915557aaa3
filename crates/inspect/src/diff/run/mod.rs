//! One log prepared for comparison: processes, effects, streams of calls.

#![deny(clippy::arithmetic_side_effects)]

pub(crate) mod canonical;
pub(crate) mod content;
mod detail;
mod durability;
mod flags;
mod inherited;
mod locking;
mod matching;
mod names;
pub(crate) mod operation;
mod process;
mod reader;
pub(crate) mod roots;
mod signals;
pub(crate) mod stream;
pub(crate) mod timing;
mod unfinished;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;

use foldhash::fast::RandomState;
use sysreel_format::Completeness;

pub use operation::{CountedOnly, MARK};
pub use process::{End, Image, Process};

pub(crate) use detail::MAX_ARG_STRLEN;
pub(crate) use flags::NO_FLAGS;
pub(crate) use inherited::Inherited;
pub(crate) use matching::Match;
pub(crate) use names::NameId;
pub(crate) use operation::Operation;
pub(crate) use signals::signal;

use super::effect::{Effect, Op};
use super::resource::{Name, Resource};
use crate::Findings;
use crate::state::ProcessId;

/// The surroundings in which a log was recorded. Runs with equal surroundings are comparable.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Environment {
    /// The machine: `x86_64`.
    pub machine: String,
    /// The kernel release.
    pub kernel: String,
    /// The build id of the C library; empty if there is none.
    pub libc: String,
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let libc =
            if self.libc.is_empty() { "none" } else { self.libc.get(..12).unwrap_or(&self.libc) };
        write!(f, "{}, Linux {}, libc {libc}", self.machine, self.kernel)
    }
}

/// The occurrences of an effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The number of occurrences.
    pub count: u64,
    /// The event that ended the first occurrence.
    pub event: u64,
    /// The processes with this effect, sorted.
    pub processes: Vec<ProcessId>,
}

impl Seen {
    /// Adds other occurrences.
    pub(crate) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.event = self.event.min(other.event);
        self.processes.extend(&other.processes);
        self.processes.sort_unstable();
        self.processes.dedup();
    }
}

/// A mark set by the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its name.
    pub name: String,
    /// The event that set it.
    pub event: u64,
    /// The process that set it.
    pub process: ProcessId,
}

/// A name that the run created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Created {
    pub(crate) name: NameId,
    pub(crate) role: NameId,
    /// Whether the creation ensures that the name is new.
    pub(crate) exclusive: bool,
    /// Whether only the owner may use it: as mkstemp(3) and mkdtemp(3) make it.
    pub(crate) private: bool,
    /// Whether it was only tried.
    pub(crate) failed: bool,
}

/// The process and the role that did something.
pub(crate) type Actor = (ProcessId, NameId);
/// An effect that no single call shows: who, what, and at which event.
pub(crate) type Derived = (Actor, Operation, u64);
pub(crate) type Operations = HashMap<(Actor, Operation), (u64, u64), RandomState>;

/// One log prepared for comparison.
#[derive(Clone, Debug)]
pub struct Run {
    /// The path of the log.
    pub path: PathBuf,
    /// The surroundings in which it was recorded.
    pub environment: Environment,
    /// What the log does not contain.
    pub completeness: Completeness,
    /// What is missing or damaged in the log.
    pub findings: Findings,
    /// The processes, indexed by [`ProcessId`].
    pub processes: Vec<Process>,
    /// The marks, in order.
    pub marks: Vec<Mark>,
    /// The number of calls that are not compared one by one, by class.
    pub counted_only: BTreeMap<CountedOnly, u64>,
    /// The number of calls in the log that returned, and of those that asked for something and did
    /// not.
    pub calls: u64,
    /// The paths of opened files, by the path in the call, where they differ.
    pub(crate) leads: BTreeMap<Name, Name>,
    pub(crate) names: Vec<Name>,
    pub(crate) created: Vec<Created>,
    /// What the first program has from outside of the run.
    pub(crate) given: Vec<(Inherited, NameId)>,
    /// The files that it mapped to execute them: libraries.
    pub(crate) loaded: Vec<NameId>,
    /// The process that used each name first, by the number of the name.
    pub(crate) users: Vec<ProcessId>,
    /// The ids of its tasks, each with its process, in the order of their creation.
    pub(crate) tasks: Vec<(u32, ProcessId)>,
    /// The ports that the kernel chose.
    pub(crate) ports: BTreeSet<u16>,
    /// When it began and ended, in nanoseconds since 1970, if the log says so.
    pub(crate) clock: Option<(u64, u64)>,
    /// Its named directories.
    pub(crate) roots: roots::Roots,
    pub(crate) operations: Operations,
    pub(crate) streams: stream::Streams,
    pub(crate) timing: timing::Timing,
    /// For each filter that it was read with, the calls that match, and how many more there are.
    pub(crate) matching: Vec<(Vec<Match>, u64)>,
}

impl Run {
    /// Returns how the first process ended.
    #[must_use]
    pub fn end(&self) -> End {
        self.processes.first().map_or(End::Unknown, |process| process.end)
    }

    pub(crate) fn name(&self, id: NameId) -> &str {
        usize::try_from(id.0).ok().and_then(|at| self.names.get(at)).map_or("-", Name::as_str)
    }

    /// Returns a name as a value; `None` for no name.
    pub(crate) fn value(&self, id: NameId) -> Option<Name> {
        let at = usize::try_from(id.0).ok().filter(|at| *at > 0)?;
        self.names.get(at).cloned()
    }

    /// Gives names, and the paths below them, a new name.
    pub(crate) fn rename(&mut self, new: &dyn Fn(&str) -> Option<String>) {
        let renamed = |name: Name| match new(name.as_str()) {
            Some(new) => name.renamed(new),
            None => name,
        };
        for name in &mut self.names {
            *name = renamed(std::mem::take(name));
        }
        let leads = std::mem::take(&mut self.leads);
        self.leads = leads.into_iter().map(|(from, to)| (renamed(from), renamed(to))).collect();
    }

    /// Returns what an operation was done to.
    pub(crate) fn resource(&self, operation: &Operation) -> Resource {
        let none = || Name::word("-");
        let subject = self.value(operation.first).unwrap_or_else(none);
        let second = self.value(operation.second);
        let (to, asked) = match operation.op {
            Op::Durability | Op::Flags => (second, self.value(operation.grants)),
            Op::Rename | Op::Link | Op::Symlink => (Some(second.unwrap_or_else(none)), None),
            _ => (None, second),
        };
        Resource { subject, to, asked }
    }

    /// Returns all effects of the run, sorted.
    #[must_use]
    pub fn effects(&self) -> BTreeMap<Effect, Seen> {
        let mut effects = BTreeMap::<Effect, Seen>::new();
        self.each_effect(&mut |effect, seen| match effects.entry(effect) {
            Entry::Vacant(entry) => _ = entry.insert(seen),
            Entry::Occupied(mut entry) => entry.get_mut().add(&seen),
        });
        effects
    }

    /// Calls `each` with all effects of the run, in no order, some more than once.
    pub(crate) fn each_effect(&self, each: &mut dyn FnMut(Effect, Seen)) {
        // The same operation of many processes is one effect, whose names are formatted once.
        let mut operations = HashMap::<(NameId, Operation), Seen, RandomState>::default();
        for (((process, role), operation), (count, event)) in &self.operations {
            let new = || Seen { event: *event, ..Seen::default() };
            let seen = operations.entry((*role, *operation)).or_insert_with(new);
            seen.count = seen.count.saturating_add(*count);
            seen.event = seen.event.min(*event);
            seen.processes.push(*process);
        }
        for ((role, operation), mut seen) in operations {
            seen.processes.sort_unstable();
            seen.processes.dedup();
            let effect = Effect {
                role: self.name(role).to_owned(),
                op: operation.op,
                resource: self.resource(&operation),
                result: result(operation.errno),
            };
            each(effect, seen);
        }
        for (id, process) in (0..).map(ProcessId).zip(&self.processes) {
            let Some(result) = process.end.result() else { continue };
            let (role, resource) = (process.role().to_owned(), Resource::none());
            let seen = Seen { count: 1, event: process.gone, processes: vec![id] };
            each(Effect { role, op: Op::Exit, resource, result }, seen);
        }
    }
}

/// The result of a call that never returned, in place of an error number.
pub(crate) const UNFINISHED: u16 = u16::MAX;
/// Its name.
pub(crate) const UNFINISHED_NAME: &str = "unfinished";

/// Returns `ok` or the name of an error.
pub(crate) fn result(errno: u16) -> String {
    match errno {
        0 => "ok".to_owned(),
        UNFINISHED => UNFINISHED_NAME.to_owned(),
        _ => match sysreel_abi::errno_name(errno.into()) {
            Some(name) => name.to_owned(),
            None => format!("errno-{errno}"),
        },
    }
}

//! Folds what follows from a program: from its execution, its end, its state, and an operation of
//! it that failed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Found;
use super::attribution::Folding;
use crate::diff::report::Change;
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::state::ProcessId;

/// The first events and all processes of a difference and its consequences.
#[derive(Default)]
struct Extent {
    events: [Option<u64>; 2],
    processes: [BTreeSet<ProcessId>; 2],
}

impl Folding {
    /// Attributes what a new program does to the call that executes it, in a process that both runs
    /// have.
    pub(super) fn programs(&mut self, a: &Run, b: &Run) {
        let known = [b, a].map(|other| {
            let images = other.processes.iter().flat_map(|process| &process.images);
            images.map(|image| image.role.as_str()).collect::<BTreeSet<_>>()
        });
        let rules = [Rule::ExecGone, Rule::ExecNew];
        let mut executed: [HashMap<String, usize>; 2] = Default::default();
        for at in (0..self.found.len()).filter(|at| !self.is_process(*at)) {
            let Found { difference, names, .. } = &self.found[at];
            if let (Some(side), Some(name)) = (self.side(at), names.first())
                && difference.rule == rules[side]
            {
                let base = name.rsplit('/').next().unwrap_or_default();
                executed[side].entry(base.to_owned()).or_insert(at);
            }
        }
        for at in 0..self.found.len() {
            let Found { difference, .. } = &self.found[at];
            let Some(side) = self.side(at) else { continue };
            if difference.rule != rules[side]
                && !known[side].contains(difference.role.as_str())
                && let Some(&cause) = executed[side].get(&difference.role)
            {
                self.attribute(at, cause);
            }
        }
    }

    pub(super) fn ends(&mut self, run: &Run) {
        let is_end =
            |found: &Found| matches!(found.difference.rule, Rule::ExitStatus | Rule::ExitSignal);
        let ends: BTreeMap<ProcessId, usize> = (0..self.found.len())
            .filter(|at| is_end(&self.found[*at]))
            .filter_map(|at| Some((*self.found[at].processes[1].first()?, at)))
            .collect();
        // Children come after their parents: in reverse order the deepest process is the cause of a
        // chain.
        for (id, &at) in ends.iter().rev() {
            let process = usize::try_from(id.0).ok().and_then(|at| run.processes.get(at));
            let Some(parent) = process.and_then(|process| process.parent) else { continue };
            if let Some(&above) = ends.get(&parent)
                && self.is_root(above)
            {
                self.attribute(above, at);
            }
        }
    }

    /// Attributes what a process and its children do in one run only to the end of an earlier child
    /// that failed in the other run: a compiler driver runs no assembler then.
    pub(super) fn failed_children(&mut self, a: &Run, b: &Run) {
        let runs = [a, b];
        let parent = |side: usize, id: ProcessId| {
            let process = runs[side].processes.get(usize::try_from(id.0).ok()?)?;
            process.parent
        };
        let lost = |found: &Found| {
            let Found { difference, .. } = found;
            let ok = [&difference.before, &difference.after].map(|end| end.as_deref() == Some("0"));
            let is_end = matches!(difference.rule, Rule::ExitStatus | Rule::ExitSignal);
            match ok {
                [true, false] if is_end => Some(Change::Removed),
                [false, true] if is_end => Some(Change::Added),
                _ => None,
            }
        };
        let causes: Vec<(usize, Change)> =
            (0..self.found.len()).filter_map(|at| Some((at, lost(&self.found[at])?))).collect();
        let extents = self.extents();
        for (cause, lost) in causes {
            let from = self.found[cause].difference.events;
            let above = [0, 1].map(|side: usize| {
                self.found[cause].processes[side].first().and_then(|id| parent(side, *id))
            });
            for at in (0..self.found.len()).filter(|at| *at != cause) {
                let is_process = self.is_process(at);
                let is_near = |side: usize, id: &ProcessId| {
                    above[side].is_some_and(|above| {
                        *id == above || is_process && parent(side, *id) == Some(above)
                    })
                };
                let own = &self.found[at].processes;
                let concerns = own.iter().any(|side| !side.is_empty())
                    && (0..2).all(|side| own[side].iter().all(|id| is_near(side, id)));
                let mut events = extents[at].events.iter().zip(from);
                let later = events.all(|(own, from)| own.is_none() || *own >= from);
                if concerns && later && self.found[at].difference.change == lost && self.is_root(at)
                {
                    self.attribute(at, cause);
                }
            }
        }
    }

    /// Attributes operations that a process does in one run only, and its end, to an earlier
    /// operation that failed in the other run.
    pub(super) fn failures(&mut self) {
        let causes: Vec<(usize, Change)> = (0..self.found.len())
            .filter(|at| self.is_root(*at) && self.found[*at].difference.rule == Rule::ErrChanged)
            .filter_map(|at| {
                let difference = &self.found[at].difference;
                let ok = [&difference.before, &difference.after]
                    .map(|result| result.as_deref() == Some("ok"));
                match ok {
                    [true, false] => Some((at, Change::Removed)),
                    [false, true] => Some((at, Change::Added)),
                    _ => None,
                }
            })
            .collect();
        let extents = self.extents();
        for (cause, lost) in causes {
            let cause_processes = self.found[cause].processes.clone();
            let from = self.found[cause].difference.events;
            for at in (0..self.found.len()).filter(|at| *at != cause) {
                let found = &self.found[at];
                let Extent { events, processes } = &extents[at];
                let mut concerned = processes.iter().zip(&cause_processes);
                let concerns = concerned
                    .all(|(own, theirs)| own.iter().all(|id| theirs.contains(id)))
                    && processes.iter().any(|own| !own.is_empty());
                let mut events = events.iter().zip(from);
                // The permissions of a new file are an effect of the same call.
                let later = events.all(|(own, from)| own.is_none() || *own >= from);
                let follows = found.difference.change == lost
                    || matches!(
                        found.difference.rule,
                        Rule::ExitStatus
                            | Rule::ExitSignal
                            | Rule::CallNew
                            | Rule::CallGone
                            | Rule::OrderOnly
                    );
                if concerns && later && follows {
                    self.attribute(at, cause);
                }
            }
        }
    }

    /// Joins another state of a program, such as its environment, with what the program does: a
    /// graver difference is what a reader must act on, and if there is none, the others follow from
    /// the state.
    pub(super) fn states(&mut self, a: &Run, b: &Run) {
        let parent = |run: &Run, id: ProcessId| {
            run.processes.get(usize::try_from(id.0).ok()?).and_then(|process| process.parent)
        };
        for state in 0..self.found.len() {
            let Found { difference, processes: of, .. } = &self.found[state];
            if difference.rule != Rule::ExecState || !self.is_root(state) {
                continue;
            }
            let severity = difference.severity;
            let concerns = |at: &usize| {
                let processes = &self.found[*at].processes;
                let mut sides = processes.iter().zip(of).zip([a, b]);
                let is_process = self.is_process(*at);
                // A process of its own is that of a child.
                processes.iter().any(|side| !side.is_empty())
                    && sides.all(|((own, theirs), run)| match is_process {
                        true => own.first().is_none_or(|id| {
                            parent(run, *id).is_some_and(|parent| theirs.contains(&parent))
                        }),
                        false => own.iter().all(|id| theirs.contains(id)),
                    })
            };
            let all = (0..self.found.len()).filter(|at| *at != state && self.is_root(*at));
            let (grave, light): (Vec<usize>, Vec<usize>) = all
                .filter(concerns)
                .partition(|at| self.found[*at].difference.severity >= severity);
            let first = grave.into_iter().min_by_key(|at| {
                let difference = &self.found[*at].difference;
                let event = difference.events.iter().flatten().min().copied();
                (std::cmp::Reverse(difference.severity), difference.rule, event)
            });
            match first {
                Some(first) => self.attribute(state, first),
                None => light.into_iter().for_each(|at| self.attribute(at, state)),
            }
        }
    }

    /// Returns events and processes of each difference including its consequences.
    fn extents(&self) -> Vec<Extent> {
        let mut extents: Vec<Extent> = self.found.iter().map(|_| Extent::default()).collect();
        for (at, found) in self.found.iter().enumerate() {
            let mut top = at;
            while self.parents[top] != top {
                top = self.parents[top];
            }
            let extent = &mut extents[top];
            for (first, own) in extent.events.iter_mut().zip(found.difference.events) {
                *first = [*first, own].into_iter().flatten().min();
            }
            for (all, own) in extent.processes.iter_mut().zip(&found.processes) {
                all.extend(own);
            }
        }
        extents
    }
}

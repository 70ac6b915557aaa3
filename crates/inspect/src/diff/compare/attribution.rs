//! Folds consequences: one cause, one difference.
//!
//! - Whatever a process does that exists in one run only follows from that process.
//! - Effects on one name follow from the gravest of them, and a rename joins its two names. So a
//!   read of a new file follows from its write.
//! - Changed behavior of a program follows from its changed arguments.
//! - Lookups of one name in many places are one search, which follows from the place where the name
//!   is found.
//! - The changed end of a process follows from the changed end of its child.
//! - Many differences of one kind in one directory are one.
//! - Operations that a process no longer does, and its changed end, follow from an earlier
//!   operation of the same process that failed.

use std::collections::{BTreeMap, HashMap};

use super::{Found, place};
use crate::diff::report::{Change, Difference};
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::state::ProcessId;

pub(super) fn fold_consequences(a: &Run, b: &Run, mut found: Vec<Found>) -> Vec<Difference> {
    for found in &mut found {
        found.difference.process = process_place(a, b, found);
    }
    let mut folding = Folding { parents: (0..found.len()).collect(), found };
    folding.known_causes();
    folding.subtrees();
    folding.programs(a, b);
    folding.arguments();
    folding.searches();
    folding.names();
    folding.ends(b);
    folding.failed_children(a, b);
    folding.failures();
    folding.states(a, b);
    folding.processes();
    folding.directories();
    folding.differences()
}

fn process_place(a: &Run, b: &Run, found: &Found) -> String {
    match (found.processes[1].first(), found.processes[0].first()) {
        (Some(id), _) => place(b, *id),
        (None, Some(id)) => place(a, *id),
        (None, None) => found.difference.role.clone(),
    }
}

pub(super) struct Folding {
    pub(super) found: Vec<Found>,
    /// The cause of each difference; its own index if it has none.
    pub(super) parents: Vec<usize>,
}

impl Folding {
    /// Returns the difference that one follows from in the end.
    pub(super) fn root(&self, at: usize) -> usize {
        let mut top = at;
        while self.parents[top] != top {
            top = self.parents[top];
        }
        top
    }

    pub(super) fn is_root(&self, at: usize) -> bool {
        self.parents[at] == at
    }

    /// Makes `at` a consequence of `to`, unless that would be a cycle.
    pub(super) fn attribute(&mut self, at: usize, to: usize) {
        let top = self.root(to);
        if top != at && self.is_root(at) {
            self.parents[at] = top;
        }
    }

    /// Returns the run that the difference occurs in, if it is only one.
    pub(super) fn side(&self, at: usize) -> Option<usize> {
        match self.found[at].difference.change {
            Change::Removed => Some(0),
            Change::Added => Some(1),
            Change::Changed => None,
        }
    }

    pub(super) fn is_process(&self, at: usize) -> bool {
        self.found[at].is_process()
    }

    fn known_causes(&mut self) {
        for at in 0..self.found.len() {
            if let Some(cause) = self.found[at].cause {
                self.attribute(at, cause);
            }
        }
    }

    fn subtrees(&mut self) {
        let mut owner: [HashMap<ProcessId, usize>; 2] = Default::default();
        for at in 0..self.found.len() {
            if let Some(side) = self.side(at).filter(|_| self.is_process(at)) {
                owner[side].extend(self.found[at].processes[side].iter().map(|id| (*id, at)));
            }
        }
        for at in 0..self.found.len() {
            let Some(side) = self.side(at).filter(|_| !self.is_process(at)) else { continue };
            let processes = &self.found[at].processes[side];
            let owners: Vec<Option<usize>> =
                processes.iter().map(|id| owner[side].get(id).copied()).collect();
            if let (Some(first), true) =
                (owners.first().copied().flatten(), owners.iter().all(Option::is_some))
            {
                self.attribute(at, first);
            }
        }
    }

    /// Attributes changed behavior of programs to their changed arguments.
    fn arguments(&mut self) {
        let causes: Vec<usize> = (0..self.found.len())
            .filter(|at| {
                let Difference { rule, change, .. } = &self.found[*at].difference;
                let is_new = *rule == Rule::ExecNew && *change == Change::Changed;
                is_new || *rule == Rule::ExecArgv
            })
            .collect();
        for cause in causes {
            let cause_processes = self.found[cause].processes.clone();
            for at in 0..self.found.len() {
                let processes = &self.found[at].processes;
                let within = processes
                    .iter()
                    .zip(&cause_processes)
                    .all(|(own, theirs)| own.iter().all(|id| theirs.contains(id)));
                if at != cause && within && processes.iter().any(|side| !side.is_empty()) {
                    self.attribute(at, cause);
                }
            }
        }
    }

    /// Attributes lookups of one name in many places to the place where it is found.
    fn searches(&mut self) {
        let mut searches = BTreeMap::<(String, usize, String), Vec<usize>>::new();
        for at in 0..self.found.len() {
            let found = &self.found[at];
            let looks = matches!(
                found.difference.rule,
                Rule::ProbeNew | Rule::FsReadNew | Rule::FsReadGone
            );
            let (Some(side), Some(name), true) = (self.side(at), found.names.first(), looks) else {
                continue;
            };
            if self.is_root(at) {
                let base = name.rsplit('/').next().unwrap_or_default().to_owned();
                searches.entry((found.difference.role.clone(), side, base)).or_default().push(at);
            }
        }
        for search in searches.into_values() {
            let is_probe = |at: &usize| self.found[*at].difference.rule == Rule::ProbeNew;
            let (probes, hits): (Vec<usize>, Vec<usize>) = search.into_iter().partition(is_probe);
            let Some(&first) = hits.first().or(probes.first()) else { continue };
            probes.into_iter().filter(|at| *at != first).for_each(|at| self.attribute(at, first));
        }
    }

    fn names(&mut self) {
        for side in [Some(0), Some(1), None] {
            let mut groups = Groups::default();
            let members: Vec<usize> = (0..self.found.len())
                .filter(|at| self.side(*at) == side && !self.found[*at].names.is_empty())
                .collect();
            for &at in &members {
                let names: Vec<usize> =
                    self.found[at].names.iter().map(|name| groups.name(name)).collect();
                names.windows(2).for_each(|pair| groups.join(pair[0], pair[1]));
            }
            let mut by_group = BTreeMap::<usize, Vec<usize>>::new();
            for &at in &members {
                let Some(name) = self.found[at].names.first().map(|name| groups.name(name)) else {
                    continue;
                };
                by_group.entry(groups.top(name)).or_default().push(at);
            }
            by_group.into_values().for_each(|group| self.group(group));
        }
        self.other_creations();
    }

    /// Attributes another way to create a file to what only one run does with it: a pipe in place
    /// of a file is written, too, by another call.
    fn other_creations(&mut self) {
        let causes = [Rule::FsWriteNew, Rule::FsRenameNew, Rule::FsDeleteNew, Rule::FsChangeGone];
        let mut by_name = HashMap::<String, usize>::new();
        let of_one_side = (0..self.found.len()).filter(|at| self.side(*at).is_some());
        for at in of_one_side {
            let found = &self.found[at];
            if let ([.., name], true) = (&found.names[..], causes.contains(&found.difference.rule))
            {
                by_name.entry(name.clone()).or_insert(at);
            }
        }
        for at in 0..self.found.len() {
            let Found { difference, names, .. } = &self.found[at];
            let is_creation = matches!(difference.rule, Rule::FsCreate | Rule::FsFlags);
            if is_creation
                && difference.change == Change::Changed
                && let Some(cause) = names.first().and_then(|name| by_name.get(name))
            {
                self.attribute(at, *cause);
            }
        }
    }

    /// Attributes differences about the same names to the gravest of them.
    fn group(&mut self, group: Vec<usize>) {
        let (mut free, bound): (Vec<usize>, Vec<usize>) =
            group.into_iter().partition(|at| self.is_root(*at));
        // Lookups of a program follow from the process that executes it, but not from a probe that
        // follows from one of them.
        let executed = bound.iter().find(|at| self.is_process(self.root(**at)));
        if let Some(&bound) = executed {
            let looks = |at: &usize| {
                let rule = self.found[*at].difference.rule;
                matches!(rule, Rule::FsReadNew | Rule::FsReadGone | Rule::ProbeNew)
            };
            let (looking, others): (Vec<usize>, Vec<usize>) = free.into_iter().partition(looks);
            looking.into_iter().for_each(|at| self.attribute(at, bound));
            free = others;
        }
        // A new name is told before its permissions and owner, however grave those are, and before
        // its removal. Otherwise the gravest is the cause; of equally grave ones, the first.
        let about = |difference: &Difference| {
            matches!(difference.rule, Rule::FsPerm | Rule::FsCreate | Rule::FsFlags)
                && difference.change != Change::Changed
        };
        let first = free.iter().copied().min_by_key(|at| {
            let Found { difference, light, .. } = &self.found[*at];
            (
                about(difference),
                std::cmp::Reverse(difference.severity),
                difference.rule == Rule::FsDeleteNew,
                difference.rule,
                *light,
                difference.events.iter().flatten().min(),
            )
        });
        if let Some(first) = first {
            free.into_iter().filter(|at| *at != first).for_each(|at| self.attribute(at, first));
        }
    }

    fn differences(self) -> Vec<Difference> {
        let Self { found, parents } = self;
        let mut roots: BTreeMap<usize, Difference> = BTreeMap::new();
        let mut rest = Vec::new();
        for (at, found) in found.into_iter().enumerate() {
            match parents[at] == at {
                true => _ = roots.insert(at, found.difference),
                false => rest.push((at, found.difference)),
            }
        }
        for (at, difference) in rest {
            let mut top = at;
            while parents[top] != top {
                top = parents[top];
            }
            if let Some(root) = roots.get_mut(&top) {
                root.consequences.push(difference);
            }
        }
        for root in roots.values_mut() {
            root.consequences
                .sort_by(|x, y| (x.rule, x.change, &x.what).cmp(&(y.rule, y.change, &y.what)));
        }
        roots.into_values().collect()
    }
}

/// Groups of connected names (union-find).
#[derive(Default)]
struct Groups {
    ids: HashMap<String, usize>,
    parents: Vec<usize>,
}

impl Groups {
    fn name(&mut self, name: &str) -> usize {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = self.parents.len();
        self.parents.push(id);
        self.ids.insert(name.to_owned(), id);
        id
    }

    fn top(&self, mut id: usize) -> usize {
        while self.parents[id] != id {
            id = self.parents[id];
        }
        id
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.top(a), self.top(b));
        self.parents[a.max(b)] = a.min(b);
    }
}

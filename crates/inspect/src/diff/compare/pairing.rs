//! Pairs the processes of two runs, from the root down: children of a pair are paired by programs
//! and arguments, then by order; those left by program alone, then by what they execute in the end.
//! All others exist in one run only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diff::run::{Operation, Process, Run};
use crate::state::ProcessId;

#[derive(Debug, Default)]
pub(crate) struct Pairing {
    /// Pairs, parents before their children.
    pub(crate) pairs: Vec<(ProcessId, ProcessId)>,
    /// The partner of a process of the first and of the second run.
    partner: [HashMap<ProcessId, ProcessId>; 2],
}

/// The processes of a run by parent.
struct Tree<'r> {
    run: &'r Run,
    children: HashMap<Option<ProcessId>, Vec<ProcessId>>,
    operations: HashMap<ProcessId, Vec<&'r Operation>>,
}

impl<'r> Tree<'r> {
    fn new(run: &'r Run) -> Self {
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        for (id, process) in (0..).map(ProcessId).zip(&run.processes) {
            children.entry(process.parent).or_default().push(id);
        }
        let mut operations: HashMap<_, Vec<_>> = HashMap::new();
        for ((process, _), operation) in run.operations.keys() {
            operations.entry(*process).or_default().push(operation);
        }
        Self { run, children, operations }
    }

    fn children_of(&self, parent: Option<ProcessId>) -> &[ProcessId] {
        self.children.get(&parent).map_or(&[], Vec::as_slice)
    }

    fn process(&self, id: ProcessId) -> Option<&'r Process> {
        self.run.processes.get(usize::try_from(id.0).ok()?)
    }

    /// Returns the programs that a process executes, with all arguments.
    fn commands(&self, id: ProcessId) -> Vec<&'r [String]> {
        self.process(id)
            .map(|p| p.images.iter().map(|image| image.argv.as_slice()).collect())
            .unwrap_or_default()
    }

    /// Returns the last program that a process executes, with all arguments.
    fn last(&self, id: ProcessId) -> Option<&'r [String]> {
        self.process(id)?.images.last().map(|image| image.argv.as_slice())
    }

    fn programs(&self, id: ProcessId) -> Vec<&'r str> {
        self.process(id)
            .map(|p| p.images.iter().map(|image| image.role.as_str()).collect())
            .unwrap_or_default()
    }

    /// Returns the operations and children of a process, to measure how similar two processes are.
    fn features(&self, id: ProcessId) -> BTreeSet<String> {
        let operations = self.operations.get(&id).into_iter().flatten();
        let own = operations
            .map(|operation| format!("{} {}", operation.op, self.run.resource(operation)));
        own.chain(self.children_of(Some(id)).iter().map(|child| self.programs(*child).join(">")))
            .collect()
    }
}

impl Pairing {
    /// Pairs the processes of two runs.
    pub(crate) fn new(a: &Run, b: &Run) -> Self {
        let (a, b) = (Tree::new(a), Tree::new(b));
        let mut pairing = Self::default();
        // What is recorded is the same program, even where it executes another one at its end.
        match (a.children_of(None), b.children_of(None)) {
            ([x], [y]) if a.programs(*x).first() == b.programs(*y).first() => pairing.add(*x, *y),
            (xs, ys) => pairing.pair_children(&a, &b, xs, ys),
        }
        // New pairs are parents of others, so the list grows during the walk.
        let mut next = 0;
        while let Some(&(x, y)) = pairing.pairs.get(next) {
            pairing.pair_children(&a, &b, a.children_of(Some(x)), b.children_of(Some(y)));
            next += 1;
        }
        pairing
    }

    /// Returns the partner of a process of the first (0) or second (1) run.
    pub(crate) fn partner(&self, side: usize, id: ProcessId) -> Option<ProcessId> {
        self.partner.get(side)?.get(&id).copied()
    }

    fn add(&mut self, x: ProcessId, y: ProcessId) {
        self.pairs.push((x, y));
        self.partner[0].insert(x, y);
        self.partner[1].insert(y, x);
    }

    fn pair_children(&mut self, a: &Tree<'_>, b: &Tree<'_>, xs: &[ProcessId], ys: &[ProcessId]) {
        let mut groups = BTreeMap::<_, [Vec<ProcessId>; 2]>::new();
        xs.iter().for_each(|x| groups.entry(a.commands(*x)).or_default()[0].push(*x));
        ys.iter().for_each(|y| groups.entry(b.commands(*y)).or_default()[1].push(*y));
        let mut left = BTreeMap::<_, [Vec<ProcessId>; 2]>::new();
        let mut pairs = Vec::new();
        for [xs, ys] in groups.into_values() {
            let (xs, ys) = pair_group(a, b, xs, ys, &mut pairs);
            xs.into_iter().for_each(|x| left.entry(a.programs(x)).or_default()[0].push(x));
            ys.into_iter().for_each(|y| left.entry(b.programs(y)).or_default()[1].push(y));
        }
        // Those that execute the same at their end: `nice cp a b` is `cp a b` in the end.
        let mut last = BTreeMap::<_, [Vec<ProcessId>; 2]>::new();
        for (programs, [xs, ys]) in left {
            // Processes that execute nothing were already paired as exactly alike.
            if !programs.is_empty() {
                let (xs, ys) = pair_group(a, b, xs, ys, &mut pairs);
                xs.into_iter().for_each(|x| last.entry(a.last(x)).or_default()[0].push(x));
                ys.into_iter().for_each(|y| last.entry(b.last(y)).or_default()[1].push(y));
            }
        }
        for [xs, ys] in last.into_values() {
            pair_group(a, b, xs, ys, &mut pairs);
        }
        pairs.sort_unstable();
        for (x, y) in pairs {
            self.add(x, y);
        }
    }
}

/// Pairs processes that execute the same. Returns those left over.
fn pair_group(
    a: &Tree<'_>,
    b: &Tree<'_>,
    xs: Vec<ProcessId>,
    ys: Vec<ProcessId>,
    pairs: &mut Vec<(ProcessId, ProcessId)>,
) -> (Vec<ProcessId>, Vec<ProcessId>) {
    /// Beyond this many, comparing all with all takes too long: they are paired by order.
    const MOST: usize = 64;
    if xs.len() == ys.len() || xs.is_empty() || ys.is_empty() || xs.len().max(ys.len()) > MOST {
        let both = xs.len().min(ys.len());
        pairs.extend(xs.iter().copied().zip(ys.iter().copied()));
        return (xs.into_iter().skip(both).collect(), ys.into_iter().skip(both).collect());
    }
    // The most similar first; among equals those closest in order.
    let features = |tree: &Tree<'_>, ids: &[ProcessId]| {
        ids.iter().map(|id| tree.features(*id)).collect::<Vec<_>>()
    };
    let (x_features, y_features) = (features(a, &xs), features(b, &ys));
    let mut likeness = Vec::new();
    for (i, x) in x_features.iter().enumerate() {
        for (j, y) in y_features.iter().enumerate() {
            let common = x.intersection(y).count();
            let all = x.len() + y.len() - common;
            // In thousandths, because integers can be sorted.
            likeness.push((
                std::cmp::Reverse((common * 1000).checked_div(all).unwrap_or(1000)),
                i.abs_diff(j),
                i,
                j,
            ));
        }
    }
    likeness.sort_unstable();
    let (mut x_free, mut y_free) = (vec![true; xs.len()], vec![true; ys.len()]);
    for (_, _, i, j) in likeness {
        if x_free[i] && y_free[j] {
            (x_free[i], y_free[j]) = (false, false);
            pairs.push((xs[i], ys[j]));
        }
    }
    let rest = |ids: Vec<ProcessId>, free: Vec<bool>| {
        ids.into_iter().zip(free).filter(|(_, free)| *free).map(|(id, _)| id).collect()
    };
    (rest(xs, x_free), rest(ys, y_free))
}

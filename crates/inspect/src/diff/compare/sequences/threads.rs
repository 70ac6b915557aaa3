//! Pairs the threads of two processes: by the order of their first operation if their numbers are
//! equal, else by what they do.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::Tokens;
use crate::diff::compare::{Found, Pairing};
use crate::diff::report::Change;
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::diff::run::stream::Stream;
use crate::state::ProcessId;

/// A pair of streams.
#[derive(Clone, Copy)]
pub(super) struct Pair<'r> {
    pub(super) processes: (ProcessId, ProcessId),
    pub(super) streams: [&'r Stream; 2],
}

/// The paired and unpaired streams of both runs.
pub(super) struct Threads<'r> {
    pub(super) pairs: Vec<Pair<'r>>,
    /// Streams without a partner, with the run they belong to.
    pub(super) unpaired: Vec<(usize, &'r Stream)>,
    pub(super) found: Vec<Found>,
}

type ByProcess<'r> = BTreeMap<ProcessId, Vec<&'r Stream>>;

fn by_process(run: &Run) -> ByProcess<'_> {
    let mut streams = ByProcess::new();
    run.streams
        .all
        .iter()
        .for_each(|stream| streams.entry(stream.process).or_default().push(stream));
    streams
}

impl<'r> Threads<'r> {
    pub(super) fn pair(a: &'r Run, b: &'r Run, pairing: &Pairing, tokens: &Tokens) -> Self {
        let (mut streams_a, mut streams_b) = (by_process(a), by_process(b));
        let mut threads = Self { pairs: Vec::new(), unpaired: Vec::new(), found: Vec::new() };
        for &(x, y) in &pairing.pairs {
            let (xs, ys) = (
                streams_a.remove(&x).unwrap_or_default(),
                streams_b.remove(&y).unwrap_or_default(),
            );
            threads.process([a, b], (x, y), &xs, &ys, tokens);
        }
        for (side, rest) in [streams_a, streams_b].into_iter().enumerate() {
            threads.unpaired.extend(rest.into_values().flatten().map(|stream| (side, stream)));
        }
        threads
    }

    fn process(
        &mut self,
        runs: [&'r Run; 2],
        processes: (ProcessId, ProcessId),
        xs: &[&'r Stream],
        ys: &[&'r Stream],
        tokens: &Tokens,
    ) {
        let count = |run: &Run, id: ProcessId| {
            run.processes
                .get(usize::try_from(id.0).unwrap_or(usize::MAX))
                .map_or(0, |process| process.threads)
        };
        let counts = [count(runs[0], processes.0), count(runs[1], processes.1)];
        if counts[0] != counts[1] {
            self.found.push(count_differs(runs[1], processes, counts));
        }
        // Streams are in order of their first operation.
        let (pairs, rest) = match xs.len() == ys.len() {
            true => {
                (xs.iter().copied().zip(ys.iter().copied()).collect(), [Vec::new(), Vec::new()])
            }
            false => pair_similar(xs, ys, tokens),
        };
        self.pairs.extend(pairs.into_iter().map(|(x, y)| Pair { processes, streams: [x, y] }));
        for (side, rest) in rest.into_iter().enumerate() {
            self.unpaired.extend(rest.into_iter().map(|stream| (side, stream)));
        }
    }
}

fn count_differs(run: &Run, processes: (ProcessId, ProcessId), counts: [u32; 2]) -> Found {
    let role = run
        .processes
        .get(usize::try_from(processes.1.0).unwrap_or(usize::MAX))
        .map_or("-", |p| p.role());
    let change = if counts[0] < counts[1] { Change::Added } else { Change::Removed };
    let mut found = Found::new(Rule::ThreadCount, change, role, "threads".to_owned());
    found.difference.before = Some(counts[0].to_string());
    found.difference.after = Some(counts[1].to_string());
    found.processes = [vec![processes.0], vec![processes.1]];
    found
}

type Similar<'r> = (Vec<(&'r Stream, &'r Stream)>, [Vec<&'r Stream>; 2]);

/// Pairs streams by the operations that they have in common, the most similar first.
fn pair_similar<'r>(xs: &[&'r Stream], ys: &[&'r Stream], tokens: &Tokens) -> Similar<'r> {
    /// Beyond this many, comparing all with all takes too long: they are paired by order.
    const MOST: usize = 256;
    let both = xs.len().min(ys.len());
    if xs.len().max(ys.len()) > MOST {
        let rest = |all: &[&'r Stream]| all.iter().skip(both).copied().collect();
        return (xs.iter().copied().zip(ys.iter().copied()).collect(), [rest(xs), rest(ys)]);
    }
    let token_sets = |side: usize, streams: &[&Stream]| {
        streams
            .iter()
            .map(|s| tokens.stream(side, s).into_iter().collect::<BTreeSet<_>>())
            .collect::<Vec<_>>()
    };
    let (x_sets, y_sets) = (token_sets(0, xs), token_sets(1, ys));
    let mut likeness = Vec::new();
    for (i, x) in x_sets.iter().enumerate() {
        for (j, y) in y_sets.iter().enumerate() {
            let common = x.intersection(y).count();
            let all = x.len() + y.len() - common;
            let thousandths = (common * 1000).checked_div(all).unwrap_or(1000);
            likeness.push((std::cmp::Reverse(thousandths), i.abs_diff(j), i, j));
        }
    }
    likeness.sort_unstable();
    let (mut x_free, mut y_free) = (vec![true; xs.len()], vec![true; ys.len()]);
    let mut pairs = Vec::new();
    for (_, _, i, j) in likeness {
        if x_free[i] && y_free[j] {
            (x_free[i], y_free[j]) = (false, false);
            pairs.push((xs[i], ys[j]));
        }
    }
    let rest = |all: &[&'r Stream], free: Vec<bool>| {
        all.iter().zip(free).filter(|(_, free)| *free).map(|(stream, _)| *stream).collect()
    };
    let rests = [rest(xs, x_free), rest(ys, y_free)];
    (pairs, rests)
}

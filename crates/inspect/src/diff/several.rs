//! Compares two sides of one or more runs each.
//!
//! Each run of one side is compared with a run of the other. What shows in every such pair is a
//! difference between the sides; the rest is unstable. Runs of one side are also compared with each
//! other: what differs there is unstable on that side.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use super::agree::{Identity, Subject, agree, for_each, identity, subject};
use super::compare::{compare, constant_names};
use super::report::{Difference, Report};
use super::rule::Rule;
use super::run::Run;
use super::verdict::{Unstable, Verdict};
use super::{Options, env_roots};
use crate::{Error, LogFile};

/// Reads the logs of two sides, several at a time.
///
/// # Errors
/// When a log cannot be read.
pub fn read_sides(logs: &mut [Vec<LogFile>; 2], options: &Options) -> Result<[Vec<Run>; 2], Error> {
    let read = |file: &mut LogFile| env_roots::read(file, options.level, options);
    let first_side = logs[0].len();
    let mut all: Vec<&mut LogFile> = logs.iter_mut().flatten().collect();
    let mut runs = Vec::with_capacity(all.len());
    // Two at a time, as each log already takes several threads to decode.
    for two in all.chunks_mut(2) {
        let done: Vec<_> = thread::scope(|scope| {
            let readers = two.iter_mut().map(|file| scope.spawn(move || read(file)));
            let readers: Vec<_> = readers.collect();
            let joined = readers.into_iter().map(thread::ScopedJoinHandle::join);
            joined.map(|run| run.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for run in done {
            runs.push(run?);
        }
    }
    let second = runs.split_off(first_side);
    Ok([runs, second])
}

/// Reads two logs, each on its own thread.
///
/// # Errors
/// When either log cannot be read.
pub fn read_both(a: LogFile, b: LogFile, options: &Options) -> Result<[Run; 2], Error> {
    let runs = read_sides(&mut [vec![a], vec![b]], options)?;
    Ok(runs.map(|mut runs| runs.remove(0)))
}

/// Compares two sides. `judge` turns the report on two runs, of which it gets the second too, into
/// a verdict. `None` if a side has no runs.
#[must_use]
pub fn compare_sides(
    runs: [Vec<Run>; 2],
    options: &Options,
    judge: &mut dyn FnMut(Report, &Run) -> Verdict,
) -> Option<Verdict> {
    let counts = [runs[0].len(), runs[1].len()];
    if counts.contains(&0) {
        return None;
    }
    let constant = [0, 1].map(|side: usize| constant_names(runs[side].iter()));
    let mut within = Vec::new();
    for (side, runs) in runs.iter().enumerate().filter(|(_, runs)| runs.len() > 1) {
        // A name that all runs of the side have is none that they make up.
        let constant = [constant[side].clone(), constant[side].clone()];
        within.extend(unstable_within(side, runs, &Options { constant, ..options.clone() }, judge));
    }
    let options = Options { constant, ..options.clone() };
    let pairs = counts[0].max(counts[1]);
    let mut runs = runs.map(|runs| runs.into_iter().map(Some).collect::<Vec<_>>());
    let mut verdicts = Vec::with_capacity(pairs);
    for at in 0..pairs {
        // Comparing changes a run, so one that is needed again is copied.
        let mut next = [0, 1].map(|side: usize| {
            let run = &mut runs[side][at % counts[side]];
            if at + counts[side] < pairs { run.clone() } else { run.take() }
        });
        let [Some(a), Some(b)] = &mut next else { return None };
        let report = compare(a, b, &options);
        verdicts.push(judge(report, b));
    }
    let mut verdict = agree(verdicts)?;
    for unstable in &mut verdict.unstable {
        for (run, count) in unstable.runs.iter_mut().zip(counts) {
            *run %= count;
        }
    }
    drop_what_varies(&mut verdict, &within, counts);
    Some(verdict)
}

/// Returns what differs between the runs of one side.
fn unstable_within(
    side: usize,
    runs: &[Run],
    options: &Options,
    judge: &mut dyn FnMut(Report, &Run) -> Verdict,
) -> Vec<Unstable> {
    let mut seen = BTreeMap::<Identity, Unstable>::new();
    for (at, other) in runs.iter().enumerate().skip(1) {
        let (Some(mut first), mut other) = (runs.first().cloned(), other.clone()) else { continue };
        let report = compare(&mut first, &mut other, options);
        let verdict = judge(report, &other);
        let mut counted = BTreeSet::new();
        for_each(&verdict.report.differences, &mut |difference| {
            // What the policy says is about each run, not about what differs.
            if matches!(
                difference.rule,
                Rule::PolicyForbid
                    | Rule::PolicyBudget
                    | Rule::PolicyAssert
                    | Rule::EnvDrift
                    | Rule::RunState
            ) {
                return;
            }
            let new = Unstable {
                difference: Difference { consequences: Vec::new(), ..difference.clone() },
                seen: 0,
                of: runs.len(),
                side: Some(side),
                runs: [0, at],
                around: None,
            };
            // A process may end in another way in each run: one line.
            let mut key = identity(difference);
            (key.4, key.5) = (None, None);
            // Several processes may differ in the same way.
            if counted.insert(key.clone()) {
                seen.entry(key).or_insert(new).seen += 1;
            }
        });
    }
    // The first run has what the others lack.
    for unstable in seen.values_mut() {
        if unstable.difference.change == super::Change::Removed {
            unstable.seen = unstable.of.saturating_sub(unstable.seen).max(1);
        }
    }
    seen.into_values().collect()
}

/// Lists what varies within a side as that, once, and takes it out of the differences where the
/// other side has one run, which cannot show whether the same varies there.
fn drop_what_varies(verdict: &mut Verdict, within: &[Unstable], counts: [usize; 2]) {
    let mut varying = BTreeMap::<Subject, [bool; 2]>::new();
    for unstable in within {
        let sides = varying.entry(subject(&unstable.difference)).or_default();
        if let Some(varies) = unstable.side.and_then(|side| sides.get_mut(side)) {
            *varies = true;
        }
    }
    verdict.unstable.retain(|unstable| !varying.contains_key(&subject(&unstable.difference)));
    let single = counts.contains(&1);
    verdict.report.retain(|difference| {
        let both = difference.before.is_some() && difference.after.is_some();
        !(single && both && varying.contains_key(&subject(difference)))
    });
    verdict.unstable.splice(..0, within.iter().cloned());
}

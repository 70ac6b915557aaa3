//! The causes of differences between streams.

use std::collections::HashMap;

use super::super::job::Job;
use crate::diff::compare::Found;
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::state::ProcessId;

/// The pseudo-name of a child process.
pub(super) const CHILD: &str = "<child>";

/// The index of a difference, and its processes in both runs.
type Cause = (usize, [Vec<ProcessId>; 2]);

/// Differences from which those of streams may follow.
pub(super) struct Causes {
    /// Differences by the names they are about.
    names: HashMap<String, Vec<Cause>>,
    /// Processes in one run only, and differing thread counts, by the parent process.
    makers: [HashMap<ProcessId, usize>; 2],
}

impl Causes {
    pub(super) fn new(runs: [&Run; 2], found: &[Found]) -> Self {
        let mut causes = Self { names: HashMap::new(), makers: Default::default() };
        for (at, one) in found.iter().enumerate() {
            for name in &one.names {
                causes.names.entry(name.clone()).or_default().push((at, one.processes.clone()));
            }
            for (side, run) in runs.into_iter().enumerate() {
                let Some(first) = one.processes[side].first().copied() else { continue };
                let process = usize::try_from(first.0).ok().and_then(|at| run.processes.get(at));
                let maker = match one.difference.rule {
                    Rule::ThreadCount => Some(first),
                    _ if one.is_process() => process.and_then(|process| process.parent),
                    _ => None,
                };
                if let Some(maker) = maker {
                    causes.makers[side].entry(maker).or_insert(at);
                }
            }
        }
        causes
    }

    /// Returns the cause of a difference: an effect of the same process on one of its names, or a
    /// process or thread that it created.
    pub(super) fn find(&self, one: &Found, job: &Job<'_>) -> Option<usize> {
        if !matches!(
            one.difference.rule,
            Rule::CallNew | Rule::CallGone | Rule::ErrChanged | Rule::OrderOnly
        ) {
            return None;
        }
        let (x, y) = job.processes;
        let by_name = one.names.iter().find_map(|name| {
            let known = self.names.get(name)?;
            let same = |(_, [xs, ys]): &&Cause| xs.contains(&x) || ys.contains(&y);
            known.iter().find(same).map(|(at, _)| *at)
        });
        let maker = || self.makers[0].get(&x).or(self.makers[1].get(&y)).copied();
        by_name.or_else(|| one.names.iter().any(|name| name == CHILD).then(maker)?)
    }
}

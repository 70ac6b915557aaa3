//! How long calls took in two runs.

use std::collections::BTreeSet;

use crate::diff::report::Time;
use crate::diff::run::Run;

/// Every call that both runs make, the one first on which the most time was spent.
pub(super) fn times(a: &Run, b: &Run) -> Vec<Time> {
    let names: BTreeSet<&str> =
        a.timing.0.keys().filter(|name| b.timing.0.contains_key(*name)).copied().collect();
    let mut times: Vec<Time> = names
        .into_iter()
        .filter_map(|call| {
            let both = [a.timing.0.get(call)?, b.timing.0.get(call)?];
            Some(Time {
                call: call.to_owned(),
                count: both.map(|times| times.count),
                total_ns: both.map(|times| times.total_ns),
                median_ns: both.map(|times| times.percentile(50)),
                p99_ns: both.map(|times| times.percentile(99)),
            })
        })
        .collect();
    times.sort_by_key(|time| std::cmp::Reverse(time.total_ns.iter().sum::<u64>()));
    times
}

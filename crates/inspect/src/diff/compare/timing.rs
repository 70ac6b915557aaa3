//! Compares how long calls took.

use std::collections::BTreeSet;

use super::Found;
use crate::diff::report::{Change, Time};
use crate::diff::rule::Rule;
use crate::diff::run::Run;

/// Returns the times of every call that both runs make, those with the longest total first.
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

/// Returns calls whose duration differs clearly. The factor is large because medians are only known
/// to a factor of two.
pub(super) fn differences(times: &[Time]) -> Vec<Found> {
    /// The least number of calls in each run: fewer say nothing.
    const LEAST: u64 = 100;
    /// The least ratio of the medians.
    const FACTOR: u64 = 4;
    let changed = times.iter().filter(|time| {
        let [a, b] = time.median_ns;
        time.count.iter().all(|count| *count >= LEAST)
            && a.max(b) >= a.min(b).max(1).saturating_mul(FACTOR)
    });
    changed
        .map(|time| {
            let mut found = Found::new(Rule::TimingOnly, Change::Changed, "-", time.call.clone());
            let median = time.median_ns.map(|ns| Some(format!("{} us", ns / 1000)));
            [found.difference.before, found.difference.after] = median;
            found
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_changes_of_many_calls_are_reported() {
        let time = |count: u64, a: u64, b: u64| Time {
            call: "read".into(),
            count: [count, count],
            total_ns: [0, 0],
            median_ns: [a, b],
            p99_ns: [0, 0],
        };
        let reported = |time| differences(&[time]).len();
        assert_eq!((reported(time(100, 1024, 4096)), reported(time(100, 8192, 1024))), (1, 1));
        assert_eq!((reported(time(99, 1024, 8192)), reported(time(100, 1024, 2048))), (0, 0));
    }
}

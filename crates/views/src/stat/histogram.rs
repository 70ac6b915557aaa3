//! A histogram of durations with a bounded error.

use std::collections::BTreeMap;

/// Each power of two is divided into this many buckets, so a value read from a bucket is at most
/// 1/16 below the true one.
const PARTS: u64 = 16;

/// Durations in nanoseconds, in buckets whose width grows with the duration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// The counts of the buckets that have any, in order. Durations of one kind of call spread over
    /// few buckets.
    buckets: Vec<(u16, u64)>,
    count: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, ns: u64) {
        self.add_many(bucket(ns), 1);
    }

    /// Adds all that another one has.
    pub(crate) fn merge(&mut self, other: &Self) {
        other.buckets.iter().for_each(|(bucket, count)| self.add_many(*bucket, *count));
    }

    fn add_many(&mut self, bucket: u16, many: u64) {
        let at = self.buckets.partition_point(|(known, _)| *known < bucket);
        match self.buckets.get_mut(at) {
            Some((known, count)) if *known == bucket => *count = count.saturating_add(many),
            _ => self.buckets.insert(at, (bucket, many)),
        }
        self.count = self.count.saturating_add(many);
    }

    /// Returns the lower bound of the bucket with the duration that `percent` of all durations do
    /// not exceed; `None` if there are none.
    pub(crate) fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = u128::from(self.count) * u128::from(percent);
        let rank = u64::try_from(rank.div_ceil(100)).unwrap_or(u64::MAX).max(1);
        let mut seen = 0_u64;
        self.buckets.iter().find_map(|(bucket, count)| {
            seen = seen.saturating_add(*count);
            (seen >= rank).then(|| lower_bound(*bucket))
        })
    }

    /// Returns the number of durations by power of two: the exponent, and how many durations are
    /// at least 2^exponent ns and less than twice that. Shorter ones than 1 ns count as 1 ns.
    pub(crate) fn powers(&self) -> BTreeMap<u32, u64> {
        let mut powers = BTreeMap::new();
        for (bucket, count) in &self.buckets {
            let total: &mut u64 = powers.entry(lower_bound(*bucket).max(1).ilog2()).or_insert(0);
            *total = total.saturating_add(*count);
        }
        powers
    }
}

fn bucket(ns: u64) -> u16 {
    if ns < PARTS {
        return u16::try_from(ns).unwrap_or(0);
    }
    let power = u64::from(ns.ilog2());
    let part = (ns >> (power - u64::from(PARTS.ilog2()))) - PARTS;
    u16::try_from((power - u64::from(PARTS.ilog2()) + 1) * PARTS + part).unwrap_or(u16::MAX)
}

fn lower_bound(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < PARTS {
        return bucket;
    }
    (PARTS + bucket % PARTS) << (bucket / PARTS - 1)
}

#[cfg(test)]
mod tests {
    use super::{Histogram, bucket, lower_bound};

    #[test]
    fn a_bucket_is_narrow_and_has_its_values() {
        let values = (0..64).flat_map(|power| {
            let power = 1_u64 << power;
            [power - 1, power, power + power / 3, power + (power - 1)]
        });
        for ns in values {
            let low = lower_bound(bucket(ns));
            assert!(low <= ns && ns - low <= ns / 16, "{ns} {low}");
        }
    }

    /// The oracle is the sorted list.
    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let mut values: Vec<u64> = (1..1000).map(|n: u64| n * n * 37 % 100_003).collect();
        let mut histogram = Histogram::default();
        values.iter().for_each(|ns| histogram.add(*ns));
        values.sort_unstable();
        for percent in [1, 50, 95, 99, 100] {
            let exact = values[(values.len() * percent).div_ceil(100) - 1];
            let found = histogram.percentile(u64::try_from(percent).unwrap()).unwrap();
            assert!(found <= exact && exact - found <= exact / 16, "{percent}: {found} {exact}");
        }
        assert_eq!(histogram.powers().values().sum::<u64>(), 999);
        assert_eq!(Histogram::default().percentile(50), None);
    }
}

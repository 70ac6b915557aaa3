//! Histograms of the duration of calls, by name.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// A histogram: `buckets[n]` counts calls of 2^n to 2^(n+1) nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    buckets: [u64; 64],
    pub(crate) count: u64,
    pub(crate) total_ns: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { buckets: [0; 64], count: 0, total_ns: 0 }
    }
}

impl Times {
    /// Returns a percentile in nanoseconds, rounded down to a power of two.
    pub(crate) fn percentile(&self, hundredths: u64) -> u64 {
        let mut left = self.count.saturating_mul(hundredths) / 100;
        for (power, count) in self.buckets.iter().enumerate() {
            if left < *count {
                return 1 << power;
            }
            left = left.saturating_sub(*count);
        }
        0
    }
}

/// The histograms by name of call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timing(pub(crate) HashMap<&'static str, Times, RandomState>);

impl Timing {
    pub(crate) fn add(&mut self, name: &'static str, took_ns: u64) {
        let times = self.0.entry(name).or_default();
        if let Some(bucket) =
            usize::try_from(took_ns.max(1).ilog2()).ok().and_then(|at| times.buckets.get_mut(at))
        {
            crate::add(bucket, 1);
        }
        crate::add(&mut times.count, 1);
        times.total_ns = times.total_ns.saturating_add(took_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn percentiles_are_those_of_the_calls() {
        let mut timing = super::Timing::default();
        (0..90).for_each(|_| timing.add("read", 1000));
        (0..10).for_each(|_| timing.add("read", 1_000_000));
        let times: &Times = &timing.0["read"];
        assert_eq!((times.percentile(50), times.percentile(95), times.count), (512, 524_288, 100));
        assert_eq!(Times::default().percentile(50), 0);
    }
}

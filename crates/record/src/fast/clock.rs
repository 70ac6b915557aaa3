//! Times of the page: the time-stamp counter as CLOCK_MONOTONIC.

use sysreel_sys::{clock, fast};

/// The counter and the time of the same moment.
#[derive(Debug, Clone, Copy)]
struct Pair {
    stamp: u64,
    ns: u64,
}

impl Pair {
    fn now() -> Pair {
        Pair { stamp: fast::time_stamp(), ns: clock::monotonic_ns() }
    }
}

/// Relates the counter to the clock. Calibrated at each stop at which times are needed.
#[derive(Debug)]
pub(super) struct Clock {
    first: Pair,
    last: Pair,
}

impl Clock {
    pub(super) fn new() -> Clock {
        let now = Pair::now();
        Clock { first: now, last: now }
    }

    /// Compares the two.
    pub(super) fn calibrate(&mut self) {
        self.last = Pair::now();
    }

    /// Returns a time in nanoseconds, by the last calibration.
    pub(super) fn time(&self, stamp: u64) -> u64 {
        let ticks = u128::from(self.last.stamp.saturating_sub(self.first.stamp).max(1));
        let ns = u128::from(self.last.ns.saturating_sub(self.first.ns));
        let scaled = |ticks_ago: u64| {
            u64::try_from(u128::from(ticks_ago).saturating_mul(ns) / ticks).unwrap_or(u64::MAX)
        };
        self.last.ns.saturating_sub(scaled(self.last.stamp.saturating_sub(stamp)))
    }
}

//! Points in time.

use std::time::Duration;

/// A point in time on the clock of a recording: CLOCK_MONOTONIC of the recording machine.
/// [`LogFile::unix_time`](crate::LogFile::unix_time) converts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// Creates a point in time from CLOCK_MONOTONIC in nanoseconds.
    #[must_use]
    pub const fn from_nanos(ns: u64) -> Self {
        Self(ns)
    }

    /// Returns CLOCK_MONOTONIC in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the time since an earlier point; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

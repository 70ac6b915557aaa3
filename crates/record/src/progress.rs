//! What a recording reports while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that other threads may read while a recording runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Committed events.
    pub events: AtomicU64,
    /// Bytes written to the log.
    pub bytes: AtomicU64,
    /// Events that could not be written.
    pub lost: AtomicU64,
}

impl Progress {
    /// Returns the events, bytes and lost events so far.
    pub fn now(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.events), read(&self.bytes), read(&self.lost))
    }
}

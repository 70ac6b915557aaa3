//! Transfers in pieces of another size, such as a copy with a larger buffer: reads and writes take
//! turns, so that no two of them join.

use std::collections::BTreeMap;

use super::super::job::Job;

/// The operations of a pair of streams that transfer as many bytes in both, by token, with the
/// number of calls of each side.
pub(super) struct Pieces(BTreeMap<u32, [u64; 2]>);

impl Pieces {
    pub(super) fn new(job: &Job<'_>) -> Self {
        let mut totals = BTreeMap::<u32, [(u64, u64); 2]>::new();
        for side in [0, 1] {
            let tokens = job.tokens[side].iter();
            for (token, step) in tokens.zip(&job.streams[side].steps).filter(|(_, s)| s.bytes > 0) {
                let (bytes, calls) = &mut totals.entry(*token).or_default()[side];
                *bytes = bytes.saturating_add(step.bytes);
                *calls = calls.saturating_add(u64::from(step.calls));
            }
        }
        let equal = totals.into_iter().filter(|(_, [a, b])| a.0 == b.0 && a.1 != b.1);
        Self(equal.map(|(token, [a, b])| (token, [a.1, b.1])).collect())
    }

    /// Returns the number of calls of each side, if an operation differs only in its pieces.
    pub(super) fn of(&self, token: u32) -> Option<[u64; 2]> {
        self.0.get(&token).copied()
    }
}

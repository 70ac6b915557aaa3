//! Checksums of a segment's records, kept in private memory.
//!
//! A segment is part of a file, and other programs may overwrite or truncate that file while the
//! segment is being filled. The checksums let the writer detect it. A running sum covers all
//! records of a segment and is saved every few KiB, so that damage costs only the records around
//! it.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use crate::records::{Record, Records};

/// The least number of bytes of records between two marks.
const MARK_EVERY: usize = 4 << 10;

/// The running sums of a segment's records, and their values at some record boundaries.
#[derive(Debug, Default)]
pub struct Checks {
    marks: Vec<Mark>,
    sums: Sums,
    /// The end of the last mark.
    marked: usize,
}

/// Running sums. Events and blobs have one each, because they are checked at different times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) events: u64,
    pub(crate) blobs: u64,
}

/// A record boundary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    /// The number of bytes of records before it.
    pub(crate) end: usize,
    /// The number of events and of blobs before it.
    pub(crate) events: u64,
    pub(crate) blobs: u64,
    /// The sums of these records.
    pub(crate) sums: Sums,
}

/// The records between two marks.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// Their place among the records of the segment, in bytes.
    pub(crate) bytes: Range<usize>,
    /// Their events and blobs, counted from the first of the segment.
    pub(crate) events: Range<u64>,
    pub(crate) blobs: Range<u64>,
    before: Sums,
    after: Sums,
}

impl Checks {
    /// Returns empty checks with room for all marks of a segment of `size` bytes.
    pub fn for_segment(size: usize) -> Checks {
        Checks { marks: Vec::with_capacity(size / MARK_EVERY), ..Checks::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.marks.clear();
        (self.sums, self.marked) = (Sums::default(), 0);
    }

    pub(crate) fn add_event(&mut self, bytes: &[u8]) {
        self.sums.events = mix(self.sums.events, digest(bytes));
    }

    pub(crate) fn add_blob(&mut self, bytes: &[u8]) {
        self.sums.blobs = mix(self.sums.blobs, digest(bytes));
    }

    pub(crate) fn sums(&self) -> Sums {
        self.sums
    }

    /// Adds a mark, unless the last one is near.
    pub(crate) fn mark_if_due(&mut self, mark: Mark) {
        if mark.end - self.marked >= MARK_EVERY {
            self.marks.push(mark);
            self.marked = mark.end;
        }
    }

    /// Returns the spans between marks, up to `last`.
    pub(crate) fn spans(&self, last: Mark) -> impl Iterator<Item = Span> {
        let mut from = Mark::default();
        self.marks.iter().copied().chain(std::iter::once(last)).filter_map(move |to| {
            let span = Span {
                bytes: from.end..to.end,
                events: from.events..to.events,
                blobs: from.blobs..to.blobs,
                before: from.sums,
                after: to.sums,
            };
            from = to;
            (!span.bytes.is_empty()).then_some(span)
        })
    }
}

impl Span {
    /// Whether `records` hold the events that were appended.
    pub(crate) fn holds_events(&self, records: &[u8]) -> bool {
        holds(self.before.events, records, self.after.events, |record| match record {
            Record::Event(bytes) => Some(bytes),
            Record::Blob(_) => None,
        })
    }

    /// Whether `records` hold the blobs that were appended.
    pub(crate) fn holds_blobs(&self, records: &[u8]) -> bool {
        holds_blobs(self.before.blobs, records, self.after.blobs)
    }
}

/// Whether `records` hold the blobs that were appended to a segment between two of its sums
/// ([`crate::Segment::blob_sum`]).
pub fn holds_blobs(before: u64, records: &[u8], after: u64) -> bool {
    holds(before, records, after, |record| match record {
        Record::Blob(bytes) => Some(bytes),
        Record::Event(_) => None,
    })
}

fn holds<'a>(
    before: u64,
    records: &'a [u8],
    after: u64,
    bytes: impl Fn(Record<'a>) -> Option<&'a [u8]>,
) -> bool {
    let mut sum = before;
    for record in Records::new(records) {
        let Ok(record) = record else { return false };
        sum = bytes(record).map_or(sum, |bytes| mix(sum, digest(bytes)));
    }
    sum == after
}

/// Hashes the bytes. The hash is never stored, and must keep up with the tracer's thread, which
/// copies the bytes: a CRC took a quarter of the time of a traced read(2) of 64 KiB.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_usize(bytes.len());
    hasher.write(bytes);
    hasher.finish()
}

/// Combines two numbers. The factor (2^64 divided by the golden ratio) is odd, so no bits are lost.
fn mix(one: u64, other: u64) -> u64 {
    (one.rotate_left(29) ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn digest_detects_flipped_bits_and_swaps() {
        let bytes: Vec<u8> = (0..500_u32).map(|i| (i * i % 251).to_le_bytes()[0]).collect();
        for len in [0, 1, 7, 8, 31, 32, 33, 64, 255, 500] {
            let bytes = &bytes[..len];
            let right = digest(bytes);
            for at in 0..len {
                for bit in 0..8 {
                    let mut wrong = bytes.to_vec();
                    wrong[at] ^= 1 << bit;
                    assert_ne!(digest(&wrong), right, "byte {at}, bit {bit}");
                }
                let mut wrong = bytes.to_vec();
                wrong.swap(at, len - 1);
                assert_eq!(digest(&wrong) == right, wrong == bytes, "bytes {at} and {}", len - 1);
                assert_ne!(digest(&bytes[..at]), right, "{at} of {len}");
            }
            assert_ne!(digest(&[bytes, &[0]].concat()), right, "with a zero appended");
        }
        // Blocks that are swapped.
        let mut wrong = bytes.clone();
        wrong[..96].rotate_left(32);
        assert_ne!(digest(&wrong), digest(&bytes));
    }
}

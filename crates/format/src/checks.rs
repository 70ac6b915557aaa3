//! Sums over the records of a segment, kept outside its memory.
//!
//! A segment lies in a file, which other programs may overwrite or cut short while it is being
//! filled. The writer must not take what they left there for what was recorded. A sum goes over all
//! records of a segment, and is noted every few KiB, so that damage costs the records around it and
//! no others.

use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use crate::records::{Record, Records};

/// How many bytes of records at least lie between two marks.
const MARK_EVERY: usize = 4 << 10;

/// The running sums of a segment's records, and what they were at some of their ends.
#[derive(Debug, Default)]
pub struct Checks {
    marks: Vec<Mark>,
    sums: Sums,
    /// The last mark's end.
    marked: usize,
}

/// What records add up to. Events and blobs have sums of their own, for they are looked at at
/// different times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) events: u64,
    pub(crate) blobs: u64,
}

/// A place between two records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    /// How many bytes of records come before it.
    pub(crate) end: usize,
    /// How many events, and how many blobs, these are.
    pub(crate) events: u64,
    pub(crate) blobs: u64,
    /// What they add up to.
    pub(crate) sums: Sums,
}

/// Records that follow one another, from a mark to the next.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    /// Where they lie among the records of the segment.
    pub(crate) bytes: Range<usize>,
    /// Their events and their blobs, counted from the first of the segment.
    pub(crate) events: Range<u64>,
    pub(crate) blobs: Range<u64>,
    before: Sums,
    after: Sums,
}

impl Checks {
    /// Has room for all marks of a segment of that size.
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

    /// Notes the place unless the last one is near.
    pub(crate) fn mark_if_due(&mut self, here: Mark) {
        if here.end - self.marked >= MARK_EVERY {
            self.marks.push(here);
            self.marked = here.end;
        }
    }

    /// The stretches between marks, up to `last`.
    pub(crate) fn stretches(&self, last: Mark) -> impl Iterator<Item = Stretch> {
        let mut from = Mark::default();
        self.marks.iter().copied().chain(std::iter::once(last)).filter_map(move |to| {
            let stretch = Stretch {
                bytes: from.end..to.end,
                events: from.events..to.events,
                blobs: from.blobs..to.blobs,
                before: from.sums,
                after: to.sums,
            };
            from = to;
            (!stretch.bytes.is_empty()).then_some(stretch)
        })
    }
}

impl Stretch {
    /// Whether its events are there as they were appended.
    pub(crate) fn holds_events(&self, records: &[u8]) -> bool {
        holds(self.before.events, records, self.after.events, |record| match record {
            Record::Event(bytes) => Some(bytes),
            Record::Blob(_) => None,
        })
    }

    /// The same of its blobs.
    pub(crate) fn holds_blobs(&self, records: &[u8]) -> bool {
        holds_blobs(self.before.blobs, records, self.after.blobs)
    }
}

/// Whether these records have the blobs that were appended to a segment between two of its sums
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

/// A hash of the bytes. It lives as long as this process and has to notice what other programs
/// write, at the speed at which the tracer's thread copies: a CRC took a quarter of the time of a
/// traced read(2) of 64 KiB.
fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_usize(bytes.len());
    hasher.write(bytes);
    hasher.finish()
}

/// Makes one number of two. The factor is odd, so none is lost: 2^64 divided by the golden ratio.
fn mix(one: u64, other: u64) -> u64 {
    (one.rotate_left(29) ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn every_change_of_a_bit_and_every_exchange_shows() {
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
            assert_ne!(digest(&[bytes, &[0]].concat()), right, "a zero more");
        }
        // Blocks that change places.
        let mut wrong = bytes.clone();
        wrong[..96].rotate_left(32);
        assert_ne!(digest(&wrong), digest(&bytes));
    }
}

//! Sums over the records of a segment, kept outside its memory.
//!
//! A segment lies in a file, which other programs may overwrite or cut short while it is being filled. The writer must not take what
//! they left there for what was recorded. A sum goes over all records of a segment, and is noted every few KiB, so that damage
//! costs the records around it and no others.

use std::ops::Range;

/// How many bytes of records at least lie between two marks.
const MARK_EVERY: usize = 4 << 10;

/// The running sum of a segment's records, and what it was at some of their ends.
#[derive(Debug, Default)]
pub struct Checks {
    marks: Vec<Mark>,
    sum: u32,
    /// The last mark's end.
    marked: usize,
}

/// A place between two records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// How many bytes of records come before it.
    pub(crate) end: usize,
    /// How many events, and how many blobs, these are.
    pub(crate) events: u64,
    pub(crate) blobs: u64,
    /// Their CRC32C.
    pub(crate) sum: u32,
}

/// Records that follow one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where they lie among the records of the segment.
    pub(crate) bytes: Range<usize>,
    /// Their events and their blobs, counted from the first of the segment.
    pub(crate) events: Range<u64>,
    pub(crate) blobs: Range<u64>,
    /// Whether they are what was appended.
    pub(crate) sound: bool,
}

impl Checks {
    /// Has room for all marks of a segment of that size.
    pub fn for_segment(size: usize) -> Checks {
        Checks { marks: Vec::with_capacity(size / MARK_EVERY), ..Checks::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.marks.clear();
        (self.sum, self.marked) = (0, 0);
    }

    /// Goes over a record, with the zeros that fill it up to a multiple of 8.
    pub(crate) fn add(&mut self, head: &[u8], bytes: &[u8]) {
        let padding = bytes.len().next_multiple_of(8) - bytes.len();
        let sum = crc32c::crc32c_append(crc32c::crc32c_append(self.sum, head), bytes);
        self.sum = crc32c::crc32c_append(sum, [0; 8].get(..padding).unwrap_or_default());
    }

    pub(crate) fn sum(&self) -> u32 {
        self.sum
    }

    /// Notes the place unless the last one is near.
    pub(crate) fn mark_if_due(&mut self, here: Mark) {
        if here.end - self.marked >= MARK_EVERY {
            self.marks.push(here);
            self.marked = here.end;
        }
    }

    /// The stretches between marks, up to `last`, and whether `records` has them as they were.
    pub(crate) fn stretches(&self, last: Mark, records: &[u8]) -> impl Iterator<Item = Stretch> {
        let mut from = Mark { end: 0, events: 0, blobs: 0, sum: 0 };
        self.marks.iter().copied().chain(std::iter::once(last)).filter_map(move |to| {
            let bytes = from.end..to.end;
            let sound = records.get(bytes.clone()).is_some_and(|read| holds_records(from.sum, read, to.sum));
            let stretch =
                Stretch { bytes, events: from.events..to.events, blobs: from.blobs..to.blobs, sound };
            from = to;
            (!stretch.bytes.is_empty()).then_some(stretch)
        })
    }
}

/// Whether these are the bytes that were appended to a segment between two of its sums ([`crate::Segment::sum`]).
pub fn holds_records(before: u32, bytes: &[u8], after: u32) -> bool {
    crc32c::crc32c_append(before, bytes) == after
}

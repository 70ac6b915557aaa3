//! Finds changes between two copies of memory. Pure: bytes in, changes out.

use std::ops::Range;

/// The most bytes of a change that are kept.
const MAX_SHOWN: usize = 16;
/// Changed bytes that are at most this far apart are one change: a number seldom changes in every
/// byte.
const MERGE_GAP: u64 = 16;
/// The most changes of one call that are kept.
pub(crate) const MAX_CHANGES: usize = 32;

/// A range of memory that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// From the first changed byte to past the last.
    pub(crate) range: Range<u64>,
    /// The number of bytes that changed.
    pub(crate) bytes: u64,
    /// The first bytes before the call.
    pub(crate) before: Vec<u8>,
    /// The first bytes after the call.
    pub(crate) after: Vec<u8>,
}

/// The changes of one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The addresses that arguments point to, ascending. Changes on either side of one are not
    /// merged.
    pub(crate) starts: Vec<u64>,
    /// In order of address within each range that was compared.
    pub(crate) found: Vec<Change>,
    /// The number of changes that were not kept.
    pub(crate) more: u64,
}

impl Changes {
    /// Compares a range of memory that the call should not have written. Both slices must have the
    /// same length.
    pub(crate) fn compare(&mut self, address: u64, before: &[u8], after: &[u8]) {
        /// Blocks are compared as a whole first: nearly all are equal.
        const BLOCK: usize = 4096;
        let blocks = before.chunks(BLOCK).zip(after.chunks(BLOCK)).zip((0usize..).step_by(BLOCK));
        for ((was, is), start) in blocks.filter(|((was, is), _)| was != is) {
            for at in (0..was.len()).filter(|&at| was[at] != is[at]) {
                self.add(address, start + at, before, after);
            }
        }
    }

    fn add(&mut self, address: u64, at: usize, before: &[u8], after: &[u8]) {
        let here = address + at as u64;
        if let Some(last) = self.found.last_mut()
            && last.range.end <= here
            && here - last.range.end <= MERGE_GAP
            && last.range.start >= address
            && self.starts.partition_point(|&start| start <= last.range.start)
                == self.starts.partition_point(|&start| start <= here)
        {
            last.range.end = here + 1;
            last.bytes += 1;
            let shown = usize::try_from(last.range.end - last.range.start)
                .unwrap_or(MAX_SHOWN)
                .min(MAX_SHOWN);
            let first = usize::try_from(last.range.start - address).unwrap_or(at);
            last.before = before[first..first + shown].to_vec();
            last.after = after[first..first + shown].to_vec();
            return;
        }
        if self.found.len() == MAX_CHANGES {
            self.more += 1;
            return;
        }
        self.found.push(Change {
            range: here..here + 1,
            bytes: 1,
            before: before[at..=at].to_vec(),
            after: after[at..=at].to_vec(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_lies_in_a_change() {
        let before: Vec<u8> = (0..20_000u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let mut after = before.clone();
        for at in [0, 7, 4095, 4096, 9000, 19_999] {
            after[at] ^= 0xff;
        }
        let mut changes = Changes::default();
        changes.compare(0x1000, &before, &after);
        let ranges: Vec<_> =
            changes.found.iter().map(|change| (change.range.clone(), change.bytes)).collect();
        assert_eq!(
            ranges,
            [
                (0x1000..0x1008, 2),
                (0x1000 + 4095..0x1000 + 4097, 2),
                (0x1000 + 9000..0x1000 + 9001, 1),
                (0x1000 + 19_999..0x1000 + 20_000, 1)
            ]
        );
        assert_eq!(changes.found[0].before, before[..8]);
        assert_eq!(changes.found[0].after, after[..8]);
        assert_eq!(changes.more, 0);
    }

    #[test]
    fn changes_are_split_where_an_argument_points() {
        let mut changes = Changes { starts: vec![100, 104, 500], ..Changes::default() };
        changes.compare(100, &[0; 9], &[1; 9]);
        assert_eq!(
            changes.found.iter().map(|c| c.range.clone()).collect::<Vec<_>>(),
            [100..104, 104..109]
        );
    }

    #[test]
    fn equal_memory_has_no_changes() {
        let mut changes = Changes::default();
        changes.compare(u64::MAX - 8192, &[7; 8000], &[7; 8000]);
        assert_eq!(changes, Changes::default());
    }

    #[test]
    fn adjacent_ranges_are_not_merged_and_excess_changes_are_counted() {
        let mut changes = Changes::default();
        changes.compare(100, &[0], &[1]);
        changes.compare(101, &[0], &[1]);
        assert_eq!(changes.found.len(), 2);
        let after: Vec<u8> = (0..100 * 40u32).map(|i| u8::from(i % 40 == 0)).collect();
        changes.compare(10_000, &vec![0; after.len()], &after);
        assert_eq!((changes.found.len(), changes.more), (MAX_CHANGES, 70));
    }
}

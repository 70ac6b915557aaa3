//! Compares memory with what it was. Pure: bytes in, changes out.

use std::ops::Range;

/// How many bytes of a change are shown.
const SHOWN: usize = 16;
/// Changed bytes with no more unchanged ones between them are one change: numbers seldom change in
/// every byte.
const GAP: u64 = 16;
/// The most changes of one call that are told apart.
pub(crate) const MOST: usize = 32;

/// A stretch of memory that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// From the first to behind the last changed byte.
    pub(crate) range: Range<u64>,
    /// How many bytes of it changed.
    pub(crate) bytes: u64,
    /// The first bytes, as they were.
    pub(crate) before: Vec<u8>,
    /// The first bytes, as they are.
    pub(crate) after: Vec<u8>,
}

/// The changes of one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Where memory begins that arguments point to, in order: what changes behind such an address
    /// is a change of its own.
    pub(crate) starts: Vec<u64>,
    /// In order of address within each stretch that was looked at.
    pub(crate) found: Vec<Change>,
    /// How many more there were.
    pub(crate) more: u64,
}

impl Changes {
    /// Looks at a stretch of memory that nobody may have written; both slices have one length.
    pub(crate) fn look(&mut self, address: u64, before: &[u8], after: &[u8]) {
        /// Whole blocks are compared first: nearly all are equal.
        const BLOCK: usize = 4096;
        let blocks = before.chunks(BLOCK).zip(after.chunks(BLOCK)).zip((0usize..).step_by(BLOCK));
        for ((was, is), start) in blocks.filter(|((was, is), _)| was != is) {
            for at in (0..was.len()).filter(|&at| was[at] != is[at]) {
                self.changed(address, start + at, before, after);
            }
        }
    }

    fn changed(&mut self, address: u64, at: usize, before: &[u8], after: &[u8]) {
        let here = address + at as u64;
        if let Some(last) = self.found.last_mut()
            && last.range.end <= here
            && here - last.range.end <= GAP
            && last.range.start >= address
            && self.starts.partition_point(|&start| start <= last.range.start)
                == self.starts.partition_point(|&start| start <= here)
        {
            last.range.end = here + 1;
            last.bytes += 1;
            let shown =
                usize::try_from(last.range.end - last.range.start).unwrap_or(SHOWN).min(SHOWN);
            let first = usize::try_from(last.range.start - address).unwrap_or(at);
            last.before = before[first..first + shown].to_vec();
            last.after = after[first..first + shown].to_vec();
            return;
        }
        if self.found.len() == MOST {
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
        changes.look(0x1000, &before, &after);
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
    fn what_two_arguments_point_to_is_told_apart() {
        let mut changes = Changes { starts: vec![100, 104, 500], ..Changes::default() };
        changes.look(100, &[0; 9], &[1; 9]);
        assert_eq!(
            changes.found.iter().map(|c| c.range.clone()).collect::<Vec<_>>(),
            [100..104, 104..109]
        );
    }

    #[test]
    fn equal_memory_has_no_changes() {
        let mut changes = Changes::default();
        changes.look(u64::MAX - 8192, &[7; 8000], &[7; 8000]);
        assert_eq!(changes, Changes::default());
    }

    #[test]
    fn stretches_that_touch_are_told_apart_and_many_are_counted() {
        let mut changes = Changes::default();
        changes.look(100, &[0], &[1]);
        changes.look(101, &[0], &[1]);
        assert_eq!(changes.found.len(), 2);
        let after: Vec<u8> = (0..100 * 40u32).map(|i| u8::from(i % 40 == 0)).collect();
        changes.look(10_000, &vec![0; after.len()], &after);
        assert_eq!((changes.found.len(), changes.more), (MOST, 70));
    }
}

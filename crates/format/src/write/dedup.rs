//! A table of the blobs written before. Its size is bounded: a new blob replaces an old one.

use crate::kind::BlobNumber;
use crate::limits::DEDUP_ENTRIES;
use crate::wire::u64_at;

/// Keyed by BLAKE3, not a faster hash: the recorded program chooses the bytes, and two buffers with
/// the same hash would falsify the log.
#[derive(Debug)]
pub(crate) struct Dedup {
    /// The halves of the hash, and the number plus one, which is 0 in an empty slot.
    slots: Vec<[u64; 3]>,
}

impl Dedup {
    pub(crate) fn new() -> Self {
        Dedup { slots: vec![[0; 3]; DEDUP_ENTRIES] }
    }

    /// Returns the blob with that hash; if there is none, inserts `number` and returns `None`.
    pub(crate) fn find_or_insert(
        &mut self,
        hash: [u8; 16],
        number: BlobNumber,
    ) -> Option<BlobNumber> {
        let (low, high) = (u64_at(&hash, 0)?, u64_at(&hash, 8)?);
        let slot = self.slots.get_mut(usize::try_from(low % DEDUP_ENTRIES as u64).ok()?)?;
        match *slot {
            [l, h, known] if known != 0 && (l, h) == (low, high) => Some(BlobNumber(known - 1)),
            _ => {
                *slot = [low, high, number.0.checked_add(1)?];
                None
            }
        }
    }

    /// Removes all blobs, because a block that was not written must not be referred to.
    pub(crate) fn clear(&mut self) {
        self.slots.fill([0; 3]);
    }
}

#[cfg(test)]
mod tests {
    use super::{BlobNumber, DEDUP_ENTRIES, Dedup};

    #[test]
    fn the_table_keeps_its_size() {
        let mut dedup = Dedup::new();
        let hash = |n: u64| crate::zframe::hash128(&n.to_le_bytes());
        for n in 0..2 * DEDUP_ENTRIES as u64 {
            assert_eq!(dedup.find_or_insert(hash(n), BlobNumber(n)), None);
            assert_eq!(dedup.find_or_insert(hash(n), BlobNumber(n + 1)), Some(BlobNumber(n)));
        }
        assert_eq!(dedup.slots.len(), DEDUP_ENTRIES);
        dedup.clear();
        assert_eq!(dedup.find_or_insert(hash(0), BlobNumber(0)), None);
    }
}

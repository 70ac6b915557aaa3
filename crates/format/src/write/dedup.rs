//! Which buffers were written before: a table of bounded size, where a new one takes the place of an old one.

use crate::kind::BlobNumber;
use crate::limits::DEDUP_ENTRIES;

/// BLAKE3, not a faster hash: a recorded program chooses the bytes, and two buffers made to look alike would make
/// the log lie.
#[derive(Debug)]
pub(crate) struct Dedup {
    slots: Vec<Option<([u8; 16], BlobNumber)>>,
}

impl Dedup {
    pub(crate) fn new() -> Self {
        Dedup { slots: vec![None; DEDUP_ENTRIES] }
    }

    /// The blob with that hash; `number` is remembered if there is none.
    pub(crate) fn find_or_insert(&mut self, hash: [u8; 16], number: BlobNumber) -> Option<BlobNumber> {
        let slot = usize::from(u16::from_le_bytes([hash[0], hash[1]])) % DEDUP_ENTRIES;
        let slot = self.slots.get_mut(slot)?;
        match slot {
            Some((known, first)) if *known == hash => Some(*first),
            _ => {
                *slot = Some((hash, number));
                None
            }
        }
    }

    /// Forgets everything: a block that was not written must not be referred to.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(None);
    }
}

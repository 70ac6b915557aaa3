//! Walks the blocks of a file, and finds the next one where the chain is broken.
//!
//! Bytes are a block only if the header has the right magic, checksum, file id and its own offset.
//! Bytes that a recorded program wrote do not have them, even if they are a whole log.

use super::source::ReadAt;
use super::store::{Found, Store};
use crate::Error;
use crate::block::{BLOCK_MAGIC, BlockHeader};
use crate::limits::MAX_HEADER;
use crate::zframe::SKIPPABLE_HEAD;

/// The bytes read at a time while searching.
const SEARCH: usize = 64 << 10;

/// A position in the chain of blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    at: u64,
    /// The block before, if its payload has not been checked.
    unchecked: Option<Found>,
    /// The chain is broken here.
    broken: bool,
    /// The bytes of payload that may still be searched. After each broken block the search starts
    /// inside its payload; a file of such blocks must not take time quadratic in its length.
    budget: u64,
}

/// The result of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A block. `damage` is the offset of the unreadable bytes before it, if any.
    Block { found: Found, damage: Option<u64> },
    /// No further block. `torn` if unreadable bytes precede the end.
    End { offset: u64, torn: bool },
}

impl Walk {
    /// Starts at `at`, where a block should be.
    pub(crate) fn new<S: ReadAt>(store: &Store<S>, at: u64) -> Self {
        let budget = store.len.saturating_mul(4).saturating_add(256 << 20);
        Walk { at, unchecked: None, broken: false, budget }
    }

    /// Notes that the payload of the last block is sound.
    pub(crate) fn accept_payload(&mut self) {
        self.unchecked = None;
    }

    /// Notes that the payload of the last block is damaged. A failed write may have cut it short,
    /// so the next block may begin before the end that it states.
    pub(crate) fn reject_payload(&mut self) {
        if let Some(found) = self.unchecked.take() {
            self.search_inside(&found);
        }
    }

    /// Moves to the next block.
    pub(crate) fn step<S: ReadAt>(&mut self, store: &Store<S>) -> Result<Step, Error> {
        if !self.broken {
            if self.at >= store.len {
                return Ok(Step::End { offset: self.at, torn: false });
            }
            if let Some(found) = self.block_at(store, self.at)? {
                return Ok(self.step_over(found, None));
            }
            self.broken = true;
            if let Some(found) = self.unchecked.take() {
                self.check(store, &found)?;
            }
        }
        let from = self.at;
        match self.search(store)? {
            Some(found) => Ok(self.step_over(found, Some(from))),
            None => Ok(Step::End { offset: from, torn: from < store.len }),
        }
    }

    fn step_over(&mut self, found: Found, damage: Option<u64>) -> Step {
        self.at = found.end;
        self.unchecked = Some(found);
        self.broken = false;
        Step::Block { found, damage }
    }

    /// The bytes after a block are not a block: if the block itself is damaged, its stated length
    /// is unreliable.
    fn check<S: ReadAt>(&mut self, store: &Store<S>, found: &Found) -> Result<(), Error> {
        if self.budget >= found.header.payload_len
            && store.read_payload(found, &mut Vec::new())?.is_err()
        {
            self.search_inside(found);
        }
        Ok(())
    }

    fn search_inside(&mut self, found: &Found) {
        if let Some(budget) = self.budget.checked_sub(found.header.payload_len) {
            self.budget = budget;
            self.at = found.payload;
            self.broken = true;
        }
    }

    /// Returns the block at `offset`, if its header is sound and its payload lies within the file.
    fn block_at<S: ReadAt>(&self, store: &Store<S>, offset: u64) -> Result<Option<Found>, Error> {
        let mut bytes = [0; MAX_HEADER];
        let len_read = store.read(&mut bytes, offset)?;
        let Some((header, len)) = BlockHeader::decode(bytes.get(..len_read).unwrap_or_default())
        else {
            return Ok(None);
        };
        let ours = header.file_id == store.file_id && header.self_offset == offset;
        let payload = offset.checked_add(len as u64);
        let end = payload.and_then(|payload| payload.checked_add(header.payload_len));
        Ok(match (payload, end) {
            (Some(payload), Some(end)) if ours && end <= store.len => {
                Some(Found { header, payload, end })
            }
            _ => None,
        })
    }

    /// Searches for the next block from `self.at` on.
    fn search<S: ReadAt>(&self, store: &Store<S>) -> Result<Option<Found>, Error> {
        let mut window = vec![0; SEARCH];
        // The magic follows the head of its frame.
        let mut from = self.at.saturating_add(SKIPPABLE_HEAD as u64);
        loop {
            let len_read = store.read(&mut window, from)?;
            let bytes = window.get(..len_read).unwrap_or_default();
            for hit in find_magic(bytes) {
                let offset = from.saturating_add(hit as u64).saturating_sub(SKIPPABLE_HEAD as u64);
                if let Some(found) = self.block_at(store, offset)? {
                    return Ok(Some(found));
                }
            }
            if len_read < window.len() {
                return Ok(None);
            }
            // A magic may cross the border of two windows.
            from =
                from.saturating_add(
                    len_read.saturating_sub(BLOCK_MAGIC.len()).saturating_add(1) as u64
                );
        }
    }
}

/// Returns the offsets of the block header magic in `bytes`.
fn find_magic(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let first = BLOCK_MAGIC.first().copied().unwrap_or_default();
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = bytes.get(from..)?;
            let hit = from.checked_add(rest.iter().position(|&byte| byte == first)?)?;
            from = hit.saturating_add(1);
            if bytes.get(hit..)?.starts_with(BLOCK_MAGIC) {
                return Some(hit);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::find_magic;
    use crate::block::BLOCK_MAGIC;

    #[test]
    fn the_magic_is_found_at_any_offset() {
        let mut bytes = vec![0x89; 40];
        for at in 0..=32 {
            bytes.fill(0x89);
            bytes[at..at + 8].copy_from_slice(BLOCK_MAGIC);
            assert_eq!(find_magic(&bytes).collect::<Vec<_>>(), [at]);
        }
        assert_eq!(find_magic(&bytes[..39]).count(), 0);
    }
}

//! Goes from block to block, and finds the next one where the chain is broken.
//!
//! A block is one only if its header has the right magic, checksum, file id and its own offset:
//! bytes that a program wrote cannot have them, even if they are a whole log.

use super::source::ReadAt;
use super::store::{Found, Store};
use crate::Error;
use crate::block::{BLOCK_MAGIC, BlockHeader};
use crate::limits::MAX_HEADER;
use crate::zframe::SKIPPABLE_HEAD;

/// How much of the file is looked at in one read while searching.
const SEARCH: usize = 64 << 10;

/// A place in the chain of blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    at: u64,
    /// The block before, if nobody has checked its payload.
    unchecked: Option<Found>,
    /// The chain is broken here.
    broken: bool,
    /// Bytes of payload that may still be distrusted. Each broken block makes the search begin
    /// inside it; a file made of such blocks must not cost the square of its length.
    budget: u64,
}

/// What a walk comes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A block. `damage` is where the unreadable bytes before it begin, if there are any.
    Block { found: Found, damage: Option<u64> },
    /// There is no further block. `torn` when unreadable bytes lie before the end.
    End { offset: u64, torn: bool },
}

impl Walk {
    /// Begins at `at`, where a block should be.
    pub(crate) fn new<S: ReadAt>(store: &Store<S>, at: u64) -> Self {
        let budget = store.len.saturating_mul(4).saturating_add(256 << 20);
        Walk { at, unchecked: None, broken: false, budget }
    }

    /// The payload of the last block was checked and is sound.
    pub(crate) fn trust(&mut self) {
        self.unchecked = None;
    }

    /// The last block's payload is damaged. It may have been cut short by a failed write, so that
    /// the next block begins before the end it states.
    pub(crate) fn distrust(&mut self) {
        if let Some(found) = self.unchecked.take() {
            self.search_inside(&found);
        }
    }

    /// The next block.
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

    /// What follows a block is no block: if the block itself is damaged, its stated length means
    /// nothing.
    fn check<S: ReadAt>(&mut self, store: &Store<S>, found: &Found) -> Result<(), Error> {
        if self.budget >= found.header.payload_len && store.packed(found, &mut Vec::new())?.is_err()
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

    /// The sound header at `offset`, whose payload lies within the file.
    fn block_at<S: ReadAt>(&self, store: &Store<S>, offset: u64) -> Result<Option<Found>, Error> {
        let mut bytes = [0; MAX_HEADER];
        let there = store.read(&mut bytes, offset)?;
        let Some((header, len)) = BlockHeader::decode(bytes.get(..there).unwrap_or_default())
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

    /// Looks for the next block from `self.at` on.
    fn search<S: ReadAt>(&self, store: &Store<S>) -> Result<Option<Found>, Error> {
        let mut window = vec![0; SEARCH];
        // The magic stands after the head of its frame.
        let mut from = self.at.saturating_add(SKIPPABLE_HEAD as u64);
        loop {
            let there = store.read(&mut window, from)?;
            let bytes = window.get(..there).unwrap_or_default();
            for hit in find_magic(bytes) {
                let offset = from.saturating_add(hit as u64).saturating_sub(SKIPPABLE_HEAD as u64);
                if let Some(found) = self.block_at(store, offset)? {
                    return Ok(Some(found));
                }
            }
            if there < window.len() {
                return Ok(None);
            }
            // A magic may lie across the border.
            from = from
                .saturating_add(there.saturating_sub(BLOCK_MAGIC.len()).saturating_add(1) as u64);
        }
    }
}

/// Where the magic of block headers stands in `bytes`.
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
    fn the_magic_is_found_wherever_it_stands() {
        let mut bytes = vec![0x89; 40];
        for at in 0..=32 {
            bytes.fill(0x89);
            bytes[at..at + 8].copy_from_slice(BLOCK_MAGIC);
            assert_eq!(find_magic(&bytes).collect::<Vec<_>>(), [at]);
        }
        assert_eq!(find_magic(&bytes[..39]).count(), 0);
    }
}

//! Iterates over the blocks of a file, for tools that examine the file rather than the recording.

use super::Log;
use super::source::ReadAt;
use super::walk::{Step, Walk};
use crate::Error;
use crate::block::BlockHeader;
use crate::trailer::TRAILER_LEN;

/// A cursor over the blocks of a file.
#[derive(Debug)]
pub struct Blocks<'a, S> {
    log: &'a Log<S>,
    walk: Walk,
    ready: Option<BlockHeader>,
}

/// A block or a damaged range, between the header and the trailer of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockItem {
    /// A block with a sound header.
    Block(BlockHeader),
    /// A range without a readable block.
    Damage {
        /// The offset of its start.
        from: u64,
        /// The offset of its end.
        to: u64,
    },
}

impl<S: ReadAt> Log<S> {
    /// Returns a cursor over the blocks of the file and the damaged ranges between them.
    pub fn blocks(&self) -> Blocks<'_, S> {
        Blocks::new(self)
    }
}

impl<'a, S: ReadAt> Blocks<'a, S> {
    pub(super) fn new(log: &'a Log<S>) -> Self {
        Blocks { log, walk: Walk::new(&log.store, log.start), ready: None }
    }
}

impl<S: ReadAt> Iterator for Blocks<'_, S> {
    type Item = Result<BlockItem, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(header) = self.ready.take() {
            return Some(Ok(BlockItem::Block(header)));
        }
        match self.walk.step(&self.log.store) {
            Ok(Step::Block { found, damage: None }) => Some(Ok(BlockItem::Block(found.header))),
            Ok(Step::Block { found, damage: Some(from) }) => {
                self.ready = Some(found.header);
                Some(Ok(BlockItem::Damage { from, to: found.header.self_offset }))
            }
            Ok(Step::End { offset, torn }) => {
                let trailer = if self.log.total_events.is_some() { TRAILER_LEN as u64 } else { 0 };
                let to = self.log.store.len.saturating_sub(trailer);
                self.walk = Walk::new(&self.log.store, self.log.store.len);
                (torn && offset < to).then_some(Ok(BlockItem::Damage { from: offset, to }))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

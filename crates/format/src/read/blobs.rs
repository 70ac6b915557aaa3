//! Random access to buffers: the block is found, checked, decompressed, and kept for a while.

use std::collections::VecDeque;

use super::directory::Directory;
use super::source::ReadAt;
use super::store::{Found, Loader, Store};
use crate::Error;
use crate::kind::BlobNumber;
use crate::limits::{BLOB_PART, MAX_ITEMS};
use crate::wire::Wire;

/// The bytes before the blobs themselves: length and alias of each.
const TABLE_ENTRY: usize = 12;

/// Finds and keeps blobs.
#[derive(Debug)]
pub(crate) struct BlobReader {
    pub(crate) directory: Directory,
    loader: Loader,
    /// Decompressed blocks, the latest used first.
    cache: VecDeque<BlobBlock>,
}

/// A decompressed BLOBS block.
#[derive(Debug)]
struct BlobBlock {
    offset: u64,
    first: u64,
    raw: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where the bytes of one blob are.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    len: u32,
    alias: u64,
}

/// What the table says about a blob.
enum Stored {
    Bytes(Vec<u8>),
    /// The same bytes as an earlier blob, of that length.
    Alias(BlobNumber, usize),
}

impl BlobReader {
    pub(crate) fn new(directory: Directory) -> Self {
        BlobReader { directory, loader: Loader::default(), cache: VecDeque::new() }
    }

    /// The bytes of a blob.
    pub(crate) fn blob<S: ReadAt>(&mut self, store: &Store<S>, number: BlobNumber) -> Result<Vec<u8>, Error> {
        let (first, len) = match self.stored(store, number)? {
            (Stored::Bytes(bytes), _) => return Ok(bytes),
            (Stored::Alias(first, len), offset) => ((first, offset), len),
        };
        // One hop and no more: a writer names the blob that has the bytes.
        match self.stored(store, first.0)? {
            (Stored::Bytes(bytes), _) if bytes.len() == len => Ok(bytes),
            _ => {
                Err(Error::BadBlock { offset: first.1, what: "a blob stands for one that has no such bytes" })
            }
        }
    }

    /// What is stored as a blob, and the offset of its block.
    fn stored<S: ReadAt>(&mut self, store: &Store<S>, number: BlobNumber) -> Result<(Stored, u64), Error> {
        // Who reads a log from its beginning wants neighbours, and those that they stand for: most are in a block that is at hand.
        if let Some(at) = self.cache.iter().position(|block| block.holds(number)) {
            if at != 0
                && let Some(block) = self.cache.remove(at)
            {
                self.cache.push_front(block);
            }
            if let Some(block) = self.cache.front()
                && let Some(stored) = block.stored(number)
            {
                return Ok((stored, block.offset));
            }
        }
        let mut error = Error::NoBlob { number };
        for found in self.directory.blocks_of(store, number)? {
            match self.block(store, &found)? {
                Ok(block) => match block.stored(number) {
                    Some(stored) => return Ok((stored, found.header.self_offset)),
                    None => error = Error::NoBlob { number },
                },
                Err(what) => error = Error::BadBlock { offset: found.header.self_offset, what },
            }
        }
        Err(error)
    }

    /// A decompressed block, from the cache if it is there.
    fn block<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        found: &Found,
    ) -> Result<Result<&BlobBlock, &'static str>, Error> {
        let offset = found.header.self_offset;
        if let Some(at) = self.cache.iter().position(|block| block.offset == offset) {
            if let Some(block) = self.cache.remove(at) {
                self.cache.push_front(block);
            }
        } else {
            let coming = usize::try_from(found.header.raw_len).unwrap_or(usize::MAX);
            // The buffer of the block that goes serves the one that comes.
            let mut raw = Vec::new();
            while self.cached().saturating_add(coming) > store.limits.cache {
                let Some(old) = self.cache.pop_back() else { break };
                raw = old.raw;
            }
            if found.header.codec != 0 {
                return Ok(Err("unknown codec: use a newer sysreel"));
            }
            if let Err(what) = self.loader.load(store, found, &mut raw)? {
                return Ok(Err(what));
            }
            match BlobBlock::new(found, raw) {
                Some(block) => self.cache.push_front(block),
                None => return Ok(Err("the table of blobs does not fit its payload")),
            }
        }
        Ok(self.cache.front().ok_or("empty cache"))
    }

    fn cached(&self) -> usize {
        self.cache.iter().map(|block| block.raw.capacity()).fold(0, usize::saturating_add)
    }
}

impl BlobBlock {
    /// `None` when the table makes no sense.
    fn new(found: &Found, raw: Vec<u8>) -> Option<Self> {
        let count = found.header.n_items;
        let table_len = usize::try_from(count).ok()?.checked_mul(TABLE_ENTRY)?;
        if count > MAX_ITEMS || table_len > raw.len() {
            return None;
        }
        let mut wire = Wire::new("blob table", &raw);
        let mut entries = Vec::with_capacity(usize::try_from(count).ok()?);
        let mut start = u32::try_from(table_len).ok()?;
        for number in (found.header.first_item..).take(usize::try_from(count).ok()?) {
            let (len, alias) = (wire.u32().ok()?, wire.u64().ok()?);
            if usize::try_from(len).ok()? > BLOB_PART || alias > number {
                return None;
            }
            entries.push(Entry { start, len, alias });
            if alias == number {
                start = start.checked_add(len)?;
            }
        }
        let whole = usize::try_from(start).ok()? == raw.len();
        let (offset, first) = (found.header.self_offset, found.header.first_item);
        whole.then_some(BlobBlock { offset, first, raw, entries })
    }

    fn holds(&self, number: BlobNumber) -> bool {
        number.0.checked_sub(self.first).is_some_and(|index| index < self.entries.len() as u64)
    }

    fn stored(&self, number: BlobNumber) -> Option<Stored> {
        let index = usize::try_from(number.0.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get(index)?;
        let len = usize::try_from(entry.len).ok()?;
        if entry.alias != number.0 {
            return Some(Stored::Alias(BlobNumber(entry.alias), len));
        }
        let start = usize::try_from(entry.start).ok()?;
        Some(Stored::Bytes(self.raw.get(start..start.checked_add(len)?)?.to_vec()))
    }
}

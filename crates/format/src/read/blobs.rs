//! Random access to blobs: finds the block, checks and decompresses it, and caches it.

use std::collections::{BTreeMap, VecDeque};

use super::directory::Directory;
use super::source::ReadAt;
use super::store::{Found, Loader, Store};
use crate::Error;
use crate::kind::BlobNumber;
use crate::limits::{BLOB_PART, MAX_ITEMS};
use crate::wire::Wire;

/// The length of a table entry: length and alias of a blob.
const TABLE_ENTRY: usize = 12;

/// Why a sound block is not decompressed.
const BUDGET_SPENT: &str = "the log needs more decompression than its size allows";

/// Finds blobs and caches their blocks.
#[derive(Debug)]
pub(crate) struct BlobReader {
    pub(crate) directory: Directory,
    loader: Loader,
    /// Decompressed blocks, most recently used first.
    cache: VecDeque<BlobBlock>,
    /// Offsets of unreadable blocks, and why they are unreadable.
    bad: BTreeMap<u64, &'static str>,
    budget: Budget,
}

/// A decompressed BLOBS block.
#[derive(Debug)]
struct BlobBlock {
    offset: u64,
    first: u64,
    raw: Vec<u8>,
    entries: Vec<Entry>,
}

/// The place of a blob's bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    len: u32,
    alias: u64,
}

/// A blob as stored in its block.
enum StoredBlob<'a> {
    Bytes(&'a [u8]),
    /// The blob has the same bytes as an earlier blob, of that length.
    Alias(BlobNumber, usize),
}

/// The decompression work that reading blobs may cost, in bytes. Blobs are compressed in blocks, so
/// a small log could ask for one blob of each of many large blocks in turn and make every request
/// decompress a whole block.
#[derive(Debug)]
struct Budget(u64);

impl Budget {
    /// The allowance of every log, and what each byte of its file and each byte returned add.
    /// Reading a log in order needs a small part of it: each block once, and the blocks that
    /// aliases lead to.
    const BASE: u64 = 2 << 30;
    const PER_FILE_BYTE: u64 = 1024;
    const PER_RETURNED_BYTE: u64 = 8;

    fn for_file(len: u64) -> Self {
        Self(len.saturating_mul(Self::PER_FILE_BYTE).saturating_add(Self::BASE))
    }

    fn allow_for(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add((bytes as u64).saturating_mul(Self::PER_RETURNED_BYTE));
    }

    /// Spends `bytes` of the budget; returns `false` if less is left.
    fn spend(&mut self, bytes: u64) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

impl BlobReader {
    pub(crate) fn new(directory: Directory, file_len: u64) -> Self {
        BlobReader {
            directory,
            loader: Loader::default(),
            cache: VecDeque::new(),
            bad: BTreeMap::new(),
            budget: Budget::for_file(file_len),
        }
    }

    /// Appends at most `limit` bytes of a blob, and returns its length.
    pub(crate) fn append<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        number: BlobNumber,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        let mut append = |bytes: &[u8]| {
            let given = bytes.get(..limit).unwrap_or(bytes);
            out.extend_from_slice(given);
            (bytes.len(), given.len())
        };
        let (first, len) = match self.find(store, number)? {
            (StoredBlob::Bytes(bytes), _) => {
                let (len, given) = append(bytes);
                self.budget.allow_for(given);
                return Ok(len);
            }
            (StoredBlob::Alias(first, len), offset) => ((first, offset), len),
        };
        // Only one hop: a writer names the blob that has the bytes.
        match self.find(store, first.0)? {
            (StoredBlob::Bytes(bytes), _) if bytes.len() == len => {
                let (len, given) = append(bytes);
                self.budget.allow_for(given);
                Ok(len)
            }
            _ => Err(Error::BadBlock {
                offset: first.1,
                what: "an alias refers to a blob of another length",
            }),
        }
    }

    /// Returns a blob as it is stored, and the offset of its block.
    fn find<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        number: BlobNumber,
    ) -> Result<(StoredBlob<'_>, u64), Error> {
        // A sequential reader asks for adjacent blobs and their aliases: most are cached.
        if let Some(at) = self.cache.iter().position(|block| block.contains(number)) {
            self.move_to_front(at);
        } else {
            self.fetch(store, number)?;
        }
        let block = self.cache.front().ok_or(Error::NoBlob { number })?;
        let stored = block.find(number).ok_or(Error::NoBlob { number })?;
        Ok((stored, block.offset))
    }

    /// Moves the block with a blob to the front of the cache, loading it if needed.
    fn fetch<S: ReadAt>(&mut self, store: &Store<S>, number: BlobNumber) -> Result<(), Error> {
        let mut error = Error::NoBlob { number };
        for found in self.directory.blocks_of(store, number)? {
            match self.block(store, &found)? {
                Ok(block) if block.find(number).is_some() => return Ok(()),
                Ok(_) => error = Error::NoBlob { number },
                Err(what) => error = Error::BadBlock { offset: found.header.self_offset, what },
            }
        }
        Err(error)
    }

    fn move_to_front(&mut self, at: usize) {
        if at != 0
            && let Some(block) = self.cache.remove(at)
        {
            self.cache.push_front(block);
        }
    }

    /// Returns a decompressed block, from the cache if possible.
    fn block<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        found: &Found,
    ) -> Result<Result<&BlobBlock, &'static str>, Error> {
        let offset = found.header.self_offset;
        if let Some(what) = self.bad.get(&offset) {
            return Ok(Err(what));
        }
        if let Some(at) = self.cache.iter().position(|block| block.offset == offset) {
            self.move_to_front(at);
        } else {
            if !self.budget.spend(found.header.raw_len.max(found.header.payload_len)) {
                return Ok(Err(BUDGET_SPENT));
            }
            let len = usize::try_from(found.header.raw_len).unwrap_or(usize::MAX);
            // Reuse the buffer of an evicted block.
            let mut raw = Vec::new();
            while self.cached().saturating_add(len) > store.limits.cache {
                let Some(old) = self.cache.pop_back() else { break };
                raw = old.raw;
            }
            let block = if found.header.codec != 0 {
                Err("unknown codec: use a newer sysreel")
            } else {
                let loaded = self.loader.load(store, found, &mut raw)?;
                let fits = "the blob table does not match its payload";
                loaded.and_then(|()| BlobBlock::new(found, raw).ok_or(fits))
            };
            match block {
                Ok(block) => self.cache.push_front(block),
                Err(what) => {
                    // Remembered, so that it is not tried again for each of its blobs. There are at
                    // most as many entries as blocks.
                    self.bad.insert(offset, what);
                    return Ok(Err(what));
                }
            }
        }
        Ok(self.cache.front().ok_or("empty cache"))
    }

    fn cached(&self) -> usize {
        self.cache.iter().map(BlobBlock::size).fold(0, usize::saturating_add)
    }
}

impl BlobBlock {
    /// Returns `None` if the table is malformed.
    fn new(found: &Found, raw: Vec<u8>) -> Option<Self> {
        let count = found.header.n_items;
        let table_len = usize::try_from(count).ok()?.checked_mul(TABLE_ENTRY)?;
        if count > MAX_ITEMS || table_len > raw.len() {
            return None;
        }
        let mut wire = Wire::new("blob table", &raw);
        let mut entries = Vec::with_capacity(usize::try_from(count).ok()?);
        let mut start = u32::try_from(table_len).ok()?;
        // Numbers end at u64::MAX.
        found.header.first_item.checked_add(count.into())?;
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

    /// Returns the memory it takes, in bytes.
    fn size(&self) -> usize {
        self.raw
            .capacity()
            .saturating_add(self.entries.capacity().saturating_mul(size_of::<Entry>()))
    }

    fn contains(&self, number: BlobNumber) -> bool {
        number.0.checked_sub(self.first).is_some_and(|index| index < self.entries.len() as u64)
    }

    fn find(&self, number: BlobNumber) -> Option<StoredBlob<'_>> {
        let index = usize::try_from(number.0.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get(index)?;
        let len = usize::try_from(entry.len).ok()?;
        if entry.alias != number.0 {
            return Some(StoredBlob::Alias(BlobNumber(entry.alias), len));
        }
        let start = usize::try_from(entry.start).ok()?;
        Some(StoredBlob::Bytes(self.raw.get(start..start.checked_add(len)?)?))
    }
}

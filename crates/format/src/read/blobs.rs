//! Random access to buffers: the block is found, checked, decompressed, and kept for a while.

use std::collections::{BTreeMap, VecDeque};

use super::directory::Directory;
use super::source::ReadAt;
use super::store::{Found, Loader, Store};
use crate::Error;
use crate::kind::BlobNumber;
use crate::limits::{BLOB_PART, MAX_ITEMS};
use crate::wire::Wire;

/// The bytes before the blobs themselves: length and alias of each.
const TABLE_ENTRY: usize = 12;

/// Why a sound block is not read.
const TOO_MUCH: &str = "the log asks for more decompression than its size allows";

/// Finds and keeps blobs.
#[derive(Debug)]
pub(crate) struct BlobReader {
    pub(crate) directory: Directory,
    loader: Loader,
    /// Decompressed blocks, the latest used first.
    cache: VecDeque<BlobBlock>,
    /// Blocks that cannot be read, by offset, and why.
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

/// Where the bytes of one blob are.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    len: u32,
    alias: u64,
}

/// What the table says about a blob.
enum Stored<'a> {
    Bytes(&'a [u8]),
    /// The same bytes as an earlier blob, of that length.
    Alias(BlobNumber, usize),
}

/// How much decompression reading the blobs of a log may cost. Blobs are compressed in blocks, so a
/// small log can ask for one blob each of large blocks in turn and make every request undo a whole
/// block.
#[derive(Debug)]
struct Budget(u64);

impl Budget {
    /// What any log may cost, and what each byte of its file and each byte that is given allow
    /// more. Logs that are read in order cost a small part of it: each block once, and what aliases
    /// lead back to.
    const ANY: u64 = 2 << 30;
    const BY_FILE: u64 = 1024;
    const BY_GIVEN: u64 = 8;

    fn of_file(len: u64) -> Self {
        Self(len.saturating_mul(Self::BY_FILE).saturating_add(Self::ANY))
    }

    fn given(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add((bytes as u64).saturating_mul(Self::BY_GIVEN));
    }

    /// Whether that much more may be spent.
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
            budget: Budget::of_file(file_len),
        }
    }

    /// Appends the first bytes of a blob, and answers how many it has.
    pub(crate) fn append<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        number: BlobNumber,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        let mut give = |bytes: &[u8]| {
            let given = bytes.get(..limit).unwrap_or(bytes);
            out.extend_from_slice(given);
            (bytes.len(), given.len())
        };
        let (first, len) = match self.stored(store, number)? {
            (Stored::Bytes(bytes), _) => {
                let (len, given) = give(bytes);
                self.budget.given(given);
                return Ok(len);
            }
            (Stored::Alias(first, len), offset) => ((first, offset), len),
        };
        // One hop and no more: a writer names the blob that has the bytes.
        match self.stored(store, first.0)? {
            (Stored::Bytes(bytes), _) if bytes.len() == len => {
                let (len, given) = give(bytes);
                self.budget.given(given);
                Ok(len)
            }
            _ => Err(Error::BadBlock {
                offset: first.1,
                what: "a blob stands for one that has no such bytes",
            }),
        }
    }

    /// What is stored as a blob, and the offset of its block.
    fn stored<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        number: BlobNumber,
    ) -> Result<(Stored<'_>, u64), Error> {
        // Who reads a log from its beginning wants neighbours, and those that they stand for: most
        // are in a block that is at hand.
        if let Some(at) = self.cache.iter().position(|block| block.holds(number)) {
            self.move_to_front(at);
        } else {
            self.fetch(store, number)?;
        }
        let block = self.cache.front().ok_or(Error::NoBlob { number })?;
        let stored = block.stored(number).ok_or(Error::NoBlob { number })?;
        Ok((stored, block.offset))
    }

    /// Puts the block that has a blob to the front of the cache.
    fn fetch<S: ReadAt>(&mut self, store: &Store<S>, number: BlobNumber) -> Result<(), Error> {
        let mut error = Error::NoBlob { number };
        for found in self.directory.blocks_of(store, number)? {
            match self.block(store, &found)? {
                Ok(block) if block.stored(number).is_some() => return Ok(()),
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

    /// A decompressed block, from the cache if it is there.
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
                return Ok(Err(TOO_MUCH));
            }
            let coming = usize::try_from(found.header.raw_len).unwrap_or(usize::MAX);
            // The buffer of the block that goes serves the one that comes.
            let mut raw = Vec::new();
            while self.cached().saturating_add(coming) > store.limits.cache {
                let Some(old) = self.cache.pop_back() else { break };
                raw = old.raw;
            }
            let block = if found.header.codec != 0 {
                Err("unknown codec: use a newer sysreel")
            } else {
                let loaded = self.loader.load(store, found, &mut raw)?;
                let fits = "the table of blobs does not fit its payload";
                loaded.and_then(|()| BlobBlock::new(found, raw).ok_or(fits))
            };
            match block {
                Ok(block) => self.cache.push_front(block),
                Err(what) => {
                    // Not tried again for each blob that it should have. The list is as short as
                    // the blocks are few.
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

    /// How much memory it takes.
    fn size(&self) -> usize {
        self.raw
            .capacity()
            .saturating_add(self.entries.capacity().saturating_mul(size_of::<Entry>()))
    }

    fn holds(&self, number: BlobNumber) -> bool {
        number.0.checked_sub(self.first).is_some_and(|index| index < self.entries.len() as u64)
    }

    fn stored(&self, number: BlobNumber) -> Option<Stored<'_>> {
        let index = usize::try_from(number.0.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get(index)?;
        let len = usize::try_from(entry.len).ok()?;
        if entry.alias != number.0 {
            return Some(Stored::Alias(BlobNumber(entry.alias), len));
        }
        let start = usize::try_from(entry.start).ok()?;
        Some(Stored::Bytes(self.raw.get(start..start.checked_add(len)?)?))
    }
}

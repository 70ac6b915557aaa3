//! The memory captured at one stop, held until its line is written. Buffers are reused from stop to stop.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use sysreel_format::{BlobNumber, Log, ReadAt, Region, RegionData, RegionFlags, RegionHead};

/// Where buffers that do not stand in the event come from.
pub(crate) trait Buffers {
    /// The bytes of a blob, if they are still there.
    fn blob(&self, number: BlobNumber) -> Option<Vec<u8>>;
}

impl<S: ReadAt> Buffers for Log<S> {
    fn blob(&self, number: BlobNumber) -> Option<Vec<u8>> {
        Log::blob(self, number).ok()
    }
}

/// Counts the blobs that were asked for in vain, each once.
pub(crate) struct Counted<'a> {
    buffers: &'a dyn Buffers,
    lost: RefCell<BTreeSet<u64>>,
    more: Cell<u64>,
}

impl<'a> Counted<'a> {
    /// Above so many lost blobs each request counts: memory stays bounded.
    const MOST: usize = 100_000;

    pub(crate) fn new(buffers: &'a dyn Buffers) -> Self {
        Self { buffers, lost: RefCell::default(), more: Cell::default() }
    }

    pub(crate) fn lost(&self) -> u64 {
        self.more.get().saturating_add(self.lost.borrow().len() as u64)
    }
}

impl Buffers for Counted<'_> {
    fn blob(&self, number: BlobNumber) -> Option<Vec<u8>> {
        let found = self.buffers.blob(number);
        if found.is_none() {
            let mut lost = self.lost.borrow_mut();
            if lost.len() < Self::MOST {
                lost.insert(number.0);
            } else if !lost.contains(&number.0) {
                self.more.set(self.more.get().saturating_add(1));
            }
        }
        found
    }
}

/// The regions of one stop.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    regions: Vec<Slot>,
    bytes: Vec<u8>,
    in_order: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    head: RegionHead,
    start: usize,
    len: usize,
    blobs: bool,
}

impl Slot {
    fn key(&self) -> (u8, u8, u32) {
        (self.head.arg, self.head.role.0, self.head.index)
    }
}

/// One region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) head: RegionHead,
    stored: &'a [u8],
    blobs: bool,
}

impl Kept {
    /// Forgets everything, but keeps the room.
    pub(crate) fn clear(&mut self) {
        self.regions.clear();
        self.bytes.clear();
        self.in_order = true;
    }

    /// Takes a region over.
    pub(crate) fn add(&mut self, region: &Region<'_>) {
        let start = self.bytes.len();
        let blobs = match region.data {
            RegionData::Inline(bytes) => {
                self.bytes.extend_from_slice(bytes);
                false
            }
            RegionData::Blobs(list) => {
                list.iter().for_each(|blob| self.bytes.extend_from_slice(&blob.0.to_le_bytes()));
                true
            }
        };
        let slot = Slot { head: region.head, start, len: self.bytes.len() - start, blobs };
        self.in_order &= self.regions.last().is_none_or(|last| last.key() <= slot.key());
        self.regions.push(slot);
    }

    /// Makes lookups fast; call it when all regions of the stop are there.
    pub(crate) fn settle(&mut self) {
        if !self.in_order {
            self.regions.sort_by_key(Slot::key);
            self.in_order = true;
        }
    }

    /// The region of an argument, by level and element.
    pub(crate) fn find(&self, arg: u8, role: u8, index: u32) -> Option<Piece<'_>> {
        let key = (arg, role, index);
        let at = self.regions.partition_point(|slot| slot.key() < key);
        let slot = self.regions.get(at).filter(|slot| slot.key() == key)?;
        let stored = self.bytes.get(slot.start..slot.start + slot.len)?;
        Some(Piece { head: slot.head, stored, blobs: slot.blobs })
    }

    /// Every region.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.regions.iter().filter_map(|slot| {
            let stored = self.bytes.get(slot.start..slot.start + slot.len)?;
            Some(Piece { head: slot.head, stored, blobs: slot.blobs })
        })
    }

    /// How many bytes of room it has.
    pub(crate) fn room(&self) -> usize {
        self.bytes.capacity() + self.regions.capacity() * size_of::<Slot>()
    }
}

impl<'a> Piece<'a> {
    /// At most `limit` of its bytes; `None` when they are no longer in the log.
    pub(crate) fn bytes(&self, buffers: &dyn Buffers, limit: usize) -> Option<Cow<'a, [u8]>> {
        let whole = if self.blobs {
            let mut bytes = Vec::new();
            for number in self.stored.chunks_exact(8) {
                if bytes.len() >= limit {
                    break;
                }
                let number = BlobNumber(u64::from_le_bytes(number.try_into().ok()?));
                let part = buffers.blob(number)?;
                if bytes.is_empty() { bytes = part } else { bytes.extend_from_slice(&part) }
            }
            bytes.truncate(limit);
            Cow::Owned(bytes)
        } else {
            Cow::Borrowed(self.stored.get(..limit).unwrap_or(self.stored))
        };
        Some(whole)
    }

    /// Its bytes, if they stand in the event itself.
    pub(crate) fn inline(&self) -> Option<&'a [u8]> {
        (!self.blobs).then_some(self.stored)
    }

    /// Whether the recorder's limit cut it.
    pub(crate) fn is_cut(&self) -> bool {
        self.head.flags.contains(RegionFlags::CUT)
    }
}

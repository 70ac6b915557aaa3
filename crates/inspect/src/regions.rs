//! The regions captured at one stop, copied so that they outlive the event: those of an entry are
//! needed at the exit. Allocations are reused from stop to stop.

#![deny(clippy::arithmetic_side_effects)]

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::ops::Deref;

use sysreel_format::{
    BlobNumber, Completeness, Item, Log, Part, Parts, ReadAt, Region, RegionData, RegionFlags,
    RegionHead,
};

/// A source of blobs, the buffers that are stored apart from the events.
pub(crate) trait Buffers {
    /// Appends at most `limit` bytes of a blob. Returns the length of the whole blob, or `None` if
    /// it cannot be read.
    fn blob(&self, number: BlobNumber, limit: usize, out: &mut Vec<u8>) -> Option<usize>;

    /// Returns the row of an event with its parts, for a reader without parts. `None` if it cannot
    /// be read, or if the log has no memory.
    fn whole_event(&self, _number: u64) -> Option<Vec<u8>> {
        None
    }
}

impl<S: ReadAt> Buffers for Log<S> {
    fn blob(&self, number: BlobNumber, limit: usize, out: &mut Vec<u8>) -> Option<usize> {
        self.append_blob(number, limit, out).ok()
    }

    fn whole_event(&self, number: u64) -> Option<Vec<u8>> {
        if self.header().completeness.contains(Completeness::STRUCTS_ONLY) {
            return None;
        }
        match self.events_from(number).ok()?.next() {
            Ok(Some(Item::Event(event))) if event.number == number => Some(event.row().to_vec()),
            _ => None,
        }
    }
}

/// Counts blobs that could not be read, each one once.
pub(crate) struct CountingBuffers<'a> {
    buffers: &'a dyn Buffers,
    lost: RefCell<BTreeSet<u64>>,
    uncounted: Cell<u64>,
    /// The bytes that may still be read: a small log can name one large blob any number of times.
    left: Cell<u64>,
}

impl<'a> CountingBuffers<'a> {
    /// The most blobs that are remembered. Beyond that, a blob counts each time it is read, so that
    /// memory stays bounded.
    const MAX_REMEMBERED: usize = 100_000;

    /// `file_len`: the size of the log in bytes.
    pub(crate) fn new(buffers: &'a dyn Buffers, file_len: u64) -> Self {
        /// The limit is 4 GiB, and 4 KiB for each byte of the file: far more than programs write
        /// whose output is compared byte for byte.
        const BASE: u64 = 4 << 30;
        const FACTOR: u64 = 4096;
        let left = Cell::new(file_len.saturating_mul(FACTOR).saturating_add(BASE));
        Self { buffers, lost: RefCell::default(), uncounted: Cell::default(), left }
    }

    pub(crate) fn lost(&self) -> u64 {
        self.uncounted.get().saturating_add(self.lost.borrow().len() as u64)
    }
}

impl Buffers for CountingBuffers<'_> {
    fn blob(&self, number: BlobNumber, limit: usize, out: &mut Vec<u8>) -> Option<usize> {
        let before = out.len();
        let wanted = self.left.get() > 0;
        let found = if wanted { self.buffers.blob(number, limit, out) } else { None };
        let read = out.len().saturating_sub(before) as u64;
        self.left.set(self.left.get().saturating_sub(read));
        if found.is_none() {
            let mut lost = self.lost.borrow_mut();
            if lost.len() < Self::MAX_REMEMBERED {
                lost.insert(number.0);
            } else if !lost.contains(&number.0) {
                self.uncounted.set(self.uncounted.get().saturating_add(1));
            }
        }
        found
    }

    fn whole_event(&self, number: u64) -> Option<Vec<u8>> {
        self.buffers.whole_event(number)
    }
}

/// The regions of one stop.
#[derive(Debug, Default)]
pub(crate) struct Regions {
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

/// A region: its head, and its bytes or the numbers of its blobs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegionView<'a> {
    pub(crate) head: RegionHead,
    stored: &'a [u8],
    blobs: bool,
}

impl Regions {
    /// Removes all regions, but keeps the allocations.
    pub(crate) fn clear(&mut self) {
        self.regions.clear();
        self.bytes.clear();
        self.in_order = true;
    }

    /// Replaces the regions by those among the parts of a stop.
    pub(crate) fn fill(&mut self, parts: Parts<'_>) {
        self.clear();
        for part in parts.flatten() {
            if let Part::Region(region) = part {
                self.add(&region);
            }
        }
        self.settle();
    }

    /// Copies a region.
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
        let slot =
            Slot { head: region.head, start, len: self.bytes.len().saturating_sub(start), blobs };
        self.in_order &= self.regions.last().is_none_or(|last| last.key() <= slot.key());
        self.regions.push(slot);
    }

    /// Sorts the regions for [`Self::find`]. Call it after the last [`Self::add`] of a stop.
    pub(crate) fn settle(&mut self) {
        if !self.in_order {
            self.regions.sort_by_key(Slot::key);
            self.in_order = true;
        }
    }

    /// Returns a region by argument, role and index.
    pub(crate) fn find(&self, arg: u8, role: u8, index: u32) -> Option<RegionView<'_>> {
        let key = (arg, role, index);
        let at = self.regions.partition_point(|slot| slot.key() < key);
        self.view(self.regions.get(at).filter(|slot| slot.key() == key)?)
    }

    /// Iterates over all regions, in the order of [`Self::find`]'s arguments.
    pub(crate) fn regions(&self) -> impl Iterator<Item = RegionView<'_>> {
        self.regions.iter().filter_map(|slot| self.view(slot))
    }

    /// Returns a region by its position among all.
    pub(crate) fn get(&self, at: usize) -> Option<RegionView<'_>> {
        self.view(self.regions.get(at)?)
    }

    /// Returns the number of regions.
    pub(crate) fn len(&self) -> usize {
        self.regions.len()
    }

    fn view(&self, slot: &Slot) -> Option<RegionView<'_>> {
        let stored = self.bytes.get(slot.start..slot.start.checked_add(slot.len)?)?;
        Some(RegionView { head: slot.head, stored, blobs: slot.blobs })
    }

    /// Returns the allocated bytes.
    pub(crate) fn allocated(&self) -> usize {
        self.bytes
            .capacity()
            .saturating_add(self.regions.capacity().saturating_mul(size_of::<Slot>()))
    }
}

/// The regions of the stop that is being read, copied when they are first asked for.
#[derive(Debug, Default)]
pub(crate) struct LazyRegions {
    regions: OnceCell<Regions>,
    spare: RefCell<Regions>,
}

impl LazyRegions {
    /// Forgets the regions, but keeps the allocations.
    pub(crate) fn reset(&mut self) {
        if let Some(regions) = self.regions.take() {
            *self.spare.get_mut() = regions;
        }
    }

    /// Returns the allocated bytes.
    fn allocated(&self) -> usize {
        let regions = self.regions.get().map_or(0, Regions::allocated);
        regions.saturating_add(self.spare.borrow().allocated())
    }

    /// Returns the regions among the parts of the stop.
    pub(crate) fn get(&self, parts: Parts<'_>) -> &Regions {
        self.regions.get_or_init(|| {
            let mut regions = self.spare.take();
            regions.fill(parts);
            regions
        })
    }
}

/// The regions of an entry, which are needed until the call ends. Most calls end without a look at
/// them: the parts of the stop are copied as they are, and taken apart when they are first asked
/// for, as a [`std::cell::LazyCell`] is.
#[derive(Debug, Default)]
pub(crate) struct KeptRegions {
    parts: Vec<u8>,
    regions: LazyRegions,
}

impl KeptRegions {
    /// Replaces the regions by those among the parts of a stop.
    pub(crate) fn keep(&mut self, parts: Option<Parts<'_>>) {
        self.regions.reset();
        self.parts.clear();
        if let Some(parts) = parts {
            self.parts.extend_from_slice(parts.bytes());
        }
    }

    /// Returns the allocated bytes.
    pub(crate) fn allocated(&self) -> usize {
        self.parts.capacity().saturating_add(self.regions.allocated())
    }
}

impl Deref for KeptRegions {
    type Target = Regions;

    fn deref(&self) -> &Regions {
        self.regions.get(Parts::new(&self.parts))
    }
}

impl<'a> RegionView<'a> {
    /// Returns at most `limit` bytes; `None` if the log no longer has them.
    pub(crate) fn bytes(&self, buffers: &dyn Buffers, limit: usize) -> Option<Cow<'a, [u8]>> {
        let bytes = if self.blobs {
            let mut bytes = Vec::new();
            for number in self.stored.chunks_exact(8) {
                if bytes.len() >= limit {
                    break;
                }
                let number = BlobNumber(u64::from_le_bytes(number.try_into().ok()?));
                buffers.blob(number, limit.saturating_sub(bytes.len()), &mut bytes)?;
            }
            Cow::Owned(bytes)
        } else {
            Cow::Borrowed(self.stored.get(..limit).unwrap_or(self.stored))
        };
        Some(bytes)
    }

    /// Returns the numbers of its blobs; none if its bytes are stored in the event.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = BlobNumber> + 'a {
        let stored = if self.blobs { self.stored } else { &[] };
        let (numbers, _) = stored.as_chunks::<8>();
        numbers.iter().map(|number| BlobNumber(u64::from_le_bytes(*number)))
    }

    /// Returns the bytes if they are stored in the event.
    pub(crate) fn inline(&self) -> Option<&'a [u8]> {
        (!self.blobs).then_some(self.stored)
    }

    /// Whether the capture limit cut it.
    pub(crate) fn is_cut(&self) -> bool {
        self.head.flags.contains(RegionFlags::CUT)
    }
}

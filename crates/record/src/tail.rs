//! The tail's file and its segments.

use crate::exchange::CurrentTail;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use sysreel_format::limits::{SEGMENT_ALIGN, SEGMENT_COUNT, SEGMENT_SIZE};
use sysreel_format::{Checks, Segment, SegmentMemory, committed_segment};
use sysreel_sys::{SharedMapping, mapping};

/// The least size of a segment's disk blocks, in bytes, and the factor by which it grows.
/// Allocating blocks is cheap, but freeing them at the end is not: a short recording should have
/// few.
pub(crate) const FIRST_STEP: usize = 128 << 10;
const GROWTH: usize = 4;
/// What the tail leaves free on the disk for the end of the log.
const LEFT_FREE: u64 = 64 << 10;

/// The state shared by the segments of a tail and its successors.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// Increased when a tail is replaced.
    current: CurrentTail,
    /// The bytes of disk blocks that the segments have.
    blocks: AtomicU64,
}

/// The tail in use.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(crate) file: Arc<File>,
    pub(crate) common: Arc<Common>,
    number: u64,
    len: u64,
}

/// The memory of a segment.
#[derive(Debug)]
pub(crate) struct TailMemory {
    mapping: SharedMapping,
    /// Up to here it may be written: the file has no blocks after it.
    ready: usize,
    /// Its place in a file; `None` for anonymous memory.
    place: Option<Place>,
    checks: Checks,
}

#[derive(Debug)]
struct Place {
    file: Arc<File>,
    offset: u64,
    common: Arc<Common>,
    /// The number of the tail.
    tail: u64,
}

impl Tail {
    /// Creates the file of a tail, which must not exist, and its segments.
    pub(crate) fn create(path: &Path, mode: u32) -> io::Result<(Tail, Vec<TailMemory>)> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)?;
        let common = Arc::<Common>::default();
        let tail = Tail { file: Arc::new(file), common, number: 0, len: file_len(0) };
        let mut segments = tail.segments(0)?;
        // A recording needs the blocks of one segment; the others get theirs when they are needed.
        if let Some(first) = segments.first_mut() {
            first.allocate(FIRST_STEP)?;
        }
        Ok((tail, segments))
    }

    /// Creates a file to replace this one, which was removed or truncated. Its own segments come
    /// after room for copies of the current ones, see [`Tail::copy_from`].
    pub(crate) fn successor(&self, path: &Path, mode: u32) -> io::Result<(Tail, Vec<TailMemory>)> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)?;
        let (common, len) = (Arc::clone(&self.common), file_len(SEGMENT_COUNT));
        let tail = Tail { file: Arc::new(file), common, number: self.number + 1, len };
        let made = tail.segments(SEGMENT_COUNT).and_then(|mut segments| {
            if let Some(first) = segments.first_mut() {
                first.allocate(FIRST_STEP)?;
            }
            Ok((tail, segments))
        });
        if made.is_err() {
            _ = std::fs::remove_file(path);
        }
        made
    }

    /// Makes the segments of the previous tail stale: the tracer hands over its current one at the
    /// next event. It must have got new ones.
    pub(crate) fn switch(&self) {
        self.common.current.switch_to(self.number);
    }

    /// The length of the file, unless another program has truncated it.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    fn segments(&self, first: usize) -> io::Result<Vec<TailMemory>> {
        self.file.set_len(self.len)?;
        let segments = (first..first + SEGMENT_COUNT)
            .map(|i| TailMemory::in_tail(self, (i * SEGMENT_SIZE) as u64));
        segments.collect::<Result<_, _>>().map_err(io::Error::other)
    }

    /// Copies the segments of the previous tail that are not in the log yet, for readers if the
    /// recorder dies.
    pub(crate) fn copy_from(&self, before: &Tail) -> io::Result<()> {
        let mut bytes = Vec::new();
        let first = before.len - file_len(0);
        for offset in (0..SEGMENT_COUNT).map(|i| (i * SEGMENT_SIZE) as u64) {
            bytes.resize(SEGMENT_ALIGN, 0);
            // A truncated file has fewer.
            if before.file.read_exact_at(&mut bytes, first + offset).is_err() {
                continue;
            }
            let Some(len) = committed_segment(&bytes) else { continue };
            bytes.resize(len, 0);
            if before.file.read_exact_at(&mut bytes, first + offset).is_ok() {
                self.file.write_all_at(&bytes, offset)?;
            }
        }
        Ok(())
    }

    /// Copies a segment of the previous tail again: the tracer may have been writing an event
    /// during the first copy.
    pub(crate) fn keep_copy(&self, stale: &Segment<TailMemory>) {
        let memory = stale.memory();
        let end = Segment::<TailMemory>::RECORDS + stale.used();
        if let (Some(at), Some(bytes)) = (self.place_of_copy(memory), memory.bytes().get(..end)) {
            // A failure is harmless: the segment is about to be written to the log.
            _ = self.file.write_all_at(bytes, at);
        }
    }

    /// Clears the copy of a segment of the previous tail that was written to the log.
    pub(crate) fn forget_copy(&self, stale: &TailMemory) {
        if let Some(at) = self.place_of_copy(stale) {
            // If this fails, readers find the copy and see that the log has its events.
            _ = self.file.write_all_at(&[0; SEGMENT_ALIGN], at);
        }
    }

    fn place_of_copy(&self, stale: &TailMemory) -> Option<u64> {
        let place = stale.place.as_ref().filter(|place| place.tail + 1 == self.number)?;
        Some(place.offset % file_len(0))
    }
}

/// The length of a file with room for `first` segments before its own.
fn file_len(first: usize) -> u64 {
    ((first + SEGMENT_COUNT) * SEGMENT_SIZE) as u64
}

impl TailMemory {
    /// Allocates memory without a file.
    pub(crate) fn anonymous() -> sysreel_sys::Result<TailMemory> {
        let mapping = SharedMapping::anonymous(SEGMENT_SIZE)?;
        Ok(TailMemory {
            mapping,
            ready: SEGMENT_SIZE,
            place: None,
            checks: Checks::for_segment(SEGMENT_SIZE),
        })
    }

    /// Maps a part of a file, which must be long enough and may have holes.
    fn in_tail(tail: &Tail, offset: u64) -> sysreel_sys::Result<TailMemory> {
        let mapping = SharedMapping::map_file(&tail.file, offset, SEGMENT_SIZE)?;
        let (file, common) = (Arc::clone(&tail.file), Arc::clone(&tail.common));
        let place = Some(Place { file, offset, common, tail: tail.number });
        Ok(TailMemory { mapping, ready: 0, place, checks: Checks::for_segment(SEGMENT_SIZE) })
    }

    /// The offset in the tail's file, if there is one.
    pub(crate) fn offset(&self) -> Option<u64> {
        self.place.as_ref().map(|place| place.offset)
    }

    /// Whether the tail of this segment was replaced.
    pub(crate) fn is_stale(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.common.current.has_replaced(place.tail))
    }

    /// Gives the file blocks for at least `len` bytes, unless the log needs the disk's free space.
    #[cold]
    fn grow(&mut self, len: usize) -> io::Result<()> {
        let mut result = Ok(());
        let steps = [self.ready * GROWTH, self.ready * 2, len.next_multiple_of(FIRST_STEP)];
        for ready in
            steps.map(|ready| ready.max(FIRST_STEP)).into_iter().filter(|&ready| ready >= len)
        {
            let ready = ready.min(SEGMENT_SIZE);
            result = self.check_free_space(ready).and_then(|()| self.allocate(ready));
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Checks that the log, which at worst takes as much as the tail, still has room.
    fn check_free_space(&self, ready: usize) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let more = (ready - self.ready) as u64;
        let all = place.common.blocks.load(Ordering::Relaxed) + more;
        // Where the file system does not report its free space, an allocation will fail when it is
        // full.
        match mapping::free_space(&place.file) {
            Ok(free) if free < more + all + LEFT_FREE => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn allocate(&mut self, ready: usize) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        fill_holes(&place.file, place.offset + self.ready as u64, (ready - self.ready) as u64)?;
        place.common.blocks.fetch_add((ready - self.ready) as u64, Ordering::Relaxed);
        self.ready = ready;
        Ok(())
    }
}

impl Drop for TailMemory {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            place.common.blocks.fetch_sub(self.ready as u64, Ordering::Relaxed);
        }
    }
}

/// Allocates the blocks of a range, which must exist before they are written through the mapping.
fn fill_holes(file: &File, offset: u64, len: u64) -> io::Result<()> {
    match mapping::allocate(file, offset, len, false) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            let zeros = [0; 4096];
            for at in (offset..offset + len).step_by(zeros.len()) {
                file.write_all_at(&zeros, at)?;
            }
            Ok(())
        }
        other => other,
    }
}

impl SegmentMemory for TailMemory {
    fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.mapping.bytes_mut()
    }

    fn store_release(&mut self, offset: usize, value: u64) {
        self.mapping.store_release(offset, value);
    }

    fn make_ready(&mut self, len: usize) -> bool {
        len <= self.ready || self.grow(len).is_ok()
    }

    fn take_checks(&mut self) -> Checks {
        std::mem::take(&mut self.checks)
    }

    fn keep_checks(&mut self, checks: Checks) {
        self.checks = checks;
    }
}

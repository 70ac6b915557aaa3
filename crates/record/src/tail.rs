//! The tail's file, and the segments in it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use sysreel_format::limits::{SEGMENT_ALIGN, SEGMENT_COUNT, SEGMENT_SIZE};
use sysreel_format::{Checks, Segment, SegmentMemory, committed_segment};
use sysreel_sys::{SharedMapping, mapping};

/// What a segment's file must have disk blocks for at least, and how much more it gets each time.
/// To have blocks costs nothing, to give them back at the end does: a short recording shall have
/// few.
pub(crate) const FIRST_STEP: usize = 128 << 10;
const GROWTH: usize = 4;
/// What the tail leaves free besides, for the end of the log.
const LEFT_FREE: u64 = 64 << 10;

/// What the segments of a tail have in common.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// Which tail is in use: grows when a tail is replaced by another.
    current: AtomicU64,
    /// How many bytes of disk blocks its segments have.
    blocks: AtomicU64,
}

/// The tail that is in use.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(crate) file: Arc<File>,
    pub(crate) common: Arc<Common>,
    number: u64,
    len: u64,
}

/// A mapping that can be a segment.
#[derive(Debug)]
pub(crate) struct TailMemory {
    mapping: SharedMapping,
    /// Up to where it may be stored to: what lies behind has no blocks yet.
    ready: usize,
    /// The file behind it; `None` for memory.
    place: Option<Place>,
    checks: Checks,
}

#[derive(Debug)]
struct Place {
    file: Arc<File>,
    offset: u64,
    common: Arc<Common>,
    /// Which tail this is a part of.
    tail: u64,
}

impl Tail {
    /// Makes the file of a tail, which must not exist, and its segments.
    pub(crate) fn create(path: &Path, mode: u32) -> io::Result<(Tail, Vec<TailMemory>)> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)?;
        let common = Arc::<Common>::default();
        let tail = Tail { file: Arc::new(file), common, number: 0, len: len_of(0) };
        let mut segments = tail.segments(0)?;
        // The others get their blocks when they are needed; without those of one there can be no
        // recording.
        if let Some(first) = segments.first_mut() {
            first.allocate(FIRST_STEP)?;
        }
        Ok((tail, segments))
    }

    /// Makes another file to take the place of this one, which was removed or cut short. Its
    /// segments lie behind the room for those of this one: see [`Tail::copy_from`].
    pub(crate) fn successor(&self, path: &Path, mode: u32) -> io::Result<(Tail, Vec<TailMemory>)> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)?;
        let (common, len) = (Arc::clone(&self.common), len_of(SEGMENT_COUNT));
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

    /// From here on the segments of the tail before are stale: the tracer hands its own over at the
    /// next event. It must have got new ones.
    pub(crate) fn switch(&self) {
        self.common.current.store(self.number, Ordering::Release);
    }

    /// How long its file is, unless somebody has cut it.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    fn segments(&self, first: usize) -> io::Result<Vec<TailMemory>> {
        self.file.set_len(self.len)?;
        let segments = (first..first + SEGMENT_COUNT)
            .map(|i| TailMemory::of_tail(self, (i * SEGMENT_SIZE) as u64));
        segments.collect::<Result<_, _>>().map_err(io::Error::other)
    }

    /// Copies what the tail before has that is not in the log yet, for readers of a log whose
    /// recorder dies.
    pub(crate) fn copy_from(&self, before: &Tail) -> io::Result<()> {
        let mut bytes = Vec::new();
        let first = before.len - len_of(0);
        for offset in (0..SEGMENT_COUNT).map(|i| (i * SEGMENT_SIZE) as u64) {
            bytes.resize(SEGMENT_ALIGN, 0);
            // A file that was cut short has less.
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

    /// Copies a segment of the tail before once more: the tracer may have been at an event when the
    /// first copy was made.
    pub(crate) fn keep_copy(&self, stale: &Segment<TailMemory>) {
        let memory = stale.memory();
        let end = Segment::<TailMemory>::RECORDS + stale.used();
        if let (Some(at), Some(bytes)) = (self.place_of_copy(memory), memory.bytes().get(..end)) {
            // It is about to be written to the log.
            _ = self.file.write_all_at(bytes, at);
        }
    }

    /// A segment of the tail before has been written: its copy is not needed any more.
    pub(crate) fn forget_copy(&self, stale: &TailMemory) {
        if let Some(at) = self.place_of_copy(stale) {
            // The worst is that a reader finds it, and sees that the log has its events.
            _ = self.file.write_all_at(&[0; SEGMENT_ALIGN], at);
        }
    }

    fn place_of_copy(&self, stale: &TailMemory) -> Option<u64> {
        let place = stale.place.as_ref().filter(|place| place.tail + 1 == self.number)?;
        Some(place.offset % len_of(0))
    }
}

/// The length of a file whose segments have so many before them.
fn len_of(first: usize) -> u64 {
    ((first + SEGMENT_COUNT) * SEGMENT_SIZE) as u64
}

impl TailMemory {
    /// Memory without a file.
    pub(crate) fn anonymous() -> sysreel_sys::Result<TailMemory> {
        let mapping = SharedMapping::anonymous(SEGMENT_SIZE)?;
        Ok(TailMemory {
            mapping,
            ready: SEGMENT_SIZE,
            place: None,
            checks: Checks::for_segment(SEGMENT_SIZE),
        })
    }

    /// A part of a file that is long enough, with holes.
    fn of_tail(tail: &Tail, offset: u64) -> sysreel_sys::Result<TailMemory> {
        let mapping = SharedMapping::of_file(&tail.file, offset, SEGMENT_SIZE)?;
        let (file, common) = (Arc::clone(&tail.file), Arc::clone(&tail.common));
        let place = Some(Place { file, offset, common, tail: tail.number });
        Ok(TailMemory { mapping, ready: 0, place, checks: Checks::for_segment(SEGMENT_SIZE) })
    }

    /// Where in the tail's file it lies, if it has one.
    pub(crate) fn offset(&self) -> Option<u64> {
        self.place.as_ref().map(|place| place.offset)
    }

    /// Whether another tail has taken the place of the one that this is a part of.
    pub(crate) fn is_stale(&self) -> bool {
        self.place
            .as_ref()
            .is_some_and(|place| place.common.current.load(Ordering::Relaxed) != place.tail)
    }

    /// Gives the file blocks for at least `len` bytes, as long as the disk has enough for the log
    /// besides.
    #[cold]
    fn grow(&mut self, len: usize) -> io::Result<()> {
        let mut result = Ok(());
        let steps = [self.ready * GROWTH, self.ready * 2, len.next_multiple_of(FIRST_STEP)];
        for ready in
            steps.map(|ready| ready.max(FIRST_STEP)).into_iter().filter(|&ready| ready >= len)
        {
            let ready = ready.min(SEGMENT_SIZE);
            result = self.leaves_room(ready).and_then(|()| self.allocate(ready));
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// The log needs as much as the tail at worst, for all that is in the tail has to go there.
    fn leaves_room(&self, ready: usize) -> io::Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let more = (ready - self.ready) as u64;
        let all = place.common.blocks.load(Ordering::Relaxed) + more;
        // Where the file system does not say how full it is, it says so when it is.
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

/// Every block must exist before it is stored to.
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

//! The tracer's end of the log: events and buffers go into a segment of shared memory and are safe there.

use crate::writer::{ToWriter, Writer};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use sysreel_format::limits::{BLOB_PART, INLINE_LIMIT, SEGMENT_ALIGN};
use sysreel_format::{
    BlobNumber, Data, DropReasons, EventBuf, FileId, Full, RegionHead, Segment, SegmentMemory,
};
use sysreel_sys::{SharedMapping, mapping};

/// What a segment's file must have disk blocks for at least, and how much more it gets each time. To have blocks costs nothing, to
/// give them back at the end does: a short recording shall have few.
pub(crate) const FIRST_STEP: usize = 128 << 10;
const GROWTH: usize = 4;

/// A mapping that can be a segment.
#[derive(Debug)]
pub(crate) struct TailMemory {
    mapping: SharedMapping,
    /// Up to where it may be stored to: a store to a hole that the full disk cannot fill is SIGBUS.
    ready: usize,
    /// The file behind it, and where in there it lies; `None` for memory.
    file: Option<(Arc<File>, u64)>,
}

impl TailMemory {
    /// Memory without a file.
    pub(crate) fn anonymous(len: usize) -> sysreel_sys::Result<TailMemory> {
        Ok(TailMemory { mapping: SharedMapping::anonymous(len)?, ready: len, file: None })
    }

    /// A part of a file that is long enough, with holes.
    pub(crate) fn of_file(file: &Arc<File>, offset: u64, len: usize) -> sysreel_sys::Result<TailMemory> {
        let mapping = SharedMapping::of_file(file, offset, len)?;
        Ok(TailMemory { mapping, ready: 0, file: Some((Arc::clone(file), offset)) })
    }

    /// Gives the file blocks for at least `len` bytes.
    #[cold]
    pub(crate) fn grow(&mut self, len: usize) -> io::Result<()> {
        let Some((file, offset)) = &self.file else { return Ok(()) };
        let more = (self.ready * GROWTH).max(FIRST_STEP);
        let all = self.mapping.bytes().len();
        let mut result = Ok(());
        for ready in [len.max(more), len.next_multiple_of(SEGMENT_ALIGN)].map(|ready| ready.min(all)) {
            result = fill_holes(file, offset + self.ready as u64, (ready - self.ready) as u64);
            if result.is_ok() {
                self.ready = ready;
                break;
            }
        }
        result
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
}

/// So many bytes of files take the writer as long as a short program takes.
const WORTH_BEGINNING: usize = 1 << 20;

/// After so many bytes of buffers the writer is told of them, if it has nothing else to do. It wakes up for that, and the tracer makes a call.
const TELL_EVERY: usize = 64 << 10;

/// Records of a segment that is still being filled.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Where they lie in the tail's file, and how long they are.
    pub(crate) offset: u64,
    pub(crate) len: usize,
    /// The number of the first blob among them.
    pub(crate) first_blob: u64,
}

/// Where events go.
pub(crate) struct Sink {
    /// The segment being filled. Absent only inside [`Sink::rotate`], and when the writer is gone.
    segment: Option<Segment<TailMemory>>,
    /// How much of it the writer was told of, and the first blob behind that.
    told: (usize, u64),
    /// Bytes of buffers behind that.
    untold: usize,
    /// The writer has not yet looked at what it was told last.
    telling: Arc<AtomicBool>,
    generation: u64,
    file_id: FileId,
    full: SyncSender<ToWriter>,
    free: Receiver<TailMemory>,
    /// The row being built.
    pub(crate) row: EventBuf,
    blobs: Vec<BlobNumber>,
    /// The row being built refers to a buffer that the full disk had no room for.
    lacking: bool,
    /// Bytes of files that the segment has.
    contents: usize,
    /// Events that no segment could take, and why.
    pub(crate) refused: (u64, DropReasons),
}

impl Sink {
    pub(crate) fn new(writer: &mut Writer, file_id: FileId) -> Sink {
        let (full, free, telling) = writer.take_channels();
        let mut sink = Sink {
            segment: None,
            told: (0, 0),
            untold: 0,
            telling,
            generation: 0,
            file_id,
            full,
            free,
            row: EventBuf::new(),
            blobs: Vec::new(),
            lacking: false,
            contents: 0,
            refused: (0, DropReasons::default()),
        };
        sink.open(0, 0);
        sink
    }

    /// Adds a captured region to the row: short ones in it, long ones as blobs before it.
    pub(crate) fn region(&mut self, head: &RegionHead, bytes: &[u8]) {
        if bytes.len() < INLINE_LIMIT {
            self.row.region(head, Data::Inline(bytes));
            return;
        }
        let mut blobs = std::mem::take(&mut self.blobs);
        blobs.clear();
        blobs.extend(bytes.chunks(BLOB_PART).filter_map(|part| self.blob(part)));
        self.row.region(head, Data::Blobs(&blobs));
        self.blobs = blobs;
    }

    /// Puts a buffer before the row, which may refer to it.
    pub(crate) fn blob(&mut self, part: &[u8]) -> Option<BlobNumber> {
        loop {
            match self.segment.as_mut()?.append_blob(part) {
                Ok(number) => {
                    self.untold += part.len();
                    return Some(number);
                }
                Err(full) if self.make_room(&full) => {}
                Err(full) => {
                    assert!(full.fits_empty(), "a blob part fits an empty segment");
                    self.lacking = true;
                    return None;
                }
            }
        }
    }

    /// As [`Sink::blob`], for what a file holds: a new one often comes with several, and the writer begins with them while the program
    /// goes on.
    pub(crate) fn contents(&mut self, part: &[u8]) -> Option<BlobNumber> {
        self.contents += part.len();
        self.blob(part)
    }

    /// Commits the row that was built. From here on the death of this process loses nothing of it.
    pub(crate) fn commit(&mut self) {
        let mut row = std::mem::take(&mut self.row);
        let bytes = row.finish();
        let lacking = std::mem::take(&mut self.lacking);
        while let Some(segment) = &mut self.segment {
            if lacking {
                self.refuse(DropReasons::DISK_FULL);
                break;
            }
            match segment.append_event(bytes) {
                Ok(_) => {
                    if segment.is_worth_sealing() || self.contents >= WORTH_BEGINNING {
                        self.rotate();
                    } else if self.untold >= TELL_EVERY {
                        self.tell();
                    }
                    break;
                }
                Err(full) if self.make_room(&full) => {}
                Err(full) => {
                    let fits = full.fits_empty();
                    self.refuse(if fits { DropReasons::DISK_FULL } else { DropReasons::TOO_LARGE });
                    break;
                }
            }
        }
        self.row = row;
    }

    /// The number that the next event will have.
    pub(crate) fn next_event(&self) -> u64 {
        self.segment.as_ref().map_or(0, Segment::next_event)
    }

    /// Hands over what is left. The writer must be told to finish afterwards.
    pub(crate) fn close(mut self) -> (u64, DropReasons) {
        if let Some(mut segment) = self.segment.take() {
            segment.seal();
            _ = self.full.send(ToWriter::Segment(segment));
        }
        self.refused
    }

    /// Lets the writer begin with what is in the segment. It need not: it will have all of it.
    fn tell(&mut self) {
        let Some(segment) = &self.segment else { return };
        let Some((_, offset)) = &segment.memory().file else { return };
        let (from, first_blob) = self.told;
        if self.telling.swap(true, Ordering::AcqRel) {
            return;
        }
        let offset = offset + (Segment::<TailMemory>::RECORDS + from) as u64;
        let used = segment.used();
        self.told = (used, segment.next_blob());
        self.untold = 0;
        let ahead = Ahead { offset, len: used - from, first_blob };
        // The channel has room for one, and if the writer is gone nobody needs it.
        _ = self.full.try_send(ToWriter::Ahead(ahead));
    }

    fn refuse(&mut self, reason: DropReasons) {
        self.refused.0 += 1;
        self.refused.1.insert(reason);
    }

    /// Nothing is won by another segment where one that holds nothing could not grow.
    fn make_room(&mut self, full: &Full) -> bool {
        let useful = full.fits_empty() && self.segment.as_ref().is_some_and(|segment| !segment.is_empty());
        if useful {
            self.rotate();
        }
        useful
    }

    /// Gives the full segment to the writer and opens the next, waiting for one only when all are full.
    fn rotate(&mut self) {
        let Some(mut segment) = self.segment.take() else { return };
        segment.seal();
        let (event, blob) = (segment.next_event(), segment.next_blob());
        _ = self.full.send(ToWriter::Segment(segment));
        self.contents = 0;
        self.open(event, blob);
    }

    fn open(&mut self, first_event: u64, first_blob: u64) {
        self.generation += 1;
        // The writer returns every segment, also one that it could not write; it ends only after this sink. On a full disk the first one,
        // which has had its blocks from the beginning, comes around again.
        while let Ok(mut memory) = self.free.recv() {
            if memory.make_ready(1) {
                self.segment =
                    Some(Segment::open(memory, &self.file_id, self.generation, first_event, first_blob));
                (self.told, self.untold) = ((0, first_blob), 0);
                return;
            }
        }
    }
}

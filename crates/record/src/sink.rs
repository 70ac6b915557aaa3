//! The tracer's end of the log: events and buffers go into a segment of shared memory and are safe there.

use crate::writer::{ToWriter, Writer};
use std::sync::mpsc::{Receiver, SyncSender};
use sysreel_format::limits::{BLOB_PART, INLINE_LIMIT};
use sysreel_format::{
    BlobNumber, Data, DropReasons, EventBuf, FileId, Full, RegionHead, Segment, SegmentMemory,
};
use sysreel_sys::SharedMapping;

/// A mapping that can be a segment.
#[derive(Debug)]
pub(crate) struct TailMemory(pub(crate) SharedMapping);

impl SegmentMemory for TailMemory {
    fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }

    fn store_release(&mut self, offset: usize, value: u64) {
        self.0.store_release(offset, value);
    }
}

/// Where events go.
pub(crate) struct Sink {
    /// The segment being filled. Absent only inside [`Sink::rotate`], and when the writer is gone.
    segment: Option<Segment<TailMemory>>,
    generation: u64,
    file_id: FileId,
    full: SyncSender<ToWriter>,
    free: Receiver<TailMemory>,
    /// The row being built.
    pub(crate) row: EventBuf,
    blobs: Vec<BlobNumber>,
    /// Events that no segment could take, and why.
    pub(crate) refused: (u64, DropReasons),
}

impl Sink {
    pub(crate) fn new(writer: &mut Writer, file_id: FileId) -> Sink {
        let (full, free) = writer.take_channels();
        let mut sink = Sink {
            segment: None,
            generation: 0,
            file_id,
            full,
            free,
            row: EventBuf::new(),
            blobs: Vec::new(),
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
                Ok(number) => return Some(number),
                Err(full) => assert!(self.make_room(&full), "a blob part fits an empty segment"),
            }
        }
    }

    /// Commits the row that was built. From here on the death of this process loses nothing of it.
    pub(crate) fn commit(&mut self) {
        let mut row = std::mem::take(&mut self.row);
        let bytes = row.finish();
        while let Some(segment) = &mut self.segment {
            match segment.append_event(bytes) {
                Ok(_) => {
                    if segment.is_worth_sealing() {
                        self.rotate();
                    }
                    break;
                }
                Err(full) if self.make_room(&full) => {}
                Err(_) => {
                    self.refused.0 += 1;
                    self.refused.1.insert(DropReasons::TOO_LARGE);
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

    fn make_room(&mut self, full: &Full) -> bool {
        full.fits_empty() && {
            self.rotate();
            true
        }
    }

    /// Gives the full segment to the writer and opens the next, waiting for one only when all are full.
    fn rotate(&mut self) {
        let Some(mut segment) = self.segment.take() else { return };
        segment.seal();
        let (event, blob) = (segment.next_event(), segment.next_blob());
        _ = self.full.send(ToWriter::Segment(segment));
        self.open(event, blob);
    }

    fn open(&mut self, first_event: u64, first_blob: u64) {
        self.generation += 1;
        // The writer returns every segment, also one that it could not write; it ends only after this sink.
        if let Ok(memory) = self.free.recv() {
            self.segment =
                Some(Segment::open(memory, &self.file_id, self.generation, first_event, first_blob));
        }
    }
}

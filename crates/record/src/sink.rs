//! The tracer's end of the log: events and buffers go into a segment of shared memory and are safe
//! there.

use crate::tail::TailMemory;
use crate::writer::{ToWriter, Writer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use sysreel_format::limits::{BLOB_PART, INLINE_LIMIT};
use sysreel_format::{
    BlobNumber, Data, DropReasons, EventBuf, FileId, Full, RegionHead, Segment, SegmentMemory,
};

/// So many bytes of files take the writer as long as a short program takes.
const WORTH_BEGINNING: usize = 1 << 20;

/// After so many bytes of buffers the writer is told of them, if it has nothing else to do. It
/// wakes up for that, and the tracer makes a call.
const TELL_EVERY: usize = 64 << 10;

/// Records of a segment that is still being filled.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Where they lie in the tail's file, and how long they are.
    pub(crate) offset: u64,
    pub(crate) len: usize,
    /// The number of the first blob among them.
    pub(crate) first_blob: u64,
    /// The sums of the segment's blobs before and after them.
    pub(crate) sums: (u64, u64),
}

/// Events that no segment could take: how many, and why.
pub(crate) type Refused = (u64, DropReasons);

/// Where events go.
pub(crate) struct Sink {
    /// The segment being filled. Absent only inside [`Sink::rotate`], and when the writer is gone.
    segment: Option<Segment<TailMemory>>,
    /// How much of it the writer was told of, the first blob behind that, and the sum of those
    /// before.
    told: (usize, u64, u64),
    /// Bytes of buffers behind that.
    untold: usize,
    /// The writer has not yet looked at what it was told last.
    state_check: Arc<AtomicBool>,
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
    /// Events between the last segment that was handed over and the first event of this one. Their
    /// numbers are used up.
    refused: Refused,
}

impl Sink {
    pub(crate) fn new(writer: &mut Writer, file_id: FileId) -> Sink {
        let (full, free, state_check) = writer.take_channels();
        let mut sink = Sink {
            segment: None,
            told: (0, 0, 0),
            untold: 0,
            state_check,
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

    /// As [`Sink::blob`], for what a file holds: a new one often comes with several, and the writer
    /// begins with them while the program goes on.
    pub(crate) fn contents(&mut self, part: &[u8]) -> Option<BlobNumber> {
        self.contents += part.len();
        self.blob(part)
    }

    /// Commits the row that was built. From here on the death of this process loses nothing of it.
    pub(crate) fn commit(&mut self) {
        let mut row = std::mem::take(&mut self.row);
        let bytes = row.finish();
        let lacking = std::mem::take(&mut self.lacking);
        if self.segment.as_ref().is_some_and(|segment| segment.memory().is_stale()) {
            // It is not safe from a crash any more: readers do not find its file.
            self.rotate();
        }
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
    pub(crate) fn close(mut self) {
        if let Some(segment) = self.segment.take() {
            self.hand_over(segment);
        }
    }

    /// Lets the writer begin with what is in the segment. It need not: it will have all of it.
    fn tell(&mut self) {
        let Some(segment) = &self.segment else { return };
        let Some(offset) = segment.memory().offset() else { return };
        let (from, first_blob, sum) = self.told;
        if self.state_check.swap(true, Ordering::AcqRel) {
            return;
        }
        let offset = offset + (Segment::<TailMemory>::RECORDS + from) as u64;
        let used = segment.used();
        self.told = (used, segment.next_blob(), segment.blob_sum());
        self.untold = 0;
        let ahead = Ahead { offset, len: used - from, first_blob, sums: (sum, segment.blob_sum()) };
        // The channel has room for one, and if the writer is gone nobody needs it.
        _ = self.full.try_send(ToWriter::Ahead(ahead));
    }

    /// Gives the event up that no segment takes. Its number is used up, so that the hole is where
    /// the event was.
    fn refuse(&mut self, reason: DropReasons) {
        let Some(segment) = self.segment.take() else { return };
        let (event, blob) = (segment.next_event(), segment.next_blob());
        let memory = if segment.is_empty() {
            Some(segment.free())
        } else {
            self.hand_over(segment);
            None
        };
        self.refused.0 += 1;
        self.refused.1.insert(reason);
        match memory {
            Some(memory) => self.begin(memory, event + 1, blob),
            None => self.open(event + 1, blob),
        }
    }

    /// Nothing is won by another segment where one that holds nothing could not grow.
    fn make_room(&mut self, full: &Full) -> bool {
        let useful =
            full.fits_empty() && self.segment.as_ref().is_some_and(|segment| !segment.is_empty());
        if useful {
            self.rotate();
        }
        useful
    }

    /// Gives the full segment to the writer and opens the next, waiting for one only when all are
    /// full.
    fn rotate(&mut self) {
        let Some(segment) = self.segment.take() else { return };
        let (event, blob) = (segment.next_event(), segment.next_blob());
        self.hand_over(segment);
        self.open(event, blob);
    }

    fn hand_over(&mut self, mut segment: Segment<TailMemory>) {
        segment.seal();
        _ = self.full.send(ToWriter::Segment(segment, std::mem::take(&mut self.refused)));
        self.contents = 0;
    }

    fn open(&mut self, first_event: u64, first_blob: u64) {
        // The writer returns every segment, also one that it could not write; it ends only after
        // this sink. On a full disk the first one, which has had its blocks from the beginning,
        // comes around again.
        while let Ok(mut memory) = self.free.recv() {
            if !memory.is_stale() && memory.make_ready(1) {
                self.begin(memory, first_event, first_blob);
                return;
            }
        }
    }

    fn begin(&mut self, memory: TailMemory, first_event: u64, first_blob: u64) {
        self.generation += 1;
        self.segment =
            Some(Segment::open(memory, &self.file_id, self.generation, first_event, first_blob));
        (self.told, self.untold) = ((0, first_blob, 0), 0);
    }
}

//! The tracer's end of the log: appends events and buffers to a segment of shared memory, where
//! they survive the recorder's death.
//!
//! Several tracers append to one segment: an event gets its number when it is committed, under a
//! lock that is held while its bytes are copied.

use crate::exchange::TracerEnd;
use crate::message::{Ahead, Refused, ToWriter};
use crate::tail::TailMemory;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sysreel_format::limits::{BLOB_PART, INLINE_LIMIT};
use sysreel_format::{
    BlobNumber, Data, DropReasons, EventBuf, FileId, Full, RegionHead, Segment, SegmentMemory,
};

/// A segment with this many bytes of files is sealed early, so that the writer begins with them. It
/// takes the writer as long as a short program runs.
const SEAL_EARLY: usize = 1 << 20;

/// After this many bytes of buffers the writer is told to begin with them, if it is idle. Waking it
/// costs the tracer a system call.
const ANNOUNCE_EVERY: usize = 64 << 10;

/// Builds the events of one tracer and appends them to the current segment.
pub(crate) struct Sink {
    /// The row being built.
    pub(crate) row: EventBuf,
    blobs: Vec<BlobNumber>,
    /// Whether the row refers to a buffer for which the disk had no room.
    blob_missing: bool,
    segments: Arc<Mutex<Segments>>,
}

/// The current segment, which all tracers of a recording share.
struct Segments {
    /// The segment being filled. `None` only inside [`Segments::rotate`], and when the writer has
    /// ended.
    segment: Option<Segment<TailMemory>>,
    /// What the writer was already told to begin with: the length of its records, the number of the
    /// next blob, and the checksum of the blobs.
    announced: (usize, u64, u64),
    /// The bytes of buffers added since.
    unannounced: usize,
    generation: u64,
    file_id: FileId,
    exchange: TracerEnd<ToWriter, TailMemory>,
    /// Bytes of files in the segment.
    contents: usize,
    /// Events refused since the last segment was handed over. Their numbers are used up.
    refused: Refused,
    /// Events refused before.
    refused_before: u64,
}

impl Sink {
    pub(crate) fn new(exchange: TracerEnd<ToWriter, TailMemory>, file_id: FileId) -> Sink {
        let mut segments = Segments {
            segment: None,
            announced: (0, 0, 0),
            unannounced: 0,
            generation: 0,
            file_id,
            exchange,
            contents: 0,
            refused: (0, DropReasons::default()),
            refused_before: 0,
        };
        segments.open(0, 0);
        Sink::over(Arc::new(Mutex::new(segments)))
    }

    fn over(segments: Arc<Mutex<Segments>>) -> Sink {
        Sink { row: EventBuf::new(), blobs: Vec::new(), blob_missing: false, segments }
    }

    /// Returns the sink of another tracer of the same recording.
    pub(crate) fn for_another(&self) -> Sink {
        Sink::over(Arc::clone(&self.segments))
    }

    /// A tracer that panics ends the recording, and with it all others.
    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a captured region to the row: a short one in the row, a long one as blobs before it.
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

    /// Appends a buffer before the row, which can refer to it.
    pub(crate) fn blob(&mut self, part: &[u8]) -> Option<BlobNumber> {
        let number = self.segments().blob(part);
        self.blob_missing |= number.is_none();
        number
    }

    /// Like [`Sink::blob`], for contents of files. One new file often comes with several, and the
    /// writer begins with them while the program runs.
    pub(crate) fn contents(&mut self, part: &[u8]) -> Option<BlobNumber> {
        self.segments().contents += part.len();
        self.blob(part)
    }

    /// Commits the row. From then on it survives the recorder's death.
    pub(crate) fn commit(&mut self) {
        let mut row = std::mem::take(&mut self.row);
        let bytes = row.finish();
        let blob_missing = std::mem::take(&mut self.blob_missing);
        self.segments().commit(bytes, blob_missing);
        self.row = row;
    }

    /// The number of events that no segment could take.
    pub(crate) fn refused(&self) -> u64 {
        let segments = self.segments();
        segments.refused_before + segments.refused.0
    }

    /// The number of the next event.
    pub(crate) fn next_event(&self) -> u64 {
        self.segments().segment.as_ref().map_or(0, Segment::next_event)
    }

    /// Hands over the last segment. The writer must be told to finish afterwards.
    pub(crate) fn close(self) {
        let mut segments = self.segments();
        if let Some(segment) = segments.segment.take() {
            segments.hand_over(segment);
        }
    }
}

impl Segments {
    fn blob(&mut self, part: &[u8]) -> Option<BlobNumber> {
        loop {
            match self.segment.as_mut()?.append_blob(part) {
                Ok(number) => {
                    self.unannounced += part.len();
                    return Some(number);
                }
                Err(full) if self.make_room(&full) => {}
                Err(full) => {
                    assert!(full.fits_empty(), "a blob part fits an empty segment");
                    return None;
                }
            }
        }
    }

    fn commit(&mut self, bytes: &[u8], blob_missing: bool) {
        if self.segment.as_ref().is_some_and(|segment| segment.memory().is_stale()) {
            // Readers no longer find the segment's file, so the segment does not survive a crash.
            self.rotate();
        }
        while let Some(segment) = &mut self.segment {
            if blob_missing {
                self.refuse(DropReasons::DISK_FULL);
                break;
            }
            match segment.append_event(bytes) {
                Ok(_) => {
                    if segment.is_worth_sealing() || self.contents >= SEAL_EARLY {
                        self.rotate();
                    } else if self.unannounced >= ANNOUNCE_EVERY {
                        self.announce();
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
    }

    /// Tells the writer to begin with the segment's records. Optional: it will get the whole
    /// segment.
    fn announce(&mut self) {
        let Some(segment) = &self.segment else { return };
        let Some(offset) = segment.memory().offset() else { return };
        let (from, first_blob, sum) = self.announced;
        let (announced, unannounced) = (&mut self.announced, &mut self.unannounced);
        self.exchange.announce(|| {
            let offset = offset + (Segment::<TailMemory>::RECORDS + from) as u64;
            let used = segment.used();
            *announced = (used, segment.next_blob(), segment.blob_sum());
            *unannounced = 0;
            let sums = (sum, segment.blob_sum());
            ToWriter::Ahead(Ahead { offset, len: used - from, first_blob, sums })
        });
    }

    /// Drops an event that no segment takes. Its number is used up, so that the gap in the log is
    /// where the event was.
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

    /// Opens another segment unless the current one is empty: then another would not help.
    fn make_room(&mut self, full: &Full) -> bool {
        let useful =
            full.fits_empty() && self.segment.as_ref().is_some_and(|segment| !segment.is_empty());
        if useful {
            self.rotate();
        }
        useful
    }

    /// Hands the full segment to the writer and opens the next. Waits only when all are full.
    fn rotate(&mut self) {
        let Some(segment) = self.segment.take() else { return };
        let (event, blob) = (segment.next_event(), segment.next_blob());
        self.hand_over(segment);
        self.open(event, blob);
    }

    fn hand_over(&mut self, mut segment: Segment<TailMemory>) {
        segment.seal();
        self.refused_before += self.refused.0;
        self.exchange.hand_over(ToWriter::Segment(segment, std::mem::take(&mut self.refused)));
        self.contents = 0;
    }

    fn open(&mut self, first_event: u64, first_blob: u64) {
        // The writer returns every segment, even one it could not write, and outlives this sink. On
        // a full disk the first segment, whose blocks were allocated at the start, comes back.
        while let Some(mut memory) = self.exchange.free() {
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
        (self.announced, self.unannounced) = ((0, first_blob, 0), 0);
    }
}

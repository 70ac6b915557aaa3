//! Writes logs: segments in, blocks out, append-only.

mod assembly;
mod blobs;
mod dedup;
mod payload;
mod sink;

use std::collections::BTreeMap;
use std::io;

use assembly::{BlobRows, EventRows};
use dedup::Dedup;
use payload::Payloads;
use sink::Sink;

use crate::block::{BLOCK_HEADER_LEN, BlockHeader, HEADER_VERSION, MUST_UNDERSTAND, SAFE_TO_COPY};
use crate::header::{FileHeader, FileId};
use crate::index::{self, Entry, Waypoint};
use crate::kind::{BlockKind, EventKind};
use crate::limits::{CHECKPOINT_EVERY, MAX_BLOCK};
use crate::meta::{FileMeta, MetaCodec};
use crate::records::{Record, Records};
use crate::segment::{Segment, SegmentMemory};
use crate::summary::{Extras, Summary};
use crate::trailer::{TRAILER_LEN, Trailer};
use crate::zframe::{bound, hash128};
use crate::{Completeness, DropReasons, Error};

/// Writes a log to any `io::Write`; never seeks.
///
/// The inner writer must not buffer: after a failed write, the bytes that it has accepted must stay
/// in the file.
#[derive(Debug)]
pub struct BlockWriter<W> {
    sink: Sink<W>,
    file_id: FileId,
    payloads: Payloads,
    /// A block, header and payload, as it is written.
    frame: Vec<u8>,
    events: EventRows,
    blobs: BlobRows,
    dedup: Dedup,
    seq: u64,
    next_event: u64,
    next_blob: u64,
    /// Smaller event numbers were given up: no segment may begin there.
    floor: u64,
    entries: Vec<Entry>,
    waypoints: Vec<Waypoint>,
    summary: Summary,
    kinds: BTreeMap<u16, u64>,
    damaged: Damaged,
}

/// The records that other programs damaged in the tail before the writer read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damaged {
    /// Events, which count as lost.
    pub events: u64,
    /// Blobs. Events that are not lost may refer to them.
    pub blobs: u64,
}

/// The header fields of a block that do not depend on its payload.
#[derive(Clone, Copy, Debug)]
struct BlockFields {
    kind: BlockKind,
    flags: u32,
    first_item: u64,
    n_items: u32,
    t_first: u64,
    t_last: u64,
}

impl<W: io::Write> BlockWriter<W> {
    /// Writes the file header and the META block. The header decides whether codec 1 may be used.
    ///
    /// # Errors
    /// If the metadata are too large or the writer fails.
    pub fn create(out: W, header: FileHeader, meta: &FileMeta) -> Result<Self, Error> {
        let meta = meta.to_bytes()?;
        let mut writer = BlockWriter {
            sink: Sink { out, offset: 0 },
            file_id: header.file_id,
            payloads: Payloads::new(header.has_sites())?,
            frame: Vec::new(),
            events: EventRows::default(),
            blobs: BlobRows::default(),
            dedup: Dedup::new(),
            seq: 0,
            next_event: 0,
            next_blob: 0,
            floor: 0,
            entries: Vec::new(),
            waypoints: Vec::new(),
            summary: Summary::default(),
            kinds: BTreeMap::new(),
            damaged: Damaged::default(),
        };
        // In one write: a reader that opens a log as it begins sees neither or both.
        let fields = BlockFields::new(BlockKind::META, MUST_UNDERSTAND, 0);
        writer.write_block_after(&header.encode(), fields, &meta)?;
        Ok(writer)
    }

    /// Compresses blobs in half the time from here on, with output a tenth longer: for logs that
    /// hold whole files.
    pub fn pack_buffers_fast(&mut self) {
        self.payloads.fast = true;
    }

    /// Makes the memory that the first block needs: the user of a short program waits for it.
    pub fn warm_up(&mut self) {
        self.payloads.warm_up();
    }

    /// Writes the contents of a segment: its blobs, then its events.
    ///
    /// Records that another program has changed are left out: their events are lost for
    /// [`DropReasons::TAIL_DAMAGED`], and [`BlockWriter::damaged`] counts them.
    ///
    /// After an error the writer is still usable: either pass the same segment again (nothing is
    /// written twice), or give it up with [`BlockWriter::drop_segment`].
    ///
    /// # Errors
    /// If the writer fails, or the segment begins before event numbers that were given up.
    pub fn write_segment<M: SegmentMemory>(&mut self, segment: &Segment<M>) -> Result<(), Error> {
        let (given, expected) = (segment.first_event(), self.floor);
        if given < expected {
            return Err(Error::OutOfOrder { what: "event", given, expected });
        }
        if given > self.next_event {
            self.note_loss(given - self.next_event, DropReasons::UNEXPLAINED);
        }
        if self.blobs.is_empty() {
            self.next_blob = self.next_blob.max(segment.first_blob());
        }
        self.write_blobs(segment)?;
        self.write_events(segment)
    }

    /// Gives up the unwritten rest of a segment. Returns the number of lost events.
    pub fn drop_segment<M: SegmentMemory>(
        &mut self,
        segment: &Segment<M>,
        reasons: DropReasons,
    ) -> u64 {
        let lost = segment.next_event().saturating_sub(self.next_event);
        self.note_loss(lost, reasons);
        self.next_blob = self.next_blob.max(segment.next_blob());
        if !self.blobs.is_empty() {
            // They were taken ahead and are not in the file.
            self.blobs.clear();
            self.dedup.clear();
        }
        lost
    }

    /// Returns the number of damaged records so far.
    pub fn damaged(&self) -> Damaged {
        self.damaged
    }

    /// Marks the next `count` event numbers as lost.
    pub fn note_loss(&mut self, count: u64, reasons: DropReasons) {
        if count != 0 {
            self.skip(count, reasons);
            self.floor = self.next_event;
        }
    }

    fn skip(&mut self, count: u64, reasons: DropReasons) {
        self.next_event += count;
        self.summary.lost += count;
        self.summary.drop_reasons.insert(reasons);
    }

    /// Finishes the log with footer and trailer. Returns the inner writer, flushed.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn finish(mut self, completeness: Completeness, extras: &Extras) -> Result<W, Error> {
        self.end(completeness, extras)?;
        Ok(self.sink.out)
    }

    /// As [`BlockWriter::finish`], without dropping the writer, which takes time to free. Nothing
    /// may be written afterwards.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn end(&mut self, completeness: Completeness, extras: &Extras) -> Result<(), Error> {
        self.summary.completeness = completeness;
        if self.summary.lost != 0 {
            self.summary.completeness.insert(Completeness::LOST_EVENTS);
        }
        self.summary.exit_status = extras.exit_status;
        self.summary.events = self.next_event;
        self.summary.blobs = self.next_blob;
        self.summary.stored_bytes = self.sink.offset;
        self.summary.kinds =
            self.kinds.iter().map(|(&kind, &count)| (EventKind(kind), count)).collect();
        let footer = self.sink.offset;
        let mut payload = Vec::new();
        index::encode_footer(&self.summary, &self.waypoints, &self.entries, &mut payload);
        self.write_block(BlockFields::new(BlockKind::FOOTER, 0, self.next_event), &payload)?;
        let (file_id, events) = (self.file_id, self.next_event);
        let trailer = Trailer { file_id, footer, self_offset: self.sink.offset, events };
        self.sink.write(&trailer.encode())?;
        self.sink.flush()
    }

    /// Returns an upper bound of the bytes that [`BlockWriter::finish`] writes, for reserving disk
    /// space. It grows slowly with the log; ask again after each segment.
    pub fn bytes_to_reserve(&self) -> u64 {
        // New kinds of events may still come; 64 is more than there are.
        let payload = index::footer_len(&self.summary, self.waypoints.len(), self.entries.len())
            + (self.kinds.len() + 64) * 16;
        BLOCK_HEADER_LEN as u64 + bound(payload) + TRAILER_LEN as u64
    }

    /// Returns the bytes written so far.
    pub fn offset(&self) -> u64 {
        self.sink.offset
    }

    /// Returns the number of the first event that is neither written nor given up.
    pub fn next_event(&self) -> u64 {
        self.next_event
    }

    /// Returns the number of the first blob that is neither written nor given up.
    pub fn next_blob(&self) -> u64 {
        self.next_blob
    }

    /// Returns the number of lost events so far.
    pub fn lost(&self) -> u64 {
        self.summary.lost
    }

    /// Returns the inner writer.
    pub fn get_ref(&self) -> &W {
        &self.sink.out
    }

    /// Returns the inner writer, for instance to sync it. Do not write to it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.sink.out
    }

    fn write_events<M: SegmentMemory>(&mut self, segment: &Segment<M>) -> Result<(), Error> {
        let first = segment.first_event();
        self.events.clear();
        for span in segment.spans() {
            let numbers = first + span.events.start..first + span.events.end;
            let records = segment.records().get(span.bytes.clone()).unwrap_or_default();
            if !span.holds_events(records) {
                self.flush_events()?;
                let lost = numbers.end.saturating_sub(self.next_event);
                if lost != 0 {
                    self.skip(lost, DropReasons::TAIL_DAMAGED);
                    self.damaged.events += lost;
                }
                continue;
            }
            let records = Records::new(records);
            let rows = records.map_while(Result::ok).filter_map(|record| match record {
                Record::Event(row) => Some(row),
                Record::Blob(_) => None,
            });
            for (number, row) in numbers.zip(rows) {
                if number < self.next_event {
                    continue;
                }
                if self.events.is_full(row.len()) {
                    self.flush_events()?;
                }
                self.events.push(number, row)?;
            }
        }
        self.flush_events()
    }

    fn flush_events(&mut self) -> Result<(), Error> {
        let events = std::mem::take(&mut self.events);
        let done = if events.is_empty() { Ok(()) } else { self.write_event_block(&events) };
        self.events = events;
        self.events.clear();
        done
    }

    fn write_event_block(&mut self, events: &EventRows) -> Result<(), Error> {
        let (t_first, t_last) = events.times();
        let fields = BlockFields {
            n_items: events.count(),
            t_first,
            t_last,
            ..BlockFields::new(BlockKind::EVENTS, MUST_UNDERSTAND | SAFE_TO_COPY, self.next_event)
        };
        self.write_block(fields, events.payload())?;
        let first_block = self.summary.event_bytes == 0;
        self.summary.t_first =
            if first_block { t_first } else { self.summary.t_first.min(t_first) };
        self.summary.t_last = self.summary.t_last.max(t_last);
        self.next_event += u64::from(events.count());
        self.summary.event_bytes += events.payload().len() as u64;
        for &kind in events.kinds() {
            *self.kinds.entry(kind.0).or_default() += 1;
            self.summary.tasks += u64::from(kind == EventKind::TASK);
        }
        self.checkpoint_if_due()
    }

    fn checkpoint_if_due(&mut self) -> Result<(), Error> {
        if self.entries.len() < CHECKPOINT_EVERY as usize {
            return Ok(());
        }
        let mut payload = Vec::new();
        index::encode_checkpoint(&self.entries, &mut payload);
        let listed = self.entries.len();
        let offset = self.sink.offset;
        self.write_block(BlockFields::new(BlockKind::CHECKPOINT, 0, self.next_event), &payload)?;
        // The checkpoint itself is the first entry of the next one.
        self.entries.drain(..listed);
        self.waypoints.push(Waypoint {
            offset,
            next_event: self.next_event,
            next_blob: self.next_blob,
            t_last: self.summary.t_last,
        });
        Ok(())
    }

    /// Encodes a block, checks that it decodes to `raw`, and writes it.
    fn write_block(&mut self, fields: BlockFields, raw: &[u8]) -> Result<(), Error> {
        self.write_block_after(&[], fields, raw)
    }

    /// Writes `lead` and a block.
    fn write_block_after(
        &mut self,
        lead: &[u8],
        fields: BlockFields,
        raw: &[u8],
    ) -> Result<(), Error> {
        if raw.len() > MAX_BLOCK {
            let (size, limit) = (raw.len() as u64, MAX_BLOCK as u64);
            return Err(Error::TooLarge { what: "block", size, limit });
        }
        let self_offset = self.sink.offset + lead.len() as u64;
        self.payloads.set_log_len(self_offset);
        self.frame.clear();
        self.frame.extend_from_slice(lead);
        self.frame.resize(lead.len() + BLOCK_HEADER_LEN, 0);
        let codec = match fields.kind {
            BlockKind::EVENTS => self.payloads.pack_rows(raw, &mut self.frame)?,
            BlockKind::BLOBS => self.payloads.pack_blobs(raw, &mut self.frame)?.then_some(0),
            _ => self.payloads.pack(raw, &mut self.frame)?.then_some(0),
        };
        let codec = codec.ok_or(Error::Verify { first: fields.first_item })?;
        let (_, block) = self.frame.split_at_mut(lead.len());
        let (head, payload) = block.split_at_mut(BLOCK_HEADER_LEN);
        let header = BlockHeader {
            kind: fields.kind,
            header_version: HEADER_VERSION,
            flags: fields.flags,
            file_id: self.file_id,
            self_offset,
            seq: self.seq,
            first_item: fields.first_item,
            n_items: fields.n_items,
            codec,
            dropped: self.summary.lost,
            drop_reasons: self.summary.drop_reasons,
            t_first: fields.t_first,
            t_last: fields.t_last,
            payload_len: payload.len() as u64,
            raw_len: raw.len() as u64,
            payload_crc: crc32c::crc32c(payload),
            logical_hash: hash128(raw),
            prev_checkpoint: self.waypoints.last().map_or(0, |waypoint| waypoint.offset),
        };
        head.copy_from_slice(&header.encode());
        // A block whose write fails still uses up its number, which shows the reader that it was
        // begun.
        self.seq += 1;
        self.sink.write(&self.frame)?;
        self.entries.push(Entry::from_header(&header));
        Ok(())
    }
}

impl BlockFields {
    /// Returns the fields of a block without items.
    fn new(kind: BlockKind, flags: u32, first_item: u64) -> Self {
        BlockFields { kind, flags, first_item, n_items: 0, t_first: 0, t_last: 0 }
    }
}

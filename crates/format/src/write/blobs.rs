//! Writes the blobs of segments. Some are taken before the segment is full; duplicates of earlier
//! blobs are not stored again.

use std::io;

use super::{BlobRows, BlockFields, BlockWriter};
use crate::block::{MUST_UNDERSTAND, SAFE_TO_COPY};
use crate::kind::{BlobNumber, BlockKind};
use crate::limits::BLOBS_AHEAD;
use crate::records::{Record, Records};
use crate::segment::{Segment, SegmentMemory};

use crate::zframe::hash128;
use crate::{DropReasons, Error};

impl<W: io::Write> BlockWriter<W> {
    /// Takes blobs of a segment that is still being filled, so that less is left to do when it is
    /// full or the log ends. `records` are whole records of the segment, and the first blob among
    /// them is `first_blob`. Writes a block once there is enough for one. The blobs still count as
    /// unwritten until [`BlockWriter::write_segment`] gets the segment.
    ///
    /// # Errors
    /// If the writer fails. Nothing is lost: the segment still holds all blobs.
    pub fn take_ahead(&mut self, first_blob: u64, records: &[u8]) -> Result<(), Error> {
        // After a failed block its blobs must come again first.
        if first_blob != self.next_untaken() {
            return Ok(());
        }
        let blobs = Records::new(records).map_while(Result::ok).filter_map(|record| match record {
            Record::Blob(bytes) => Some(bytes),
            Record::Event(_) => None,
        });
        for bytes in blobs {
            self.take_blob(bytes)?;
        }
        let written = usize::try_from(self.sink.offset).unwrap_or(usize::MAX);
        let enough = written.clamp(*BLOBS_AHEAD.start(), *BLOBS_AHEAD.end());
        if self.blobs.new_bytes() >= enough { self.flush_blobs() } else { Ok(()) }
    }

    pub(super) fn write_blobs<M: SegmentMemory>(
        &mut self,
        segment: &Segment<M>,
    ) -> Result<(), Error> {
        let first = segment.first_blob();
        for span in segment.spans() {
            let numbers = first + span.blobs.start..first + span.blobs.end;
            if numbers.end <= self.next_untaken() {
                continue;
            }
            let records = segment.records().get(span.bytes.clone()).unwrap_or_default();
            if !span.holds_blobs(records) {
                // The blobs that were taken ahead were sound then.
                self.flush_blobs()?;
                self.damaged.blobs += numbers.end - numbers.start.max(self.next_blob);
                self.summary.drop_reasons.insert(DropReasons::TAIL_DAMAGED);
                self.next_blob = numbers.end;
                continue;
            }
            let blobs =
                Records::new(records).map_while(Result::ok).filter_map(|record| match record {
                    Record::Blob(bytes) => Some(bytes),
                    Record::Event(_) => None,
                });
            for (number, bytes) in numbers.zip(blobs) {
                if number >= self.next_untaken() {
                    self.take_blob(bytes)?;
                }
            }
        }
        self.flush_blobs()
    }

    /// Returns the number of the first blob that is neither written nor taken.
    fn next_untaken(&self) -> u64 {
        self.next_blob + u64::from(self.blobs.count())
    }

    /// Takes the next blob.
    fn take_blob(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.blobs.is_full(bytes.len()) {
            self.flush_blobs()?;
        }
        let number = BlobNumber(self.next_untaken());
        let first = self.dedup.find_or_insert(hash128(bytes), number);
        self.blobs.push(bytes, first.unwrap_or(number), first.is_some());
        Ok(())
    }

    fn flush_blobs(&mut self) -> Result<(), Error> {
        let blobs = std::mem::take(&mut self.blobs);
        let done = if blobs.is_empty() { Ok(()) } else { self.write_blob_block(&blobs) };
        self.blobs = blobs;
        self.blobs.clear();
        if done.is_err() {
            // The blobs of this block are not in the file, so nothing may refer to them.
            self.dedup.clear();
        }
        done
    }

    fn write_blob_block(&mut self, blobs: &BlobRows) -> Result<(), Error> {
        let fields = BlockFields {
            n_items: blobs.count(),
            ..BlockFields::new(BlockKind::BLOBS, MUST_UNDERSTAND | SAFE_TO_COPY, self.next_blob)
        };
        self.write_block(fields, &blobs.payload())?;
        self.next_blob += u64::from(blobs.count());
        self.summary.blob_bytes += blobs.bytes();
        self.summary.duplicate_bytes += blobs.duplicate_bytes();
        self.checkpoint_if_due()
    }
}

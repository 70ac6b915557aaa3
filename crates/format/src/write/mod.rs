//! Writing a log: segments in, blocks out, append-only.

use std::io;

use crate::header::FileHeader;
use crate::meta::FileMeta;
use crate::segment::{Segment, SegmentMemory};
use crate::summary::Extras;
use crate::{Completeness, DropReasons, Error};

/// Writes a log to anything that takes bytes in order; it never seeks.
#[derive(Debug)]
pub struct BlockWriter<W> {
    out: W,
}

impl<W: io::Write> BlockWriter<W> {
    /// Writes the file header and the META block.
    ///
    /// # Errors
    /// When the metadata are too large, or the writer fails.
    pub fn create(out: W, header: FileHeader, meta: &FileMeta) -> Result<Self, Error> {
        let _ = (out, header, meta);
        todo!()
    }

    /// Writes what is in the segment: its blobs, then its events.
    ///
    /// After an error the writer is sound: the same segment may be given again (what was written is not written
    /// twice), or given up with [`BlockWriter::drop_segment`].
    ///
    /// # Errors
    /// When the writer fails, or the segment begins before what was written already.
    pub fn write_segment<M: SegmentMemory>(&mut self, segment: &Segment<M>) -> Result<(), Error> {
        let _ = segment;
        todo!()
    }

    /// Gives up what is not yet written of the segment. Gives the number of events that are lost.
    pub fn drop_segment<M: SegmentMemory>(&mut self, segment: &Segment<M>, reasons: DropReasons) -> u64 {
        let _ = (segment, reasons);
        todo!()
    }

    /// The next `count` event numbers stand for events that are lost.
    pub fn note_loss(&mut self, count: u64, reasons: DropReasons) {
        let _ = (count, reasons);
        todo!()
    }

    /// Ends the log: footer and trailer. Gives the writer underneath back, flushed.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(self, completeness: Completeness, extras: &Extras) -> Result<W, Error> {
        let _ = (completeness, extras);
        todo!()
    }

    /// How many bytes [`BlockWriter::finish`] may write: keep that much disk space in reserve.
    pub fn bytes_to_reserve(&self) -> u64 {
        todo!()
    }

    /// How many bytes were written.
    pub fn offset(&self) -> u64 {
        todo!()
    }

    /// The number of the first event that is not written yet.
    pub fn next_event(&self) -> u64 {
        todo!()
    }

    /// The number of the first blob that is not written yet.
    pub fn next_blob(&self) -> u64 {
        todo!()
    }

    /// The writer underneath.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// The writer underneath, for instance to flush or sync it. Nothing must be written to it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }
}

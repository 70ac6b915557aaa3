//! The tail: segments of shared memory that hold each event until its block is in the log.
//!
//! A recorder that is killed loses nothing, because the segments are a shared mapping of a file:
//! once stored, the bytes belong to the kernel's page cache. `committed` is stored last, with
//! release ordering, so all bytes that it covers are complete.

use crate::checks::{Checks, Mark, Span};
use crate::event::ROW_HEAD;
use crate::header::FileId;
use crate::kind::BlobNumber;
use crate::limits::{BLOB_PART, MAX_ROW, MAX_SEGMENT, SEGMENT_ALIGN};
use crate::records::{BLOB, EVENT, RECORD_HEAD};
use crate::segment_header::{
    COMMITTED, CRC, FIRST_BLOB, FIRST_EVENT, GENERATION, SEGMENT_HEADER, SEGMENT_MAGIC, SIZE,
};
use crate::wire::u32_at;

/// The memory of a segment: a shared mapping in the recorder, a `Vec` in tests.
pub trait SegmentMemory {
    /// Returns all bytes.
    fn bytes(&self) -> &[u8];
    /// Returns all bytes for writing.
    fn bytes_mut(&mut self) -> &mut [u8];
    /// Stores eight bytes, little-endian, at an offset that is a multiple of 8, with release
    /// ordering: a reader that sees the value sees every store made before it.
    fn store_release(&mut self, offset: usize, value: u64);

    /// Returns how many bytes there are.
    fn size(&self) -> usize {
        self.bytes().len()
    }

    /// Stores bytes at an offset that is a multiple of 8.
    ///
    /// # Panics
    /// If they do not fit.
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes_mut()[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Makes the first `len` bytes writable; returns `false` if that fails. Only memory that grows
    /// on use needs to implement it.
    fn make_ready(&mut self, _len: usize) -> bool {
        true
    }

    /// Gives the segment memory for its checks, so that opening one allocates nothing.
    fn take_checks(&mut self) -> Checks {
        Checks::default()
    }

    /// Takes back the memory given by [`SegmentMemory::take_checks`].
    fn keep_checks(&mut self, _checks: Checks) {}
}

impl SegmentMemory for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn store_release(&mut self, offset: usize, value: u64) {
        if let Some(to) = self.get_mut(offset..offset.saturating_add(8)) {
            to.copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// The segment has no room for the record: seal it, open the next one and append there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for {needed} bytes in the segment ({left} of {size} left)")]
pub struct Full {
    /// The bytes that the record needs.
    pub needed: usize,
    /// The bytes that are left.
    pub left: usize,
    /// The bytes of an empty segment. A record that needs more never fits.
    pub size: usize,
}

impl Full {
    /// Whether the record would fit an empty segment of the same size.
    pub fn fits_empty(&self) -> bool {
        self.needed <= self.size
    }
}

/// A segment that is being filled.
#[derive(Debug)]
pub struct Segment<M> {
    memory: M,
    first_event: u64,
    first_blob: u64,
    events: u64,
    blobs: u64,
    end: usize,
    event_bytes: usize,
    /// Checksums of the records as they were appended, in private memory.
    checks: Checks,
}

impl<M: SegmentMemory> Segment<M> {
    /// Begins a segment whose first event and blob have the given numbers.
    ///
    /// `generation` is not 0 and grows with every segment of the log, which orders them. The memory
    /// must be ready for at least one byte.
    ///
    /// # Panics
    /// If the memory's size is not a multiple of [`SEGMENT_ALIGN`] up to [`MAX_SEGMENT`], or if
    /// `generation` is 0.
    pub fn open(
        mut memory: M,
        file_id: &FileId,
        generation: u64,
        first_event: u64,
        first_blob: u64,
    ) -> Self {
        let size = memory.size();
        assert!(
            size != 0 && size.is_multiple_of(SEGMENT_ALIGN) && size <= MAX_SEGMENT,
            "segment size {size}"
        );
        assert!(generation != 0, "generation 0 means free");
        // Whenever the recorder is killed, a reader must see the old segment, a free one, or the
        // complete new one.
        memory.store_release(GENERATION, 0);
        memory.store_release(COMMITTED, 0);
        let mut header = [0; CRC + 4];
        let mut put = |at: usize, bytes: &[u8]| {
            header.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        };
        put(0, SEGMENT_MAGIC);
        put(8, &file_id.0);
        put(FIRST_EVENT, &first_event.to_le_bytes());
        put(FIRST_BLOB, &first_blob.to_le_bytes());
        put(SIZE, &(size as u64).to_le_bytes());
        // The checksum is computed with generation 0, so that it also holds for a freed segment.
        let (fields, crc) = header.split_at_mut(CRC);
        crc.copy_from_slice(&crc32c::crc32c(fields).to_le_bytes());
        memory.put(0, &header);
        memory.store_release(GENERATION, generation);
        let mut checks = memory.take_checks();
        checks.clear();
        let end = SEGMENT_HEADER;
        Segment {
            memory,
            first_event,
            first_blob,
            events: 0,
            blobs: 0,
            end,
            event_bytes: 0,
            checks,
        }
    }

    /// Appends a buffer of at most [`BLOB_PART`] bytes. The next event, or [`Segment::seal`],
    /// commits it.
    ///
    /// # Errors
    /// [`Full`] if there is no room or the buffer is too long for a blob; the segment is unchanged.
    pub fn append_blob(&mut self, bytes: &[u8]) -> Result<BlobNumber, Full> {
        if bytes.len() > BLOB_PART {
            return Err(Full { needed: usize::MAX, left: self.left(), size: self.room() });
        }
        self.append(BLOB, bytes)?;
        // Computed from the argument, because another program can change the segment's memory.
        self.checks.add_blob(bytes);
        let number = self.next_blob();
        self.blobs += 1;
        self.checks.mark_if_due(self.position());
        Ok(BlobNumber(number))
    }

    /// Appends an event row from [`crate::EventBuf::finish`], and commits it and the blobs before
    /// it. Returns the event's number.
    ///
    /// # Errors
    /// [`Full`] if there is no room; the segment is unchanged.
    ///
    /// # Panics
    /// If the row's length differs from the one in its head, as in a row that is not finished.
    pub fn append_event(&mut self, row: &[u8]) -> Result<u64, Full> {
        if row.len() > MAX_ROW {
            return Err(Full { needed: usize::MAX, left: self.left(), size: self.room() });
        }
        let stated = u32_at(row, 0).and_then(|len| usize::try_from(len).ok());
        assert!(
            stated.and_then(|len| len.checked_add(ROW_HEAD)) == Some(row.len()),
            "an unfinished event row"
        );
        self.append(EVENT, row)?;
        self.checks.add_event(row);
        let number = self.next_event();
        self.events += 1;
        self.event_bytes += row.len();
        self.checks.mark_if_due(self.position());
        self.seal();
        Ok(number)
    }

    /// Commits blobs without an event after them in this segment. Must be called before the next
    /// segment is opened, which may hold the event that refers to them.
    pub fn seal(&mut self) {
        self.memory.store_release(COMMITTED, (self.end - SEGMENT_HEADER) as u64);
    }

    /// Frees the segment, whose contents are now in the log or given up.
    pub fn free(mut self) -> M {
        self.memory.store_release(GENERATION, 0);
        self.memory.keep_checks(self.checks);
        self.memory
    }

    /// Returns the running sum of its blobs; [`holds_blobs`](crate::holds_blobs) compares two of
    /// these with records that were read.
    pub fn blob_sum(&self) -> u64 {
        self.checks.sums().blobs
    }

    /// Returns its memory.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Returns the number of its first event.
    pub fn first_event(&self) -> u64 {
        self.first_event
    }

    /// Returns the number of the next event, which the next segment begins with.
    pub fn next_event(&self) -> u64 {
        self.first_event + self.events
    }

    /// Returns the number of its first blob.
    pub fn first_blob(&self) -> u64 {
        self.first_blob
    }

    /// Returns the number of the next blob, which the next segment begins with.
    pub fn next_blob(&self) -> u64 {
        self.first_blob + self.blobs
    }

    /// Returns the bytes of records in it.
    pub fn used(&self) -> usize {
        self.end - SEGMENT_HEADER
    }

    /// The offset of the records in its memory, in bytes.
    pub const RECORDS: usize = SEGMENT_HEADER;

    /// Returns the bytes of event rows in it.
    pub fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// Whether it holds no records.
    pub fn is_empty(&self) -> bool {
        self.events == 0 && self.blobs == 0
    }

    /// Whether it holds enough for a well compressed block, so that the writer may take it before
    /// it is full.
    pub fn is_worth_sealing(&self) -> bool {
        self.event_bytes >= crate::limits::EVENTS_TARGET || self.left() < self.room() / 8
    }

    /// Returns the bytes of its records. They are in a file, so another process may change them at
    /// any time: check each span against its sums right before using it, and let no decision depend
    /// on their contents.
    pub(crate) fn records(&self) -> &[u8] {
        self.memory.bytes().get(SEGMENT_HEADER..self.end).unwrap_or_default()
    }

    /// Returns spans of its records that can be checked one by one.
    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> {
        self.checks.spans(self.position())
    }

    /// Returns the position of the next record.
    fn position(&self) -> Mark {
        Mark { end: self.used(), events: self.events, blobs: self.blobs, sums: self.checks.sums() }
    }

    fn left(&self) -> usize {
        self.memory.size().saturating_sub(self.end)
    }

    fn room(&self) -> usize {
        self.memory.size().saturating_sub(SEGMENT_HEADER)
    }

    fn append(&mut self, kind: u32, bytes: &[u8]) -> Result<(), Full> {
        let needed = RECORD_HEAD + bytes.len().next_multiple_of(8);
        let full = Full { needed, left: self.left(), size: self.room() };
        let len = u32::try_from(bytes.len()).map_err(|_| full)?;
        let end = self.end + needed;
        if end > self.memory.size() || !self.memory.make_ready(end) {
            return Err(full);
        }
        let mut head = [0; RECORD_HEAD];
        let (head_len, head_kind) = head.split_at_mut(4);
        head_len.copy_from_slice(&len.to_le_bytes());
        head_kind.copy_from_slice(&kind.to_le_bytes());
        self.memory.put(self.end, &head);
        let data = self.end + RECORD_HEAD;
        // The last word has the padding.
        let whole = bytes.len() - bytes.len() % 8;
        let (words, rest) = bytes.split_at(whole);
        self.memory.put(data, words);
        if !rest.is_empty() {
            let mut last = [0; 8];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            self.memory.put(data + whole, &last);
        }
        self.end = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment_header::SegmentHeader;

    const ID: FileId = FileId([1; 16]);

    #[test]
    fn append_to_a_full_segment_changes_nothing() {
        let mut segment = Segment::open(vec![0; SEGMENT_ALIGN], &ID, 1, 0, 0);
        let blob = [7; 900];
        for number in 0..4 {
            assert_eq!(segment.append_blob(&blob).unwrap(), BlobNumber(number));
        }
        let before = segment.memory().clone();
        let full = segment.append_blob(&blob).unwrap_err();
        assert!(full.fits_empty(), "{full}");
        assert_eq!((&before, segment.next_blob()), (segment.memory(), 4));
        assert!(!segment.append_blob(&vec![0; BLOB_PART + 1]).unwrap_err().fits_empty());
        assert!(!segment.append_event(&vec![0; MAX_ROW + 1]).unwrap_err().fits_empty());
        assert_eq!(segment.used(), 4 * (RECORD_HEAD + 904));
    }

    #[test]
    fn records_count_once_committed() {
        let mut segment = Segment::open(vec![0; SEGMENT_ALIGN], &ID, 9, 5, 6);
        segment.append_blob(b"blob").unwrap();
        assert_eq!(SegmentHeader::decode(segment.memory()).unwrap().committed, 0);
        segment.seal();
        let header = SegmentHeader::decode(segment.memory()).unwrap();
        assert_eq!((header.committed, header.generation), (16, 9));
        assert_eq!((header.first_event, header.first_blob, header.file_id), (5, 6, ID));
        let memory = segment.free();
        assert_eq!(SegmentHeader::decode(&memory).unwrap().generation, 0);
    }

    #[test]
    fn a_reopened_segment_is_empty() {
        let mut segment = Segment::open(vec![0xff; SEGMENT_ALIGN], &ID, 1, 0, 0);
        segment.append_event(&[&[0; 20][..]].concat()).unwrap();
        let segment = Segment::open(segment.free(), &ID, 2, 1, 0);
        assert!(segment.is_empty());
        assert_eq!(SegmentHeader::decode(segment.memory()).unwrap().committed, 0);
    }
}

//! The tail: segments of shared memory beside the log, where an event lives until its block is in
//! the file.
//!
//! Storing to memory that a file backs is what makes a killed recorder lose nothing: the pages
//! belong to the kernel from the moment of the store. `committed` is stored last, with release
//! order, so what it covers is whole.

use crate::checks::{Checks, Mark, Stretch};
use crate::event::ROW_HEAD;
use crate::header::FileId;
use crate::kind::BlobNumber;
use crate::limits::{BLOB_PART, MAX_ROW, MAX_SEGMENT, SEGMENT_ALIGN};
use crate::records::{BLOB, EVENT, RECORD_HEAD};
use crate::segment_header::{
    COMMITTED, CRC, FIRST_BLOB, FIRST_EVENT, GENERATION, SEGMENT_HEADER, SEGMENT_MAGIC, SIZE,
};
use crate::wire::u32_at;

/// Memory that holds a segment: a shared mapping in the recorder, a `Vec` in tests.
pub trait SegmentMemory {
    /// All of it.
    fn bytes(&self) -> &[u8];
    /// All of it, to write to.
    fn bytes_mut(&mut self) -> &mut [u8];
    /// Stores eight bytes, little-endian, at an offset that is a multiple of 8, with release order:
    /// whoever sees the value sees every store made before it.
    fn store_release(&mut self, offset: usize, value: u64);

    /// Makes sure that the first `len` bytes can be stored to; `false` when they cannot. Memory
    /// that grows as it is used says so here, all other is ready as it comes.
    fn make_ready(&mut self, _len: usize) -> bool {
        true
    }

    /// Lends the segment the memory for its checks, so that to open one allocates nothing.
    fn take_checks(&mut self) -> Checks {
        Checks::default()
    }

    /// Gets that memory back.
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

/// There is no room: seal the segment, open the next one, and append there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for {needed} bytes in the segment ({left} of {size} left)")]
pub struct Full {
    /// How many bytes the record takes.
    pub needed: usize,
    /// How many are left.
    pub left: usize,
    /// How many an empty segment has. A record that needs more never fits.
    pub size: usize,
}

impl Full {
    /// Whether the record would fit an empty segment of the same size.
    pub fn fits_empty(&self) -> bool {
        self.needed <= self.size
    }
}

/// One segment being filled.
#[derive(Debug)]
pub struct Segment<M> {
    memory: M,
    first_event: u64,
    first_blob: u64,
    events: u64,
    blobs: u64,
    end: usize,
    event_bytes: usize,
    /// Private memory: what the records were when they were appended, whatever becomes of the
    /// segment's own.
    checks: Checks,
}

impl<M: SegmentMemory> Segment<M> {
    /// Begins a segment whose first event and blob have the given numbers.
    ///
    /// `generation` is not 0 and grows with every segment of the log: it orders them. The memory
    /// must be ready for a byte at least.
    ///
    /// # Panics
    /// When the memory's size is not a multiple of [`SEGMENT_ALIGN`] up to [`MAX_SEGMENT`], or
    /// `generation` is 0: the caller chose both.
    pub fn open(
        mut memory: M,
        file_id: &FileId,
        generation: u64,
        first_event: u64,
        first_blob: u64,
    ) -> Self {
        let size = memory.bytes().len();
        assert!(
            size != 0 && size.is_multiple_of(SEGMENT_ALIGN) && size <= MAX_SEGMENT,
            "segment size {size}"
        );
        assert!(generation != 0, "generation 0 means free");
        // A reader must see the old segment, a free one or the new one whole, whenever we are
        // killed.
        memory.store_release(GENERATION, 0);
        memory.store_release(COMMITTED, 0);
        let mut header = [0; CRC];
        let mut put = |at: usize, bytes: &[u8]| {
            header.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        };
        put(0, SEGMENT_MAGIC);
        put(8, &file_id.0);
        put(FIRST_EVENT, &first_event.to_le_bytes());
        put(FIRST_BLOB, &first_blob.to_le_bytes());
        put(SIZE, &(size as u64).to_le_bytes());
        // The checksum is made with generation 0, so that it also holds for the segment once it is
        // free.
        let crc = crc32c::crc32c(&header).to_le_bytes();
        memory
            .bytes_mut()
            .iter_mut()
            .zip(header.iter().chain(&crc))
            .for_each(|(to, from)| *to = *from);
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

    /// Appends a buffer of at most [`BLOB_PART`] bytes. It counts once the next event, or the seal,
    /// commits it.
    ///
    /// # Errors
    /// [`Full`] when there is no room, or when the buffer is too long for a blob; the segment is as
    /// before.
    pub fn append_blob(&mut self, bytes: &[u8]) -> Result<BlobNumber, Full> {
        if bytes.len() > BLOB_PART {
            return Err(Full { needed: usize::MAX, left: self.left(), size: self.room() });
        }
        self.append(BLOB, bytes)?;
        // Of what was given, not of what the memory holds now.
        self.checks.add_blob(bytes);
        let number = self.next_blob();
        self.blobs += 1;
        self.checks.mark_if_due(self.here());
        Ok(BlobNumber(number))
    }

    /// Appends an event row, as [`crate::EventBuf::finish`] gives it, and commits it with the blobs
    /// before it.
    ///
    /// # Errors
    /// [`Full`] when there is no room; the segment is as before.
    ///
    /// # Panics
    /// When the row's length is not the one its head states: it did not come from a finished
    /// buffer.
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
        self.checks.mark_if_due(self.here());
        self.seal();
        Ok(number)
    }

    /// Commits blobs that no event of this segment followed. Call it before the next segment is
    /// opened: the event that refers to them may go there.
    pub fn seal(&mut self) {
        self.memory.store_release(COMMITTED, (self.end - SEGMENT_HEADER) as u64);
    }

    /// Frees the segment: what was in it is in the file now, or given up.
    pub fn free(mut self) -> M {
        self.memory.store_release(GENERATION, 0);
        self.memory.keep_checks(self.checks);
        self.memory
    }

    /// What its blobs add up to so far: [`holds_blobs`](crate::holds_blobs) compares two of these
    /// with what was read.
    pub fn blob_sum(&self) -> u64 {
        self.checks.sums().blobs
    }

    /// The memory it lies in.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The number of its first event.
    pub fn first_event(&self) -> u64 {
        self.first_event
    }

    /// The number that the next event will have: give it to the next segment.
    pub fn next_event(&self) -> u64 {
        self.first_event + self.events
    }

    /// The number of its first blob.
    pub fn first_blob(&self) -> u64 {
        self.first_blob
    }

    /// The number that the next blob will have: give it to the next segment.
    pub fn next_blob(&self) -> u64 {
        self.first_blob + self.blobs
    }

    /// How many bytes of records it holds.
    pub fn used(&self) -> usize {
        self.end - SEGMENT_HEADER
    }

    /// Where in its memory the records begin.
    pub const RECORDS: usize = SEGMENT_HEADER;

    /// How many bytes of event rows it holds.
    pub fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.events == 0 && self.blobs == 0
    }

    /// Whether enough is in it to make a good block, so that the writer may take it before it is
    /// full.
    pub fn is_worth_sealing(&self) -> bool {
        self.event_bytes >= crate::limits::EVENTS_TARGET || self.left() < self.room() / 8
    }

    /// The bytes of its records. They lie in a file, so another process may change them at any
    /// time: each stretch of them is to be compared with its sums right before it is used, and
    /// nothing may depend on what they say there.
    pub(crate) fn records(&self) -> &[u8] {
        self.memory.bytes().get(SEGMENT_HEADER..self.end).unwrap_or_default()
    }

    /// Its records, in pieces that can be checked.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = Stretch> {
        self.checks.stretches(self.here())
    }

    /// Where the next record comes.
    fn here(&self) -> Mark {
        Mark { end: self.used(), events: self.events, blobs: self.blobs, sums: self.checks.sums() }
    }

    fn left(&self) -> usize {
        self.memory.bytes().len().saturating_sub(self.end)
    }

    fn room(&self) -> usize {
        self.memory.bytes().len().saturating_sub(SEGMENT_HEADER)
    }

    fn append(&mut self, kind: u32, bytes: &[u8]) -> Result<(), Full> {
        let needed = RECORD_HEAD + bytes.len().next_multiple_of(8);
        let full = Full { needed, left: self.left(), size: self.room() };
        let len = u32::try_from(bytes.len()).map_err(|_| full)?;
        let end = self.end + needed;
        if end > self.memory.bytes().len() || !self.memory.make_ready(end) {
            return Err(full);
        }
        let Some(to) = self.memory.bytes_mut().get_mut(self.end..end) else { return Err(full) };
        let (head, body) = to.split_at_mut(RECORD_HEAD);
        let (head_len, head_kind) = head.split_at_mut(4);
        head_len.copy_from_slice(&len.to_le_bytes());
        head_kind.copy_from_slice(&kind.to_le_bytes());
        let (data, padding) = body.split_at_mut(bytes.len());
        data.copy_from_slice(bytes);
        padding.fill(0);
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
    fn a_full_segment_is_as_it_was() {
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
    fn nothing_counts_before_it_is_committed() {
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
    fn a_segment_begun_anew_has_nothing_of_the_old_one() {
        let mut segment = Segment::open(vec![0xff; SEGMENT_ALIGN], &ID, 1, 0, 0);
        segment.append_event(&[&[0; 20][..]].concat()).unwrap();
        let segment = Segment::open(segment.free(), &ID, 2, 1, 0);
        assert!(segment.is_empty());
        assert_eq!(SegmentHeader::decode(segment.memory()).unwrap().committed, 0);
    }
}

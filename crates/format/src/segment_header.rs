//! The header of a tail segment, as its writer and a reader see it.

use crate::header::FileId;
use crate::limits::{MAX_SEGMENT, SEGMENT_ALIGN};
use crate::wire::{u32_at, u64_at};

/// The length of a segment's header, in bytes.
pub(crate) const SEGMENT_HEADER: usize = 128;
pub(crate) const SEGMENT_MAGIC: &[u8; 8] = b"\x89srtail\n";
pub(crate) const GENERATION: usize = 24;
pub(crate) const FIRST_EVENT: usize = 32;
pub(crate) const FIRST_BLOB: usize = 40;
pub(crate) const SIZE: usize = 48;
pub(crate) const CRC: usize = 56;
pub(crate) const COMMITTED: usize = 64;

/// Whether `start`, the first bytes of a file, begin a tail.
pub fn is_tail(start: &[u8]) -> bool {
    start.starts_with(SEGMENT_MAGIC)
}

/// Returns the length of the segment that begins with these bytes, up to the end of what is
/// committed, in bytes. `None` if there is no segment or it is free.
pub fn committed_segment(start: &[u8]) -> Option<usize> {
    let header = SegmentHeader::decode(start).filter(|header| header.generation != 0)?;
    Some(SEGMENT_HEADER + header.committed)
}

/// The fields of a segment's header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentHeader {
    pub(crate) file_id: FileId,
    /// 0 if the segment is free.
    pub(crate) generation: u64,
    pub(crate) first_event: u64,
    pub(crate) first_blob: u64,
    /// In bytes, with the header.
    pub(crate) size: usize,
    pub(crate) committed: usize,
}

impl SegmentHeader {
    /// Returns `None` if this is not a segment header, or a damaged one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let fixed = bytes.get(..CRC)?;
        let size = usize::try_from(u64_at(bytes, SIZE)?).ok()?;
        let sound = fixed.starts_with(SEGMENT_MAGIC)
            && size.is_multiple_of(SEGMENT_ALIGN)
            && (SEGMENT_ALIGN..=MAX_SEGMENT).contains(&size);
        let mut free: [u8; CRC] = fixed.try_into().ok()?;
        free.iter_mut().skip(GENERATION).take(8).for_each(|byte| *byte = 0);
        if !sound || u32_at(bytes, CRC)? != crc32c::crc32c(&free) {
            return None;
        }
        let committed = usize::try_from(u64_at(bytes, COMMITTED)?).ok()?;
        Some(SegmentHeader {
            file_id: FileId(bytes.get(8..24)?.try_into().ok()?),
            generation: u64_at(bytes, GENERATION)?,
            first_event: u64_at(bytes, FIRST_EVENT)?,
            first_blob: u64_at(bytes, FIRST_BLOB)?,
            size,
            committed: committed.min(size - SEGMENT_HEADER),
        })
    }
}

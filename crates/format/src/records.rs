//! The records of a segment: event rows and buffers, one after another.

use crate::limits::BLOB_PART;
use crate::wire::u32_at;

/// The length of a record's head: its length and type.
pub(crate) const RECORD_HEAD: usize = 8;
pub(crate) const EVENT: u32 = 1;
pub(crate) const BLOB: u32 = 2;

/// A record of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// An event row.
    Event(&'a [u8]),
    /// A buffer.
    Blob(&'a [u8]),
}

/// An iterator over the records in the committed bytes of a segment. Yields `Err` with the offset
/// at the first malformed record, then ends.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Records { bytes, at: 0 }
    }

    /// Returns the offset of the next record, from the end of the segment's header.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Continues at an offset that [`Records::at`] returned.
    pub(crate) fn resume(bytes: &'a [u8], at: usize) -> Self {
        Records { bytes, at }
    }

    fn read(&mut self) -> Option<Record<'a>> {
        let len = usize::try_from(u32_at(self.bytes, self.at)?).ok()?;
        let kind = u32_at(self.bytes, self.at.checked_add(4)?)?;
        let from = self.at.checked_add(RECORD_HEAD)?;
        let body = self.bytes.get(from..from.checked_add(len)?)?;
        let end = from.checked_add(len.checked_next_multiple_of(8)?)?;
        let record = match kind {
            EVENT => Record::Event(body),
            BLOB if len <= BLOB_PART => Record::Blob(body),
            _ => return None,
        };
        self.at = end;
        Some(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, usize>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let at = self.at;
        Some(self.read().ok_or_else(|| {
            self.at = self.bytes.len();
            at
        }))
    }
}

//! The payloads of EVENTS and BLOBS blocks while they are being filled.

use crate::Error;
use crate::event::Event;
use crate::kind::{BlobNumber, EventKind};
use crate::limits::{BLOBS_TARGET, EVENTS_TARGET, MAX_ITEMS};

/// The payload of an EVENTS block: rows, one after another.
#[derive(Debug, Default)]
pub(crate) struct EventRows {
    rows: Vec<u8>,
    kinds: Vec<EventKind>,
    times: Option<(u64, u64)>,
}

/// The payload of a BLOBS block: a table of lengths and aliases, then the bytes that are new.
#[derive(Debug, Default)]
pub(crate) struct BlobRows {
    table: Vec<u8>,
    data: Vec<u8>,
    count: u32,
    bytes: u64,
    duplicate_bytes: u64,
}

impl EventRows {
    /// Appends a row.
    pub(crate) fn push(&mut self, number: u64, row: &[u8]) -> Result<(), Error> {
        let event = Event::from_row(number, row)?;
        let (first, last) = self.times.unwrap_or((event.t_ns, event.t_ns));
        self.times = Some((first.min(event.t_ns), last.max(event.t_ns)));
        self.kinds.push(event.kind);
        self.rows.extend_from_slice(row);
        Ok(())
    }

    /// Whether a row of `len` bytes must go into the next block.
    pub(crate) fn is_full(&self, len: usize) -> bool {
        !self.is_empty()
            && (self.rows.len().saturating_add(len) > EVENTS_TARGET
                || self.kinds.len() >= MAX_ITEMS as usize)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.kinds.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.rows
    }

    pub(crate) fn kinds(&self) -> &[EventKind] {
        &self.kinds
    }

    /// Returns the earliest and the latest event time.
    pub(crate) fn times(&self) -> (u64, u64) {
        self.times.unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.kinds.clear();
        self.times = None;
    }
}

impl BlobRows {
    /// Appends a blob. `stored_as` is its own number, or that of the earlier blob it is a
    /// `duplicate` of.
    pub(crate) fn push(&mut self, bytes: &[u8], stored_as: BlobNumber, duplicate: bool) {
        let len = bytes.len() as u64;
        self.table.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        self.table.extend_from_slice(&stored_as.0.to_le_bytes());
        self.count += 1;
        self.bytes += len;
        if duplicate {
            self.duplicate_bytes += len;
        } else {
            self.data.extend_from_slice(bytes);
        }
    }

    /// Whether a blob of `len` bytes must go into the next block.
    pub(crate) fn is_full(&self, len: usize) -> bool {
        !self.is_empty()
            && (self.data.len().saturating_add(len) > BLOBS_TARGET || self.count >= MAX_ITEMS)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Returns the bytes that are not in an earlier blob.
    pub(crate) fn new_bytes(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn duplicate_bytes(&self) -> u64 {
        self.duplicate_bytes
    }

    pub(crate) fn payload(&self) -> Vec<u8> {
        [self.table.as_slice(), self.data.as_slice()].concat()
    }

    pub(crate) fn clear(&mut self) {
        *self = BlobRows {
            table: std::mem::take(&mut self.table),
            data: std::mem::take(&mut self.data),
            ..BlobRows::default()
        };
        self.table.clear();
        self.data.clear();
    }
}

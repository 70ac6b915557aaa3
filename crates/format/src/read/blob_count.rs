//! Counts the blobs that a log lacks, from block headers and the footer.

use crate::block::BlockHeader;

/// The blobs found so far.
#[derive(Debug)]
pub(super) struct BlobCount {
    /// The number expected of the next blob; `None` if the cursor started in the middle of the log.
    next: Option<u64>,
    pub(super) missing: u64,
    /// Also read payloads and compare them with their checksums.
    pub(super) check: bool,
    pub(super) payload: Vec<u8>,
}

impl BlobCount {
    /// Returns a count for a cursor that starts at the beginning of the log or elsewhere.
    pub(super) fn new(at_start: bool) -> Self {
        BlobCount { next: at_start.then_some(0), missing: 0, check: false, payload: Vec::new() }
    }

    /// Counts a block of blobs.
    pub(super) fn add_block(&mut self, header: &BlockHeader) {
        self.skip_to(header.first_item);
        let end = header.first_item.saturating_add(header.n_items.into());
        self.next = self.next.map(|next| next.max(end));
    }

    /// Continues at blob `first`: the blobs expected before it are missing.
    pub(super) fn skip_to(&mut self, first: u64) {
        let skipped = self.next.and_then(|next| first.checked_sub(next)).unwrap_or(0);
        self.missing = self.missing.saturating_add(skipped);
        self.next = Some(self.next.map_or(first, |next| next.max(first)));
    }
}

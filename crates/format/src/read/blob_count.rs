//! Which blobs a log lacks, told by the headers of blocks and the footer.

use crate::block::BlockHeader;

/// Which blobs the file has, as far as the cursor came.
#[derive(Debug)]
pub(super) struct BlobCount {
    /// The number that the next blob should have; `None` when the cursor began in the midst of the
    /// log.
    next: Option<u64>,
    pub(super) missing: u64,
    /// Payloads are read and compared with their checksums too.
    pub(super) check: bool,
    pub(super) packed: Vec<u8>,
}

impl BlobCount {
    /// For a cursor that begins at the beginning of the log, or elsewhere.
    pub(super) fn new(at_start: bool) -> Self {
        BlobCount { next: at_start.then_some(0), missing: 0, check: false, packed: Vec::new() }
    }

    /// A block of blobs comes.
    pub(super) fn block(&mut self, header: &BlockHeader) {
        self.comes(header.first_item);
        let end = header.first_item.saturating_add(header.n_items.into());
        self.next = self.next.map(|next| next.max(end));
    }

    /// The blobs from `first` on come next: those before it that did not come are missing.
    pub(super) fn comes(&mut self, first: u64) {
        let skipped = self.next.and_then(|next| first.checked_sub(next)).unwrap_or(0);
        self.missing = self.missing.saturating_add(skipped);
        self.next = Some(self.next.map_or(first, |next| next.max(first)));
    }
}

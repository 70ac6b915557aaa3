//! The trailer: the last 64 bytes of a cleanly finished log, which locate the footer.

use crate::header::FileId;
use crate::wire::{Wire, u32_at};
use crate::zframe::SKIPPABLE;

/// The length of the trailer frame, in bytes.
pub(crate) const TRAILER_LEN: usize = 64;
const MAGIC: &[u8; 8] = b"\x89srend\x1a\n";

/// The trailer of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) file_id: FileId,
    /// The offset of the FOOTER block.
    pub(crate) footer: u64,
    /// The offset of the trailer itself.
    pub(crate) self_offset: u64,
    /// The number of events, including lost ones: shows how many are missing if the footer is
    /// damaged.
    pub(crate) events: u64,
}

impl Trailer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TRAILER_LEN);
        bytes.extend_from_slice(&SKIPPABLE.to_le_bytes());
        bytes.extend_from_slice(&56u32.to_le_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.file_id.0);
        bytes.extend_from_slice(&self.footer.to_le_bytes());
        bytes.extend_from_slice(&self.self_offset.to_le_bytes());
        bytes.extend_from_slice(&self.events.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Returns `None` if this is not a trailer, or a damaged one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let checked = bytes.get(..TRAILER_LEN - 4)?;
        let mut wire = Wire::new("trailer", bytes);
        let sound = wire.u32().ok()? == SKIPPABLE
            && wire.u32().ok()? == 56
            && wire.take(MAGIC.len()).ok()? == MAGIC
            && u32_at(bytes, TRAILER_LEN - 4)? == crc32c::crc32c(checked);
        let file_id = FileId(wire.array().ok()?);
        let (footer, self_offset, events) = (wire.u64().ok()?, wire.u64().ok()?, wire.u64().ok()?);
        sound.then_some(Trailer { file_id, footer, self_offset, events })
    }
}

//! The trailer: the last 64 bytes of a log that ended cleanly. It says where the footer is.

use crate::header::FileId;
use crate::wire::{Wire, u32_at};
use crate::zframe::SKIPPABLE;

/// The length of the trailer frame.
pub(crate) const TRAILER_LEN: usize = 64;
const MAGIC: &[u8; 8] = b"\x89srend\x1a\n";

/// What a log ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) file_id: FileId,
    /// Where the FOOTER block begins.
    pub(crate) footer: u64,
    /// Where the trailer itself begins.
    pub(crate) self_offset: u64,
    /// How many event numbers were given out: tells what is missing when the footer is damaged.
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

    /// `None` when this is no trailer, or a damaged one.
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

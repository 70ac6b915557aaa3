//! The block header: where a block stands, what it holds, how to check it.

use crate::DropReasons;
use crate::header::FileId;
use crate::kind::BlockKind;
use crate::wire::{Wire, u32_at};
use crate::zframe::{SKIPPABLE, SKIPPABLE_HEAD};

/// The length of the block header frame that this version writes.
pub const BLOCK_HEADER_LEN: usize = 152;
/// What every block header has after its frame's head.
pub(crate) const BLOCK_MAGIC: &[u8; 8] = b"\x89srblk\x1a\n";
/// The version of the header that this crate writes.
pub(crate) const HEADER_VERSION: u16 = 1;
/// The block must not be skipped by a reader that does not know its kind.
pub(crate) const MUST_UNDERSTAND: u32 = 1;
/// An editor that does not know the block's kind may copy it.
pub(crate) const SAFE_TO_COPY: u32 = 2;

/// What stands before a block's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// What the block holds.
    pub kind: BlockKind,
    /// The version of this header.
    pub header_version: u16,
    /// Bit 0: must be understood. Bit 1: safe to copy.
    pub flags: u32,
    /// Which recording it belongs to.
    pub file_id: FileId,
    /// Where in the file it begins.
    pub self_offset: u64,
    /// How many blocks were begun before it.
    pub seq: u64,
    /// The number of its first event or blob; in other blocks the number of the next event.
    pub first_item: u64,
    /// How many events or blobs it holds.
    pub n_items: u32,
    /// How they are coded.
    pub codec: u16,
    /// How many events were dropped by the writer before this block, over the whole log.
    pub dropped: u64,
    /// Why they were.
    pub drop_reasons: DropReasons,
    /// The earliest time in it, or 0.
    pub t_first: u64,
    /// The latest time in it, or 0.
    pub t_last: u64,
    /// The length of its payload in the file.
    pub payload_len: u64,
    /// The length of its payload once decompressed.
    pub raw_len: u64,
    /// CRC32C of the payload in the file.
    pub payload_crc: u32,
    /// The first 128 bits of the BLAKE3 hash of the decompressed, decoded payload.
    pub logical_hash: [u8; 16],
    /// Where the last CHECKPOINT before it begins, or 0.
    pub prev_checkpoint: u64,
}

impl BlockHeader {
    pub(crate) fn encode(&self) -> [u8; BLOCK_HEADER_LEN] {
        let mut bytes = Vec::with_capacity(BLOCK_HEADER_LEN);
        bytes.extend_from_slice(&SKIPPABLE.to_le_bytes());
        bytes.extend_from_slice(&144u32.to_le_bytes());
        bytes.extend_from_slice(BLOCK_MAGIC);
        bytes.extend_from_slice(&self.kind.0.to_le_bytes());
        bytes.extend_from_slice(&self.header_version.to_le_bytes());
        bytes.extend_from_slice(&self.flags.to_le_bytes());
        bytes.extend_from_slice(&self.file_id.0);
        bytes.extend_from_slice(&self.self_offset.to_le_bytes());
        bytes.extend_from_slice(&self.seq.to_le_bytes());
        bytes.extend_from_slice(&self.first_item.to_le_bytes());
        bytes.extend_from_slice(&self.n_items.to_le_bytes());
        bytes.extend_from_slice(&self.codec.to_le_bytes());
        bytes.extend_from_slice(&0u16.to_le_bytes());
        bytes.extend_from_slice(&self.dropped.to_le_bytes());
        bytes.extend_from_slice(&self.drop_reasons.0.to_le_bytes());
        bytes.extend_from_slice(&self.payload_crc.to_le_bytes());
        for word in [self.t_first, self.t_last, self.payload_len, self.raw_len] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&self.logical_hash);
        bytes.extend_from_slice(&self.prev_checkpoint.to_le_bytes());
        bytes.extend_from_slice(&0u32.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; BLOCK_HEADER_LEN];
        header.copy_from_slice(&bytes);
        header
    }

    /// Reads the header frame at the start of `bytes`, which may go on after it.
    ///
    /// `None` when there is none: wrong magic, too short, or a wrong checksum. Gives the length of
    /// the frame too.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut wire = Wire::new("block header", bytes);
        if wire.u32().ok()? != SKIPPABLE {
            return None;
        }
        let len = SKIPPABLE_HEAD.checked_add(wire.len32().ok()?)?;
        if wire.take(BLOCK_MAGIC.len()).ok()? != BLOCK_MAGIC || len < BLOCK_HEADER_LEN {
            return None;
        }
        let crc = u32_at(bytes, len.checked_sub(4)?)?;
        if crc != crc32c::crc32c(bytes.get(..len.checked_sub(4)?)?) {
            return None;
        }
        Some((Self::fields(&mut wire)?, len))
    }

    fn fields(wire: &mut Wire<'_>) -> Option<Self> {
        let (kind, header_version) = (BlockKind(wire.u16().ok()?), wire.u16().ok()?);
        let (flags, file_id) = (wire.u32().ok()?, FileId(wire.array().ok()?));
        let (self_offset, seq, first_item) = (wire.u64().ok()?, wire.u64().ok()?, wire.u64().ok()?);
        let (n_items, codec) = (wire.u32().ok()?, wire.u16().ok()?);
        wire.u16().ok()?;
        let (dropped, drop_reasons) = (wire.u64().ok()?, DropReasons(wire.u32().ok()?));
        let payload_crc = wire.u32().ok()?;
        let (t_first, t_last) = (wire.u64().ok()?, wire.u64().ok()?);
        let (payload_len, raw_len) = (wire.u64().ok()?, wire.u64().ok()?);
        let (logical_hash, prev_checkpoint) = (wire.array().ok()?, wire.u64().ok()?);
        Some(BlockHeader {
            kind,
            header_version,
            flags,
            file_id,
            self_offset,
            seq,
            first_item,
            n_items,
            codec,
            dropped,
            drop_reasons,
            t_first,
            t_last,
            payload_len,
            raw_len,
            payload_crc,
            logical_hash,
            prev_checkpoint,
        })
    }
}

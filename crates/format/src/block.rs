//! The header in front of each block: its place in the file, its contents, its checksums.

use crate::DropReasons;
use crate::header::FileId;
use crate::kind::BlockKind;
use crate::wire::{Wire, u32_at};
use crate::zframe::{SKIPPABLE, SKIPPABLE_HEAD};

/// The length of the block header frame that this version writes.
pub const BLOCK_HEADER_LEN: usize = 152;
/// The magic bytes after the head of the header's skippable frame.
pub(crate) const BLOCK_MAGIC: &[u8; 8] = b"\x89srblk\x1a\n";
/// The header version that this crate writes.
pub(crate) const HEADER_VERSION: u16 = 1;
/// Flag: a reader that does not know the block's kind must refuse the log.
pub(crate) const MUST_UNDERSTAND: u32 = 1;
/// Flag: an editor that does not know the block's kind may copy it.
pub(crate) const SAFE_TO_COPY: u32 = 2;

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// The kind of the contents.
    pub kind: BlockKind,
    /// The version of this header.
    pub header_version: u16,
    /// Bit 0: must be understood. Bit 1: safe to copy.
    pub flags: u32,
    /// The recording that the block belongs to.
    pub file_id: FileId,
    /// The offset of this header in the file, in bytes.
    pub self_offset: u64,
    /// The number of blocks begun before this one.
    pub seq: u64,
    /// The number of the first event or blob; in other blocks the number of the next event.
    pub first_item: u64,
    /// The number of events or blobs.
    pub n_items: u32,
    /// The codec of the payload.
    pub codec: u16,
    /// The number of events that the writer dropped before this block, over the whole log.
    pub dropped: u64,
    /// Why events were dropped.
    pub drop_reasons: DropReasons,
    /// The earliest event time in nanoseconds, or 0.
    pub t_first: u64,
    /// The latest event time in nanoseconds, or 0.
    pub t_last: u64,
    /// The length of the payload in the file, in bytes.
    pub payload_len: u64,
    /// The length of the decompressed payload, in bytes.
    pub raw_len: u64,
    /// The CRC32C of the payload in the file.
    pub payload_crc: u32,
    /// The first 128 bits of the BLAKE3 hash of the decompressed, decoded payload.
    pub logical_hash: [u8; 16],
    /// The offset of the last CHECKPOINT before this block, or 0.
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

    /// Decodes the header frame that `bytes` begin with. Also returns the length of the frame.
    ///
    /// Returns `None` if there is no sound header: wrong magic, too few bytes or a wrong checksum.
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
        Some((Self::decode_fields(&mut wire)?, len))
    }

    fn decode_fields(wire: &mut Wire<'_>) -> Option<Self> {
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

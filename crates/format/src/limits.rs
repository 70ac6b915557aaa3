//! Every limit of the format. docs/format.md has the same table.
//!
//! A writer stays within them, so a reader may refuse what exceeds them: every length read from a
//! file is compared with a limit before memory is allocated for it.

/// Shorter buffers are stored in the event, longer ones as blobs.
pub const INLINE_LIMIT: usize = 256;
/// The length of the longest blob, in bytes; a longer buffer is split into several.
pub const BLOB_PART: usize = 1 << 20;
/// The default size of a tail segment with its header, in bytes.
pub const SEGMENT_SIZE: usize = 4 << 20;
/// The default number of tail segments.
pub const SEGMENT_COUNT: usize = 4;
/// The size of a segment is a multiple of this.
pub const SEGMENT_ALIGN: usize = 4096;
/// The largest tail segment.
pub const MAX_SEGMENT: usize = 64 << 20;
/// The largest tail file.
pub const MAX_TAIL: u64 = 1 << 30;

/// The largest event row, including its head.
pub const MAX_ROW: usize = 16 << 20;
/// The most bytes of a struct of `PTRACE_GET_SYSCALL_INFO`.
pub const MAX_INFO: usize = 4 << 10;
/// The largest payload of a block, before and after compression.
pub const MAX_BLOCK: usize = 64 << 20;
/// The most events or blobs in a block.
pub const MAX_ITEMS: u32 = 1 << 20;
/// The most call sites of a block in codec 1.
pub const MAX_SITES: usize = 1 << 14;
/// The most tasks of a block in codec 1.
pub const MAX_TASKS: usize = 1 << 16;
/// The most pairs of sites that codec 1 remembers in a block.
pub const MAX_PAIRS: usize = 1 << 14;
/// The most classes of parts of a block in codec 1.
pub const MAX_CLASSES: usize = 1 << 12;
/// How many bytes the columns of a block in codec 1 may be longer than its rows.
pub const COLUMNS_SLACK: usize = 64 << 10;
/// The longest header frame (file or block), with room for fields of later versions.
pub const MAX_HEADER: usize = 4 << 10;
/// The largest encoded metadata struct. Decoded, it may take up to 32 times as much memory.
pub const MAX_META: usize = 8 << 20;
/// The longest buffer of a region.
pub const MAX_REGION: usize = 256 << 20;
/// The largest window of a zstd frame that a reader must support, as a power of two.
pub const MAX_WINDOW_LOG: u32 = 23;
/// The number of blocks between two checkpoints.
pub const CHECKPOINT_EVERY: u32 = 64;
/// The bytes of rows after which a writer begins the next EVENTS block.
pub const EVENTS_TARGET: usize = 1 << 20;
/// The bytes of buffers after which a writer begins the next BLOBS block.
pub const BLOBS_TARGET: usize = 4 << 20;
/// The bytes of buffers that make a BLOBS block before the segment is full: the low end for a short
/// log, growing with the log to the high end.
pub const BLOBS_AHEAD: std::ops::RangeInclusive<usize> = 128 << 10..=1 << 20;
/// The number of entries in the writer's table of known blobs.
pub const DEDUP_ENTRIES: usize = 1 << 16;

/// The limits of a reader. The defaults are those of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest block payload, before and after compression.
    pub block: usize,
    /// The longest buffer of one region.
    pub region: usize,
    /// The bytes of decompressed blocks cached for random access to blobs (at least one block is
    /// kept).
    pub cache: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { block: MAX_BLOCK, region: MAX_REGION, cache: 64 << 20 }
    }
}

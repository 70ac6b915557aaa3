//! Every limit of the format, in one place; docs/format.md has the same table.
//!
//! A writer keeps within them, so a reader may refuse what goes beyond: no length read from a file
//! reaches an allocation before it was compared with one of these.

/// Buffers shorter than this are inline in the event; longer ones are blobs.
pub const INLINE_LIMIT: usize = 256;
/// The most bytes one blob has; a longer buffer is split into several.
pub const BLOB_PART: usize = 1 << 20;
/// The default size of one tail segment, its header included.
pub const SEGMENT_SIZE: usize = 4 << 20;
/// The default number of tail segments.
pub const SEGMENT_COUNT: usize = 4;
/// A segment's size is a multiple of this.
pub const SEGMENT_ALIGN: usize = 4096;
/// The largest tail segment.
pub const MAX_SEGMENT: usize = 64 << 20;
/// The largest tail file.
pub const MAX_TAIL: u64 = 1 << 30;

/// The largest event row, its head included.
pub const MAX_ROW: usize = 16 << 20;
/// The longest struct image of `PTRACE_GET_SYSCALL_INFO`.
pub const MAX_INFO: usize = 4 << 10;
/// The largest payload of a block, before and after compression.
pub const MAX_BLOCK: usize = 64 << 20;
/// The most events or blobs in a block.
pub const MAX_ITEMS: u32 = 1 << 20;
/// The most call sites in a block in codec 1.
pub const MAX_SITES: usize = 1 << 14;
/// The most tasks in a block in codec 1.
pub const MAX_TASKS: usize = 1 << 16;
/// The most pairs of sites that are remembered in a block in codec 1.
pub const MAX_PAIRS: usize = 1 << 14;
/// The most classes of parts in a block in codec 1.
pub const MAX_CLASSES: usize = 1 << 12;
/// How much longer than its rows all columns of a block in codec 1 together may be.
pub const COLUMNS_SLACK: usize = 64 << 10;
/// The longest header frame (file header or block header), so that later versions can add fields.
pub const MAX_HEADER: usize = 4 << 10;
/// The largest encoded metadata struct. Decoded, it may take up to 32 times that.
pub const MAX_META: usize = 8 << 20;
/// The longest buffer that one region can have.
pub const MAX_REGION: usize = 256 << 20;
/// The largest window a reader has to offer to a zstd frame, as a power of two.
pub const MAX_WINDOW_LOG: u32 = 23;
/// How many blocks come between two checkpoints.
pub const CHECKPOINT_EVERY: u32 = 64;
/// How many bytes of rows a writer puts into one EVENTS block before it begins another.
pub const EVENTS_TARGET: usize = 1 << 20;
/// How many bytes of buffers a writer puts into one BLOBS block before it begins another.
pub const BLOBS_TARGET: usize = 4 << 20;
/// Before a segment is full, so many bytes of buffers already make a BLOBS block, and more once the
/// log has some length.
pub const BLOBS_AHEAD: std::ops::RangeInclusive<usize> = 128 << 10..=1 << 20;
/// How many entries the writer's table of known blobs has.
pub const DEDUP_ENTRIES: usize = 1 << 16;

/// What a reader is ready to spend. The defaults are the format's own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest block payload, before and after compression.
    pub block: usize,
    /// The longest buffer of one region.
    pub region: usize,
    /// Bytes of decompressed blocks that are kept for random access to blobs (at least one block
    /// is).
    pub cache: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { block: MAX_BLOCK, region: MAX_REGION, cache: 64 << 20 }
    }
}

//! What can go wrong with a log: one type, whose messages say what, where and what to do.

use crate::kind::BlobNumber;

/// Why a log, or a piece of one, could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file has no bytes at all.
    #[error("the file is empty: the recording never began, or it was written elsewhere")]
    Empty,
    /// The file does not begin like a log.
    #[error("not a sysreel log: it does not begin with the log's magic bytes")]
    NotALog,
    /// The file is a log whose header is torn or damaged.
    #[error(
        "the file header at offset 0 is damaged ({what}): nothing after it can be trusted; record \
         again"
    )]
    BadHeader {
        /// Which check failed.
        what: &'static str,
    },
    /// The log has a major version that this reader does not know.
    #[error(
        "the log has format version {major}.{minor}, this reader knows up to {known}.x: use a \
         newer sysreel"
    )]
    NewerVersion {
        /// The log's major version.
        major: u16,
        /// The log's minor version.
        minor: u16,
        /// The newest major version this reader knows.
        known: u16,
    },
    /// The log uses features without which it cannot be understood.
    #[error(
        "the log needs features this reader does not have (incompat bits {bits:#x}): use a newer \
         sysreel"
    )]
    Incompatible {
        /// The unknown bits.
        bits: u64,
    },
    /// An unknown block, event or part says that it must not be skipped.
    #[error(
        "{what} kind {kind} at offset {offset} must be understood, and is not: use a newer sysreel"
    )]
    MustUnderstand {
        /// "block", "event" or "part".
        what: &'static str,
        /// Its kind.
        kind: u16,
        /// Where it stands: in the file for a block, in its event for a part.
        offset: u64,
    },
    /// The first block is not readable metadata.
    #[error("the log's metadata at offset {offset} is unreadable ({what})")]
    BadMeta {
        /// Where the block should be.
        offset: u64,
        /// Which check failed.
        what: &'static str,
    },
    /// Bytes do not have the form that docs/format.md gives them.
    #[error("malformed {what} at byte {at}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Where, counted from the start of the event's row, the payload or the struct.
        at: u64,
    },
    /// A block is damaged or missing.
    #[error("the block at offset {offset} is damaged ({what})")]
    BadBlock {
        /// Where it begins.
        offset: u64,
        /// Which check failed.
        what: &'static str,
    },
    /// Something is larger than the reader's or the format's limit.
    #[error("{what} of {size} bytes is above the limit of {limit}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// How large it is, or says it is.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A blob is not in the log.
    #[error("blob {number} is not in the log: its block was lost, or never written")]
    NoBlob {
        /// The blob.
        number: BlobNumber,
    },
    /// The tail file belongs to another log.
    #[error(
        "the tail file belongs to another recording: leave it out, or give the one beside its log"
    )]
    ForeignTail,
    /// The writer was given items out of order.
    #[error("segment begins with {what} {given}, but {expected} were written already")]
    OutOfOrder {
        /// "event" or "blob".
        what: &'static str,
        /// The segment's first number.
        given: u64,
        /// The number that comes next.
        expected: u64,
    },
    /// A block that was just made did not decode to what went into it: nothing was written.
    #[error(
        "a new block (events or blobs from {first}) did not decode to what it was made of; not \
         written"
    )]
    Verify {
        /// The first item of the block.
        first: u64,
    },
    /// Metadata could not be encoded or decoded.
    #[error("metadata {what}: {why}")]
    Meta {
        /// Which struct.
        what: &'static str,
        /// What the codec said.
        why: String,
    },
    /// The compressor said no.
    #[error("zstd: {0}")]
    Zstd(#[source] std::io::Error),
    /// Reading or writing failed underneath.
    #[error("input/output at offset {offset}: {source}")]
    Io {
        /// Where in the file.
        offset: u64,
        /// What the system said.
        source: std::io::Error,
    },
}

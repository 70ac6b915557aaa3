//! The error type of this crate. Messages say what is wrong, where, and what to do about it.

use crate::kind::BlobNumber;

/// An error in reading or writing a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is empty.
    #[error("the file is empty: the recording never began, or went to another file")]
    Empty,
    /// The file does not begin with the magic bytes of a log.
    #[error("not a sysreel log: it does not begin with the log's magic bytes")]
    NotALog,
    /// The file is a log, but its header is truncated or damaged.
    #[error(
        "the file header at offset 0 is damaged ({what}): nothing after it can be trusted; record \
         again"
    )]
    BadHeader {
        /// The check that failed.
        what: &'static str,
    },
    /// The log has a major version that this crate does not know.
    #[error(
        "the log has format version {major}.{minor}, this sysreel reads up to {known}.x: use a \
         newer sysreel"
    )]
    NewerVersion {
        /// The log's major version.
        major: u16,
        /// The log's minor version.
        minor: u16,
        /// The newest major version that this crate knows.
        known: u16,
    },
    /// The log uses features that this crate does not know and that it needs to read the log.
    #[error("the log needs unknown features (incompat bits {bits:#x}): use a newer sysreel")]
    Incompatible {
        /// The unknown bits.
        bits: u64,
    },
    /// An unknown block, event or part is marked as one that must not be skipped.
    #[error(
        "unknown {what} kind {kind} at offset {offset}, which must not be skipped: use a newer \
         sysreel"
    )]
    MustUnderstand {
        /// "block", "event" or "part".
        what: &'static str,
        /// Its kind.
        kind: u16,
        /// Its place: the file offset of a block, the number of an event, 0 for a part.
        offset: u64,
    },
    /// The first block holds no readable metadata.
    #[error("the log's metadata at offset {offset} is unreadable ({what})")]
    BadMeta {
        /// The offset where the block should be.
        offset: u64,
        /// The check that failed.
        what: &'static str,
    },
    /// The bytes do not have the form that docs/format.md prescribes.
    #[error("malformed {what} at byte {at}")]
    Malformed {
        /// The structure being decoded.
        what: &'static str,
        /// The offset from the start of the event's row, the payload or the struct, in bytes.
        at: u64,
    },
    /// A block is damaged or missing.
    #[error("the block at offset {offset} is damaged ({what})")]
    BadBlock {
        /// The offset of the block.
        offset: u64,
        /// The check that failed.
        what: &'static str,
    },
    /// A size exceeds a limit of the reader or of the format.
    #[error("{what} of {size} bytes is above the limit of {limit}")]
    TooLarge {
        /// The thing that is too large.
        what: &'static str,
        /// Its size in bytes, or the size it claims.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The log does not hold the blob.
    #[error("blob {number} is not in the log: its block was lost or never written")]
    NoBlob {
        /// The number of the blob.
        number: BlobNumber,
    },
    /// The tail file belongs to another log.
    #[error("the tail file belongs to another recording: pass the one next to the log, or none")]
    ForeignTail,
    /// A segment was given to the writer out of order.
    #[error("segment begins with {what} {given}, but those before {expected} are already written")]
    OutOfOrder {
        /// "event" or "blob".
        what: &'static str,
        /// The segment's first number.
        given: u64,
        /// The least number allowed.
        expected: u64,
    },
    /// A new block did not decode to its input, so it was not written.
    #[error(
        "a new block (events or blobs from {first}) did not decode to its input and was not written"
    )]
    Verify {
        /// The number of the block's first item.
        first: u64,
    },
    /// Metadata could not be encoded or decoded.
    #[error("metadata {what}: {why}")]
    Meta {
        /// The name of the struct.
        what: &'static str,
        /// The message of the codec.
        why: String,
    },
    /// The compressor failed.
    #[error("zstd: {0}")]
    Zstd(#[source] std::io::Error),
    /// An I/O operation failed.
    #[error("I/O error at offset {offset}: {source}")]
    Io {
        /// The offset in the file.
        offset: u64,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

//! What the tracer tells the writer.

use crate::tail::TailMemory;
use sysreel_format::{Completeness, DropReasons, Extras, Segment};

/// A message from the tracer.
pub(crate) enum ToWriter {
    /// Begin with these records of a segment that is still being filled. Optional.
    Ahead(Ahead),
    /// Count the events lost before this segment, write it, and return its memory.
    Segment(Segment<TailMemory>, Refused),
    /// End the log.
    Finish(Completeness, Extras),
}

/// Records of a segment that is still being filled.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// Their offset in the tail's file, and their length.
    pub(crate) offset: u64,
    pub(crate) len: usize,
    /// The number of the first blob among them.
    pub(crate) first_blob: u64,
    /// The checksums of the segment's blobs before and after them.
    pub(crate) sums: (u64, u64),
}

/// Events that no segment could take: their number, and why.
pub(crate) type Refused = (u64, DropReasons);

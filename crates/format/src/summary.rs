//! The summary in the footer: what a finished log holds, without reading it.

use crate::kind::EventKind;
use crate::{Completeness, DropReasons};

/// What only the recorder knows when it finishes a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// The wait status with which the first task ended, if it did.
    pub exit_status: Option<u32>,
}

/// What a finished log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What the log cannot show.
    pub completeness: Completeness,
    /// How many event numbers were given out, the lost ones included.
    pub events: u64,
    /// How many of them were lost.
    pub lost: u64,
    /// Why.
    pub drop_reasons: DropReasons,
    /// How many blob numbers were given out.
    pub blobs: u64,
    /// How many tasks appeared.
    pub tasks: u64,
    /// The wait status with which the first task ended, if it did.
    pub exit_status: Option<u32>,
    /// Bytes of event rows.
    pub event_bytes: u64,
    /// Bytes of buffers, every duplicate counted.
    pub blob_bytes: u64,
    /// Bytes of buffers that were duplicates.
    pub duplicate_bytes: u64,
    /// Bytes of the file before its footer.
    pub stored_bytes: u64,
    /// The earliest time of an event, in nanoseconds.
    pub t_first: u64,
    /// The latest time of an event.
    pub t_last: u64,
    /// How many events of each kind there are, by kind.
    pub kinds: Vec<(EventKind, u64)>,
}

//! A pair of threads after alignment.

use crate::diff::align::Span;
use crate::diff::run::stream::Stream;
use crate::state::ProcessId;

/// A pair of aligned streams.
pub(super) struct Job<'r> {
    pub(super) processes: (ProcessId, ProcessId),
    pub(super) streams: [&'r Stream; 2],
    pub(super) tokens: [Vec<u32>; 2],
    pub(super) spans: Vec<Span>,
}

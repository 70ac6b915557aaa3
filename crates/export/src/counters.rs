//! What a process has moved, and how many descriptors it has open, in the course of time.

use crate::row::CallRow;

/// How far apart the values of a counter are, so that they do not outweigh the calls.
const STEP_NS: u64 = 1_000_000;

/// The counters of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// The bytes that calls have moved so far.
    bytes: u64,
    drawn_bytes: u64,
    descriptors: u64,
    /// When a value was drawn last; `None` if none was.
    drawn_ns: Option<u64>,
}

impl Counters {
    /// Adds a call that began at `start_ns`. Returns the counters that have another value, and are
    /// due.
    pub(crate) fn add(&mut self, row: &CallRow<'_>, start_ns: u64) -> [Option<u64>; 2] {
        self.bytes = self.bytes.saturating_add(row.bytes.unwrap_or(0));
        if self.drawn_ns.is_some_and(|drawn| start_ns < drawn.saturating_add(STEP_NS)) {
            return [None; 2];
        }
        // The state is that at the beginning of the call.
        let table = row.source.state().fds(row.source.task().id());
        let open = table.map_or(0, |table| table.count());
        let descriptors = (open != self.descriptors).then_some(open);
        self.descriptors = open;
        let due = [self.rest(), descriptors];
        if due != [None; 2] {
            self.drawn_ns = Some(start_ns);
        }
        due
    }

    /// Returns the bytes that are not drawn yet.
    pub(crate) fn rest(&mut self) -> Option<u64> {
        let is_drawn = self.drawn_bytes == self.bytes;
        self.drawn_bytes = self.bytes;
        (!is_drawn).then_some(self.bytes)
    }
}

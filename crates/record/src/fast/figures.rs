//! What a recording from inside has done.

/// What was recorded from inside, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FastFigures {
    /// Calls that the page has made.
    pub calls: u64,
    /// Processes that got a page.
    pub injected: u64,
    /// Call sites that were patched.
    pub patched: u64,
    /// Call sites that could not be patched.
    pub unpatched: u64,
    /// Processes that are traced although they might have, or had, a page.
    pub demoted: u64,
    /// Threads for which there was no slot.
    pub without_slot: u64,
    /// Threads that were moved out before their call.
    pub moved_before: u64,
    /// Threads that were moved out after their call.
    pub moved_after: u64,
    /// Calls that the tracer finished at the page's request.
    pub helped: u64,
    /// Faults in the page.
    pub faults: u64,
    /// Calls that the kernel restarted in the page without a stop.
    pub restarted: u64,
    /// Halves of calls that were compared with what the kernel says.
    pub compared: u64,
    /// Halves that differed.
    pub mismatches: u64,
}

//! Arithmetic on counts.

/// Adds to a count, without overflow: a hostile log may drive it to any value.
pub(crate) fn add(count: &mut u64, more: u64) {
    *count = count.saturating_add(more);
}

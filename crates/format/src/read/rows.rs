//! The rows in the decoded payload of an EVENTS block.

use crate::event::ROW_HEAD;
use crate::limits::{MAX_ITEMS, MAX_ROW};
use crate::wire::u32_at;

/// Returns the end of the row that begins at `at`.
pub(super) fn row_end(rows: &[u8], at: usize) -> Option<usize> {
    let len = usize::try_from(u32_at(rows, at)?).ok()?.checked_add(ROW_HEAD)?;
    let end = at.checked_add(len)?;
    (len <= MAX_ROW && end <= rows.len()).then_some(end)
}

/// Returns the number of rows, if they fill the bytes exactly and are not too many.
pub(super) fn count_rows(rows: &[u8]) -> Option<u32> {
    let (mut at, mut count) = (0, 0);
    while at < rows.len() {
        at = row_end(rows, at)?;
        count = u32::saturating_add(count, 1);
        if count > MAX_ITEMS {
            return None;
        }
    }
    Some(count)
}

//! Bounds-checked little-endian reads.

use crate::arch::Abi;

/// Reads a 32-bit number, or returns `None` if `bytes` ends too early.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    Some(u32::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// Reads a 64-bit number, or returns `None` if `bytes` ends too early.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let end = at.checked_add(8)?;
    Some(u64::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// Reads a word of the ABI, or returns `None` if `bytes` ends too early.
pub(crate) fn word_at(abi: Abi, bytes: &[u8], at: usize) -> Option<u64> {
    match abi.word() {
        4 => u32_at(bytes, at).map(u64::from),
        _ => u64_at(bytes, at),
    }
}

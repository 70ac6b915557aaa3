//! Reading numbers out of bytes that may be short.

use crate::arch::Abi;

/// A 32-bit number at an offset, if all of it is there.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(4)?;
    Some(u32::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// A 64-bit number at an offset, if all of it is there.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let end = at.checked_add(8)?;
    Some(u64::from_le_bytes(bytes.get(at..end)?.try_into().ok()?))
}

/// A word of the ABI at an offset, if all of it is there.
pub(crate) fn word_at(abi: Abi, bytes: &[u8], at: usize) -> Option<u64> {
    match abi.word() {
        4 => u32_at(bytes, at).map(u64::from),
        _ => u64_at(bytes, at),
    }
}

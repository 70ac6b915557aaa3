//! Fields of the recorded `struct ptrace_syscall_info` (ptrace(2), PTRACE_GET_SYSCALL_INFO).
//! Missing bytes read as zero.

use sysreel_abi::{AuditArch, row};

/// Returns the AUDIT_ARCH of the call.
pub(crate) fn arch(info: &[u8]) -> u32 {
    info.get(4..8)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// Returns the number and the arguments of an entry.
pub(crate) fn entry(info: &[u8]) -> (u64, [u64; 6]) {
    (word(info, 24), std::array::from_fn(|i| word(info, 32 + 8 * i)))
}

/// Returns the return value of an exit, and whether the kernel marks it as an error.
pub(crate) fn exit(info: &[u8]) -> (i64, bool) {
    (word(info, 24).cast_signed(), info.get(32).is_some_and(|&is_error| is_error != 0))
}

/// Describes an entry for a message.
pub(crate) fn describe_entry(info: &[u8]) -> String {
    let (nr, _) = entry(info);
    let name = row(AuditArch(arch(info)), nr).map_or("an unknown call", |row| row.name);
    format!("the entry of {name} ({nr})")
}

fn word(info: &[u8], at: usize) -> u64 {
    info.get(at..at + 8)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

//! What the struct of PTRACE_GET_SYSCALL_INFO says, for messages.

use sysreel_abi::{AuditArch, row};
use sysreel_format::syscall_info::{self, MERGED};

/// Returns the architecture of a call.
pub(crate) fn arch(info: &[u8]) -> AuditArch {
    AuditArch(syscall_info::arch(info).unwrap_or(0))
}

/// Describes an entry.
pub(crate) fn describe_entry(info: &[u8]) -> String {
    let Some(call) = MERGED.call(info) else { return "an entry without a call".to_owned() };
    let name = row(arch(info), call.nr).map_or("an unknown call", |row| row.name);
    format!("the entry of {name} ({})", call.nr)
}

/// Shows an address that a struct may be too short for.
pub(crate) fn address(address: Option<u64>) -> String {
    address.map_or_else(|| "none, the struct is too short".to_owned(), |at| format!("{at:#x}"))
}

//! What the recorded struct of PTRACE_GET_SYSCALL_INFO says, with zeroes where it is too short.

use sysreel_abi::{AuditArch, row};
use sysreel_format::syscall_info::{self, Call, MERGED, Outcome};

/// Returns the architecture of the call.
pub(crate) fn arch(info: &[u8]) -> AuditArch {
    AuditArch(syscall_info::arch(info).unwrap_or(0))
}

/// Returns the call of an entry.
pub(crate) fn entry(info: &[u8]) -> Call {
    MERGED.call(info).unwrap_or_default()
}

/// Returns the result of an exit.
pub(crate) fn exit(info: &[u8]) -> Outcome {
    MERGED.outcome(info).unwrap_or_default()
}

/// Describes an entry for a message.
pub(crate) fn describe_entry(info: &[u8]) -> String {
    let nr = entry(info).nr;
    let name = row(arch(info), nr).map_or("an unknown call", |row| row.name);
    format!("the entry of {name} ({nr})")
}

//! ptrace(2) calls of the traced program that change who traces whom.

use linux_raw_sys::ptrace as p;

use crate::arch::Abi;
use crate::desc::{CallKind, Row};

/// A call that starts or ends tracing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// PTRACE_TRACEME: the caller's parent becomes its tracer.
    TraceMe,
    /// PTRACE_ATTACH or PTRACE_SEIZE: the caller becomes the tracer of this task.
    Attach(i32),
    /// PTRACE_DETACH: the caller stops tracing this task.
    Detach(i32),
}

/// Returns how a call changes who traces whom. Ids are those of the caller's PID namespace.
#[must_use]
pub fn tracing(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<Tracing> {
    if row.kind != CallKind::Ptrace {
        return None;
    }
    let [request, pid, ..] = abi.args(args);
    // The kernel declares the request as long, but values fit an int; it truncates the id to an int
    // (kernel/ptrace.c).
    let pid = i32::from_le_bytes(*pid.to_le_bytes().first_chunk()?);
    match u32::try_from(request).ok()? {
        p::PTRACE_TRACEME => Some(Tracing::TraceMe),
        p::PTRACE_ATTACH | p::PTRACE_SEIZE => Some(Tracing::Attach(pid)),
        p::PTRACE_DETACH => Some(Tracing::Detach(pid)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuditArch, number, row};

    #[test]
    fn requests_are_decoded_on_every_abi() {
        for (abi, arch) in [(Abi::X86_64, AuditArch::X86_64), (Abi::I386, AuditArch::I386)] {
            let row = row(arch, number::number(abi, "ptrace").unwrap()).unwrap();
            let decoded = |request, pid| tracing(abi, row, &[request, pid, 0, 0, 0, 0]);
            assert_eq!(decoded(0, 0), Some(Tracing::TraceMe));
            assert_eq!(decoded(16, 7), Some(Tracing::Attach(7)));
            assert_eq!(decoded(0x4206, 7), Some(Tracing::Attach(7)));
            assert_eq!(decoded(17, 0xffff_ffff_0000_0007), Some(Tracing::Detach(7)));
            assert_eq!(decoded(24, 7), None);
        }
        let getpid =
            row(AuditArch::X86_64, number::number(Abi::X86_64, "getpid").unwrap()).unwrap();
        assert_eq!(tracing(Abi::X86_64, getpid, &[0; 6]), None);
    }
}

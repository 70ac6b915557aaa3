//! What a siginfo_t says of the cause of its signal (sigaction(2), "The siginfo_t argument").

use crate::Signal;

/// Whether the signal was caused by an instruction of the task itself. Such signals come at the
/// same place in every run.
pub fn is_from_instruction(siginfo: &[u8]) -> bool {
    number_and_code(siginfo).is_some_and(|(signal, code)| is_of_instruction(signal) && code > 0)
}

/// Whether it is a SIGSEGV without an address, from the kernel (SI_KERNEL).
pub fn is_from_kernel(siginfo: &[u8]) -> bool {
    number_and_code(siginfo) == Some((Signal(libc::SIGSEGV), libc::SI_KERNEL))
}

/// Whether the kernel forced the signal on the task for what it has just done. Includes SIGSYS of
/// seccomp(2) filters.
pub fn is_forced_by_kernel(siginfo: &[u8]) -> bool {
    number_and_code(siginfo).is_some_and(|(signal, code)| {
        (is_of_instruction(signal) || signal == Signal(libc::SIGSYS)) && code > 0
    })
}

/// Whether it is the signal of a hardware breakpoint (TRAP_HWBKPT).
pub fn is_hardware_breakpoint(siginfo: &[u8]) -> bool {
    number_and_code(siginfo) == Some((Signal(libc::SIGTRAP), libc::TRAP_HWBKPT))
}

/// Whether an instruction can cause this signal.
fn is_of_instruction(Signal(signal): Signal) -> bool {
    matches!(signal, libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP)
}

fn number_and_code(siginfo: &[u8]) -> Option<(Signal, i32)> {
    let int = |at: usize| {
        siginfo
            .get(at..)
            .and_then(|bytes| bytes.first_chunk())
            .map(|bytes| i32::from_le_bytes(*bytes))
    };
    Some((Signal(int(0)?), int(8)?))
}

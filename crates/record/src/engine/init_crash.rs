//! Crashes of the init of a PID namespace.
//!
//! While init is traced, the kernel protects it from its own faults (kernel/signal.c,
//! `force_sig_info_to_task`): the signal is dropped at its delivery, and the program continues or
//! repeats the instruction for ever. So the recorder detaches from it at that point and makes the
//! instruction fault once more. Without a tracer the process dies of it.

use super::context::Context;
use sysreel_format::{NoteCode, Severity};
use sysreel_sys::memory::Window;
use sysreel_sys::process::Status;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::signals::{SIGSYS, SIGTRAP, is_forced_by_kernel};
use sysreel_sys::{Registers, Signal, Stop, StopKind};

/// Instructions that trap after they are executed (Intel SDM): int3, int1, and the two-byte int 3.
const TRAPS: [&[u8]; 3] = [&[0xcc], &[0xf1], &[0xcd, 0x03]];

/// Whether a signal is about to be delivered that would kill the process if it were not traced and
/// the init of a PID namespace.
pub(crate) fn is_unkillable_crash(cx: &Context, stop: &Stop, deliver: Signal) -> bool {
    let StopKind::Signal(signal) = stop.kind() else { return false };
    // A signal that the recorder suppresses is not a crash.
    if signal != deliver || !cx.task().is_some_and(|task| task.namespace_init) {
        return false;
    }
    let is_forced = stop.siginfo().ok().flatten().is_some_and(|info| is_forced_by_kernel(&info));
    let bit = u32::try_from(signal.0 - 1).unwrap_or(0);
    is_forced && Status::read(stop.tid()).is_ok_and(|status| status.signals[3] >> bit & 1 == 0)
}

/// Prepares the init of a PID namespace to crash once it is detached, as it would without a tracer.
pub(crate) fn prepare_crash(cx: &mut Context, stop: &Stop) {
    let StopKind::Signal(signal) = stop.kind() else { return };
    if let Some(registers) =
        stop.general().ok().and_then(|registers| to_repeat(stop, signal, registers))
    {
        // A task that has died needs no crash.
        _ = stop.set_general(&registers);
    }
    let name = sysreel_abi::signal_name(signal.0).unwrap_or("a signal");
    let text = format!(
        "the init of a PID namespace crashes by {name}: the kernel protects it while it is traced, \
         so the recorder detaches from it"
    );
    cx.log.note(cx.at.id, NoteCode::OTHER, Severity::WARNING, &text);
}

/// Returns registers with which the task repeats the instruction that trapped. `None` when the
/// instruction was not completed and repeats anyway.
fn to_repeat(stop: &Stop, signal: Signal, mut registers: Registers) -> Option<Registers> {
    if signal == SIGSYS {
        // A filter answered the call with RET_TRAP; the result register contains the call's number
        // again.
        registers.repeat_call(SYSCALL.len() as u64, registers.result());
        return Some(registers);
    }
    let window = Window::open(stop.tid()).ok().filter(|_| signal == SIGTRAP)?;
    let trap = TRAPS.into_iter().find(|trap| {
        let mut code = [0; 2];
        let code = &mut code[..trap.len()];
        let at = registers.ip().wrapping_sub(trap.len() as u64);
        window.read(at, code) == trap.len() && code == *trap
    })?;
    registers.set_ip(registers.ip().wrapping_sub(trap.len() as u64));
    Some(registers)
}

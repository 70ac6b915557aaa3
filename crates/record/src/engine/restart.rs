//! Interrupted calls of tasks that are attached to or detached: they must continue as if never
//! interrupted.
//!
//! Stopping a task interrupts its call. Most calls are simply repeated. Some are continued by
//! restart_syscall (the kernel's internal result is ERESTART_RESTARTBLOCK, -516), which sandbox
//! filters do not expect: sshd's, for one, kills the process for it. Such a task is made to repeat
//! the original call instead, with the rest of its timeout where that is an argument and the start
//! of the call was recorded. Other timeouts start anew.

use super::context::Context;
use super::task::Call;
use std::time::Duration;
use sysreel_abi::errno::{is_restart_block, restart_no_hand};
use sysreel_format::Altering;
use sysreel_sys::{Stop, clock, process};

/// Makes the task of the current stop repeat the call that its stop interrupted, if it would
/// continue with restart_syscall and is under a seccomp filter. Call it when the task is about to
/// run untraced, or was just interrupted by an attach.
pub(crate) fn restart_original(cx: &mut Context, stop: &Stop) {
    const SECCOMP_MODE_FILTER: u32 = 2; // linux/seccomp.h
    let Ok(registers) = stop.general() else { return };
    let result = registers.result().cast_signed();
    if registers.open_call().is_none() || !is_restart_block(result) {
        return;
    }
    let status = process::Status::read(stop.tid());
    if status.map_or(true, |status| status.seccomp != SECCOMP_MODE_FILTER) {
        return;
    }
    let interrupted = cx.tasks.get(stop.tid()).and_then(|task| task.interrupted);
    if let Some((arg, before, left)) = interrupted.and_then(|call| milliseconds_left(&call)) {
        if stop.set_third_argument(left).is_err() {
            return; // The task died.
        }
        altered_event(cx, Altering::REGISTER, arg, before, left);
    }
    let given = restart_no_hand().cast_unsigned();
    if stop.set_result(given).is_ok() {
        altered_event(cx, Altering::RETURN_VALUE, 0, result.cast_unsigned(), given);
    }
}

fn altered_event(cx: &mut Context, what: Altering, arg: u16, kernel: u64, given: u64) {
    cx.log.altered_event(cx.at.id, what, arg, &kernel.to_le_bytes(), &given.to_le_bytes());
}

/// Returns the argument that limits how many milliseconds a call waits: its index, its value, and
/// the time left.
fn milliseconds_left(call: &Call) -> Option<(u16, u64, u64)> {
    let arg = call.row.arg("timeout_msecs").filter(|&arg| arg == 2)?;
    let before = *call.abi.args(&call.args).get(arg)?;
    // An int; negative means no limit.
    let timeout =
        u64::try_from(i32::from_le_bytes(before.to_le_bytes().first_chunk().copied()?)).ok()?;
    let waited = Duration::from_nanos(clock::monotonic_ns().saturating_sub(call.since_ns));
    let left = timeout.saturating_sub(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
    Some((u16::try_from(arg).ok()?, before, left))
}

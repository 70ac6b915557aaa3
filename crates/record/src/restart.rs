//! Interrupted calls of tasks that are attached to or detached: they must continue as if never
//! interrupted.
//!
//! Stopping a task interrupts its call. Most calls are simply repeated. Some are continued by
//! restart_syscall (the kernel's internal result is ERESTART_RESTARTBLOCK, -516), which sandbox
//! filters do not expect: sshd's, for one, kills the process for it. Such a task is made to repeat
//! the original call instead, with the rest of its timeout where that is an argument and the start
//! of the call was recorded. Other timeouts start anew.

use crate::session::Session;
use crate::task::Call;
use std::time::Duration;
use sysreel_abi::errno::{is_restart, is_restart_block, restart_no_hand};
use sysreel_format::{Altered, Altering, EventKind, SourceId, TaskId};
use sysreel_sys::memory::Window;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::{InjectionPoint, Lost, Stop, clock, process, signals};

impl Session {
    /// Makes a task under a seccomp filter repeat the call that its stop interrupted, if it would
    /// continue with restart_syscall. Call it when the task is about to run untraced, or was just
    /// interrupted by an attach.
    pub(crate) fn restart_original(&mut self, stop: &Stop, id: TaskId) {
        const SECCOMP_MODE_FILTER: u32 = 2; // linux/seccomp.h
        let tid = stop.tid();
        let Ok(registers) = stop.general() else { return };
        let result = registers.result().cast_signed();
        if registers.open_call().is_none() || !is_restart_block(result) {
            return;
        }
        if process::Status::read(tid).map_or(true, |status| status.seccomp != SECCOMP_MODE_FILTER) {
            return;
        }
        let left = self
            .tasks
            .get(tid)
            .and_then(|task| task.interrupted)
            .and_then(|call| milliseconds_left(&call));
        if let Some((arg, before, left)) = left {
            if stop.set_third_argument(left).is_err() {
                return; // The task died.
            }
            self.altered_event(id, Altering::REGISTER, arg, before, left);
        }
        if stop.set_result(restart_no_hand().cast_unsigned()).is_ok() {
            self.altered_event(
                id,
                Altering::RETURN_VALUE,
                0,
                result.cast_unsigned(),
                restart_no_hand().cast_unsigned(),
            );
        }
    }

    fn altered_event(&mut self, id: TaskId, what: Altering, arg: u16, kernel: u64, given: u64) {
        self.sink.row.begin(EventKind::ALTERED, SourceId::RECORDER, id, clock::monotonic_ns());
        let (kernel, given) = (kernel.to_le_bytes(), given.to_le_bytes());
        self.sink.row.altered_body(&Altered { what, arg, kernel: &kernel, given: &given });
        self.sink.commit();
    }

    /// Makes a task in a stop of PTRACE_INTERRUPT enable its time-stamp counter again: without its
    /// recorder, the next instruction that reads it would raise SIGSEGV. Returns whether the task
    /// is still in the stop.
    pub(crate) fn untrap(&mut self, stop: &mut Stop) -> bool {
        let tid = stop.tid();
        // Its seccomp filter may kill it for a call that the program never makes.
        if process::Status::read(tid).is_ok_and(|status| status.seccomp != 0) {
            (self.warn)(&format!(
                "task {tid} has a seccomp filter, so its time-stamp counter stays trapped: \
                 reading it will raise SIGSEGV"
            ));
            return true;
        }
        match self.make_untrap_call(stop) {
            Ok(()) => true,
            Err(Lost::Gone(status)) => {
                self.ended_early_in_call(tid, status);
                false
            }
            Err(Lost::Failed(error)) => {
                (self.warn)(&format!(
                    "the time-stamp counter of task {tid} stays trapped: {error}"
                ));
                true
            }
        }
    }

    fn make_untrap_call(&mut self, stop: &mut Stop) -> Result<(), Lost> {
        let tid = stop.tid();
        let io = |source| sysreel_sys::Error::Call {
            what: "detach from a program".into(),
            tid: Some(tid),
            source,
        };
        let mut registers = stop.general()?;
        let window = Window::open(tid).map_err(io)?;
        // Uses the task's own syscall instruction if it is in a call; otherwise writes one at its
        // instruction pointer for the time of the call.
        let (before_ip, mut own) =
            (registers.ip().wrapping_sub(SYSCALL.len() as u64), [0; SYSCALL.len()]);
        let has_own = window.read(before_ip, &mut own) == own.len() && own == SYSCALL;
        let point = if has_own { before_ip } else { registers.ip() };
        if !has_own {
            if window.read(point, &mut own) < own.len() {
                return Err(io(std::io::Error::other(
                    "no memory at the task's instruction pointer",
                ))
                .into());
            }
            window.write(point, &SYSCALL).map_err(io)?;
        }
        let mask = stop.swap_signal_mask(u64::MAX).unwrap_or(0);
        let called = self.tracer.call_in(
            stop,
            InjectionPoint(point),
            sysreel_sys::Call::enable_time_stamps(),
        );
        if !has_own {
            window.write(point, &own).map_err(io)?;
        }
        let called = called?;
        // The stop interrupted the task's call, whose internal result would now reach the program.
        let result = registers.result().cast_signed();
        if registers.open_call().is_some() && is_restart(result) {
            let open = self.tasks.get(tid).and_then(|task| task.interrupted);
            let nr = match open.filter(|_| is_restart_block(result)) {
                Some(call) => sysreel_abi::number::number(call.abi, "restart_syscall"),
                None => registers.open_call(),
            };
            registers.repeat_call(SYSCALL.len() as u64, nr.unwrap_or(0));
            stop.set_general(&registers)?;
        }
        _ = stop.swap_signal_mask(mask);
        let task =
            self.tasks.get_mut(tid).map(|task| (task.tgid, std::mem::take(&mut task.deferred)));
        if let Some((tgid, deferred)) = task {
            for signal in deferred.into_iter().filter(|signal| !signal.sent) {
                signals::send_again(tgid, tid, signal.signal, &signal.siginfo);
            }
        }
        for signal in &called.signals {
            signals::send_to_task(tid, *signal);
        }
        called.value("prctl PR_SET_TSC")?;
        Ok(())
    }
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

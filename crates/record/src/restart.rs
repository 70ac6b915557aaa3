//! Interrupted calls of tasks that are attached to or let go: they must go on as if nobody had
//! looked.
//!
//! To stop a task its call is interrupted. Most calls are simply made again. Some are continued by
//! restart_syscall (the kernel answers ERESTART_RESTARTBLOCK, -516, to itself), which no filter of
//! a sandbox expects: sshd's, for one, kills the process for it. Such a task is made to repeat the
//! original call instead, with what is left of its timeout where that is an argument and the
//! beginning of the call was seen. Other timeouts begin anew.

use crate::session::Session;
use crate::task::Call;
use std::time::Duration;
use sysreel_abi::errno::{is_restart, is_restart_block, restart_no_hand};
use sysreel_format::{Altered, Altering, EventKind, SourceId, TaskId};
use sysreel_sys::memory::Window;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::{InjectionPoint, Lost, Stop, clock, process, signals};

impl Session {
    /// Has a task under a seccomp filter repeat the call that its stop has interrupted, where it
    /// would go on with restart_syscall. To be called when the task is about to run on untraced, or
    /// has just been interrupted by an attach.
    pub(crate) fn restart_original(&mut self, stop: &Stop, id: TaskId) {
        const SECCOMP_MODE_FILTER: u32 = 2; // linux/seccomp.h
        let tid = stop.tid();
        let Ok(registers) = stop.general() else { return };
        let result = registers.result().cast_signed();
        if registers.open_call().is_none() || !is_restart_block(result) {
            return;
        }
        if process::Status::of(tid).map_or(true, |status| status.seccomp != SECCOMP_MODE_FILTER) {
            return;
        }
        let left = self
            .tasks
            .get(tid)
            .and_then(|task| task.interrupted)
            .and_then(|call| milliseconds_left(&call));
        if let Some((arg, before, left)) = left {
            if stop.set_third_argument(left).is_err() {
                return; // It died.
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

    /// Has a task that stands in a stop of PTRACE_INTERRUPT undo the trap of its time-stamp
    /// counter: without its recorder the next instruction that reads it would be a SIGSEGV. Answers
    /// whether the task still stands there.
    pub(crate) fn untrap(&mut self, stop: &mut Stop) -> bool {
        let tid = stop.tid();
        // A filter of the program's own may kill it for a call that it never makes.
        if process::Status::of(tid).is_ok_and(|status| status.seccomp != 0) {
            (self.warn)(&format!(
                "task {tid} has a seccomp filter and keeps a trapped time-stamp counter: an \
                 instruction that reads it will be a SIGSEGV"
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
                (self.warn)(&format!("task {tid} keeps a trapped time-stamp counter: {error}"));
                true
            }
        }
    }

    fn make_untrap_call(&mut self, stop: &mut Stop) -> Result<(), Lost> {
        let tid = stop.tid();
        let io = |source| sysreel_sys::Error::Call {
            what: "let go of a program".into(),
            tid: Some(tid),
            source,
        };
        let mut registers = stop.general()?;
        let window = Window::of(tid).map_err(io)?;
        // The instruction of the call that it stands in serves; else one is lent where it stands.
        let (before_ip, mut own) =
            (registers.ip().wrapping_sub(SYSCALL.len() as u64), [0; SYSCALL.len()]);
        let has_own = window.read(before_ip, &mut own) == own.len() && own == SYSCALL;
        let gate = if has_own { before_ip } else { registers.ip() };
        if !has_own {
            if window.read(gate, &mut own) < own.len() {
                return Err(
                    io(std::io::Error::other("no instruction where the task stands")).into()
                );
            }
            window.write(gate, &SYSCALL).map_err(io)?;
        }
        let mask = stop.swap_signal_mask(u64::MAX).unwrap_or(0);
        let called =
            self.tracer.call_in(stop, InjectionPoint(gate), sysreel_sys::Call::read_time_stamps());
        if !has_own {
            window.write(gate, &own).map_err(io)?;
        }
        let called = called?;
        // The call at hand was interrupted by the stop. Its result would now reach the program.
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

/// The argument of a call that says how many milliseconds it waits at most: its number, what it
/// was, and what is left of it.
fn milliseconds_left(call: &Call) -> Option<(u16, u64, u64)> {
    let arg = call.row.arg("timeout_msecs").filter(|&arg| arg == 2)?;
    let before = *call.abi.args(&call.args).get(arg)?;
    // An int; a negative one waits for ever.
    let timeout =
        u64::try_from(i32::from_le_bytes(before.to_le_bytes().first_chunk().copied()?)).ok()?;
    let waited = Duration::from_nanos(clock::monotonic_ns().saturating_sub(call.since_ns));
    let left = timeout.saturating_sub(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
    Some((u16::try_from(arg).ok()?, before, left))
}

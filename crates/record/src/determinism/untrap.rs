//! Lets a task run on without its recorder: enables its time-stamp counter again.

use super::hook::Determinism;
use crate::engine::{Context, Flow, Undriven};
use sysreel_abi::errno::{is_restart, is_restart_block};
use sysreel_sys::memory::Window;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::{Call, InjectionPoint, Stop, process, signals};

impl Determinism {
    /// Makes a task in a stop of PTRACE_INTERRUPT enable its time-stamp counter again: without its
    /// recorder, the next instruction that reads it would raise SIGSEGV.
    pub(super) fn untrap(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        let tid = stop.tid();
        // Its seccomp filter may kill it for a call that the program never makes.
        if process::Status::read(tid).is_ok_and(|status| status.seccomp != 0) {
            (cx.log.warn)(&format!(
                "task {tid} has a seccomp filter, so its time-stamp counter stays trapped: \
                 reading it will raise SIGSEGV"
            ));
            return Flow::Stays;
        }
        let why = match self.make_untrap_call(cx, stop) {
            Ok(()) => return Flow::Stays,
            Err(Undriven::Ended) => return Flow::Left,
            Err(Undriven::Ending) => return Flow::Moved,
            Err(Undriven::Late(time)) => format!("it did not stop within {} s", time.as_secs()),
            Err(Undriven::Failed(error)) => error.to_string(),
        };
        (cx.log.warn)(&format!("the time-stamp counter of task {tid} stays trapped: {why}"));
        Flow::Stays
    }

    fn make_untrap_call(&mut self, cx: &mut Context, stop: &mut Stop) -> Result<(), Undriven> {
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
        let called = cx.call_in(stop, InjectionPoint(point), Call::enable_time_stamps());
        if !has_own {
            window.write(point, &own).map_err(io)?;
        }
        let called = called?;
        // The stop interrupted the task's call, whose internal result would now reach the program.
        let result = registers.result().cast_signed();
        if registers.open_call().is_some() && is_restart(result) {
            let open = cx.task().and_then(|task| task.interrupted);
            let nr = match open.filter(|_| is_restart_block(result)) {
                Some(call) => sysreel_abi::number::number(call.abi, "restart_syscall"),
                None => registers.open_call(),
            };
            registers.repeat_call(SYSCALL.len() as u64, nr.unwrap_or(0));
            stop.set_general(&registers)?;
        }
        _ = stop.swap_signal_mask(mask);
        self.release_deferred(cx);
        for signal in &called.signals {
            signals::send_to_task(tid, *signal);
        }
        called.value("prctl PR_SET_TSC")?;
        Ok(())
    }
}

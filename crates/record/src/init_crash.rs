//! Crashes of the first process of a PID namespace.

use crate::handover::Why;
use crate::session::Session;
use sysreel_format::GapReason;
use sysreel_sys::process::Status;
use sysreel_sys::signals::comes_from_an_instruction;
use sysreel_sys::{Signal, Stop, StopKind};

impl Session {
    /// Is this the stop of a crash that the kernel does not let happen? It keeps the first process of
    /// a PID namespace from being killed by its own faults while it is traced (kernel/signal.c,
    /// `force_sig_info_to_task`): the signal is dropped and the instruction repeats for ever.
    pub(crate) fn is_unkillable_crash(&self, stop: &Stop) -> bool {
        let StopKind::Signal(Signal(signal)) = stop.kind() else { return false };
        if !self.tasks.get(stop.tid()).is_some_and(|task| task.namespace_init) {
            return false;
        }
        let is_fault = stop.siginfo().ok().flatten().is_some_and(|info| comes_from_an_instruction(&info));
        let bit = u32::try_from(signal - 1).unwrap_or(0);
        is_fault && Status::of(stop.tid()).is_ok_and(|status| status.signals[3] >> bit & 1 == 0)
    }

    /// Lets the first process of a PID namespace crash, as it does without a tracer.
    pub(crate) fn let_crash(&mut self, stop: Stop) {
        self.let_go(stop, GapReason::INIT_CRASH, 0, Why::Crashing);
    }
}

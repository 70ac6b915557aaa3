//! Signals of a replayable recording.
//!
//! Synchronous signals, which an instruction causes, arrive at the same place in every run.
//! Asynchronous ones are delivered only where a call has just ended: system calls are the only
//! positions that a replay can find again without hardware counters. A signal that arrives during a
//! computation is deferred until the next call.

use super::hook::Determinism;
use super::replayed::Deferred;
use super::state::{place, record_memory, record_registers};
use crate::engine::{Call, Context, Deadline, Flow, Undriven};
use std::time::Duration;
use sysreel_abi::{Abi, replay};
use sysreel_format::Altering;
use sysreel_sys::memory::{self, Transfer, Window};
use sysreel_sys::signals::{self, Alarm, SIGTRAP};
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Resume, Signal, Stop, StopKind, Tid, clock, process};

/// The longest that a signal is deferred. One that is delivered then cannot be replayed.
const MAX_DEFERRAL: Duration = Duration::from_millis(500);

impl Determinism {
    /// Restores the siginfo of a deferred signal that was sent again.
    pub(super) fn restore_deferred(
        &mut self,
        cx: &mut Context,
        stop: &Stop,
        signal: Signal,
        siginfo: &mut [u8; SIGINFO],
    ) {
        let deferred = &mut self.tasks.get_mut(cx.at.slot).deferred;
        let is_it = |deferred: &Deferred| deferred.signal == signal && deferred.sent;
        let Some(at) = deferred.iter().position(is_it) else { return };
        let before = deferred.remove(at).siginfo;
        if stop.set_siginfo(&before).is_ok() {
            cx.log.altered(Altering::SIGNAL_HELD, 0, siginfo, &before);
        }
        *siginfo = before;
    }

    /// At the exit of a call that has waited for a signal: if that is a deferred one that was sent
    /// again, gives the program its siginfo.
    pub(super) fn restore_waited(&mut self, cx: &mut Context, call: &Call, rval: i64) {
        let Some(at) = replay::waited_siginfo(call.abi, call.row, &call.args) else { return };
        let deferred = &mut self.tasks.get_mut(cx.at.slot).deferred;
        let is_it = |deferred: &Deferred| i64::from(deferred.signal.0) == rval && deferred.sent;
        let Some(index) = deferred.iter().position(is_it) else { return };
        let before = deferred.remove(index).siginfo;
        // A 32-bit siginfo has another layout.
        if at == 0 || call.abi != Abi::X86_64 {
            return;
        }
        let mut given = [0; SIGINFO];
        let mut transfer = [Transfer { address: at, len: SIGINFO, ..Transfer::default() }];
        memory::read(cx.at.tid, &mut given, &mut transfer);
        if transfer[0].got == SIGINFO
            && Window::open(cx.at.tid).is_ok_and(|window| window.write(at, &before).is_ok())
        {
            cx.log.altered(Altering::SIGNAL_HELD, 1, &given, &before);
            record_memory(cx, at, &before);
        }
    }

    /// At a signal-delivery-stop: decides whether the task gets the signal here.
    pub(super) fn signal_arrives(
        &mut self,
        cx: &mut Context,
        stop: &mut Stop,
        siginfo: &[u8; SIGINFO],
        deliver: &mut Signal,
    ) -> Flow {
        let signal = *deliver;
        if signal == signals::SIGSEGV
            && signals::is_from_instruction(siginfo)
            && let Some(len) = self.read_time_stamp(cx, stop)
        {
            *deliver = Signal::NONE;
            let flow = self.restore_segv(cx, stop, len);
            self.mark_boundary(cx, stop);
            return flow;
        }
        if !is_caught(stop.tid(), signal) {
            if signals::is_from_instruction(siginfo) {
                self.mark_boundary(cx, stop);
            }
            return Flow::Stays;
        }
        if !signals::is_from_instruction(siginfo) && !self.is_at_boundary(cx, stop) {
            if !std::mem::take(&mut self.tasks.get_mut(cx.at.slot).forced) {
                self.defer(cx, signal, siginfo);
                *deliver = Signal::NONE;
                return Flow::Stays;
            }
            let text = format!(
                "a signal ({}) was delivered in a computation that made no system call for {} ms",
                sysreel_abi::signal_name(signal.0).unwrap_or("?"),
                MAX_DEFERRAL.as_millis()
            );
            self.not_replayable(cx, text);
        }
        *deliver = Signal::NONE;
        self.enter_handler(cx, stop, signal)
    }

    /// Delivers a signal and stops at the first instruction of its handler, to record the signal
    /// frame and the registers.
    fn enter_handler(&mut self, cx: &mut Context, stop: &mut Stop, signal: Signal) -> Flow {
        let before = stop.general().map_or(0, |registers| registers.sp());
        match cx.drive(stop, Resume::OneStep, signal, &Deadline::watched()) {
            Ok(()) if stop.kind() == StopKind::Signal(SIGTRAP) => {}
            // Another stop came first.
            Ok(()) | Err(Undriven::Ending) => return Flow::Moved,
            Err(Undriven::Ended) => return Flow::Left,
            Err(Undriven::Late(time)) => {
                let time = time.as_secs();
                self.not_replayable(cx, format!("a signal handler was not reached in {time} s"));
                return Flow::Left;
            }
            Err(Undriven::Failed(error)) => {
                self.not_replayable(cx, format!("a signal handler was not reached: {error}"));
                return Flow::Left;
            }
        }
        record_registers(cx, stop, true);
        if let (Ok(registers), Ok(window)) = (stop.general(), Window::open(stop.tid())) {
            let mut frame = vec![0; usize::try_from(signals::largest_frame()).unwrap_or(0)];
            // On the same stack the frame ends where the stack pointer was.
            if let Some(len) =
                before.checked_sub(registers.sp()).and_then(|len| usize::try_from(len).ok())
            {
                frame.truncate(len.max(size_of::<u64>()));
            }
            let got = window.read(registers.sp(), &mut frame);
            record_memory(cx, registers.sp(), &frame[..got]);
        }
        self.handler_called(cx, stop, signal);
        self.mark_boundary(cx, stop);
        Flow::Stays
    }

    /// Whether the task has not executed an instruction since the last place that a replay finds.
    pub(super) fn is_at_boundary(&mut self, cx: &Context, stop: &Stop) -> bool {
        let place = place(stop);
        place.is_some() && self.tasks.get_mut(cx.at.slot).boundary == place
    }

    /// Defers a signal until the next call.
    fn defer(&mut self, cx: &mut Context, signal: Signal, siginfo: &[u8; SIGINFO]) {
        cx.log.altered(Altering::SIGNAL_HELD, 0, &[], &[]);
        self.tasks.get_mut(cx.at.slot).deferred.push(Deferred {
            signal,
            siginfo: *siginfo,
            sent: false,
            since_ns: clock::monotonic_ns(),
        });
        self.alarm = Alarm::after(MAX_DEFERRAL).ok();
    }

    /// At the entry of a call: sends deferred signals again, so that they interrupt the call as
    /// they would have.
    pub(super) fn send_deferred(&mut self, cx: &Context) {
        let Some(tgid) = cx.task().map(|task| task.tgid) else { return };
        let deferred = &mut self.tasks.get_mut(cx.at.slot).deferred;
        for deferred in deferred.iter_mut().filter(|deferred| !deferred.sent) {
            deferred.sent = true;
            signals::send_again(tgid, cx.at.tid, deferred.signal, &deferred.siginfo);
        }
    }

    /// Sends signals of a task again that have not been, because it is let go.
    pub(super) fn release_deferred(&mut self, cx: &Context) {
        self.send_deferred(cx);
        self.tasks.get_mut(cx.at.slot).deferred.clear();
    }

    /// Sends signals again that were deferred for too long, wherever the task is: a program must
    /// not wait forever.
    pub(super) fn force_deferred(&mut self, cx: &Context) {
        if self.alarm.is_none() {
            return;
        }
        let now = clock::monotonic_ns();
        let mut waiting = false;
        for (slot, task) in cx.tasks.iter() {
            let state = self.tasks.get_mut(slot);
            for deferred in state.deferred.iter_mut().filter(|deferred| !deferred.sent) {
                if u128::from(now.saturating_sub(deferred.since_ns)) < MAX_DEFERRAL.as_nanos() {
                    waiting = true;
                    continue;
                }
                deferred.sent = true;
                state.forced = true;
                signals::send_again(task.tgid, task.tid, deferred.signal, &deferred.siginfo);
            }
        }
        if !waiting {
            self.alarm = None;
        }
    }
}

fn is_caught(tid: Tid, Signal(signal): Signal) -> bool {
    let bit = u32::try_from(signal - 1).unwrap_or(0);
    // SigCgt, after SigPnd, SigBlk and SigIgn.
    process::Status::read(tid).is_ok_and(|status| status.signals[3] >> bit & 1 == 1)
}

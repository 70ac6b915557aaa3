//! Signals of a replayable recording.
//!
//! Synchronous signals, which an instruction causes, arrive at the same place in every run.
//! Asynchronous ones are delivered only where a call has just ended: system calls are the only
//! positions that a replay can find again without hardware counters. A signal that arrives during a
//! computation is deferred until the next call.

use crate::session::Session;
use crate::task::Deferred;
use std::time::Duration;
use sysreel_format::{Altered, Altering, TaskId};
use sysreel_sys::memory::Window;
use sysreel_sys::signals::{self, Alarm};
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Lost, Resume, Signal, Stop, StopKind, Tid, clock, machine, process};

/// The opcodes of rdtsc and of rdtscp, which also returns the processor id (Intel SDM).
const RDTSC: [u8; 2] = [0x0f, 0x31];
const RDTSCP: [u8; 3] = [0x0f, 0x01, 0xf9];
/// The longest that a signal is deferred. One that is delivered then cannot be replayed.
const MAX_DEFERRAL: Duration = Duration::from_millis(500);

impl Session {
    /// Returns the siginfo of a signal stop. For a deferred signal that was sent again, restores
    /// the siginfo that it arrived with.
    pub(crate) fn restore_deferred_siginfo(
        &mut self,
        stop: &Stop,
        signal: Signal,
        now: [u8; SIGINFO],
    ) -> [u8; SIGINFO] {
        let Some(task) = self.tasks.get_mut(stop.tid()) else { return now };
        let Some(at) =
            task.deferred.iter().position(|deferred| deferred.signal == signal && deferred.sent)
        else {
            return now;
        };
        let before = task.deferred.remove(at).siginfo;
        if stop.set_siginfo(&before).is_ok() {
            let altered =
                Altered { what: Altering::SIGNAL_HELD, arg: 0, kernel: &now, given: &before };
            self.sink.row.altered(&altered);
        }
        before
    }

    /// The hook at a signal-delivery-stop. Returns the signal to deliver when the task is resumed.
    pub(crate) fn determinism_signal(
        &mut self,
        stop: &mut Stop,
        signal: Signal,
        siginfo: &[u8; SIGINFO],
        id: TaskId,
    ) -> Signal {
        if self.determinism.is_none() {
            return signal;
        }
        if signal == signals::SIGSEGV && self.answer_time_stamp(stop) {
            self.mark_boundary(stop);
            return Signal::NONE;
        }
        let is_caught = self.is_caught(stop.tid(), signal);
        if !signals::is_from_instruction(siginfo) && is_caught && !self.is_at_boundary(stop) {
            let forced =
                self.tasks.get_mut(stop.tid()).is_some_and(|task| std::mem::take(&mut task.forced));
            if !forced {
                self.defer_signal(stop.tid(), signal, siginfo);
                return Signal::NONE;
            }
            let text = format!(
                "a signal ({}) was delivered in a computation that made no system call for {} ms",
                sysreel_abi::signal_name(signal.0).unwrap_or("?"),
                MAX_DEFERRAL.as_millis()
            );
            self.not_replayable(id, text);
        }
        if is_caught {
            return self.enter_handler(stop, signal, id);
        }
        signal
    }

    fn is_caught(&self, tid: Tid, Signal(signal): Signal) -> bool {
        let bit = u32::try_from(signal - 1).unwrap_or(0);
        // SigCgt, after SigPnd, SigBlk and SigIgn.
        process::Status::read(tid).is_ok_and(|status| status.signals[3] >> bit & 1 == 1)
    }

    /// Delivers a signal and stops at the first instruction of its handler, to record the signal
    /// frame and the registers.
    fn enter_handler(&mut self, stop: &mut Stop, signal: Signal, id: TaskId) -> Signal {
        let before = stop.general().map_or(0, |registers| registers.sp());
        match self.tracer.go_on(stop, Resume::OneStep, signal) {
            Ok(()) => {}
            Err(Lost::Gone(status)) => self.ended_early_in_call(stop.tid(), status),
            Err(Lost::Failed(error)) => {
                self.not_replayable(id, format!("a signal handler was not reached: {error}"))
            }
        }
        // The task may be ending instead.
        if stop.kind() != StopKind::Signal(signals::SIGTRAP) {
            return Signal::NONE;
        }
        self.record_registers(stop, true);
        if let (Ok(registers), Ok(window)) = (stop.general(), Window::open(stop.tid())) {
            let mut frame = vec![0; usize::try_from(signals::largest_frame()).unwrap_or(0)];
            // On the same stack the frame ends where the stack pointer was.
            if let Some(len) =
                before.checked_sub(registers.sp()).and_then(|len| usize::try_from(len).ok())
            {
                frame.truncate(len.max(size_of::<u64>()));
            }
            let got = window.read(registers.sp(), &mut frame);
            self.record_memory(registers.sp(), &frame[..got]);
        }
        self.mark_boundary(stop);
        Signal::NONE
    }

    /// Marks that the task has not executed an instruction since this point.
    pub(super) fn mark_boundary(&mut self, stop: &Stop) {
        let place = stop
            .general()
            .ok()
            .map(|registers| (registers.ip(), registers.sp(), registers.result()));
        if let Some(task) = self.tasks.get_mut(stop.tid()) {
            task.boundary = place;
        }
    }

    fn is_at_boundary(&self, stop: &Stop) -> bool {
        let place = stop
            .general()
            .ok()
            .map(|registers| (registers.ip(), registers.sp(), registers.result()));
        place.is_some() && self.tasks.get(stop.tid()).is_some_and(|task| task.boundary == place)
    }

    /// Defers a signal until the next call.
    fn defer_signal(&mut self, tid: Tid, signal: Signal, siginfo: &[u8; SIGINFO]) {
        self.sink.row.altered(&Altered {
            what: Altering::SIGNAL_HELD,
            arg: 0,
            kernel: &[],
            given: &[],
        });
        if let Some(task) = self.tasks.get_mut(tid) {
            task.deferred.push(Deferred {
                signal,
                siginfo: *siginfo,
                sent: false,
                since_ns: clock::monotonic_ns(),
            });
        }
        if let Some(determinism) = &mut self.determinism {
            determinism.alarm = Alarm::after(MAX_DEFERRAL).ok();
        }
    }

    /// At the entry of a call: sends deferred signals again, so that they interrupt the call as
    /// they would have.
    pub(super) fn send_deferred(&mut self, tid: Tid) {
        let Some(task) = self.tasks.get_mut(tid) else { return };
        for deferred in task.deferred.iter_mut().filter(|deferred| !deferred.sent) {
            deferred.sent = true;
            signals::send_again(task.tgid, tid, deferred.signal, &deferred.siginfo);
        }
    }

    /// Sends signals again that were deferred for too long, wherever the task is: a program must
    /// not wait forever.
    pub(crate) fn force_deferred(&mut self) {
        let Some(determinism) = &mut self.determinism else { return };
        if determinism.alarm.is_none() {
            return;
        }
        let mut waiting = false;
        let mut late = Vec::new();
        for (tid, task) in self.tasks.iter_mut() {
            for deferred in task.deferred.iter_mut().filter(|deferred| !deferred.sent) {
                if u128::from(clock::monotonic_ns().saturating_sub(deferred.since_ns))
                    < MAX_DEFERRAL.as_nanos()
                {
                    waiting = true;
                    continue;
                }
                deferred.sent = true;
                task.forced = true;
                late.push((task.tgid, tid, deferred.signal, deferred.siginfo));
            }
        }
        if !waiting {
            determinism.alarm = None;
        }
        for (tgid, tid, signal, siginfo) in late {
            signals::send_again(tgid, tid, signal, &siginfo);
        }
    }

    /// If the signal was caused by rdtsc or rdtscp, emulates the instruction and returns true.
    fn answer_time_stamp(&mut self, stop: &Stop) -> bool {
        let (Ok(mut registers), Ok(window)) = (stop.general(), Window::open(stop.tid())) else {
            return false;
        };
        let mut code = [0; RDTSCP.len()];
        let got = window.read(registers.ip(), &mut code);
        let opcode = match &code[..got] {
            [a, b, ..] if [*a, *b] == RDTSC => &RDTSC[..],
            code if code == RDTSCP => &RDTSCP[..],
            _ => return false,
        };
        let (stamp, processor) = machine::time_stamp();
        let processor = (opcode == RDTSCP).then_some(processor);
        registers.set_time_stamp(opcode.len() as u64, stamp, processor);
        if stop.set_general(&registers).is_err() {
            return false; // The task died.
        }
        let mut given = stamp.to_le_bytes().to_vec();
        given.extend(processor.iter().flat_map(|processor| processor.to_le_bytes()));
        self.sink.row.altered(&Altered {
            what: Altering::TIME_STAMP,
            arg: 0,
            kernel: opcode,
            given: &given,
        });
        true
    }
}

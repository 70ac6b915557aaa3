//! Signals under the determinism.
//!
//! Those that an instruction causes come at the same place in every run. Others are delivered only
//! where a call has just ended, for nothing but calls tells a replay how far a task has come: one
//! that arrives in the midst of a computation is held until the next call.

use crate::session::Session;
use crate::task::Deferred;
use std::time::Duration;
use sysreel_format::{Altered, Altering, TaskId};
use sysreel_sys::memory::Window;
use sysreel_sys::signals::{self, Alarm};
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Lost, Resume, Signal, Stop, StopKind, Tid, clock, machine, process};

/// rdtsc, and rdtscp, which also tells the processor (Intel SDM).
const RDTSC: [u8; 2] = [0x0f, 0x31];
const RDTSCP: [u8; 3] = [0x0f, 0x01, 0xf9];
/// How long a signal is held at most. What is delivered then cannot be replayed.
const PATIENCE: Duration = Duration::from_millis(500);

impl Session {
    /// What a signal says of itself: of one that was deferred, what it said when it came.
    pub(crate) fn as_it_was(
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

    /// At the stop of a signal. Answers what is delivered when the task goes on.
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
            self.at_boundary(stop);
            return Signal::NONE;
        }
        let is_caught = self.is_caught(stop.tid(), signal);
        if !signals::is_from_instruction(siginfo) && is_caught && !self.is_at_boundary(stop) {
            let forced =
                self.tasks.get_mut(stop.tid()).is_some_and(|task| std::mem::take(&mut task.forced));
            if !forced {
                self.hold(stop.tid(), signal, siginfo);
                return Signal::NONE;
            }
            let text = format!(
                "a signal ({}) had to interrupt a computation that made no call for {} ms",
                sysreel_abi::signal_name(signal.0).unwrap_or("?"),
                PATIENCE.as_millis()
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
        // Pending, blocked, ignored, caught.
        process::Status::read(tid).is_ok_and(|status| status.signals[3] >> bit & 1 == 1)
    }

    /// Delivers the signal and stands at the first instruction of its handler, where the frame and
    /// the registers can be kept.
    fn enter_handler(&mut self, stop: &mut Stop, signal: Signal, id: TaskId) -> Signal {
        let before = stop.general().map_or(0, |registers| registers.sp());
        match self.tracer.go_on(stop, Resume::OneStep, signal) {
            Ok(()) => {}
            Err(Lost::Gone(status)) => self.ended_early_in_call(stop.tid(), status),
            Err(Lost::Failed(error)) => {
                self.not_replayable(id, format!("a signal handler was not reached: {error}"))
            }
        }
        // It may be on its way out instead.
        if stop.kind() != StopKind::Signal(signals::SIGTRAP) {
            return Signal::NONE;
        }
        self.registers_of(stop, true);
        if let (Ok(registers), Ok(window)) = (stop.general(), Window::open(stop.tid())) {
            let mut frame = vec![0; usize::try_from(signals::largest_frame()).unwrap_or(0)];
            // On the same stack it ends where the stack was.
            if let Some(len) =
                before.checked_sub(registers.sp()).and_then(|len| usize::try_from(len).ok())
            {
                frame.truncate(len.max(size_of::<u64>()));
            }
            let got = window.read(registers.sp(), &mut frame);
            self.memory_part(registers.sp(), &frame[..got]);
        }
        self.at_boundary(stop);
        Signal::NONE
    }

    /// From here on no instruction of the task was executed.
    pub(super) fn at_boundary(&mut self, stop: &Stop) {
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

    /// Keeps a signal until the next call.
    fn hold(&mut self, tid: Tid, signal: Signal, siginfo: &[u8; SIGINFO]) {
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
            determinism.alarm = Alarm::after(PATIENCE).ok();
        }
    }

    /// At the entry of a call: what was held comes now, so that the call is interrupted as it would
    /// have been.
    pub(super) fn send_deferred(&mut self, tid: Tid) {
        let Some(task) = self.tasks.get_mut(tid) else { return };
        for deferred in task.deferred.iter_mut().filter(|deferred| !deferred.sent) {
            deferred.sent = true;
            signals::send_again(task.tgid, tid, deferred.signal, &deferred.siginfo);
        }
    }

    /// Delivers what was held for too long wherever the task is: a program must not wait for ever.
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
                    < PATIENCE.as_nanos()
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

    /// Was the signal made by an instruction that asks for the time? Then it gets one.
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
            return false; // It died.
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

//! Preempts tasks that wait for others in a loop without calls.
//!
//! A task that has had the turn for long while others want it is stopped wherever it is. If it
//! comes back to the same instruction with the same registers and the same memory, all it does is
//! wait: the same state has the same future, so it may stay stopped there. A replay does the same:
//! it runs the task to these registers, and until it comes back to them with the same memory. Both
//! go the same way from the same state, so they end in the same loop. Registers alone would not do:
//! the loop of an interpreter comes back to the same registers with other memory.

use crate::session::Session;
use std::time::Duration;
use sysreel_format::{Altered, Altering, EventKind, Layout, SourceId, StopHead};
use sysreel_sys::memory::Window;
use sysreel_sys::signals::{SIGTRAP, Ticker, is_hardware_breakpoint};
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Event, Lost, Registers, Report, Resume, Signal, Stop, StopKind, Tid, clock};

/// How long a task may keep the turn before it is checked.
const TIME_SLICE: Duration = Duration::from_millis(50);
/// How long a task may take to come back to an instruction.
const MAX_ROUND: Duration = Duration::from_millis(5);
/// How many times it may come back in another state.
const MAX_ROUNDS: u32 = 16;

/// The state of a task at an instruction.
struct SpinState {
    registers: Registers,
    memory: blake3::Hash,
}

impl Session {
    /// Runs the ticker while others wait for the turn.
    pub(super) fn update_ticker(&mut self) {
        let wanted = self.others_are_waiting();
        let Some(determinism) = &mut self.determinism else { return };
        if determinism.ticker.is_none() && wanted {
            determinism.ticker = Ticker::every(TIME_SLICE).ok();
        }
        if let Some(ticker) = &determinism.ticker {
            ticker.tick(wanted);
        }
    }

    /// Whether a task has the turn and others wait for it.
    fn others_are_waiting(&self) -> bool {
        self.determinism.as_ref().is_some_and(|determinism| {
            determinism.turn.is_some() && !(self.due.is_empty() && determinism.preempted.is_empty())
        })
    }

    /// Preempts the task that has the turn if it has had it for too long and only waits.
    pub(crate) fn check_time_slice(&mut self) {
        let Some(determinism) = &self.determinism else { return };
        let Some(holder) = determinism.turn.filter(|_| self.others_are_waiting()) else { return };
        let lasted = clock::monotonic_ns().saturating_sub(determinism.turn_since_ns);
        if u128::from(lasted) < TIME_SLICE.as_nanos() || self.detaching.is_some() {
            return;
        }
        // Its write blocks until the output is read. An interrupt would cut the write short.
        if self.tasks.get(holder).is_some_and(|task| task.writes_to_own_output) {
            self.give_turn(None);
            return;
        }
        if self.tracer.interrupt(holder).is_err() {
            return; // The task died: the next wait returns its end.
        }
        match self.tracer.wait_for(holder) {
            Ok(Report::Stopped(stop)) if stop.kind() == StopKind::Event(Event::STOP) => {
                self.preempt_if_waiting(stop)
            }
            // It reached another stop, or its end.
            Ok(report) => self.due.push_front((report, clock::monotonic_ns())),
            Err(_) => {}
        }
    }

    /// Leaves a stopped task stopped if it only waits in a loop; resumes it otherwise.
    fn preempt_if_waiting(&mut self, mut stop: Stop) {
        let found = self.find_repetition(&mut stop);
        _ = stop.break_at(None);
        match found {
            Ok(Some(state)) => {
                self.record_preemption(&stop, &state.registers);
                self.give_turn(None);
                if let Some(determinism) = &mut self.determinism {
                    determinism.preempted.push_back(stop);
                }
            }
            // The check leaves no trace.
            Ok(None) if is_own_stop(&stop) => {
                self.give_turn(Some(stop.tid()));
                stop.resume(Resume::ToNextSyscall, Signal::NONE);
            }
            Ok(None) => self.due.push_front((Report::Stopped(stop), clock::monotonic_ns())),
            Err(Lost::Gone(status)) => self.ended_early_in_call(stop.tid(), status),
            Err(Lost::Failed(_)) => {}
        }
    }

    /// Runs the task until it comes back to its instruction in the same state; returns that state.
    fn find_repetition(&self, stop: &mut Stop) -> Result<Option<SpinState>, Lost> {
        let place = stop.general()?.ip();
        stop.break_at(Some(place))?;
        let mut before: Option<SpinState> = None;
        for _ in 0..MAX_ROUNDS {
            if !self.run_to_breakpoint(stop)? {
                return Ok(None);
            }
            let registers = stop.general()?;
            let Some(memory) = hash_of_memory(stop.tid()) else { return Ok(None) };
            if let Some(before) = &before
                && before.registers.same_user_state(&registers)
                && before.memory == memory
            {
                return Ok(Some(SpinState { registers, memory }));
            }
            before = Some(SpinState { registers, memory });
        }
        Ok(None)
    }

    /// Runs to the breakpoint. Returns whether the task reached it in time; it is stopped in either
    /// case.
    fn run_to_breakpoint(&self, stop: &mut Stop) -> Result<bool, Lost> {
        let tid = stop.tid();
        let next = self.tracer.go_on_for(stop, Resume::ToNextSyscall, MAX_ROUND)?;
        if next {
            return Ok(stop.kind() == StopKind::Signal(SIGTRAP));
        }
        // It does something else: stop it.
        if self.tracer.interrupt(tid).is_err() {
            return Ok(false);
        }
        self.tracer.wait_in_place(stop)?;
        Ok(false)
    }

    /// Whether this is the SIGTRAP of a breakpoint of the recorder that was removed meanwhile: an
    /// interrupt can be reported before it. A program has no hardware breakpoints of its own: they
    /// need ptrace(2) or perf_event_open(2).
    pub(crate) fn is_late_breakpoint(&self, stop: &Stop) -> bool {
        self.determinism.is_some()
            && stop.kind() == StopKind::Signal(SIGTRAP)
            && stop.siginfo().ok().flatten().is_some_and(|siginfo| is_hardware_breakpoint(&siginfo))
    }

    fn record_preemption(&mut self, stop: &Stop, registers: &Registers) {
        let Some(id) = self.tasks.get(stop.tid()).map(|task| task.id) else { return };
        _ = stop.syscall_info(&mut self.info);
        let row = &mut self.sink.row;
        row.begin(EventKind::STOP, SourceId::KERNEL, id, clock::monotonic_ns());
        row.stop_head(&StopHead {
            wait_status: stop.status().0.cast_unsigned(),
            info_ret: self.info.returned(),
            layout: Layout::MERGED,
            info: self.info.bytes(),
        });
        if let Ok(Some(siginfo)) = stop.siginfo() {
            row.siginfo(&siginfo);
        }
        row.registers(NT_PRSTATUS, &registers.to_bytes());
        row.altered(&Altered { what: Altering::PREEMPTED, arg: 0, kernel: &[], given: &[] });
        self.sink.commit();
    }

    /// Resumes all preempted tasks.
    pub(crate) fn release_preempted(&mut self) {
        let Some(determinism) = &mut self.determinism else { return };
        for stop in determinism.preempted.drain(..) {
            stop.resume(Resume::ToNextSyscall, Signal::NONE);
        }
    }

    /// Gives the turn to the task that was preempted first, once no other task can run. Returns
    /// whether there was one.
    pub(super) fn resume_preempted(&mut self) -> bool {
        let Some(stop) =
            self.determinism.as_mut().and_then(|determinism| determinism.preempted.pop_front())
        else {
            return false;
        };
        self.give_turn(Some(stop.tid()));
        stop.resume(Resume::ToNextSyscall, Signal::NONE);
        true
    }
}

/// Whether the recorder itself caused the stop, to check the task.
fn is_own_stop(stop: &Stop) -> bool {
    matches!(stop.kind(), StopKind::Event(Event::STOP) | StopKind::Signal(SIGTRAP))
}

/// Hashes all writable memory of the task; `None` when there is too much of it.
fn hash_of_memory(tid: Tid) -> Option<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let window = Window::open(tid).ok()?;
    window.writable_pages(tid, |address, page| {
        hasher.update(&address.to_le_bytes());
        hasher.update(page);
    })?;
    Some(hasher.finalize())
}

//! Tasks that wait for others without a call.
//!
//! Where the turn has lasted long and others want it, the task is stopped wherever it is. If it
//! comes back to the same instruction with the same registers and the same memory, all that it does
//! is wait: the same state has the same future, so it may be stopped there. A replay looks for the
//! same: it comes to these registers, and comes back to them with the same memory. Both go the same
//! way from the same state, so they end in the same circle. Registers alone would not do: most
//! loops of interpreters come back to them with other memory.

use crate::session::Session;
use std::time::Duration;
use sysreel_format::{Altered, Altering, EventKind, Layout, SourceId, StopHead};
use sysreel_sys::memory::Window;
use sysreel_sys::signals::{SIGTRAP, Ticker, is_hardware_breakpoint};
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Event, Lost, Registers, Report, Resume, Signal, Stop, StopKind, Tid, clock};

/// How long a turn may last before it is looked at.
const SLICE: Duration = Duration::from_millis(50);
/// How long a task may take to come back to where it was.
const ROUND: Duration = Duration::from_millis(5);
/// How often it may come back with other registers or memory.
const ROUNDS: u32 = 16;

/// What a task is at an instruction.
struct SpinState {
    registers: Registers,
    memory: blake3::Hash,
}

impl Session {
    /// Ticks while others wait for a turn.
    pub(super) fn watch_turn(&mut self) {
        let wanted = self.others_wait();
        let Some(determinism) = &mut self.determinism else { return };
        if determinism.ticker.is_none() && wanted {
            determinism.ticker = Ticker::every(SLICE).ok();
        }
        if let Some(ticker) = &determinism.ticker {
            ticker.tick(wanted);
        }
    }

    /// Has somebody the turn that others want?
    fn others_wait(&self) -> bool {
        self.determinism.as_ref().is_some_and(|determinism| {
            determinism.turn.is_some() && !(self.due.is_empty() && determinism.preempted.is_empty())
        })
    }

    /// Has a turn lasted too long?
    pub(crate) fn look_at_turn(&mut self) {
        let Some(determinism) = &self.determinism else { return };
        let Some(holder) = determinism.turn.filter(|_| self.others_wait()) else { return };
        let lasted = clock::monotonic_ns().saturating_sub(determinism.turn_since_ns);
        if u128::from(lasted) < SLICE.as_nanos() || self.detaching.is_some() {
            return;
        }
        // Nobody reads what it writes, for now. To interrupt it would cut what it writes short.
        if self.tasks.get(holder).is_some_and(|task| task.writes_to_own_output) {
            self.give_turn(None);
            return;
        }
        if self.tracer.interrupt(holder).is_err() {
            return; // It died: wait tells.
        }
        match self.tracer.wait_for(holder) {
            Ok(Report::Stopped(stop)) if stop.kind() == StopKind::Event(Event::STOP) => {
                self.try_to_preempt(stop)
            }
            // It came to a stop of its own, or to its end.
            Ok(report) => self.due.push_front((report, clock::monotonic_ns())),
            Err(_) => {}
        }
    }

    /// A task that is stopped in the midst of something: it stays so if it does nothing but wait.
    fn try_to_preempt(&mut self, mut stop: Stop) {
        let found = self.find_repetition(&mut stop);
        _ = stop.break_at(None);
        match found {
            Ok(Some(moment)) => {
                self.preempted_event(&stop, &moment.registers);
                self.give_turn(None);
                if let Some(determinism) = &mut self.determinism {
                    determinism.preempted.push_back(stop);
                }
            }
            // It goes on, as if nobody had looked.
            Ok(None) if is_of_ours(&stop) => {
                self.give_turn(Some(stop.tid()));
                stop.resume(Resume::ToNextSyscall, Signal::NONE);
            }
            Ok(None) => self.due.push_front((Report::Stopped(stop), clock::monotonic_ns())),
            Err(Lost::Gone(status)) => self.ended_early_in_call(stop.tid(), status),
            Err(Lost::Failed(_)) => {}
        }
    }

    /// Lets the task come back to where it is, and looks whether it is what it was.
    fn find_repetition(&self, stop: &mut Stop) -> Result<Option<SpinState>, Lost> {
        let place = stop.general()?.ip();
        stop.break_at(Some(place))?;
        let mut before: Option<SpinState> = None;
        for _ in 0..ROUNDS {
            if !self.go_round(stop)? {
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

    /// To the next time that it comes to the breakpoint; answers whether it came there in time, and
    /// stands there.
    fn go_round(&self, stop: &mut Stop) -> Result<bool, Lost> {
        let tid = stop.tid();
        let next = self.tracer.go_on_for(stop, Resume::ToNextSyscall, ROUND)?;
        if next {
            return Ok(stop.kind() == StopKind::Signal(SIGTRAP));
        }
        // It has found something to do.
        if self.tracer.interrupt(tid).is_err() {
            return Ok(false);
        }
        self.tracer.wait_in_place(stop)?;
        Ok(false)
    }

    /// Is this the signal of a breakpoint of ours that was taken away meanwhile? An interrupt can
    /// come before it. A program cannot have such ones: for them it would need ptrace(2) or
    /// perf_event_open(2).
    pub(crate) fn is_late_breakpoint(&self, stop: &Stop) -> bool {
        self.determinism.is_some()
            && stop.kind() == StopKind::Signal(SIGTRAP)
            && stop.siginfo().ok().flatten().is_some_and(|siginfo| is_hardware_breakpoint(&siginfo))
    }

    fn preempted_event(&mut self, stop: &Stop, registers: &Registers) {
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

    /// Lets all tasks go on that were stopped for others.
    pub(crate) fn release_preempted(&mut self) {
        let Some(determinism) = &mut self.determinism else { return };
        for stop in determinism.preempted.drain(..) {
            stop.resume(Resume::ToNextSyscall, Signal::NONE);
        }
    }

    /// Gives the turn to a task that was stopped for others, when those are all waiting for
    /// something.
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

/// Is it a stop that was made only to look?
fn is_of_ours(stop: &Stop) -> bool {
    matches!(stop.kind(), StopKind::Event(Event::STOP) | StopKind::Signal(SIGTRAP))
}

/// All memory that the task may write to; nothing where there is too much of it.
fn hash_of_memory(tid: Tid) -> Option<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    let window = Window::open(tid).ok()?;
    window.writable_pages(tid, |address, page| {
        hasher.update(&address.to_le_bytes());
        hasher.update(page);
    })?;
    Some(hasher.finalize())
}

//! Preempts tasks that wait for others in a loop without calls.
//!
//! A task that has had the turn for long while others of its group want it is stopped wherever it
//! is. If it comes back to the same instruction with the same registers and the same memory, all it
//! does is wait: the same state has the same future, so it may stay stopped there. A replay does
//! the same: it runs the task to these registers, and until it comes back to them with the same
//! memory. Both go the same way from the same state, so they end in the same loop. Registers alone
//! would not do: the loop of an interpreter comes back to the same registers with other memory.
//!
//! A task that computes cannot be stopped at a place that a replay finds again. It keeps the turn
//! until it makes a call, or has computed for so long ([`MAX_COMPUTATION`]) that letting the others
//! run is worth more than the replay.

use super::findings;
use super::turns::{TIME_SLICE_NS, Turn, TurnScheduler};
use crate::engine::{CallTurn, Context, Deadline, Undriven};
use std::time::Duration;
use sysreel_format::{Altering, EventKind, Layout, SourceId, StopHead, TaskId};
use sysreel_sys::memory::Window;
use sysreel_sys::signals::{SIGTRAP, Ticker, is_hardware_breakpoint};
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Event, Registers, Report, Resume, Signal, Stop, StopKind, Tid, clock, process};

/// How long a task may compute while others wait for its turn. It is then preempted where a replay
/// cannot preempt it.
const MAX_COMPUTATION: Duration = Duration::from_secs(10);
/// How long a task may take to come back to an instruction.
const MAX_ROUND: Duration = Duration::from_millis(5);
/// How many times it may come back in another state.
const MAX_ROUNDS: u32 = 16;

/// The state of a task at an instruction.
struct SpinState {
    registers: Registers,
    memory: blake3::Hash,
}

impl TurnScheduler {
    /// Runs the ticker while others wait for a turn.
    pub(super) fn update_ticker(&mut self, cx: &Context) {
        let wanted = self.is_any_awaited(cx);
        if self.ticker.is_none() && wanted {
            self.ticker = Ticker::every(Duration::from_nanos(TIME_SLICE_NS)).ok();
        }
        if let Some(ticker) = &self.ticker {
            ticker.tick(wanted);
        }
    }

    /// Checks the tasks that have had the turn for too long while others want it.
    pub(super) fn check_time_slices(&mut self, cx: &mut Context) {
        let is_over = |turn: &&Turn| {
            let lasted = clock::monotonic_ns().saturating_sub(turn.since_ns);
            lasted >= TIME_SLICE_NS && self.is_awaited(cx, turn.tid)
        };
        if cx.is_ending {
            return;
        }
        let over: Vec<Turn> = self.turns().iter().filter(is_over).copied().collect();
        for turn in over {
            self.check_time_slice(cx, turn);
        }
    }

    /// Preempts a task if it only waits.
    fn check_time_slice(&mut self, cx: &mut Context, turn: Turn) {
        let tid = turn.tid;
        // An interrupt would cut a call short. One that keeps the turn and sleeps is blocked.
        if cx.tasks.get(tid).is_some_and(|task| task.turn != CallTurn::Shared) {
            if is_asleep(tid) {
                self.end_turn(tid);
            }
            return;
        }
        match cx.bring_to_stop(tid) {
            Ok(Some((stop, _))) if stop.kind() == StopKind::Event(Event::STOP) => {
                self.preempt_if_waiting(cx, stop, turn);
            }
            // It reached another stop.
            Ok(Some((stop, t_ns))) => cx.due.push_first(Report::Stopped(stop), t_ns),
            // It has ended, or is in an uninterruptible wait: let the others run.
            Ok(None) => self.end_turn(tid),
            // The next wait fails too.
            Err(_) => {}
        }
    }

    /// Leaves a stopped task stopped if it only waits in a loop; resumes it otherwise.
    fn preempt_if_waiting(&mut self, cx: &mut Context, mut stop: Stop, turn: Turn) {
        let found = find_repetition(cx, &mut stop);
        match found {
            Ok(Some(state)) => {
                _ = stop.break_at(None);
                record_preemption(cx, &stop, &state.registers);
                self.preempt(stop);
            }
            Ok(None) if is_own_stop(&stop) => {
                _ = stop.break_at(None);
                if self.must_give_up(turn) {
                    self.give_up(cx, &stop);
                    self.preempt(stop);
                } else {
                    // The check leaves no trace.
                    self.renew_turn(stop.tid());
                    stop.resume(Resume::ToNextSyscall, Signal::NONE);
                }
            }
            Ok(None) | Err(Undriven::Ending) => {
                _ = stop.break_at(None);
                cx.due.push_first(Report::Stopped(stop), clock::monotonic_ns());
            }
            // Its end is queued, or it will report later.
            Err(Undriven::Ended | Undriven::Late(_) | Undriven::Failed(_)) => {
                self.end_turn(stop.tid());
                stop.discard();
            }
        }
    }

    /// Whether the task computes for so long that the others must run, at the price of the replay.
    fn must_give_up(&self, turn: Turn) -> bool {
        let lasted = clock::monotonic_ns().saturating_sub(turn.begun_ns);
        self.has_given_up || u128::from(lasted) >= MAX_COMPUTATION.as_nanos()
    }

    fn give_up(&mut self, cx: &mut Context, stop: &Stop) {
        if std::mem::replace(&mut self.has_given_up, true) {
            return;
        }
        let why = format!(
            "a task computed for {} s without a system call, while others that share its memory \
             waited for their turn",
            MAX_COMPUTATION.as_secs()
        );
        let task = cx.tasks.get(stop.tid()).map_or(TaskId::NONE, |task| task.id);
        findings::not_replayable(&mut cx.log, task, why);
        cx.log.commit_notes();
    }
}

/// Whether a task sleeps in the kernel.
fn is_asleep(tid: Tid) -> bool {
    process::Status::read(tid).is_ok_and(|status| matches!(status.state, b'S' | b'D'))
}

/// Runs the task until it comes back to its instruction in the same state; returns that state.
fn find_repetition(cx: &mut Context, stop: &mut Stop) -> Result<Option<SpinState>, Undriven> {
    let place = stop.general()?.ip();
    stop.break_at(Some(place))?;
    let mut deadline = Deadline::after(MAX_ROUND);
    let mut before: Option<SpinState> = None;
    for _ in 0..MAX_ROUNDS {
        deadline.restart();
        match cx.drive(stop, Resume::ToNextSyscall, Signal::NONE, &deadline) {
            Ok(()) if stop.kind() == StopKind::Signal(SIGTRAP) => {}
            Ok(()) => return Ok(None),
            // It does something else: stop it.
            Err(Undriven::Late(time)) => {
                let Some((next, _)) = cx.bring_to_stop(stop.tid())? else {
                    return Err(Undriven::Late(time));
                };
                *stop = next;
                return Ok(None);
            }
            Err(error) => return Err(error),
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

fn record_preemption(cx: &mut Context, stop: &Stop, registers: &Registers) {
    let Some(slot) = cx.tasks.slot(stop.tid()) else { return };
    cx.enter(slot, clock::monotonic_ns());
    _ = stop.syscall_info(&mut cx.info);
    cx.log.sink.row.begin(EventKind::STOP, SourceId::KERNEL, cx.at.id, cx.at.t_ns);
    cx.log.sink.row.stop_head(&StopHead {
        wait_status: stop.status().0.cast_unsigned(),
        info_ret: cx.info.returned(),
        layout: Layout::MERGED,
        info: cx.info.bytes(),
    });
    if let Ok(Some(siginfo)) = stop.siginfo() {
        cx.log.row().siginfo(&siginfo);
    }
    cx.log.row().registers(NT_PRSTATUS, &registers.to_bytes());
    cx.log.altered(Altering::PREEMPTED, 0, &[], &[]);
    cx.log.commit();
    if let Some(task) = cx.tasks.at_mut(slot) {
        task.waits_at = Some((registers.ip(), registers.sp(), registers.result()));
    }
}

/// Whether this is the SIGTRAP of a breakpoint of the recorder that was removed meanwhile: an
/// interrupt can be reported before it. A program has no hardware breakpoints of its own: they need
/// ptrace(2) or perf_event_open(2).
pub(super) fn is_late_breakpoint(stop: &Stop) -> bool {
    stop.kind() == StopKind::Signal(SIGTRAP)
        && stop.siginfo().ok().flatten().is_some_and(|siginfo| is_hardware_breakpoint(&siginfo))
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

//! Schedules tasks: one at a time executes instructions, so that the order of events is the order
//! in which memory changed.
//!
//! A task has the turn from where it is resumed into its program to its next stop, and keeps it in
//! calls that change the address space or write to the recorder's own output ([`CallTurn`]). Other
//! calls may block, so they run while other tasks have the turn. Reports of other tasks are queued
//! until the turn is free.

use crate::engine::{Arrival, CallTurn, Context, Scheduler};
use std::collections::VecDeque;
use sysreel_sys::info::Op;
use sysreel_sys::signals::Ticker;
use sysreel_sys::{Event, Resume, Signal, Stop, StopKind, Tid, clock, process};

/// How often a task that is about to end is polled, before it is taken to be waiting for something.
const MAX_POLLS: u32 = 10_000;

/// Lets one task run at a time.
#[derive(Debug, Default)]
pub(crate) struct TurnScheduler {
    /// The task that has the turn: the only one that may execute instructions.
    pub(super) turn: Option<Tid>,
    /// When it got the turn, in nanoseconds of CLOCK_MONOTONIC.
    pub(super) turn_since_ns: u64,
    /// The task that has the turn is about to end: the kernel is making its last changes to memory
    /// that others share.
    is_last: bool,
    /// Tasks that were preempted so that others can run.
    pub(super) preempted: VecDeque<Stop>,
    /// Wakes the tracer while others wait for the turn.
    pub(super) ticker: Option<Ticker>,
}

impl Scheduler for TurnScheduler {
    /// Takes the next report of the task that has the turn, or, when no task has it, the oldest
    /// report of any. While the recorder detaches there are no turns.
    fn pick(&mut self, cx: &mut Context) -> Option<Arrival> {
        self.await_end(cx);
        self.drop_stale_preempted(cx);
        loop {
            let arrival = match self.turn.filter(|_| !cx.is_ending) {
                Some(holder) => cx.due.take_of(holder),
                None => cx.due.take(),
            };
            if arrival.is_some() {
                self.turn = None;
                return arrival;
            }
            if let Some(holder) = self.turn {
                if !is_dead_leader(cx, holder) {
                    return None;
                }
                // It will report nothing more.
                self.turn = None;
            } else if !self.resume_preempted() {
                return None;
            }
        }
    }

    fn before_wait(&mut self, cx: &mut Context) {
        self.update_ticker(cx);
    }

    fn interrupted(&mut self, cx: &mut Context) {
        self.check_time_slice(cx);
    }

    /// Gives the turn to the task if it will execute instructions or a call that keeps the turn.
    fn resumes(&mut self, cx: &mut Context, from: StopKind) {
        let takes = match from {
            StopKind::Syscall if cx.info.op() == Some(Op::ENTRY) => {
                cx.task().is_some_and(|task| task.turn != CallTurn::Shared)
            }
            StopKind::Syscall | StopKind::Signal(_) | StopKind::Event(Event::STOP) => true,
            StopKind::Event(Event::EXIT) => {
                self.is_last = !cx.tasks.is_alone(cx.at.slot);
                self.is_last
            }
            StopKind::Group(_) | StopKind::Event(_) => false,
        };
        if takes {
            self.give_turn(cx.at.tid);
        }
    }

    fn release(&mut self, _cx: &mut Context) {
        for stop in self.preempted.drain(..) {
            stop.resume(Resume::ToNextSyscall, Signal::NONE);
        }
    }
}

impl TurnScheduler {
    pub(super) fn give_turn(&mut self, to: Tid) {
        self.turn = Some(to);
        self.turn_since_ns = clock::monotonic_ns();
    }

    /// Gives the turn to the task that was preempted first, once no other task can run. Returns
    /// whether there was one.
    fn resume_preempted(&mut self) -> bool {
        let Some(stop) = self.preempted.pop_front() else { return false };
        self.give_turn(stop.tid());
        stop.resume(Resume::ToNextSyscall, Signal::NONE);
        true
    }

    /// Drops the stops of preempted tasks that have reported since: SIGKILL ended those stops.
    fn drop_stale_preempted(&mut self, cx: &Context) {
        self.preempted.retain(|stop| !cx.due.has(stop.tid()));
    }

    /// Waits until an ending task has made the kernel's last changes to shared memory, before
    /// another task runs.
    fn await_end(&mut self, cx: &mut Context) {
        let Some(tid) = self.turn.filter(|_| std::mem::take(&mut self.is_last)) else { return };
        for _ in 0..MAX_POLLS {
            if cx.take_due().is_err() || cx.due.has(tid) {
                return;
            }
            // A thread group leader stays a zombie, without a report, until the other threads have
            // ended.
            if process::Status::read(tid).map_or(true, |status| status.state == b'Z') {
                break;
            }
            std::thread::yield_now();
        }
        self.turn = None;
    }
}

/// Whether a leader has ended, so that its report waits for the ends of its threads. A task that is
/// killed at its exit event, after an execve of another thread has brought it there, does not
/// report that event (kernel/signal.c, `complete_signal`).
fn is_dead_leader(cx: &Context, tid: Tid) -> bool {
    let process = |tid: Tid| cx.tasks.get(tid).map(|task| task.tgid);
    cx.due.ending().any(|other| process(other) == Some(tid))
        && process::Status::read(tid).map_or(true, |status| status.state == b'Z')
}

//! Tasks that move between the tracers of a recording.
//!
//! A task moves when its tracer has more other tasks in user code than another tracer: a new one at
//! its first stop, and each at the end of a call from time to time. What was recorded of it is in
//! the log by then, and the other tracer records what comes next.
//!
//! An event gets its number when it is committed. The entry of a call is in the log before the call
//! does anything, so what it causes comes later, whoever records that. Only the end of a task is
//! committed after others can see it: a tracer reaps the task, then the kernel tells its parent. So
//! a tracer commits ends before all other reports, and waits before it commits what shows the end
//! of another tracer's process.

use super::context::Context;
use super::detach::detach;
use super::hook::{Exit, StopHook};
use super::lifecycle::remove_task;
use super::messages::{Baggage, Message, Moved, TracingEnd};
use super::peers::{Idle, LONGEST_WAIT, Peers};
use super::run::Engine;
use super::scheduler::Scheduler;
use super::task::{NextStop, Slot, Task};
use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use sysreel_abi::CallKind;
use sysreel_format::GoneHow;
use sysreel_sys::info::Op;
use sysreel_sys::signals::SIGCHLD;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Event, Signal, Stop, StopKind, Tid, WaitStatus, clock};

/// After how many stops a process may move again.
const CHECK_EVERY: u32 = 256;

/// The offsets of si_code and si_pid in a siginfo_t of SIGCHLD and of waitid(2) on 64-bit systems
/// (asm-generic/siginfo.h).
const SI_CODE: usize = 8;
const SI_PID: usize = 16;
/// CLD_EXITED, CLD_KILLED and CLD_DUMPED.
const ENDED: std::ops::RangeInclusive<i32> = 1..=3;
/// WUNTRACED and WCONTINUED: wait4(2) may return a child that has not ended.
const STOPS: u64 = 2 | 8;

impl<S: Scheduler, H: StopHook> Engine<S, H> {
    /// Moves the process of the current stop to another tracer, if it is to. Returns the stop if
    /// not.
    pub(super) fn move_away(&mut self, stop: Stop, slot: Slot) -> Option<Stop> {
        let Engine { cx, hooks, ending, handover, .. } = self;
        let Some(peers) = &cx.peers else { return Some(stop) };
        let Some(task) = cx.tasks.at_mut(slot).filter(|task| task.can_move) else {
            return Some(stop);
        };
        // The first stop of a newborn, or the end of a call.
        let is_right = match stop.kind() {
            StopKind::Event(Event::STOP) => task.stops == 0,
            StopKind::Syscall => task.stops >= CHECK_EVERY && cx.info.op() == Some(Op::EXIT),
            _ => false,
        };
        task.stops = if is_right { 1 } else { task.stops.saturating_add(1) };
        if !is_right || ending.is_some() || handover.has_away() {
            return Some(stop);
        }
        // Others that have not begun yet will run too.
        let begin = |task: &&Task| task.can_move && task.stops == 0;
        let new = cx.tasks.iter().filter(|&(at, ref task)| at != slot && begin(task)).count();
        let Some(to) = peers.destination(new) else { return Some(stop) };
        let parked = match stop.park(peers.filters()) {
            Ok(parked) => parked,
            Err(stop) => return Some(stop),
        };
        let mut baggage = Baggage::default();
        hooks.leaves(cx, slot, &mut baggage);
        let mut task = cx.tasks.remove(slot)?;
        (task.stops, task.in_user_code) = (1, false);
        let followed = cx.snapshots.take_followed(task.tgid);
        let peers = cx.peers.as_ref()?;
        let moved = Moved { parked, task, followed, baggage };
        peers.send(to, Message::Task(Box::new(moved)));
        None
    }

    /// Reads the messages of other tracers.
    pub(super) fn read_messages(&mut self) -> Result<(), Error> {
        while let Some(message) = self.cx.peers.as_ref().and_then(|peers| peers.receive()) {
            match message {
                Message::Task(moved) => self.take_over(*moved)?,
                Message::LetGo(signal) => self.begin_detaching(signal),
                other => self.answer(other)?,
            }
        }
        Ok(())
    }

    /// Handles a message for which its sender waits.
    fn answer(&mut self, message: Message) -> Result<(), Error> {
        match message {
            Message::Superseded(leader) => superseded(&mut self.cx, &mut self.hooks, leader),
            Message::Give { target, tracer, done } => self.give(target, tracer, &done)?,
            Message::Tracing { end, left } => {
                let Engine { cx, hooks, handover, .. } = self;
                handover.tracing_ends(cx, hooks, end);
                left.fetch_sub(1, Ordering::Release);
            }
            Message::Task(_) | Message::LetGo(_) => {}
        }
        Ok(())
    }

    /// Handles what may have ended the tracing of tasks by another program, here and at the other
    /// tracers of the recorder: those tasks are recorded again before the task of the current stop
    /// runs on.
    pub(super) fn tracing_may_end(&mut self, end: TracingEnd) -> Result<(), Error> {
        let Engine { cx, hooks, handover, .. } = self;
        handover.tracing_ends(cx, hooks, end);
        let Some(peers) = &cx.peers else { return Ok(()) };
        let left = Arc::new(AtomicUsize::new(0));
        for other in peers.others_with_away() {
            left.fetch_add(1, Ordering::Release);
            peers.send(other, Message::Tracing { end, left: Arc::clone(&left) });
        }
        self.wait_for_others(|| left.load(Ordering::Acquire) == 0)
    }

    /// Waits for what other tracers do, for a limited time, and does what they wait for: two may
    /// wait for each other.
    fn wait_for_others(&mut self, is_done: impl Fn() -> bool) -> Result<(), Error> {
        let begun = Instant::now();
        while !is_done() && begun.elapsed() < LONGEST_WAIT {
            match self.cx.peers.as_ref().and_then(|peers| peers.receive_first(is_awaited)) {
                Some(message) => self.answer(message)?,
                None => std::thread::yield_now(),
            }
        }
        Ok(())
    }

    /// Lets a task go that `tracer` is about to trace, if it is this tracer's.
    fn give(&mut self, target: Tid, tracer: Tid, done: &AtomicBool) -> Result<(), Error> {
        if self.cx.tasks.slot(target).is_some() {
            let at = self.cx.at;
            self.hand_over(target, tracer)?;
            self.cx.at = at;
            done.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Waits until another tracer has let a task go that the task of the current stop is about to
    /// trace.
    pub(super) fn await_given(&mut self, target: Tid) -> Result<(), Error> {
        let (tracer, done) = (self.cx.at.tid, Arc::new(AtomicBool::new(false)));
        let Some(peers) = &self.cx.peers else { return Ok(()) };
        peers.send_to_others(|| Message::Give { target, tracer, done: Arc::clone(&done) });
        self.wait_for_others(|| done.load(Ordering::Acquire))
    }

    /// Whether this tracer, which has no tasks, may get some.
    pub(super) fn may_get_tasks(&self) -> bool {
        self.cx.peers.as_ref().is_some_and(|peers| peers.idle() == Idle::Look)
    }

    /// The kernel has no tasks for this tracer, so that those it has are gone: one that has the id
    /// of its leader by an execve may be killed before it reports that.
    pub(super) fn forget_tasks(&mut self) {
        let Engine { cx, hooks, .. } = self;
        let now = clock::monotonic_ns();
        for slot in cx.tasks.slots() {
            remove_task(cx, hooks, slot, WaitStatus(0), GoneHow::VANISHED, now);
        }
    }

    /// Attaches to a task that another tracer has parked. Its next stop shows it as it was.
    fn take_over(&mut self, moved: Moved) -> Result<(), Error> {
        let Engine { cx, hooks, .. } = self;
        let Moved { parked, mut task, followed, baggage } = moved;
        let tgid = task.tgid;
        let is_alive = cx.tracer.take_over(parked)?;
        // Its maker's tracer knows with whom it shares memory.
        task.memory = None;
        task.next_stop = NextStop::Arrival;
        let slot = cx.tasks.put_back(task);
        cx.snapshots.follow(tgid, followed);
        hooks.arrives(cx, slot, &baggage);
        if !is_alive {
            let now = clock::monotonic_ns();
            remove_task(cx, hooks, slot, WaitStatus(0), GoneHow::VANISHED, now);
        }
        Ok(())
    }

    /// Handles the first stop of a task that has come from another tracer, which has recorded what
    /// the task was in before. Returns the stop unless it is the one that was requested to take the
    /// task over.
    pub(super) fn arrive(&mut self, stop: Stop, slot: Slot, t_ns: u64) -> Option<Stop> {
        let Engine { cx, hooks, ending, .. } = self;
        let task = cx.tasks.at_mut(slot).filter(|task| task.next_stop == NextStop::Arrival);
        let Some(task) = task else { return Some(stop) };
        task.next_stop = NextStop::Any;
        if stop.kind() != StopKind::Event(Event::STOP) {
            return Some(stop);
        }
        cx.enter(slot, t_ns);
        if ending.as_ref().is_some_and(|ending| ending.is_detaching()) {
            detach(cx, hooks, stop);
        } else {
            self.resume(stop, slot, false, Signal::NONE);
        }
        None
    }
}

/// Whether the sender of a message waits for what is done about it.
fn is_awaited(message: &Message) -> bool {
    !matches!(message, Message::Task(_) | Message::LetGo(_))
}

/// Handles an execve by a thread, before its stop is recorded: the ends of all other threads are in
/// the log then. The end of a leader is reported to nobody, not even to its tracer. `message` is
/// that of the stop.
pub(super) fn supersede_elsewhere(
    cx: &mut Context,
    hooks: &mut impl StopHook,
    leader: Tid,
    message: Option<u64>,
) {
    let Some(former) = message.and_then(|former| Tid::try_from(former).ok()) else { return };
    let is_elsewhere = cx.tasks.slot(leader).is_none();
    let Some(peers) = cx.peers.as_ref().filter(|_| former != leader) else { return };
    peers.await_others(leader, [leader, former]);
    if !is_elsewhere || !peers.is_alive(leader) {
        return;
    }
    peers.send_to_others(|| Message::Superseded(leader));
    let begun = Instant::now();
    while cx.peers.as_ref().is_some_and(|peers| peers.is_alive(leader))
        && begun.elapsed() < LONGEST_WAIT
    {
        // Two tracers may wait for each other.
        let is_superseded = |message: &Message| matches!(message, Message::Superseded(_));
        match cx.peers.as_ref().and_then(|peers| peers.receive_first(is_superseded)) {
            Some(Message::Superseded(other)) => superseded(cx, hooks, other),
            _ => std::thread::yield_now(),
        }
    }
}

/// Records the end of a leader whose thread, which another tracer follows, has its id now.
fn superseded(cx: &mut Context, hooks: &mut impl StopHook, leader: Tid) {
    if let Some(slot) = cx.tasks.slot(leader) {
        let now = clock::monotonic_ns();
        remove_task(cx, hooks, slot, WaitStatus(0), GoneHow::SUPERSEDED, now);
    }
}

/// Waits until the end of a process is in the log that a call of its parent shows.
pub(super) fn await_end_of_call(cx: &Context, exit: &Exit) {
    let Some(peers) = peers_to_await(cx) else { return };
    let Some(call) = exit.call.as_ref().filter(|call| call.row.kind == CallKind::Wait) else {
        return;
    };
    let args = call.abi.args(&call.args);
    let ended = if call.row.name == "waitid" {
        cx.capture.captured(2, 0, 0).and_then(ended_child)
    } else {
        // Without a status the options decide whether it may have stopped.
        let status = cx.capture.captured(1, 0, 0).and_then(|bytes| bytes.first_chunk().copied());
        let has_ended = status.map_or(args[2] & STOPS == 0, |status| {
            let status = WaitStatus(i32::from_ne_bytes(status));
            status.exited().is_some() || status.killed().is_some()
        });
        Tid::try_from(exit.rval).ok().filter(|_| has_ended)
    };
    ended.into_iter().for_each(|ended| peers.await_end(ended));
}

/// Waits until the end of a process is in the log that a signal shows.
pub(super) fn await_end_of_signal(cx: &Context, signal: Signal, siginfo: &[u8; SIGINFO]) {
    if let Some(peers) = peers_to_await(cx).filter(|_| signal == SIGCHLD) {
        ended_child(siginfo).into_iter().for_each(|ended| peers.await_end(ended));
    }
}

/// Returns the other tracers, if the ids that the current task sees are those of the recorder. In
/// another PID namespace they name nobody that is known.
fn peers_to_await(cx: &Context) -> Option<&Peers> {
    cx.peers.as_ref().filter(|_| cx.task().is_some_and(|task| task.has_our_ids))
}

/// Returns the child that has ended according to a siginfo_t.
fn ended_child(siginfo: &[u8]) -> Option<Tid> {
    let word = |at: usize| siginfo.get(at..)?.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
    word(SI_PID).filter(|_| word(SI_CODE).is_some_and(|code| ENDED.contains(&code)))
}

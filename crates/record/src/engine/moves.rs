//! Processes that move between the tracers of a recording.
//!
//! A new process is moved at its first stop, when its maker's tracer has other tasks in user code
//! and another tracer has fewer. What was recorded of it is in the log by then, and the other tracer
//! records what comes next.
//!
//! An event gets its number when it is committed. The entry of a call is in the log before the call
//! does anything, so what it causes comes later, whoever records that. Only the end of a task is
//! committed after others can see it: a tracer reaps the task, then the kernel tells its parent. So
//! a tracer commits ends before all other reports, and waits before it commits what shows the end
//! of another tracer's process.

use super::context::Context;
use super::crew::{Idle, Message, Moved};
use super::detach::detach;
use super::hook::{Baggage, Exit, StopHook};
use super::lifecycle::remove_task;
use super::run::Engine;
use super::scheduler::Scheduler;
use super::task::Slot;
use crate::error::Error;
use sysreel_abi::CallKind;
use sysreel_format::GoneHow;
use sysreel_sys::moving::TakenOver;
use sysreel_sys::signals::SIGCHLD;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Event, Report, Signal, Stop, StopKind, Tid, WaitStatus, clock};

/// The offset of si_pid in a siginfo_t of SIGCHLD and of waitid(2) on 64-bit systems (siginfo.h).
const SI_PID: usize = 16;

impl<S: Scheduler, H: StopHook> Engine<S, H> {
    /// Moves the process of a first stop to another tracer, if it is to. Returns the stop if not.
    pub(super) fn move_away(&mut self, stop: Stop, slot: Slot) -> Option<Stop> {
        let Engine { cx, hooks, ending, .. } = self;
        let is_first = stop.kind() == StopKind::Event(Event::STOP);
        let Some(task) = cx.tasks.at_mut(slot) else { return Some(stop) };
        if !std::mem::take(&mut task.can_move) || !is_first || ending.is_some() {
            return Some(stop);
        }
        let Some(to) = cx.crew.as_ref().and_then(|crew| crew.destination()) else {
            return Some(stop);
        };
        let parked = match stop.park() {
            Ok(parked) => parked,
            Err(stop) => return Some(stop),
        };
        let mut baggage = Baggage::default();
        hooks.leaves(cx, slot, &mut baggage);
        let task = cx.tasks.remove(slot)?;
        let followed = cx.snapshots.take_followed(task.tgid);
        let crew = cx.crew.as_ref()?;
        crew.goes_away(task.tid);
        let moved = Moved { parked, task, followed, baggage };
        crew.send(to, Message::Process(Box::new(moved)));
        None
    }

    /// Reads the messages of other tracers.
    pub(super) fn read_messages(&mut self) -> Result<(), Error> {
        while let Some(message) = self.cx.crew.as_ref().and_then(|crew| crew.receive()) {
            match message {
                Message::Process(moved) => self.take_over(*moved)?,
                Message::LetGo(signal) => self.begin_detaching(signal),
            }
        }
        Ok(())
    }

    /// Whether this tracer, which has no tasks, may get some.
    pub(super) fn may_get_tasks(&self) -> bool {
        self.cx.crew.as_ref().is_some_and(|crew| crew.idle() == Idle::Look)
    }

    fn take_over(&mut self, moved: Moved) -> Result<(), Error> {
        let Engine { cx, hooks, ending, .. } = self;
        let Moved { parked, mut task, followed, baggage } = moved;
        let (tid, tgid) = (task.tid, task.tgid);
        let taken = cx.tracer.take_over(&parked)?;
        // Its maker's tracer knows with whom it shares memory.
        task.memory = None;
        let slot = cx.tasks.put_back(task);
        cx.snapshots.follow(tgid, followed);
        hooks.arrives(cx, slot, &baggage);
        cx.enter(slot, clock::monotonic_ns());
        let ends_here = ending.as_ref().is_some_and(|ending| ending.is_detaching());
        match taken {
            TakenOver::Stopped(stop) if stop.kind() != StopKind::Event(Event::STOP) => {
                cx.due.push(Report::Stopped(stop));
            }
            TakenOver::Stopped(stop) if ends_here => detach(cx, hooks, stop),
            TakenOver::Stopped(stop) => self.resume(stop, slot, false, Signal::NONE),
            TakenOver::Gone(status) => cx.due.push(Report::Gone { tid, status }),
            TakenOver::Vanished => {
                let now = clock::monotonic_ns();
                remove_task(cx, hooks, slot, WaitStatus(0), GoneHow::VANISHED, now);
            }
        }
        Ok(())
    }
}

/// Waits until the end of a process is in the log that a call of its parent shows.
pub(super) fn await_end_of_call(cx: &Context, exit: &Exit) {
    let Some(call) = exit.call.filter(|call| call.row.kind == CallKind::Wait) else { return };
    let Some(crew) = cx.crew.as_ref().filter(|crew| crew.has_away()) else { return };
    // The result of waitid(2) is in its third argument.
    let ended = match exit.rval {
        1.. => Tid::try_from(exit.rval).ok(),
        _ if call.row.name == "waitid" => cx.capture.captured(2, 0, 0).and_then(pid_of),
        _ => None,
    };
    ended.into_iter().for_each(|ended| crew.await_end(ended));
}

/// Waits until the end of a process is in the log that a signal shows.
pub(super) fn await_end_of_signal(cx: &Context, signal: Signal, siginfo: &[u8; SIGINFO]) {
    if signal != SIGCHLD {
        return;
    }
    let Some(crew) = cx.crew.as_ref().filter(|crew| crew.has_away()) else { return };
    pid_of(siginfo).into_iter().for_each(|ended| crew.await_end(ended));
}

fn pid_of(siginfo: &[u8]) -> Option<Tid> {
    let bytes = siginfo.get(SI_PID..)?.first_chunk()?;
    Some(Tid::from_ne_bytes(*bytes))
}

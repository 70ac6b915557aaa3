//! How the engine handles the stop of a task.

use super::away::Why;
use super::context::Context;
use super::detach::detach;
use super::due::{Arrival, Arrived, Passed};
use super::handover::Request;
use super::hook::StopHook;
use super::init_crash::{is_unkillable_crash, prepare_crash};
use super::lifecycle::{change_identity, new_image, snapshot_at_attach};
use super::moves::supersede_elsewhere;
use super::restart::restart_original;
use super::run::Engine;
use super::scheduler::Scheduler;
use super::stop::{Next, Recorded, begins_call, is_tracing_call, record_passed, record_stop};
use super::task::{NextStop, Slot};
use crate::error::Error;
use sysreel_sys::{Event, Report, Resume, Signal, Stop, StopKind, Tid, clock};

impl<S: Scheduler, H: StopHook> Engine<S, H> {
    pub(super) fn on_stop(&mut self, stop: Stop, t_ns: u64) -> Result<(), Error> {
        let Engine { cx, hooks, .. } = self;
        let tid = stop.tid();
        // After an execve by another thread the report comes under the leader's id, which the
        // recorder may never have traced.
        if stop.kind() == StopKind::Event(Event::EXEC) {
            let message = if stop.is_over() { None } else { stop.event_message().ok() };
            supersede_elsewhere(cx, hooks, tid, message);
            change_identity(cx, hooks, tid, message, t_ns);
        }
        match cx.tasks.slot(tid) {
            Some(slot) => match self.arrive(stop, slot, t_ns) {
                Some(stop) => self.handle(stop, slot, t_ns),
                None => Ok(()),
            },
            None => {
                let what = Arrived::Report(Report::Stopped(stop));
                self.newborns.keep(tid, Arrival { what, t_ns });
                Ok(())
            }
        }
    }

    pub(super) fn on_passed(&mut self, passed: Box<Passed>, t_ns: u64) {
        let (Engine { cx, hooks, .. }, tid) = (&mut *self, passed.tid);
        if passed.status.event() == Event::EXEC {
            change_identity(cx, hooks, tid, None, t_ns);
        }
        match cx.tasks.slot(tid) {
            Some(slot) => {
                cx.enter(slot, t_ns);
                record_passed(cx, &passed);
            }
            None => self.newborns.keep(tid, Arrival { what: Arrived::Passed(passed), t_ns }),
        }
    }

    /// Records the stop of a known task and lets the task continue.
    fn handle(&mut self, mut stop: Stop, slot: Slot, t_ns: u64) -> Result<(), Error> {
        let recorded = self.record(&mut stop, slot, t_ns);
        let Engine { cx, hooks, .. } = self;
        let deliver = match recorded.next {
            Next::Resume(signal) => signal,
            Next::Swallow => {
                let how = hooks.resume(slot);
                if let Some(stop) = self.scheduler.resumes(cx, stop, how) {
                    stop.resume(how, Signal::NONE);
                }
                return Ok(());
            }
            Next::Again => {
                cx.due.push_first(Report::Stopped(stop), clock::monotonic_ns());
                return Ok(());
            }
            Next::Left => {
                stop.discard();
                return Ok(());
            }
        };
        let in_call = begins_call(cx, stop.kind());
        if let Some(ending) = self.ending.as_ref().filter(|ending| ending.is_detaching()) {
            if ending.detaches_at(stop.kind(), in_call, hooks.can_detach()) {
                detach(cx, hooks, stop);
                return Ok(());
            }
            // Each stop clears a pending interrupt (kernel/signal.c, `ptrace_stop`).
            _ = cx.tracer.interrupt(stop.tid());
        }
        if is_unkillable_crash(cx, &stop, deliver) {
            prepare_crash(cx, &stop);
            self.handover.let_go(cx, hooks, stop, Why::Crashing, 0);
            return Ok(());
        }
        if let Some(stop) = self.follow_tracing_call(stop, in_call, &recorded)?
            && let Some(stop) = self.move_away(stop, slot)
        {
            self.resume(stop, slot, in_call, deliver);
        }
        Ok(())
    }

    /// Records a stop, and what it says of other tasks.
    fn record(&mut self, stop: &mut Stop, slot: Slot, t_ns: u64) -> Recorded {
        let Engine { cx, hooks, handover, .. } = self;
        cx.enter(slot, t_ns);
        let answer = |cx: &mut Context, stop: &Stop| handover.answers.give(cx, stop);
        let recorded = record_stop(cx, hooks, &mut self.calls, stop, answer);
        if let Some(task) = cx.tasks.at_mut(slot) {
            task.next_stop = NextStop::Any;
        }
        match recorded.event {
            Some((event @ (Event::FORK | Event::VFORK | Event::CLONE), message)) => {
                if let Some(task) = cx.tasks.at_mut(slot) {
                    task.making = false;
                }
                if let Ok(child) = Tid::try_from(message) {
                    self.newborns.child_reported(cx, hooks, child, event);
                }
            }
            Some((Event::EXEC, _)) => new_image(cx, hooks, stop),
            _ => {}
        }
        if let Some(task) = cx.tasks.at_mut(slot).filter(|task| !task.captured)
            && !matches!(recorded.next, Next::Left | Next::Swallow)
        {
            task.captured = true;
            self.first_stop_at_attach(stop, slot);
        }
        recorded
    }

    /// Records the state of an attached process once, at the first stop of any of its threads.
    fn first_stop_at_attach(&mut self, stop: &Stop, slot: Slot) {
        let Engine { cx, hooks, newborns, handover, .. } = self;
        let Some(tgid) = cx.tasks.at(slot).map(|task| task.tgid) else { return };
        let is_first = !cx
            .tasks
            .iter()
            .any(|(other, task)| other != slot && task.tgid == tgid && task.captured);
        if is_first {
            snapshot_at_attach(cx, slot);
        }
        let is_known = |tid: Tid| newborns.contains(tid) || handover.is_away(tid);
        self.attaching.first_stop(cx, hooks, tgid, is_known);
        restart_original(cx, stop);
    }

    /// Does what a call needs that begins or ends tracing of another task. Returns the stop unless
    /// its task was detached.
    fn follow_tracing_call(
        &mut self,
        stop: Stop,
        in_call: bool,
        recorded: &Recorded,
    ) -> Result<Option<Stop>, Error> {
        let Engine { cx, calls, handover, .. } = self;
        if recorded.ends_call
            && handover.is_any_away(cx)
            && let Some(end) = calls.ended().and_then(|exit| handover.tracing_end(cx, exit))
        {
            self.tracing_may_end(end)?;
        }
        let Engine { cx, hooks, handover, .. } = self;
        if in_call {
            handover.answers.refuse_untraced_child(cx, hooks, &stop);
        }
        // In other stops the call may still be open: a task killed in it comes to its exit event.
        if !in_call || !is_tracing_call(cx) {
            return Ok(Some(stop));
        }
        _ = cx.peers.as_ref().map(|peers| peers.settle());
        match handover.request(cx, hooks, &stop) {
            Request::Nothing => Ok(Some(stop)),
            Request::GiveCaller { to } => {
                handover.let_caller_go(cx, hooks, stop, to);
                Ok(None)
            }
            Request::GiveElsewhere(target) => {
                self.await_given(target)?;
                Ok(Some(stop))
            }
            Request::Give(target) => {
                let at = cx.at;
                let given = self.hand_over(target, at.tid);
                self.cx.at = at;
                given.map(|()| Some(stop))
            }
        }
    }

    /// Detaches `target`, to which `tracer`, in its entry stop, is about to attach.
    pub(super) fn hand_over(&mut self, target: Tid, tracer: Tid) -> Result<(), Error> {
        while let Some((mut stop, t_ns)) = self.cx.bring_to_stop(target)? {
            let Some(slot) = self.cx.tasks.slot(target) else {
                stop.discard();
                return Ok(());
            };
            let recorded = self.record(&mut stop, slot, t_ns);
            let Engine { cx, hooks, handover, .. } = self;
            let deliver = match recorded.next {
                Next::Resume(deliver) => deliver,
                Next::Swallow => Signal::NONE,
                Next::Again => {
                    cx.due.push_first(Report::Stopped(stop), t_ns);
                    continue;
                }
                Next::Left => {
                    stop.discard();
                    return Ok(());
                }
            };
            let is_ending = stop.kind() == StopKind::Event(Event::EXIT);
            // As at the end of a recording, a task is not detached where a call begins.
            if !is_ending && !begins_call(cx, stop.kind()) {
                handover.let_go_with(cx, hooks, stop, deliver, Why::Attaching(tracer), tracer);
                return Ok(());
            }
            if !is_ending {
                _ = cx.tracer.interrupt(target);
            }
            stop.resume(Resume::ToNextSyscall, Signal::NONE);
            if is_ending {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Resumes the task of the current stop, which is about to continue in user code or in a call.
    pub(super) fn resume(&mut self, stop: Stop, slot: Slot, in_call: bool, deliver: Signal) {
        let Engine { cx, hooks, program, .. } = self;
        if let Some(peers) = &cx.peers
            && let Some(task) = cx.tasks.at_mut(slot)
        {
            // At the event of a vfork the call is still open, and the task waits for its child.
            let enters = !in_call && task.call.is_none();
            if std::mem::replace(&mut task.in_user_code, enters) != enters {
                peers.count_busy(enters);
            }
        }
        let (tid, kind) = (stop.tid(), stop.kind());
        hooks.before_resume(cx, !in_call);
        let how = hooks.resume(slot);
        let Some(stop) = self.scheduler.resumes(cx, stop, how) else { return };
        match kind {
            StopKind::Signal(_) => stop.resume(how, deliver),
            StopKind::Syscall => stop.resume(how, Signal::NONE),
            StopKind::Event(_) => {
                stop.resume(how, Signal::NONE);
                program.job.continued(tid);
            }
            StopKind::Group(signal) => {
                stop.listen();
                if cx.tasks.at(slot).is_some_and(|task| program.is(task.tgid)) {
                    program.job.program_stopped(tid, signal);
                }
            }
        }
    }
}

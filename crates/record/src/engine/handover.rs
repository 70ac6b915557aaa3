//! Lets recorded programs trace others: debuggers, strace, tests of tracers.
//!
//! A task has one tracer at a time (ptrace(2)): here the recorder. So that such programs work as
//! without it, the recorder hands tasks over: it detaches from a task when another program asks to
//! trace it, and attaches again when that program has let go of it. What the task does in between
//! is not in the log, and UNRECORDED events say so.
//!
//! - PTRACE_TRACEME: the caller is detached at the entry stop of the call, which then succeeds.
//! - PTRACE_ATTACH, PTRACE_SEIZE: the target is stopped and detached while the caller is in its
//!   entry stop.
//!
//! A PTRACE_TRACEME by a child of the recorder cannot be handed over: it would make the recorder
//! the tracer in a way that stops the child at every signal. So the call is skipped and returns 0.
//!
//! Where a task cannot run without its recorder (`--only`, `--replayable`), and with
//! `--refuse-tracers`, the kernel's EPERM stays.

use super::answers::Answers;
use super::attaching::{attach_late, is_untraced};
use super::away::{Away, AwayTasks, Why};
use super::context::Context;
use super::hook::{Birth, Detach, End, Exit, StopHook};
use super::lifecycle::gone_event;
use super::messages::TracingEnd;
use super::restart::restart_original;
use super::targets::{host_id, target_of};
use std::time::Duration;
use sysreel_abi::{CallKind, Tracing, tracing};
use sysreel_format::{
    Completeness, EventKind, Gap, GapReason, GoneHow, NoteCode, Severity, TaskId, Unrecorded,
};
use sysreel_sys::process::{self, Status};
use sysreel_sys::signals::Ticker;
use sysreel_sys::{Signal, Stop, StopKind, Tid, WaitStatus, attach, clock};

/// How often to check whether a PTRACE_TRACEME has made its caller a tracee.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The tasks that other programs trace.
#[derive(Debug)]
pub(crate) struct Handover {
    away: AwayTasks,
    /// Programs that trace get EPERM (`--refuse-tracers`).
    refuse: bool,
    /// Whether the log already says that tracers are refused.
    refusal_noted: bool,
    /// Tasks whose call was skipped, with the result to return.
    pub(crate) answers: Answers,
    /// Ticks while it is unknown whether a task is traced.
    ticker: Option<Ticker>,
}

/// What the entry of a tracing call asks of the recorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Nothing.
    Nothing,
    /// To detach from the caller, which the parent is to trace.
    GiveCaller {
        /// The parent.
        to: Tid,
    },
    /// To detach from this task, which the caller is to trace.
    Give(Tid),
    /// The same, but another tracer of the recorder has the task.
    GiveElsewhere(Tid),
}

impl Handover {
    pub(crate) fn new(refuse: bool) -> Handover {
        Handover {
            away: AwayTasks::default(),
            refuse,
            refusal_noted: false,
            answers: Answers::default(),
            ticker: None,
        }
    }

    /// The number of tasks that were handed over.
    pub(crate) fn count(&self) -> usize {
        self.away.traced.len()
    }

    /// Whether any task is away, so that ends of calls must be checked.
    pub(crate) fn has_away(&self) -> bool {
        !self.away.tasks.is_empty()
    }

    /// Whether the task lives and is not recorded at the moment.
    pub(crate) fn is_away(&self, tid: Tid) -> bool {
        self.away.contains(tid)
    }

    /// Returns what the call asks for that begins at the current stop.
    pub(crate) fn request(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        stop: &Stop,
    ) -> Request {
        let Some(call) = cx.call().copied() else { return Request::Nothing };
        let tracing = tracing(call.abi, call.row, &call.args);
        match tracing {
            Some(Tracing::TraceMe | Tracing::Attach(_)) if self.is_refused(cx, hooks) => {
                Request::Nothing
            }
            Some(Tracing::TraceMe) => {
                let Some(tgid) = cx.task().map(|task| task.tgid) else { return Request::Nothing };
                let parent = Status::read(tgid).map_or(0, |status| status.parent);
                if parent.cast_unsigned() == std::process::id() {
                    self.answer_trace_me(cx, stop);
                    return Request::Nothing;
                }
                Request::GiveCaller { to: parent }
            }
            Some(Tracing::Attach(pid)) => match target_of(cx, pid) {
                Some(target) if cx.tasks.slot(target).is_some() => Request::Give(target),
                Some(target) => Request::GiveElsewhere(target),
                None => Request::Nothing,
            },
            _ => Request::Nothing,
        }
    }

    /// Whether the program gets EPERM. Noted once in the log.
    fn is_refused(&mut self, cx: &mut Context, hooks: &mut impl StopHook) -> bool {
        let why = match hooks.can_detach() {
            _ if self.refuse => "--refuse-tracers was given",
            Detach::AtInterrupt(why) | Detach::Nowhere(why) => why,
            Detach::Anywhere => return false,
        };
        if !std::mem::replace(&mut self.refusal_noted, true) {
            let text = format!("the program traces others, which is refused with EPERM: {why}");
            cx.log.note(cx.at.id, NoteCode::OTHER, Severity::WARNING, &text);
        }
        true
    }

    /// Answers PTRACE_TRACEME by a child of the recorder. As without a recorder, the first call
    /// succeeds and later ones fail with EPERM.
    fn answer_trace_me(&mut self, cx: &mut Context, stop: &Stop) {
        let Some(task) = cx.tasks.at_mut(cx.at.slot).filter(|task| !task.asked_to_be_traced) else {
            return;
        };
        if stop.skip_call().is_ok() {
            task.asked_to_be_traced = true;
            self.answers.add(cx.at.id, 0);
        }
    }

    /// Detaches from the caller of PTRACE_TRACEME, which `parent` is to trace.
    pub(crate) fn let_caller_go(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        stop: Stop,
        parent: Tid,
    ) {
        let (user, system) = process::cpu_time(stop.tid());
        self.let_go(cx, hooks, stop, Why::Asked { cpu_ns: user + system }, parent);
        if self.ticker.is_none() {
            self.ticker = Ticker::every(LOOK_EVERY).ok();
        }
        self.ticker.iter().for_each(|ticker| ticker.tick(true));
    }

    /// Detaches from the task of the current stop, to record it again later if possible.
    pub(crate) fn let_go(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        stop: Stop,
        why: Why,
        tracer: Tid,
    ) {
        let deliver = match stop.kind() {
            StopKind::Signal(signal) => signal,
            _ => Signal::NONE,
        };
        self.let_go_with(cx, hooks, stop, deliver, why, tracer);
    }

    /// Like [`Handover::let_go`], with the signal that the task gets.
    pub(crate) fn let_go_with(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        stop: Stop,
        deliver: Signal,
        why: Why,
        tracer: Tid,
    ) {
        restart_original(cx, &stop);
        let reason = if why == Why::Crashing { GapReason::INIT_CRASH } else { GapReason::TRACED };
        gap_event(cx, cx.at.id, Gap::BEGINS, reason, tracer);
        cx.log.completeness.insert(Completeness::UNRECORDED);
        hooks.task_ends(cx, cx.at.slot, End::LetGo);
        let Some(task) = cx.tasks.remove(cx.at.slot) else { return stop.discard() };
        if let Some(peers) = &cx.peers {
            peers.set_has_away(true);
            // No tracer sees its end, so none may wait for it.
            peers.has_ended(task.tgid, task.tid);
            if task.in_user_code {
                peers.count_busy(false);
            }
        }
        if reason == GapReason::TRACED {
            self.away.traced.insert(task.id.0);
        }
        self.away.tasks.push(Away { task, why });
        stop.detach(deliver);
    }

    /// Whether a task is away, here or at another tracer of the recorder.
    pub(crate) fn is_any_away(&self, cx: &Context) -> bool {
        let elsewhere =
            || cx.peers.as_ref().is_some_and(|peers| peers.others_with_away().next().is_some());
        self.has_away() || elsewhere()
    }

    /// Returns what the end of a call of the task of the current stop may mean for tasks that are
    /// away.
    pub(crate) fn tracing_end(&self, cx: &Context, exit: &Exit) -> Option<TracingEnd> {
        let call = exit.call?;
        match tracing(call.abi, call.row, &call.args) {
            Some(Tracing::Attach(_)) => {
                Some(TracingEnd::Attach { by: cx.at.tid, is_error: exit.is_error })
            }
            Some(Tracing::Detach(pid)) if exit.rval == 0 => {
                Some(TracingEnd::Detach { from: host_id(cx, pid, &self.away.tids()) })
            }
            None if call.row.kind == CallKind::Wait && exit.rval > 0 => Some(TracingEnd::Wait),
            _ => None,
        }
    }

    /// Handles a possible end of tracing.
    pub(crate) fn tracing_ends(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        end: TracingEnd,
    ) {
        if !self.has_away() {
            return;
        }
        self.look_after(cx, hooks, end);
        if let Some(peers) = cx.peers.as_ref().filter(|_| !self.has_away()) {
            peers.set_has_away(false);
        }
    }

    fn look_after(&mut self, cx: &mut Context, hooks: &mut impl StopHook, end: TracingEnd) {
        match end {
            TracingEnd::Attach { by, is_error } => {
                self.away.attach_is_over(by);
                if is_error {
                    self.check(cx, hooks);
                }
            }
            TracingEnd::Detach { from } => {
                self.check(cx, hooks);
                self.attach_new_threads(cx, hooks, from);
            }
            TracingEnd::Wait => self.check(cx, hooks),
            TracingEnd::Ended(tracer) => {
                self.away.attach_is_over(tracer);
                self.check(cx, hooks);
            }
        }
    }

    /// Attaches again to tasks that are no longer traced, and drops those that have ended.
    pub(crate) fn check(&mut self, cx: &mut Context, hooks: &mut impl StopHook) {
        for tid in self.away.tids() {
            let Some(why) = self.away.why(tid) else { continue };
            match Status::read(tid) {
                Err(_) => self.ended_away(cx, tid),
                // A zombie is gone only when its parent waits for it.
                Ok(status) if matches!(status.state, b'Z' | b'X') => {}
                Ok(status) if status.tracer != 0 => self.away.is_traced(tid),
                Ok(status) => match why {
                    Why::Traced => self.record_again(cx, hooks, tid),
                    Why::Asked { cpu_ns } if has_left_traceme(tid, &status, cpu_ns) => {
                        self.record_again(cx, hooks, tid)
                    }
                    Why::Asked { .. } | Why::Attaching(_) | Why::Crashing => {}
                },
            }
        }
        if !self.away.any_asked() {
            self.ticker = None;
        }
    }

    /// Records the ends of tasks that ended while away, at the end of the recording.
    pub(crate) fn record_ends(&mut self, cx: &mut Context, hooks: &mut impl StopHook) {
        self.check(cx, hooks);
        for tid in self.away.tids() {
            if Status::read(tid).is_ok_and(|status| matches!(status.state, b'Z' | b'X')) {
                self.ended_away(cx, tid);
            }
        }
    }

    /// Records that a task ended while away, with an unknown status.
    fn ended_away(&mut self, cx: &mut Context, tid: Tid) {
        if let Some(task) = self.away.take(tid) {
            gone_event(cx, &task, WaitStatus(0), GoneHow::VANISHED, clock::monotonic_ns());
        }
    }

    /// Records the end of a child of the recorder that was away. Returns whether it was away.
    pub(crate) fn reaped_away(
        &mut self,
        cx: &mut Context,
        tid: Tid,
        status: WaitStatus,
        t_ns: u64,
    ) -> bool {
        let Some(task) = self.away.take(tid) else { return false };
        gone_event(cx, &task, status, GoneHow::REAPED, t_ns);
        true
    }

    /// Attaches again to a task that was away.
    fn record_again(&mut self, cx: &mut Context, hooks: &mut impl StopHook, tid: Tid) {
        if cx.is_ending || cx.tracer.seize(tid).is_err() {
            return; // The recording ends, another tracer was faster, or the task has ended.
        }
        let Some(task) = self.away.take(tid) else { return };
        let id = task.id;
        let memory = cx.tasks.new_memory();
        if let Some(peers) = &cx.peers {
            peers.has_begun(task.tgid, task.tid);
        }
        let slot = cx.tasks.put_back(task.after_gap(memory));
        hooks.task_begins(cx, slot, Birth::Attached);
        gap_event(cx, id, Gap::ENDS, GapReason::TRACED, 0);
        // If it has died, wait reports it.
        _ = cx.tracer.interrupt(tid);
    }

    /// After a detach: records threads that were made while another program traced their process,
    /// as if they had been attached to.
    fn attach_new_threads(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        target: Option<Tid>,
    ) {
        let Some(target) = target else { return };
        let Some(tgid) = cx.tasks.get(target).map(|task| task.tgid) else { return };
        for tid in attach::threads(tgid).unwrap_or_default() {
            if !self.is_away(tid) && is_untraced(cx, tid) {
                attach_late(cx, hooks, tid);
            }
        }
    }
}

fn gap_event(cx: &mut Context, id: TaskId, gap: Gap, reason: GapReason, tracer: Tid) {
    cx.snapshots.stop_following();
    let row = cx.log.begin(EventKind::UNRECORDED, id, clock::monotonic_ns());
    row.unrecorded(&Unrecorded { gap, reason, tracer: tracer.cast_unsigned() });
    cx.log.commit();
}

/// Whether a task that was detached at the entry of PTRACE_TRACEME has left that call. The call
/// never sleeps, so a task that sleeps or has used CPU time since has left it.
fn has_left_traceme(tid: Tid, status: &Status, cpu_ns: u64) -> bool {
    let (user, system) = process::cpu_time(tid);
    !matches!(status.state, b'R' | b't') || user + system > cpu_ns
}

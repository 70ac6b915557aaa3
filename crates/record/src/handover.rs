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

use crate::away::{Away, Why};
use crate::error::Error;
use crate::session::Session;
use std::time::Duration;
use sysreel_abi::{Tracing, tracing};
use sysreel_format::{
    Altered, Altering, Completeness, EventKind, Gap, GapReason, GoneHow, NoteCode, Severity,
    SourceId, TaskId, Unrecorded,
};
use sysreel_sys::info::Op;
use sysreel_sys::process::{self, Status};
use sysreel_sys::signals::Ticker;
use sysreel_sys::{Event, Resume, Signal, Stop, StopKind, Tid, WaitStatus, attach, clock};

/// How often to check whether a PTRACE_TRACEME has made its caller a tracee.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Session {
    /// Checks, after a stop was recorded, whether its call begins or ends tracing of another task.
    /// `op` is that of a syscall stop. Returns the stop unless the task was detached.
    pub(crate) fn check_tracing_call(
        &mut self,
        stop: Stop,
        op: Option<Op>,
        begins_call: bool,
    ) -> Result<Option<Stop>, Error> {
        let tid = stop.tid();
        if op == Some(Op::EXIT) {
            self.tracing_call_ends(tid);
            return Ok(Some(stop));
        }
        // In other stops the call may still be open: a task killed in it comes to its exit event.
        if !begins_call {
            return Ok(Some(stop));
        }
        let Some(call) = self.tasks.get(tid).and_then(|task| task.call) else {
            return Ok(Some(stop));
        };
        match tracing(call.abi, call.row, &call.args) {
            Some(Tracing::TraceMe) if !self.is_refused(tid) => Ok(self.hand_over_caller(stop)),
            Some(Tracing::Attach(pid)) if !self.is_refused(tid) => {
                if let Some(target) = self.target_of(tid, pid) {
                    self.hand_over(target, tid)?;
                }
                Ok(Some(stop))
            }
            _ => Ok(Some(stop)),
        }
    }

    /// Whether the program gets EPERM. Noted once in the log.
    fn is_refused(&mut self, tid: Tid) -> bool {
        let why = match () {
            () if self.refuse_tracers => "--refuse-tracers was given",
            () if self.determinism.is_some() => {
                "a program recorded for replay cannot run without its recorder"
            }
            () if self.is_filtered() => {
                "under the filter of --only a task cannot run without its recorder"
            }
            () => return false,
        };
        if !std::mem::replace(&mut self.handed_over.refusal_noted, true)
            && let Some(id) = self.tasks.get(tid).map(|task| task.id)
        {
            let text = format!("the program traces others, which is refused with EPERM: {why}");
            self.note(id, NoteCode::OTHER, Severity::WARNING, &text);
        }
        true
    }

    /// Detaches the caller at the entry of PTRACE_TRACEME; its parent becomes its tracer.
    fn hand_over_caller(&mut self, stop: Stop) -> Option<Stop> {
        let tid = stop.tid();
        let Some(tgid) = self.tasks.get(tid).map(|task| task.tgid) else { return Some(stop) };
        let parent = Status::read(tgid).map_or(0, |status| status.parent);
        if parent.cast_unsigned() == std::process::id() {
            self.answer_trace_me(&stop);
            return Some(stop);
        }
        let (user, system) = process::cpu_time(tid);
        self.let_go(stop, GapReason::TRACED, parent, Why::Asked { cpu_ns: user + system });
        if self.handed_over.ticker.is_none() {
            self.handed_over.ticker = Ticker::every(LOOK_EVERY).ok();
        }
        self.handed_over.ticker.iter().for_each(|ticker| ticker.tick(true));
        None
    }

    /// Answers PTRACE_TRACEME by a child of the recorder. As without a recorder, the first call
    /// succeeds and later ones fail with EPERM.
    fn answer_trace_me(&mut self, stop: &Stop) {
        let Some(task) = self.tasks.get_mut(stop.tid()).filter(|task| !task.asked_to_be_traced)
        else {
            return;
        };
        if stop.skip_call().is_ok() {
            task.asked_to_be_traced = true;
            self.handed_over.answers.push((stop.tid(), 0));
        }
    }

    /// Sets the result of a skipped call at its exit.
    pub(crate) fn give_answer(&mut self, stop: &Stop) {
        let answers = &mut self.handed_over.answers;
        let Some(at) = answers.iter().position(|(tid, _)| *tid == stop.tid()) else { return };
        let Some((rval, _)) = self.info.result() else { return };
        let (_, given) = answers.swap_remove(at);
        if stop.set_result(given.cast_unsigned()).is_ok() {
            let (kernel, given) = (rval.to_le_bytes(), given.to_le_bytes());
            let altered =
                Altered { what: Altering::RETURN_VALUE, arg: 0, kernel: &kernel, given: &given };
            self.sink.row.altered(&altered);
        }
    }

    /// Returns the recorded task that `caller` addresses by `pid`, an id in the caller's PID
    /// namespace.
    fn target_of(&self, caller: Tid, pid: Tid) -> Option<Tid> {
        let ids = Status::read(caller).ok()?.namespace_ids;
        let level = ids.len().checked_sub(1)?;
        let target = if level == 0 {
            pid
        } else {
            let namespace = process::link(caller, "ns/pid");
            let is_meant = |tid: Tid| {
                let ids = Status::read(tid).map(|status| status.namespace_ids).unwrap_or_default();
                let same = ids.len() > level + 1 || process::link(tid, "ns/pid") == namespace;
                ids.get(level).is_some_and(|&id| id == pid.cast_unsigned()) && same
            };
            self.tasks.iter().map(|(tid, _)| tid).find(|&tid| is_meant(tid))?
        };
        let process = |tid: Tid| self.tasks.get(tid).map(|task| task.tgid);
        // The kernel rejects a thread of the caller's own process.
        (process(target)? != process(caller)?).then_some(target)
    }

    /// Detaches `target`, to which `tracer`, in its entry stop, is about to attach.
    fn hand_over(&mut self, target: Tid, tracer: Tid) -> Result<(), Error> {
        while let Some((mut stop, t_ns)) = self.bring_to_stop(target)? {
            let Some(deliver) = self.record(&mut stop, t_ns) else {
                stop.discard();
                return Ok(());
            };
            if stop.kind() == StopKind::Event(Event::EXIT) {
                stop.resume(Resume::ToNextSyscall, Signal::NONE);
                return Ok(());
            }
            // As at the end of a recording, a task is not detached where a call begins.
            if !self.begins_call(stop.kind()) {
                self.let_go_with(stop, deliver, GapReason::TRACED, tracer, Why::Attaching(tracer));
                return Ok(());
            }
            _ = self.tracer.interrupt(target);
            stop.resume(Resume::ToNextSyscall, Signal::NONE);
        }
        Ok(())
    }

    pub(crate) fn let_go(&mut self, stop: Stop, reason: GapReason, tracer: Tid, why: Why) {
        let deliver = match stop.kind() {
            StopKind::Signal(signal) => signal,
            _ => Signal::NONE,
        };
        self.let_go_with(stop, deliver, reason, tracer, why);
    }

    /// Detaches from a task, to record it again later if possible.
    fn let_go_with(
        &mut self,
        stop: Stop,
        deliver: Signal,
        reason: GapReason,
        tracer: Tid,
        why: Why,
    ) {
        let tid = stop.tid();
        let Some(id) = self.tasks.get(tid).map(|task| task.id) else { return };
        self.restart_original(&stop, id);
        self.gap_event(id, Gap::BEGINS, reason, tracer);
        self.completeness.insert(Completeness::UNRECORDED);
        let Some(task) = self.tasks.remove(tid) else { return };
        self.cpu_affinity.task_left(&task);
        // A task that has died needs no mask.
        _ = task.own_mask.as_ref().map(|mask| mask.set(tid));
        if reason == GapReason::TRACED {
            self.handed_over.traced.insert(id.0);
        }
        self.handed_over.away.push((tid, Away { task, why }));
        stop.detach(deliver);
    }

    fn gap_event(&mut self, id: TaskId, gap: Gap, reason: GapReason, tracer: Tid) {
        self.snapshots.stop_following();
        self.sink.row.begin(EventKind::UNRECORDED, SourceId::RECORDER, id, clock::monotonic_ns());
        self.sink.row.unrecorded(&Unrecorded { gap, reason, tracer: tracer.cast_unsigned() });
        self.sink.commit();
    }

    /// Handles the end of a call that may have attached to, detached from or waited for a task.
    fn tracing_call_ends(&mut self, tid: Tid) {
        let Some(call) = self.tasks.get(tid).and_then(|task| task.ended) else { return };
        let Some((rval, is_error)) = self.info.result() else { return };
        match tracing(call.abi, call.row, &call.args) {
            Some(Tracing::Attach(_)) => {
                for (_, away) in &mut self.handed_over.away {
                    if away.why == Why::Attaching(tid) {
                        away.why = Why::Traced;
                    }
                }
                if is_error {
                    self.check_away();
                }
            }
            Some(Tracing::Detach(pid)) if rval == 0 => {
                self.check_away();
                self.attach_new_threads(tid, pid);
            }
            None if call.row.kind == sysreel_abi::CallKind::Wait && rval > 0 => self.check_away(),
            _ => {}
        }
    }

    /// Whether any task is away, so that ends of calls must be checked.
    pub(crate) fn has_away(&self) -> bool {
        !self.handed_over.away.is_empty()
    }

    /// Attaches again to tasks that are no longer traced, and drops those that have ended.
    pub(crate) fn check_away(&mut self) {
        let tids: Vec<Tid> = self.handed_over.away.iter().map(|(tid, _)| *tid).collect();
        for tid in tids {
            let Some(why) = self
                .handed_over
                .away
                .iter()
                .find(|(other, _)| *other == tid)
                .map(|(_, away)| away.why)
            else {
                continue;
            };
            match Status::read(tid) {
                Err(_) => self.ended_away(tid),
                // A zombie is gone only when its parent waits for it.
                Ok(status) if matches!(status.state, b'Z' | b'X') => {}
                Ok(status) if status.tracer != 0 => self.mark_traced(tid),
                Ok(status) => match why {
                    Why::Traced => self.record_again(tid),
                    Why::Asked { cpu_ns } if has_left_traceme(tid, &status, cpu_ns) => {
                        self.record_again(tid)
                    }
                    Why::Asked { .. } | Why::Attaching(_) | Why::Crashing => {}
                },
            }
        }
        let asked = |(_, away): &(Tid, Away)| matches!(away.why, Why::Asked { .. });
        if !self.handed_over.away.iter().any(asked) {
            self.handed_over.ticker = None;
        }
    }

    /// Records the ends of tasks that ended while away, at the end of the recording.
    pub(crate) fn record_ends_of_away(&mut self) {
        self.check_away();
        let tids: Vec<Tid> = self.handed_over.away.iter().map(|(tid, _)| *tid).collect();
        for tid in tids {
            if Status::read(tid).is_ok_and(|status| matches!(status.state, b'Z' | b'X')) {
                self.ended_away(tid);
            }
        }
    }

    fn mark_traced(&mut self, tid: Tid) {
        for (_, away) in self.handed_over.away.iter_mut().filter(|(other, _)| *other == tid) {
            if matches!(away.why, Why::Asked { .. }) {
                away.why = Why::Traced;
            }
        }
    }

    /// Handles the end of a tracer, which detaches its tracees.
    pub(crate) fn tracer_has_ended(&mut self, tracer: Tid) {
        for (_, away) in &mut self.handed_over.away {
            if away.why == Why::Attaching(tracer) {
                away.why = Why::Traced;
            }
        }
        self.check_away();
    }

    /// Records that a task ended while away, with an unknown status.
    fn ended_away(&mut self, tid: Tid) {
        if let Some(away) = self.handed_over.take(tid) {
            self.gone_event(&away.task, WaitStatus(0), GoneHow::VANISHED, clock::monotonic_ns());
        }
    }

    /// Records the end of a child of the recorder that was away. Returns whether it was away.
    pub(crate) fn reaped_away(&mut self, tid: Tid, status: WaitStatus, t_ns: u64) -> bool {
        let Some(away) = self.handed_over.take(tid) else { return false };
        self.gone_event(&away.task, status, GoneHow::REAPED, t_ns);
        true
    }

    /// Attaches again to a task that was away.
    fn record_again(&mut self, tid: Tid) {
        if self.detaching.is_some() || self.tracer.seize(tid).is_err() {
            return; // The recording ends, another tracer was faster, or the task has ended.
        }
        let Some(Away { task, .. }) = self.handed_over.take(tid) else { return };
        let id = task.id;
        let memory = self.tasks.new_memory();
        self.tasks.put_back(tid, task.after_gap(memory));
        self.gap_event(id, Gap::ENDS, GapReason::TRACED, 0);
        // If it has died, wait reports it.
        _ = self.tracer.interrupt(tid);
    }

    /// After a detach: records threads that were made while another program traced their process,
    /// as if they had been attached to.
    fn attach_new_threads(&mut self, caller: Tid, pid: Tid) {
        let Some(target) = self.target_of(caller, pid) else { return };
        let Some(tgid) = self.tasks.get(target).map(|task| task.tgid) else { return };
        for tid in attach::threads(tgid).unwrap_or_default() {
            if self.is_untraced(tid) {
                self.attach_late(tid);
            }
        }
    }

    /// Whether the program runs but is away. Its end is reported in any case, as it is a child of
    /// this process.
    pub(crate) fn awaits_program(&self) -> bool {
        self.main.is_some_and(|program| self.handed_over.contains(program))
            && self.detaching.is_none()
    }
}

/// Whether a task that was detached at the entry of PTRACE_TRACEME has left that call. The call
/// never sleeps, so a task that sleeps or has used CPU time since has left it.
fn has_left_traceme(tid: Tid, status: &Status, cpu_ns: u64) -> bool {
    let (user, system) = process::cpu_time(tid);
    !matches!(status.state, b'R' | b't') || user + system > cpu_ns
}

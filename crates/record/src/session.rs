//! The main loop of a recording, and the path of a stop.
//!
//! 1. `Session::run` takes the next report of wait4(2) and the time of its arrival. Reports that
//!    are due are taken before the first of them is handled, so that a busy task does not starve
//!    others.
//! 2. `on_stop` looks up the task. The stop of a task that no maker has reported yet is parked
//!    (`newborns`); the stop after an execve may first rename its task (`lifecycle`).
//! 3. `handle` has `record` (in `stop`) build and commit a STOP event: it asks
//!    PTRACE_GET_SYSCALL_INFO, reads the memory that the table names for an entry or exit
//!    (`capture`), resolves the names of new descriptors, and appends the row to the segment
//!    (`sink`). From then on the event survives the recorder's death.
//! 4. `handle` then decides how the task continues: resumed to its next syscall stop, left in a
//!    group stop, detached because the recording ends (`detach`) or because another program traces
//!    it (`handover`), or resumed without a signal that the determinism of a replayable recording
//!    holds back.
//! 5. Resuming, listening or detaching consumes the [`Stop`]. Nothing on this path allocates once
//!    all buffers have grown (tests/allocations.rs).
//!
//! Signals to the recorder and overdue waits interrupt wait4(2) and are handled between two
//! reports.

use crate::attaching::Attaching;
use crate::audit::Audit;
use crate::away::HandedOver;
use crate::call_filter::Only;
use crate::capture::Capture;
use crate::cpu_affinity::CpuAffinity;
use crate::detach::Detaching;
use crate::determinism::Determinism;
use crate::error::Error;
use crate::job::Job;
use crate::options::RowSource;
use crate::outcome::Progress;
use crate::sink::Sink;
use crate::snapshot::Snapshots;
use crate::task::Tasks;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use sysreel_format::{Completeness, EventKind, Note, NoteCode, Severity, SourceId, TaskId};
use sysreel_sys::fdname::FdName;
use sysreel_sys::info::Op;
use sysreel_sys::signals::Termination;
use sysreel_sys::waiting::Purpose;
use sysreel_sys::{
    Event, Report, Signal, Stop, StopKind, SyscallInfo, Tid, Tracer, WaitStatus, clock,
};

/// The state of the tracer thread.
pub(crate) struct Session {
    pub(crate) tracer: Tracer,
    pub(crate) tasks: Tasks,
    /// Reports that were taken and not yet handled, with the time of their arrival.
    pub(crate) due: VecDeque<(Report, u64)>,
    pub(crate) fairness: Fairness,
    /// Children whose first stop came before their maker reported them.
    pub(crate) parked: HashMap<Tid, Parked>,
    /// Children whose end came before their maker reported them.
    pub(crate) ended_early: HashMap<Tid, (WaitStatus, u64)>,
    /// Processes that are being attached to.
    pub(crate) attaching: Attaching,
    /// Tasks that other programs trace.
    pub(crate) handed_over: HandedOver,
    /// Programs that trace get EPERM (`--refuse-tracers`).
    pub(crate) refuse_tracers: bool,
    /// Whether the current stop is the entry of ptrace(2).
    pub(crate) is_tracing_call: bool,
    pub(crate) sink: Sink,
    pub(crate) capture: Capture,
    pub(crate) info: SyscallInfo,
    /// Verifies the table's rows (`--audit`).
    pub(crate) audit: Option<Box<Audit>>,
    /// Makes the log fit for replay (`--replayable`).
    pub(crate) determinism: Option<Box<Determinism>>,
    pub(crate) cpu_affinity: CpuAffinity,
    pub(crate) names: bool,
    /// The name of a descriptor. Reused, so that resolving allocates nothing.
    pub(crate) fd_name: FdName,
    pub(crate) snapshots: Snapshots,
    pub(crate) rows: RowSource,
    /// The calls to record (`--only`).
    pub(crate) only: Option<Only>,
    pub(crate) completeness: Completeness,
    /// Notes to commit after the current event.
    pub(crate) pending_notes: Vec<(TaskId, NoteCode, Severity, String)>,
    /// Calls without a row that were already noted.
    pub(crate) rowless: HashSet<(u32, u64)>,
    /// The spawned program, and its wait status once it has ended.
    pub(crate) main: Option<Tid>,
    pub(crate) main_status: Option<WaitStatus>,
    /// Shows the program's stops to the shell.
    pub(crate) job: Job,
    pub(crate) termination: Termination,
    /// Set when the recording ends before all of its tasks.
    pub(crate) detaching: Option<Detaching>,
    /// End the recording with the program, even if it leaves processes running.
    pub(crate) until_exit: bool,
    /// Shows the user a warning at once.
    pub(crate) warn: fn(&str),
    pub(crate) progress: Arc<Progress>,
}

/// Decides how often to poll for more reports after one was taken.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    /// Consecutive polls that found nothing.
    empty_polls: u32,
    /// Reports since the last poll.
    reports: u32,
}

impl Fairness {
    /// The most reports of other tasks that a task waits for.
    const MAX_REPORTS: u32 = 8;

    fn should_poll(&mut self) -> bool {
        self.reports += 1;
        self.reports >= (1 << self.empty_polls.min(Self::MAX_REPORTS.ilog2()))
    }

    fn polled(&mut self, any: bool) {
        self.reports = 0;
        self.empty_polls = if any { 0 } else { self.empty_polls.saturating_add(1) };
    }
}

/// The first stop of a task that no maker has reported yet.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) stop: Stop,
    pub(crate) t_ns: u64,
}

impl Session {
    /// Follows every task to its end, or until asked to stop.
    ///
    /// # Errors
    /// When wait4(2) fails.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        while self.has_work() {
            let (report, t_ns) = self.next_report()?;
            match report {
                Report::Stopped(stop) => self.on_stop(stop, t_ns)?,
                Report::Gone { tid, status } => self.on_gone(tid, status, t_ns),
                Report::Interrupted => {
                    self.check_time_slice();
                    if self.has_away() {
                        self.check_away();
                    }
                }
                Report::NoTasks => break,
            }
            self.force_deferred();
            if let Some(signal) = self.termination.requested() {
                self.end_requested(signal);
            }
            self.enforce_deadline();
            self.progress.events.store(self.sink.next_event(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        !(self.tasks.is_empty() && self.parked.is_empty() && self.due.is_empty())
            || self.awaits_program()
    }

    /// Returns the next report, in order of arrival.
    ///
    /// wait4(2) searches the tracees in the order of a list: with several busy ones, the first
    /// would be reported again and again and the last never. So all reports that are due are taken
    /// before the first is handled. A single task does not need this, and where polls find nothing
    /// (a shell that waits for its children) they become rarer.
    fn next_report(&mut self) -> Result<(Report, u64), Error> {
        if self.determinism.is_some() {
            return self.next_in_turn();
        }
        if let Some(report) = self.due.pop_front() {
            return Ok(report);
        }
        if self.has_newborns() {
            self.take_due()?;
            if let Some(report) = self.due.pop_front() {
                return Ok(report);
            }
            self.adopt_settled();
            if let Some(report) = self.due.pop_front() {
                return Ok(report);
            }
        }
        let report = (self.wait()?, clock::monotonic_ns());
        let several =
            self.tasks.len() > 1 && !matches!(report.0, Report::Interrupted | Report::NoTasks);
        if several && self.fairness.should_poll() {
            self.take_due()?;
            self.fairness.polled(!self.due.is_empty());
        }
        Ok(report)
    }

    /// Waits for the next report of any task. The watchdog is told when a certain task should
    /// report soon.
    pub(crate) fn wait(&mut self) -> Result<Report, Error> {
        let awaited = match self.parked.iter().next() {
            Some((&tid, parked)) => Some((Purpose::Parked, tid, parked.t_ns)),
            None => self.awaited_detach(),
        };
        let Some((purpose, tid, since_ns)) = awaited else { return Ok(self.tracer.wait()?) };
        self.tracer.waiting().begin_at(purpose, tid, since_ns);
        let report = self.tracer.wait();
        self.tracer.waiting().end();
        Ok(report?)
    }

    /// Takes all reports that are due.
    pub(crate) fn take_due(&mut self) -> Result<(), Error> {
        while let Some(report @ (Report::Stopped(_) | Report::Gone { .. })) = self.tracer.poll()? {
            self.due.push_back((report, clock::monotonic_ns()));
        }
        Ok(())
    }

    /// Whether there are tasks that no maker has reported yet.
    pub(crate) fn has_newborns(&self) -> bool {
        !(self.parked.is_empty() && self.ended_early.is_empty())
    }

    fn on_stop(&mut self, stop: Stop, t_ns: u64) -> Result<(), Error> {
        let tid = stop.tid();
        let is_exec = stop.kind() == StopKind::Event(Event::EXEC);
        // After an execve by another thread the report comes under the leader's id, which the
        // recorder may never have traced.
        if is_exec {
            self.changed_identity(&stop, t_ns);
        }
        if self.tasks.get(tid).is_none() {
            return self.park(stop, t_ns);
        }
        self.handle(stop, t_ns)
    }

    /// Records the stop of a known task and lets the task continue.
    pub(crate) fn handle(&mut self, mut stop: Stop, t_ns: u64) -> Result<(), Error> {
        let tid = stop.tid();
        if self.is_late_breakpoint(&stop) {
            self.grant_turn_on_resume(tid, stop.kind());
            stop.resume(self.next_stop(tid), Signal::NONE);
            return Ok(());
        }
        let Some(deliver) = self.record(&mut stop, t_ns) else {
            stop.discard();
            return Ok(());
        };
        let in_call = self.begins_call(stop.kind());
        if self.detaches_at(stop.kind(), in_call) {
            self.detach(stop, t_ns);
            return Ok(());
        }
        if self.needs_other_stop() {
            // Each stop clears a pending interrupt (kernel/signal.c, `ptrace_stop`).
            _ = self.tracer.interrupt(tid);
        }
        if self.is_unkillable_crash(&stop, deliver) {
            self.let_crash(stop);
            return Ok(());
        }
        if std::mem::take(&mut self.is_tracing_call) || self.has_away() {
            let op = self.info.op().filter(|_| stop.kind() == StopKind::Syscall);
            match self.check_tracing_call(stop, op, in_call)? {
                Some(same) => stop = same,
                None => return Ok(()),
            }
        }
        self.cpu_affinity.before_resume(&mut self.tasks, tid, !in_call);
        self.balance(t_ns);
        let how = self.next_stop(tid);
        let kind = stop.kind();
        self.grant_turn_on_resume(tid, kind);
        match kind {
            StopKind::Signal(_) => stop.resume(how, deliver),
            StopKind::Group(signal) => {
                stop.listen();
                self.group_stopped(tid, signal);
            }
            StopKind::Event(_) => {
                stop.resume(how, Signal::NONE);
                self.task_continued(tid);
            }
            StopKind::Syscall => stop.resume(how, Signal::NONE),
        }
        if kind == StopKind::Event(Event::EXIT) {
            self.wait_for_end(tid);
        }
        Ok(())
    }

    /// Whether a call begins at the current stop, so that its exit is still to come.
    pub(crate) fn begins_call(&self, kind: StopKind) -> bool {
        match kind {
            StopKind::Syscall => self.info.op() == Some(Op::ENTRY),
            kind => kind == StopKind::Event(Event::SECCOMP),
        }
    }

    /// Keeps a note until the event it concerns is committed.
    pub(crate) fn note_after_event(
        &mut self,
        task: TaskId,
        code: NoteCode,
        severity: Severity,
        text: String,
    ) {
        self.pending_notes.push((task, code, severity, text));
    }

    /// Commits the kept notes.
    pub(crate) fn commit_notes(&mut self) {
        while let Some((task, code, severity, text)) = self.pending_notes.pop() {
            self.note(task, code, severity, &text);
        }
    }

    /// Commits a note.
    pub(crate) fn note(&mut self, task: TaskId, code: NoteCode, severity: Severity, text: &str) {
        self.sink.row.begin(EventKind::NOTE, SourceId::RECORDER, task, clock::monotonic_ns());
        self.sink.row.note(&Note { code, severity, text: text.as_bytes() });
        self.sink.commit();
    }
}

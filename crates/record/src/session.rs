//! The loop: wait for a report, record it, let the task go on.

use crate::attaching::Attaching;
use crate::audit::Audit;
use crate::call_filter::Only;
use crate::capture::Capture;
use crate::cpu_affinity::CpuAffinity;
use crate::detach::Detaching;
use crate::determinism::Determinism;
use crate::error::Error;
use crate::handover::HandedOver;
use crate::job::Job;
use crate::namespaces::Namespaces;
use crate::options::RowSource;
use crate::recorder::Progress;
use crate::sink::Sink;
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

/// Everything the tracer thread knows.
pub(crate) struct Session {
    pub(crate) tracer: Tracer,
    pub(crate) tasks: Tasks,
    /// Reports that were taken and not yet served.
    pub(crate) due: VecDeque<(Report, u64)>,
    pub(crate) fairness: Fairness,
    /// Children whose first stop came before their parent told of them.
    pub(crate) parked: HashMap<Tid, Parked>,
    /// Children whose end came before their parent told of them.
    pub(crate) ended_early: HashMap<Tid, (WaitStatus, u64)>,
    /// Processes that are being attached to.
    pub(crate) attaching: Attaching,
    /// Tasks that other programs trace.
    pub(crate) handed_over: HandedOver,
    /// Programs that trace get EPERM.
    pub(crate) refuse_tracers: bool,
    /// The entry stop at hand is one of ptrace(2).
    pub(crate) is_tracing_call: bool,
    pub(crate) sink: Sink,
    pub(crate) capture: Capture,
    pub(crate) info: SyscallInfo,
    /// Proves the rows of the table, if asked for.
    pub(crate) audit: Option<Box<Audit>>,
    /// Makes the log fit for replay, if asked for.
    pub(crate) determinism: Option<Box<Determinism>>,
    pub(crate) cpu_affinity: CpuAffinity,
    pub(crate) names: bool,
    /// The name of a descriptor, always resolved into the same place.
    pub(crate) fd_name: FdName,
    pub(crate) namespaces: Namespaces,
    pub(crate) rows: RowSource,
    /// Which calls are recorded, when not all are.
    pub(crate) only: Option<Only>,
    pub(crate) completeness: Completeness,
    /// Notes about the event being built.
    pub(crate) pending_notes: Vec<(TaskId, NoteCode, Severity, String)>,
    /// Calls without a row that were told of already.
    pub(crate) rowless: HashSet<(u32, u64)>,
    /// The spawned program, and how it ended.
    pub(crate) main: Option<Tid>,
    pub(crate) main_status: Option<WaitStatus>,
    /// What the shell is to see of the program.
    pub(crate) job: Job,
    pub(crate) termination: Termination,
    /// The recording is being ended before all its tasks.
    pub(crate) detaching: Option<Detaching>,
    /// End with the program, whatever it leaves behind.
    pub(crate) until_exit: bool,
    /// Tells the user something at once.
    pub(crate) warn: fn(&str),
    pub(crate) progress: Arc<Progress>,
}

/// How often it is looked for reports that wait behind the one that was taken.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    /// How many looks in a row found nothing.
    in_vain: u32,
    /// Reports taken since the last look.
    since: u32,
}

impl Fairness {
    /// A task waits for no more than so many reports of others.
    const MOST: u32 = 8;

    fn look_now(&mut self) -> bool {
        self.since += 1;
        self.since >= (1 << self.in_vain.min(Self::MOST.ilog2()))
    }

    fn found(&mut self, any: bool) {
        self.since = 0;
        self.in_vain = if any { 0 } else { self.in_vain.saturating_add(1) };
    }
}

/// A stop that nobody has explained yet.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) stop: Stop,
    pub(crate) t_ns: u64,
}

impl Session {
    /// Follows every task to its end, or until asked to stop.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        while self.has_work() {
            let (report, t_ns) = self.next_report()?;
            match report {
                Report::Stopped(stop) => self.stopped(stop, t_ns)?,
                Report::Gone { tid, status } => self.gone(tid, status, t_ns),
                Report::Interrupted => {
                    self.check_time_slice();
                    if self.has_away() {
                        self.look_after_away();
                    }
                }
                Report::NoTasks => break,
            }
            self.force_deferred();
            if let Some(signal) = self.termination.requested() {
                self.asked_to_end(signal);
            }
            self.end_in_time();
            self.progress.events.store(self.sink.next_event(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        !(self.tasks.is_empty() && self.parked.is_empty() && self.due.is_empty())
            || self.awaits_program()
    }

    /// The next report, first come, first served.
    ///
    /// wait4 looks at the tracees in the order of a list, and with several busy ones the first
    /// would be served again and again while the last waits for ever. So all that is due is taken
    /// before any of it is served. A lone task needs none of this, and where nothing else is ever
    /// due (a shell that waits for its children) it is looked for less often.
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
        if several && self.fairness.look_now() {
            self.take_due()?;
            self.fairness.found(!self.due.is_empty());
        }
        Ok(report)
    }

    /// Waits for the next report of any task. The watchdog sees it when that is expected soon.
    pub(crate) fn wait(&mut self) -> Result<Report, Error> {
        let awaited = match self.parked.iter().next() {
            Some((&tid, parked)) => Some((Purpose::Parked, tid, parked.t_ns)),
            None => self.awaited_to_end(),
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

    /// Are there tasks whose makers have not told of them?
    pub(crate) fn has_newborns(&self) -> bool {
        !(self.parked.is_empty() && self.ended_early.is_empty())
    }

    fn stopped(&mut self, stop: Stop, t_ns: u64) -> Result<(), Error> {
        let tid = stop.tid();
        let is_exec = stop.kind() == StopKind::Event(Event::EXEC);
        // After an execve by another thread the report comes under the leader's id, which may never
        // have been ours.
        if is_exec {
            self.changed_identity(&stop, t_ns);
        }
        if self.tasks.get(tid).is_none() {
            return self.park(stop, t_ns);
        }
        self.handle(stop, t_ns)
    }

    /// Records the stop of a known task and lets it go on.
    pub(crate) fn handle(&mut self, mut stop: Stop, t_ns: u64) -> Result<(), Error> {
        let tid = stop.tid();
        if self.is_late_breakpoint(&stop) {
            self.grant_turn_on_resume(tid, stop.kind());
            stop.resume(self.next_stop(tid), Signal::NONE);
            return Ok(());
        }
        let Some(deliver) = self.record(&mut stop, t_ns) else {
            stop.left_behind();
            return Ok(());
        };
        let in_call = self.begins_call(stop.kind());
        if self.detaches_at(stop.kind(), in_call) {
            self.detach(stop, t_ns);
            return Ok(());
        }
        if self.awaits_other_stop() {
            // Each stop takes a pending interrupt with it (kernel/signal.c, `ptrace_stop`).
            _ = self.tracer.interrupt(tid);
        }
        if self.is_unkillable_crash(&stop, deliver) {
            self.let_crash(stop);
            return Ok(());
        }
        if std::mem::take(&mut self.is_tracing_call) || self.has_away() {
            let op = self.info.op().filter(|_| stop.kind() == StopKind::Syscall);
            match self.look_at_tracing(stop, op, in_call)? {
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
                self.goes_on(tid);
            }
            StopKind::Syscall => stop.resume(how, Signal::NONE),
        }
        if kind == StopKind::Event(Event::EXIT) {
            self.wait_for_end(tid);
        }
        Ok(())
    }

    /// Does a call begin at the stop at hand? Its end is to come.
    pub(crate) fn begins_call(&self, kind: StopKind) -> bool {
        match kind {
            StopKind::Syscall => self.info.op() == Some(Op::ENTRY),
            kind => kind == StopKind::Event(Event::SECCOMP),
        }
    }

    /// Keeps a note until the event that it is about is committed.
    pub(crate) fn later(&mut self, task: TaskId, code: NoteCode, severity: Severity, text: String) {
        self.pending_notes.push((task, code, severity, text));
    }

    /// Commits the notes that were kept.
    pub(crate) fn notes(&mut self) {
        while let Some((task, code, severity, text)) = self.pending_notes.pop() {
            self.note(task, code, severity, &text);
        }
    }

    /// Commits a note of the recorder's own.
    pub(crate) fn note(&mut self, task: TaskId, code: NoteCode, severity: Severity, text: &str) {
        self.sink.row.begin(EventKind::NOTE, SourceId::RECORDER, task, clock::monotonic_ns());
        self.sink.row.note(&Note { code, severity, text: text.as_bytes() });
        self.sink.commit();
    }
}

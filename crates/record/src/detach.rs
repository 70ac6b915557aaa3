//! Ends a recording before all of its tasks have ended: every task is left as it would be without a
//! recorder, in bounded time.
//!
//! A program under the recorder's seccomp filter (`--only`) cannot run on without a tracer: each
//! wanted call would fail with ENOSYS (seccomp(2)). So the request to end is passed on to it, and
//! processes that have not ended after [`GRACE`] are killed.
//!
//! A program whose time-stamp counter is trapped (`--replayable`) must first undo that by a call,
//! see `untrap`.

use crate::session::Session;
use std::collections::BTreeSet;
use std::time::Duration;
use sysreel_format::{Completeness, GoneHow, NoteCode, Severity, TaskId};
use sysreel_sys::signals::{self, Alarm, SIGKILL, SIGTERM};
use sysreel_sys::waiting::{Overdue, Purpose};
use sysreel_sys::{Event, Signal, Stop, StopKind, Tid, WaitStatus, clock, init};

/// How long processes may take to end after a request.
const GRACE: Duration = Duration::from_secs(5);
/// How long a task may take to stop for its detach. The parent of a vfork, for one, does not stop
/// before its child has executed a program or ended (ptrace(2), PTRACE_INTERRUPT).
const PATIENCE: Duration = Duration::from_secs(5);

/// A recording that is being ended.
#[derive(Debug)]
pub(crate) struct Detaching {
    /// The signal that requested it; `None` when the program has ended (`--until-exit`).
    pub(crate) signal: Option<Signal>,
    step: Step,
    since_ns: u64,
    /// Wakes the tracer when the time is over.
    _alarm: Option<Alarm>,
}

/// The progress of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Tasks are detached at their next stop.
    Detaching,
    /// Processes were sent the signal and may end by themselves.
    Asked,
    /// Processes were killed.
    Killed,
}

impl Detaching {
    fn begin(signal: Option<Signal>, step: Step) -> Detaching {
        let time = if step == Step::Detaching { PATIENCE } else { GRACE };
        Detaching { signal, step, since_ns: clock::monotonic_ns(), _alarm: Alarm::after(time).ok() }
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(clock::monotonic_ns().saturating_sub(self.since_ns))
    }
}

impl Session {
    /// Handles a signal that asks the recorder to end.
    pub(crate) fn end_requested(&mut self, signal: Signal) {
        let program = self.main.filter(|&program| self.tasks.get(program).is_some());
        // The signal to the init of a container is meant for the program it runs.
        if init::is_init()
            && let Some(program) = program
        {
            return signals::send(program, signal);
        }
        if self.is_filtered() {
            self.request_end(program, signal);
        } else {
            self.begin_detaching(Some(signal));
        }
    }

    /// Handles the end of the program: processes it left running are let go.
    pub(crate) fn program_has_ended(&mut self) {
        if !self.until_exit || self.tasks.is_empty() {
            return;
        }
        if self.is_filtered() {
            let list: Vec<String> = self.processes().iter().map(ToString::to_string).collect();
            let text = format!(
                "the program has ended and left processes {} running: they cannot run without a \
                 tracer under the filter of --only, and get SIGTERM, then SIGKILL",
                list.join(", ")
            );
            (self.warn)(&text);
            self.note(TaskId::NONE, NoteCode::STOPPING, Severity::WARNING, &text);
            self.request_end(None, SIGTERM);
        } else {
            self.begin_detaching(None);
        }
    }

    /// Passes a request to end on to the program, or to all processes it left running.
    fn request_end(&mut self, program: Option<Tid>, signal: Signal) {
        match program {
            Some(program) => signals::send(program, signal),
            None => self.processes().into_iter().for_each(|process| signals::send(process, signal)),
        }
        if self.detaching.is_none() {
            self.detaching = Some(Detaching::begin(Some(signal), Step::Asked));
        }
    }

    /// The processes of all tasks.
    fn processes(&self) -> BTreeSet<Tid> {
        self.tasks.iter().map(|(_, task)| task.tgid).collect()
    }

    /// Requests a stop of every task, to detach it there.
    fn begin_detaching(&mut self, signal: Option<Signal>) {
        if self.detaching.is_some() {
            return;
        }
        self.detaching = Some(Detaching::begin(signal, Step::Detaching));
        self.completeness.insert(Completeness::DETACHED);
        let count = self.tasks.len();
        let text = match signal {
            Some(signal) => {
                format!("recording ended by signal {} while {count} tasks were running", signal.0)
            }
            None => {
                format!("recording ended with the program, while {count} other tasks were running")
            }
        };
        self.note(TaskId::NONE, NoteCode::STOPPING, Severity::INFO, &text);
        self.cpu_affinity.release(&mut self.tasks);
        for tid in self.tasks.tids() {
            // If a task has died, wait reports it.
            _ = self.tracer.interrupt(tid);
        }
        self.release_preempted();
        for tid in self.parked.keys().copied().collect::<Vec<_>>() {
            self.adopt_parked(tid);
        }
    }

    /// Whether tasks are being detached.
    fn is_detaching(&self) -> bool {
        self.detaching.as_ref().is_some_and(|detaching| detaching.step == Step::Detaching)
    }

    /// Whether to detach the task at this stop.
    ///
    /// Not where a call begins: detaching interrupts the call (kernel/ptrace.c, `__ptrace_unlink`
    /// wakes the task as a signal does), and its result could no longer be corrected. With a
    /// trapped time-stamp counter only at the requested stop: at others a call is not over, or a
    /// signal is being delivered.
    pub(crate) fn detaches_at(&self, kind: StopKind, in_call: bool) -> bool {
        let is_asked_for = matches!(kind, StopKind::Group(_) | StopKind::Event(Event::STOP));
        self.is_detaching() && !in_call && (self.determinism.is_none() || is_asked_for)
    }

    /// Whether the task must be asked for another stop to detach it.
    pub(crate) fn needs_other_stop(&self) -> bool {
        self.is_detaching()
    }

    /// Kills or gives up what did not end in time.
    pub(crate) fn enforce_deadline(&mut self) {
        let Some(detaching) = &mut self.detaching else { return };
        match detaching.step {
            Step::Asked if detaching.elapsed() >= GRACE => {
                detaching.step = Step::Killed;
                detaching._alarm = None;
                let processes = self.processes();
                let list: Vec<String> = processes.iter().map(ToString::to_string).collect();
                let text = format!(
                    "processes {} did not end within {} s and were killed: they cannot run \
                     without a tracer under the filter of --only",
                    list.join(", "),
                    GRACE.as_secs()
                );
                (self.warn)(&text);
                self.note(TaskId::NONE, NoteCode::STOPPING, Severity::WARNING, &text);
                processes.into_iter().for_each(|process| signals::send(process, SIGKILL));
            }
            Step::Detaching if detaching.elapsed() >= PATIENCE => self.abandon(),
            _ => {}
        }
    }

    /// Gives up tasks that do not stop. The kernel detaches them when the recorder ends.
    fn abandon(&mut self) {
        let now = clock::monotonic_ns();
        for tid in self.tasks.tids() {
            let Some(task) = self.tasks.remove(tid) else { continue };
            let then = match self.determinism.is_some() {
                true => "it ends with the recorder",
                false => "the kernel detaches it when the recorder ends",
            };
            let text = format!("{}; {then}", Overdue::for_task(tid, Purpose::Detached, PATIENCE));
            (self.warn)(&text);
            self.note(task.id, NoteCode::STOPPING, Severity::WARNING, &text);
            self.gone_event(&task, WaitStatus(0), GoneHow::DETACHED, now);
        }
        self.due.clear();
    }

    /// Returns the task whose detach the recorder waits for, for the watchdog.
    pub(crate) fn awaited_detach(&self) -> Option<(Purpose, Tid, u64)> {
        let detaching =
            self.detaching.as_ref().filter(|detaching| detaching.step == Step::Detaching)?;
        let (tid, _) = self.tasks.iter().next()?;
        Some((Purpose::Detached, tid, detaching.since_ns))
    }

    /// Detaches from a task at its stop. A pending signal is delivered; a group stop continues.
    pub(crate) fn detach(&mut self, mut stop: Stop, t_ns: u64) {
        let tid = stop.tid();
        if self.determinism.is_some() && !self.untrap(&mut stop) {
            return;
        }
        let Some(id) = self.tasks.get(tid).map(|task| task.id) else { return };
        self.restart_original(&stop, id);
        let Some(task) = self.tasks.remove(tid) else { return };
        self.gone_event(&task, WaitStatus(0), GoneHow::DETACHED, t_ns.max(clock::monotonic_ns()));
        let signal = match stop.kind() {
            StopKind::Signal(signal) => signal,
            _ => Signal::NONE,
        };
        stop.detach(signal);
    }
}

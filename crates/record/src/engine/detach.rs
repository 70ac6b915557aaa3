//! Ends a recording before all of its tasks have ended: every task is left as it would be without a
//! recorder, in bounded time.
//!
//! A program under the recorder's seccomp filter (`--only`) cannot run on without a tracer: each
//! wanted call would fail with ENOSYS (seccomp(2)). So the request to end is passed on to it, and
//! processes that have not ended after [`GRACE`] are killed.
//!
//! A program whose time-stamp counter is trapped (`--replayable`) must first undo that by a call,
//! which its hook does ([`StopHook::before_detach`]).

use super::context::Context;
use super::hook::{Detach, Flow, StopHook};
use super::lifecycle::remove_task;
use super::restart::restart_original;
use std::collections::BTreeSet;
use std::time::Duration;
use sysreel_format::{Completeness, GoneHow, NoteCode, Severity, TaskId};
use sysreel_sys::signals::{self, Alarm, SIGKILL, SIGTERM};
use sysreel_sys::waiting::{Overdue, Purpose};
use sysreel_sys::{Event, Report, Signal, Stop, StopKind, Tid, WaitStatus, clock};

/// How long processes may take to end after a request.
const GRACE: Duration = Duration::from_secs(5);
/// How long a task may take to stop for its detach. The parent of a vfork, for one, does not stop
/// before its child has executed a program or ended (ptrace(2), PTRACE_INTERRUPT).
const PATIENCE: Duration = Duration::from_secs(5);

/// A recording that is being ended.
#[derive(Debug)]
pub(crate) struct Ending {
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

impl Ending {
    fn begin(signal: Option<Signal>, step: Step) -> Ending {
        let time = if step == Step::Detaching { PATIENCE } else { GRACE };
        Ending { signal, step, since_ns: clock::monotonic_ns(), _alarm: Alarm::after(time).ok() }
    }

    /// Passes a request to end on to the program, or to all processes it left running.
    pub(crate) fn request(cx: &Context, program: Option<Tid>, signal: Signal) -> Ending {
        match program {
            Some(program) => signals::send(program, signal),
            None => processes(cx).into_iter().for_each(|process| signals::send(process, signal)),
        }
        Ending::begin(Some(signal), Step::Asked)
    }

    /// Tells the processes that the program left running, and that cannot run on, to end.
    pub(crate) fn request_leftover(cx: &mut Context, why: &str) -> Ending {
        let text = format!(
            "the program has ended and left processes {} running: {why}, so they get \
             SIGTERM, then SIGKILL",
            list(&processes(cx))
        );
        (cx.log.warn)(&text);
        cx.log.note(TaskId::NONE, NoteCode::STOPPING, Severity::WARNING, &text);
        Ending::request(cx, None, SIGTERM)
    }

    /// Requests a stop of every task, to detach it there.
    pub(crate) fn detach_all(
        cx: &mut Context,
        hooks: &mut impl StopHook,
        signal: Option<Signal>,
    ) -> Ending {
        let ending = Ending::begin(signal, Step::Detaching);
        cx.is_ending = true;
        let count = cx.tasks.len();
        if count == 0 && cx.peers.is_some() {
            // Other tracers have tasks.
            return ending;
        }
        cx.log.completeness.insert(Completeness::DETACHED);
        let text = match signal {
            Some(signal) => {
                format!("recording ended by signal {} while {count} tasks were running", signal.0)
            }
            None => {
                format!("recording ended with the program, while {count} other tasks were running")
            }
        };
        cx.log.note(TaskId::NONE, NoteCode::STOPPING, Severity::INFO, &text);
        hooks.begin_detaching(cx);
        for (_, task) in cx.tasks.iter() {
            // If a task has died, wait reports it.
            _ = cx.tracer.interrupt(task.tid);
        }
        ending
    }

    /// Whether tasks are being detached.
    pub(crate) fn is_detaching(&self) -> bool {
        self.step == Step::Detaching
    }

    /// Whether to detach the task of the current stop.
    ///
    /// Not where a call begins: detaching interrupts the call (kernel/ptrace.c, `__ptrace_unlink`
    /// wakes the task as a signal does), and its result could no longer be corrected. Where only a
    /// requested stop will do: at others a call is not over, or a signal is being delivered.
    pub(crate) fn detaches_at(&self, kind: StopKind, in_call: bool, where_to: Detach) -> bool {
        let is_asked_for = matches!(kind, StopKind::Group(_) | StopKind::Event(Event::STOP));
        self.is_detaching() && !in_call && (where_to == Detach::Anywhere || is_asked_for)
    }

    /// Kills or gives up what did not end in time.
    pub(crate) fn enforce_deadline(&mut self, cx: &mut Context, hooks: &mut impl StopHook) {
        let elapsed = Duration::from_nanos(clock::monotonic_ns().saturating_sub(self.since_ns));
        match self.step {
            Step::Asked if elapsed >= GRACE => {
                self.step = Step::Killed;
                self._alarm = None;
                let why = match hooks.can_detach() {
                    Detach::Nowhere(why) | Detach::AtInterrupt(why) => why,
                    Detach::Anywhere => "asked to end",
                };
                let processes = processes(cx);
                let text = format!(
                    "processes {} did not end within {} s and were killed: {why}",
                    list(&processes),
                    GRACE.as_secs()
                );
                (cx.log.warn)(&text);
                cx.log.note(TaskId::NONE, NoteCode::STOPPING, Severity::WARNING, &text);
                processes.into_iter().for_each(|process| signals::send(process, SIGKILL));
            }
            Step::Detaching if elapsed >= PATIENCE => abandon(cx, hooks),
            _ => {}
        }
    }

    /// Returns the task whose detach the recorder waits for, for the watchdog.
    pub(crate) fn awaited_detach(&self, cx: &Context) -> Option<(Purpose, Tid, u64)> {
        let (_, task) = cx.tasks.iter().next().filter(|_| self.is_detaching())?;
        Some((Purpose::Detached, task.tid, self.since_ns))
    }
}

/// The processes of all tasks.
fn processes(cx: &Context) -> BTreeSet<Tid> {
    cx.tasks.iter().map(|(_, task)| task.tgid).collect()
}

fn list(processes: &BTreeSet<Tid>) -> String {
    processes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Gives up tasks that do not stop. The kernel detaches them when the recorder ends.
fn abandon(cx: &mut Context, hooks: &mut impl StopHook) {
    let now = clock::monotonic_ns();
    let then = match hooks.can_detach() {
        Detach::Anywhere => "the kernel detaches it when the recorder ends",
        Detach::AtInterrupt(_) | Detach::Nowhere(_) => "it ends with the recorder",
    };
    for slot in cx.tasks.slots() {
        let Some((id, tid)) = cx.tasks.at(slot).map(|task| (task.id, task.tid)) else { continue };
        let text = format!("{}; {then}", Overdue::for_task(tid, Purpose::Detached, PATIENCE));
        (cx.log.warn)(&text);
        cx.log.note(id, NoteCode::STOPPING, Severity::WARNING, &text);
        remove_task(cx, hooks, slot, WaitStatus(0), GoneHow::DETACHED, now);
    }
    cx.due.clear();
}

/// Detaches from the task of the current stop. A pending signal is delivered; a group stop
/// continues.
pub(crate) fn detach(cx: &mut Context, hooks: &mut impl StopHook, mut stop: Stop) {
    match hooks.before_detach(cx, &mut stop) {
        Flow::Stays => {}
        Flow::Moved => return cx.due.push_first(Report::Stopped(stop), clock::monotonic_ns()),
        Flow::Left => return stop.discard(),
    }
    restart_original(cx, &stop);
    let t_ns = cx.at.t_ns.max(clock::monotonic_ns());
    remove_task(cx, hooks, cx.at.slot, WaitStatus(0), GoneHow::DETACHED, t_ns);
    let signal = match stop.kind() {
        StopKind::Signal(signal) => signal,
        _ => Signal::NONE,
    };
    stop.detach(signal);
}

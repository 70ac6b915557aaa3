//! Drives one task to its next stop while other tasks report.
//!
//! Nothing else in the recorder waits for a certain task. The wait is for any task, and what the
//! others report is queued, so that a task on which the driven one depends cannot block it: an
//! execve, and the end of a thread group's leader, wait for the end of all other threads of the
//! process (ptrace(2), "execve(2) under ptrace"), and those are stopped at their exit events until
//! they are let go on.

use super::context::Context;
use super::due::Passed;
use super::task::{NextStop, Task};
use crate::watchdog;
use std::time::Duration;
use sysreel_abi::CallKind;
use sysreel_sys::remote::Called;
use sysreel_sys::signals::Alarm;
use sysreel_sys::waiting::Purpose;
use sysreel_sys::{
    Call, Error, Event, InjectionPoint, Report, Resume, Signal, Stop, StopKind, SyscallInfo, Tid,
    clock, process,
};

/// How long a task may take to stop. A task in an uninterruptible wait does not stop.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// Why a task was not driven to a stop that its driver can use.
#[derive(Debug)]
pub(crate) enum Undriven {
    /// The task has ended; the report of its end is queued.
    Ended,
    /// The task is ending: the stop is now that of its exit event, and is still to be recorded.
    Ending,
    /// The task has not stopped in time. It runs.
    Late(Duration),
    /// A request to the kernel failed.
    Failed(Error),
}

impl From<Error> for Undriven {
    fn from(error: Error) -> Undriven {
        Undriven::Failed(error)
    }
}

/// The time that a task has to stop. The tracer is woken when it is over.
pub(crate) struct Deadline {
    begun: u64,
    time: Duration,
    _alarm: Option<Alarm>,
}

impl Deadline {
    /// Starts now.
    pub(crate) fn after(time: Duration) -> Deadline {
        // Without an alarm the watchdog wakes the tracer.
        Deadline { begun: clock::monotonic_ns(), time, _alarm: Alarm::after(time).ok() }
    }

    /// The longest time: that of the watchdog, which wakes the tracer.
    pub(crate) fn watched() -> Deadline {
        Deadline { begun: clock::monotonic_ns(), time: watchdog::LIMIT, _alarm: None }
    }

    /// Starts again. The alarm goes on waking the tracer.
    pub(crate) fn restart(&mut self) {
        self.begun = clock::monotonic_ns();
    }

    fn is_over(&self) -> bool {
        u128::from(clock::monotonic_ns().saturating_sub(self.begun)) >= self.time.as_nanos()
    }
}

impl Context {
    /// Resumes a task from its stop, which its next stop replaces.
    ///
    /// # Errors
    /// [`Undriven`]. After [`Undriven::Ended`] and [`Undriven::Late`] the task is no longer in the
    /// stop.
    pub(crate) fn drive(
        &mut self,
        stop: &mut Stop,
        how: Resume,
        signal: Signal,
        deadline: &Deadline,
    ) -> Result<(), Undriven> {
        let tid = stop.tid();
        stop.resume_in_place(how, signal);
        *stop = self.await_stop(tid, deadline)?;
        if stop.kind() == StopKind::Event(Event::EXIT) { Err(Undriven::Ending) } else { Ok(()) }
    }

    /// Makes the task make a call at `point`, then restores its registers. The whole call, with the
    /// stops on its way, has a limited time.
    ///
    /// # Errors
    /// As [`Context::drive`].
    pub(crate) fn call_in(
        &mut self,
        stop: &mut Stop,
        point: InjectionPoint,
        call: Call,
    ) -> Result<Called, Undriven> {
        let tid = stop.tid();
        let deadline = Deadline::watched();
        stop.make_call(point, call, |stop| {
            if deadline.is_over() {
                let seconds = deadline.time.as_secs();
                let text = format!("a call for the tracer in task {tid} took over {seconds} s");
                return Err(Error::Unsupported(text).into());
            }
            self.drive(stop, Resume::ToNextSyscall, Signal::NONE, &deadline)
        })
    }

    /// Whether a task stops without being asked: its stop is due, or it is new and its first stop,
    /// which looks like that of PTRACE_INTERRUPT and would be merged with it (ptrace(2)), has not
    /// come.
    pub(crate) fn owes_stop(&self, task: &Task) -> bool {
        task.next_stop != NextStop::Any || self.due.has(task.tid)
    }

    /// Returns the next stop of a task, requesting one if none is due, and when it was reported.
    /// `None` when the task ends or does not stop in time.
    ///
    /// # Errors
    /// When wait4(2) fails.
    pub(crate) fn bring_to_stop(&mut self, tid: Tid) -> Result<Option<(Stop, u64)>, Error> {
        if let Some(stop) = self.due.take_stop(tid) {
            return Ok(Some(stop));
        }
        if self.tracer.interrupt(tid).is_err() {
            return Ok(None);
        }
        match self.await_stop(tid, &Deadline::after(STOP_WITHIN)) {
            Ok(stop) => Ok(Some((stop, clock::monotonic_ns()))),
            Err(Undriven::Failed(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Waits for a report of any task, for a limited time. Returns whether one came.
    ///
    /// # Errors
    /// When wait4(2) fails.
    pub(crate) fn await_any(&mut self) -> Result<bool, Error> {
        let deadline = Deadline::after(STOP_WITHIN);
        loop {
            match self.tracer.wait()? {
                report @ (Report::Stopped(_) | Report::Gone { .. }) => {
                    self.due.push(report);
                    return Ok(true);
                }
                Report::NoTasks => return Ok(false),
                Report::Interrupted if deadline.is_over() => return Ok(false),
                Report::Interrupted => {}
            }
        }
    }

    /// Waits until a running task stops or ends. Queues what other tasks report.
    fn await_stop(&mut self, tid: Tid, deadline: &Deadline) -> Result<Stop, Undriven> {
        self.tracer.waiting().begin(Purpose::Driven, tid);
        let result = loop {
            match self.tracer.wait() {
                Ok(Report::Stopped(stop)) if stop.tid() == tid => break Ok(stop),
                Ok(Report::Stopped(stop)) => self.queue_other(stop, tid),
                Ok(Report::Gone { tid: gone, status }) => {
                    self.due.push(Report::Gone { tid: gone, status });
                    if gone == tid {
                        break Err(Undriven::Ended);
                    }
                }
                Ok(Report::Interrupted) if deadline.is_over() => {
                    break Err(Undriven::Late(deadline.time));
                }
                Ok(Report::Interrupted) => {}
                Ok(Report::NoTasks) => break Err(Undriven::Ended),
                Err(error) => break Err(error.into()),
            }
        };
        self.tracer.waiting().end();
        result
    }

    /// Queues the stop of another task. If the driven task may be waiting for the end of this one,
    /// it is let go on, and its exit event is recorded later, without what hooks would add to it.
    fn queue_other(&mut self, stop: Stop, driven: Tid) {
        let is_end = stop.kind() == StopKind::Event(Event::EXIT);
        if !is_end || !self.may_wait_for_end_of(stop.tid(), driven) {
            return self.due.push(Report::Stopped(stop));
        }
        let mut info = SyscallInfo::new();
        _ = stop.syscall_info(&mut info);
        self.due.push_passed(Passed {
            tid: stop.tid(),
            status: stop.status(),
            info: (info.returned(), info.bytes().to_vec()),
            message: stop.event_message().ok(),
            cpu_time: Some(process::cpu_time(stop.tid())),
        });
        stop.resume(Resume::ToNextSyscall, Signal::NONE);
    }

    /// Whether a task may be waiting for the end of another thread of its process: in an execve, at
    /// its own end as the leader, or in an unknown call when it was attached to.
    fn may_wait_for_end_of(&self, other: Tid, task: Tid) -> bool {
        let (Some(task), Some(other)) = (self.tasks.get(task), self.tasks.get(other)) else {
            return false;
        };
        let is_in_exec = task.call.is_some_and(|call| call.row.kind == CallKind::Exec);
        task.tgid == other.tgid && (is_in_exec || task.ending || !task.captured)
    }
}

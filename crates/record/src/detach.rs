//! Ending a recording before the program ends: every task is let go as it would be without a recorder.

use crate::session::Session;
use sysreel_format::{Completeness, GoneHow, NoteCode, Severity, TaskId};
use sysreel_sys::{Signal, Stop, StopKind, WaitStatus, clock, signals};

impl Session {
    /// A signal asked the recorder to end.
    ///
    /// A program under a filter of ours cannot go on alone: without a tracer each call that is wanted would answer ENOSYS (seccomp(2)).
    /// Nor can one whose time-stamp counter is answered by its recorder.
    /// So the request is passed on to the program, and the recording ends with it.
    pub(crate) fn asked_to_end(&mut self, signal: Signal) {
        if !self.is_filtered() && self.envelope.is_none() {
            return self.begin_detaching(signal);
        }
        match self.main.filter(|&program| self.tasks.get(program).is_some()) {
            Some(program) => signals::send(program, signal),
            // What it left behind runs under the filter too.
            None => self
                .tasks
                .iter()
                .filter(|(tid, task)| *tid == task.tgid)
                .for_each(|(tid, _)| signals::send(tid, signal)),
        }
    }

    /// Asks every task for a stop to detach it at.
    ///
    /// A task in an uninterruptible wait, such as the parent of a vfork, stops only when that wait is over; there is nothing to do but to
    /// wait with it.
    fn begin_detaching(&mut self, signal: Signal) {
        if self.detaching.is_some() {
            return;
        }
        self.detaching = Some(signal);
        self.completeness.insert(Completeness::DETACHED);
        let text =
            format!("recording ended by signal {} while {} tasks were running", signal.0, self.tasks.len());
        self.note(TaskId::NONE, NoteCode::STOPPING, Severity::INFO, &text);
        self.colocation.release(&mut self.tasks);
        for tid in self.tasks.tids() {
            // A task that died will be reported as gone.
            _ = self.tracer.interrupt(tid);
        }
        for tid in self.parked.keys().copied().collect::<Vec<_>>() {
            self.adopt_parked(tid);
        }
    }

    /// Lets go of a task in its stop. A signal that it stands before is delivered, a group stop goes on.
    pub(crate) fn detach(&mut self, stop: Stop, t_ns: u64) {
        let tid = stop.tid();
        let Some(task) = self.tasks.remove(tid) else { return };
        self.gone_event(&task, WaitStatus(0), GoneHow::DETACHED, t_ns.max(clock::monotonic_ns()));
        let signal = match stop.kind() {
            StopKind::Signal(signal) => signal,
            _ => Signal::NONE,
        };
        stop.detach(signal);
    }
}

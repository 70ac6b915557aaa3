//! Shows the program to the shell as a job: when the program stops and continues, so does the
//! process that the shell waits for.

use sysreel_sys::front::Front;
use sysreel_sys::{Signal, Tid};

/// The program's job state.
#[derive(Default)]
pub(crate) struct Job {
    front: Option<Front>,
    /// The thread whose group stop showed that the program is stopped. Others may not have stopped
    /// yet.
    stopped: Option<Tid>,
    before_stop: Option<Box<dyn Fn()>>,
}

impl Job {
    pub(crate) fn new(front: Option<Front>) -> Job {
        Job { front, ..Job::default() }
    }

    /// Sets what to do before the shell is shown that the program has stopped.
    pub(crate) fn before_stop(&mut self, tidy_up: Box<dyn Fn()>) {
        self.before_stop = Some(tidy_up);
    }

    /// Handles a group stop of a thread of the program itself, not of a child.
    pub(crate) fn program_stopped(&mut self, tid: Tid, signal: Signal) {
        let Some(front) = self.front else { return };
        if self.stopped.is_none() {
            self.stopped = Some(tid);
            front.stop_by(signal, || {
                if let Some(tidy_up) = &self.before_stop {
                    tidy_up();
                }
            });
        }
    }

    /// Handles a task that is no longer in a group stop: PTRACE_LISTEN makes it report nothing
    /// before the end of that stop (ptrace(2)).
    pub(crate) fn continued(&mut self, tid: Tid) {
        if self.stopped == Some(tid) {
            self.stopped = None;
            if let Some(front) = self.front {
                front.go_on();
            }
        }
    }
}

//! Shows the program to the shell as a job: when the program stops and continues, so does the
//! process that the shell waits for.

use crate::session::Session;
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

    pub(crate) fn before_stop(&mut self, tidy_up: Box<dyn Fn()>) {
        self.before_stop = Some(tidy_up);
    }
}

impl Session {
    /// Handles a group stop of a task: stops the front if the task belongs to the program itself,
    /// not to a child.
    pub(crate) fn group_stopped(&mut self, tid: Tid, signal: Signal) {
        let Some(front) = self.job.front else { return };
        let is_main =
            self.main.is_some_and(|main| self.tasks.get(tid).is_some_and(|task| task.tgid == main));
        if is_main && self.job.stopped.is_none() {
            self.job.stopped = Some(tid);
            front.stop_by(signal, || {
                if let Some(tidy_up) = &self.job.before_stop {
                    tidy_up();
                }
            });
        }
    }

    /// Handles a task that is no longer in a group stop: PTRACE_LISTEN makes it report nothing
    /// before the end of that stop (ptrace(2)).
    pub(crate) fn task_continued(&mut self, tid: Tid) {
        if self.job.stopped == Some(tid) {
            self.job.stopped = None;
            if let Some(front) = self.job.front {
                front.go_on();
            }
        }
    }
}

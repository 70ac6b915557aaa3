//! The program as a job of the shell: when it stops and goes on, the process that the shell waits
//! for does so too.

use crate::session::Session;
use sysreel_sys::front::Front;
use sysreel_sys::{Signal, Tid};

/// What the shell is to see of the program.
#[derive(Default)]
pub(crate) struct Job {
    front: Option<Front>,
    /// The thread whose group stop has shown that the program is stopped. Others may still be on
    /// their way into that stop.
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
    /// A task has come to a group stop. It is told of when it is one of the program itself, and not
    /// of one of its children.
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

    /// A task that may have been in a group stop is in it no more: PTRACE_LISTEN lets it report
    /// nothing before (ptrace(2)).
    pub(crate) fn goes_on(&mut self, tid: Tid) {
        if self.job.stopped == Some(tid) {
            self.job.stopped = None;
            if let Some(front) = self.job.front {
                front.go_on();
            }
        }
    }
}

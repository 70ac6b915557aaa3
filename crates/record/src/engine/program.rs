//! The program that the recorder started.

use super::job::Job;
use sysreel_sys::{Tid, WaitStatus};

/// The spawned program, if there is one.
pub(crate) struct Program {
    pub(crate) tid: Option<Tid>,
    /// Its wait status once it has ended.
    pub(crate) status: Option<WaitStatus>,
    /// Shows its stops to the shell.
    pub(crate) job: Job,
    /// End the recording with the program, even if it leaves processes running.
    pub(crate) until_exit: bool,
}

impl Program {
    /// Whether this is the program. The kernel may give its id to another task after its end.
    pub(crate) fn is(&self, tid: Tid) -> bool {
        self.tid == Some(tid) && self.status.is_none()
    }
}

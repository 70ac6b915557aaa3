//! Names what the recorder waits for when it waits for one certain task for too long.
//!
//! Waiting for any task is never looked at: a server that is recorded may idle for hours.

use std::time::Duration;
use sysreel_sys::signals::Waker;
use sysreel_sys::waiting::Waiting;

/// After how long a wait is named.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Looked at by the writer thread, once a second.
pub(crate) struct Watchdog {
    waiting: Waiting,
    tracer: Waker,
    /// What tells the user.
    pub(crate) warn: fn(&str),
}

impl Watchdog {
    /// Watches the calling thread.
    pub(crate) fn of_this_thread(waiting: Waiting, warn: fn(&str)) -> Watchdog {
        Watchdog { waiting, tracer: Waker::of_this_thread(), warn }
    }

    /// Tells of a wait that has become overdue, and wakes the tracer, which may have to give up.
    pub(crate) fn look(&self) {
        if let Some(overdue) = self.waiting.overdue(LIMIT) {
            (self.warn)(&overdue.to_string());
            self.tracer.wake();
        }
    }
}

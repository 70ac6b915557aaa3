//! Reports a wait for one certain task that takes too long.
//!
//! A wait for any task is never reported: a recorded server may idle for hours.

use std::time::Duration;
use sysreel_sys::signals::Waker;
use sysreel_sys::waiting::Waiting;

/// How long a wait may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Checked by the writer thread once a second.
pub(crate) struct Watchdog {
    waiting: Waiting,
    tracer: Waker,
    /// Shows the user a warning.
    pub(crate) warn: fn(&str),
}

impl Watchdog {
    /// Returns a watchdog for the calling thread.
    pub(crate) fn for_this_thread(waiting: Waiting, warn: fn(&str)) -> Watchdog {
        Watchdog { waiting, tracer: Waker::for_this_thread(), warn }
    }

    /// Warns of an overdue wait, and wakes the tracer, which may have to give up.
    pub(crate) fn check(&self) {
        if let Some(overdue) = self.waiting.overdue(LIMIT) {
            (self.warn)(&overdue.to_string());
            self.tracer.wake();
        }
    }
}

//! Decides whose report is handled next.

use super::context::Context;
use super::due::Arrival;
use crate::error::Error;
use sysreel_sys::{Resume, Stop};

/// Chooses among the reports that are due.
pub(crate) trait Scheduler {
    /// Takes the next report to handle. `None` when none of those that are due can be handled yet.
    fn pick(&mut self, cx: &mut Context) -> Option<Arrival>;

    /// Called before the engine waits for a report.
    fn before_wait(&mut self, _cx: &mut Context) {}

    /// Called when a report has arrived after a wait, and is queued.
    ///
    /// # Errors
    /// When wait4(2) fails.
    fn arrived(&mut self, _cx: &mut Context) -> Result<(), Error> {
        Ok(())
    }

    /// A signal handler of the recorder has run: some time may have passed.
    fn interrupted(&mut self, _cx: &mut Context) {}

    /// The task of the current stop is about to be resumed from it, without a signal if it is in a
    /// syscall stop. Returns the stop, or keeps it to resume the task later.
    fn resumes(&mut self, _cx: &mut Context, stop: Stop, _how: Resume) -> Option<Stop> {
        Some(stop)
    }

    /// Resumes all tasks that are kept stopped, because the recording ends.
    fn release(&mut self, _cx: &mut Context) {}
}

/// Handles reports in the order of their arrival.
///
/// wait4(2) searches the tracees in the order of a list: with several busy ones, the first would be
/// reported again and again and the last never. So all reports that are due are taken before the
/// first is handled. A single task does not need this, and where polls find nothing (a shell that
/// waits for its children) they become rarer.
#[derive(Debug, Default)]
pub(crate) struct FairScheduler {
    polls: Polls,
}

impl Scheduler for FairScheduler {
    fn pick(&mut self, cx: &mut Context) -> Option<Arrival> {
        cx.due.take()
    }

    fn arrived(&mut self, cx: &mut Context) -> Result<(), Error> {
        self.polls.arrived(cx)
    }
}

/// Decides when to take all reports that are due.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    /// Consecutive polls that found nothing.
    empty_polls: u32,
    /// Reports since the last poll.
    reports: u32,
}

impl Polls {
    /// The most reports of other tasks that a task waits for.
    const MAX_REPORTS: u32 = 8;

    fn should_poll(&mut self) -> bool {
        self.reports += 1;
        self.reports >= (1 << self.empty_polls.min(Self::MAX_REPORTS.ilog2()))
    }

    fn polled(&mut self, any: bool) {
        self.reports = 0;
        self.empty_polls = if any { 0 } else { self.empty_polls.saturating_add(1) };
    }

    /// Called when a report has arrived after a wait: takes what else is due, if it is time.
    ///
    /// # Errors
    /// When wait4(2) fails.
    pub(crate) fn arrived(&mut self, cx: &mut Context) -> Result<(), Error> {
        if cx.tasks.len() > 1 && self.should_poll() {
            let before = cx.due.len();
            cx.take_due()?;
            self.polled(cx.due.len() > before);
        }
        Ok(())
    }
}

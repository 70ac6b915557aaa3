//! Reports of wait4(2), without loss.

use crate::stop::Stop;
use crate::tracer::Tracer;
use crate::waiting::{Purpose, Stall};
use crate::{Error, Result, Tid, raw};

pub use crate::wait_status::{Event, Signal, WaitStatus};

/// A report of wait4(2).
#[derive(Debug)]
pub enum Report {
    /// A task stopped. It remains stopped until the stop is consumed.
    Stopped(Stop),
    /// A task ended and has been reaped.
    Gone {
        /// The task.
        tid: Tid,
        /// Its wait status.
        status: WaitStatus,
    },
    /// A signal handler ran (EINTR).
    Interrupted,
    /// No tracee or child is left (ECHILD).
    NoTasks,
}

impl Report {
    /// The task of the report.
    pub fn tid(&self) -> Option<Tid> {
        match self {
            Report::Stopped(stop) => Some(stop.tid()),
            Report::Gone { tid, .. } => Some(*tid),
            Report::Interrupted | Report::NoTasks => None,
        }
    }
}

impl Tracer {
    /// Waits for the next report of any tracee or child, with one system call.
    ///
    /// # Errors
    /// Any errno of wait4(2) but EINTR and ECHILD, which are reports.
    pub fn wait(&self) -> Result<Report> {
        self.wait_with(-1, 0).map(|report| report.unwrap_or(Report::Interrupted))
    }

    /// Returns the next report of any tracee, or `None` when there is none yet.
    ///
    /// # Errors
    /// As [`Tracer::wait`].
    pub fn poll(&self) -> Result<Option<Report>> {
        self.wait_with(-1, libc::WNOHANG)
    }

    /// Waits for the next report of one task, or until a signal handler has run.
    pub(crate) fn wait_once_for(&self, tid: Tid) -> Result<Report> {
        self.wait_with(tid, 0).map(|report| report.unwrap_or(Report::Interrupted))
    }

    /// Waits for the next report of one task; signal handlers do not end the wait.
    ///
    /// # Errors
    /// As [`Tracer::wait`], and once the tracer's patience is over.
    pub fn wait_for(&self, tid: Tid) -> Result<Report> {
        self.waiting().begin(Purpose::Driven, tid);
        let mut stall = Stall::new(tid, self.patience);
        let report = loop {
            match self.wait_with(tid, 0) {
                Ok(Some(Report::Interrupted) | None) => match stall.check() {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
                Ok(Some(report)) => break Ok(report),
                Err(error) => break Err(error),
            }
        };
        self.waiting().end();
        report
    }

    fn wait_with(&self, tid: Tid, flags: i32) -> Result<Option<Report>> {
        let mut status = 0;
        // __WALL includes clone children with any exit signal.
        let answer = raw::wait4(tid, &mut status, libc::__WALL | self.wait_flags | flags);
        let status = WaitStatus(status);
        match answer {
            Ok(0) => Ok(None),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR) => Ok(Some(Report::Interrupted)),
                Some(libc::ECHILD) => Ok(Some(Report::NoTasks)),
                _ => Err(Error::io("wait4", error)),
            },
            Ok(tid) if status.is_stopped() => {
                let stop = Stop::new(tid, status);
                self.unpark(tid, Some(&stop));
                Ok(Some(Report::Stopped(stop)))
            }
            Ok(tid) => {
                self.unpark(tid, None);
                Ok(Some(Report::Gone { tid, status }))
            }
        }
    }
}

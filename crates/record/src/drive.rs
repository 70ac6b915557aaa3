//! Brings a certain task to a stop while other tasks report.

use crate::error::Error;
use crate::session::Session;
use std::time::Duration;
use sysreel_sys::signals::Alarm;
use sysreel_sys::waiting::Purpose;
use sysreel_sys::{Report, Stop, Tid, clock};

/// How long a task may take to stop. A task in an uninterruptible wait does not stop.
const STOP_WITHIN: Duration = Duration::from_secs(1);

impl Session {
    /// Returns the next stop of a task, requesting one if none is due. Reports of other tasks are
    /// queued. `None` when the task ends or does not stop in time.
    pub(crate) fn bring_to_stop(&mut self, tid: Tid) -> Result<Option<(Stop, u64)>, Error> {
        if let Some(stop) = self.due_stop(tid) {
            return Ok(Some(stop));
        }
        if self.tracer.interrupt(tid).is_err() {
            return Ok(None);
        }
        let begun = clock::monotonic_ns();
        let _alarm = Alarm::after(STOP_WITHIN);
        self.tracer.waiting().begin(Purpose::Driven, tid);
        let stop = loop {
            let report = self.tracer.wait()?;
            let ends = matches!(&report, Report::Gone { tid: other, .. } if *other == tid);
            let late = matches!(report, Report::Interrupted)
                && u128::from(clock::monotonic_ns() - begun) >= STOP_WITHIN.as_nanos();
            match report {
                Report::Stopped(_) | Report::Gone { .. } => {
                    self.due.push_back((report, clock::monotonic_ns()));
                }
                Report::NoTasks => break None,
                Report::Interrupted => {}
            }
            let stop = self.due_stop(tid);
            if stop.is_some() || ends || late {
                break stop;
            }
        };
        self.tracer.waiting().end();
        Ok(stop)
    }

    /// Returns the stop of a task that was reported and not yet handled.
    fn due_stop(&mut self, tid: Tid) -> Option<(Stop, u64)> {
        let of_task = |(report, _): &(Report, u64)| {
            matches!(report,
            Report::Stopped(stop) if stop.tid() == tid)
        };
        let at = self.due.iter().position(of_task)?;
        match self.due.remove(at)? {
            (Report::Stopped(stop), t_ns) => Some((stop, t_ns)),
            _ => None,
        }
    }
}

//! Tracks which task a tracer waits for, so that another thread can report a wait that takes too
//! long.
//!
//! A wait for any task can be arbitrarily long: a recorded server idles for hours. A wait for one
//! certain task is internal to the recorder and should take microseconds.

use crate::{Error, Result, Tid, clock, process};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Why a tracer waits for one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// The task was resumed and is to stop again.
    Driven = 1,
    /// The task's maker is to report it.
    Parked = 2,
    /// The task is to stop so that it can be detached.
    Detached = 3,
}

impl Purpose {
    fn from_number(number: u32) -> Option<Purpose> {
        [Purpose::Driven, Purpose::Parked, Purpose::Detached]
            .into_iter()
            .find(|purpose| *purpose as u32 == number)
    }
}

/// A tracer's current wait, shared with a watchdog thread.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    purpose: AtomicU32,
    tid: AtomicI32,
    since_ns: AtomicU64,
    /// The beginning of the wait that was last reported.
    reported_ns: AtomicU64,
}

/// A wait that takes too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The awaited task.
    pub tid: Tid,
    /// The purpose of the wait.
    pub purpose: Purpose,
    /// The duration of the wait.
    pub time: Duration,
    /// The task's name.
    pub comm: Vec<u8>,
    /// The task's state, a letter (proc(5)); `?` when it has ended.
    pub state: u8,
    /// The kernel function it sleeps in; empty when it does not sleep or /proc hides it.
    pub wchan: Vec<u8>,
}

impl Waiting {
    /// Starts a wait for a task.
    pub fn begin(&self, purpose: Purpose, tid: Tid) {
        self.begin_at(purpose, tid, clock::monotonic_ns());
    }

    /// Like [`Waiting::begin`], for a wait that began earlier. Repeating it for the same wait has
    /// no effect.
    pub fn begin_at(&self, purpose: Purpose, tid: Tid, since_ns: u64) {
        self.state.tid.store(tid, Ordering::Relaxed);
        self.state.since_ns.store(since_ns, Ordering::Relaxed);
        self.state.purpose.store(purpose as u32, Ordering::Release);
    }

    /// Ends the wait.
    pub fn end(&self) {
        self.state.purpose.store(0, Ordering::Release);
    }

    /// Returns the current wait if it has lasted longer than `limit`, once for each wait.
    pub fn overdue(&self, limit: Duration) -> Option<Overdue> {
        let purpose = Purpose::from_number(self.state.purpose.load(Ordering::Acquire))?;
        let since_ns = self.state.since_ns.load(Ordering::Relaxed);
        let time = Duration::from_nanos(clock::monotonic_ns().saturating_sub(since_ns));
        if time < limit || self.state.reported_ns.swap(since_ns, Ordering::Relaxed) == since_ns {
            return None;
        }
        Some(Overdue::for_task(self.state.tid.load(Ordering::Relaxed), purpose, time))
    }
}

/// How long a task has neither reported nor run. One that computes makes progress, and one that is
/// ready to run has to wait for a CPU.
#[derive(Debug)]
pub(crate) struct Stall {
    tid: Tid,
    patience: Option<Duration>,
    cpu_time: (u64, u64),
    /// When it was last seen to run, or first looked at.
    since: Option<Instant>,
}

impl Stall {
    /// Begins a wait for a task, without end if there is no patience.
    pub(crate) fn new(tid: Tid, patience: Option<Duration>) -> Stall {
        Stall { tid, patience, cpu_time: (0, 0), since: None }
    }

    /// Looks whether the task has run since the last look.
    ///
    /// # Errors
    /// When it has not for too long.
    pub(crate) fn check(&mut self) -> Result<()> {
        let Some(patience) = self.patience else { return Ok(()) };
        let cpu_time = process::cpu_time(self.tid);
        let is_ready = process::Status::read(self.tid).is_ok_and(|status| status.state == b'R');
        // A tracer may have switched the time-stamp counter off.
        let now = clock::with_time_stamps(Instant::now);
        if std::mem::replace(&mut self.cpu_time, cpu_time) != cpu_time || is_ready {
            self.since = Some(now);
        }
        match now.duration_since(*self.since.get_or_insert(now)) {
            time if time < patience => Ok(()),
            time => {
                let overdue = Overdue::for_task(self.tid, Purpose::Driven, time);
                Err(Error::Unsupported(overdue.to_string()))
            }
        }
    }
}

impl Overdue {
    /// Reads the state of the awaited task from /proc.
    pub fn for_task(tid: Tid, purpose: Purpose, time: Duration) -> Overdue {
        let status = process::Status::read(tid).unwrap_or_default();
        let state = if status.state == 0 { b'?' } else { status.state };
        Overdue { tid, purpose, time, comm: status.comm, state, wchan: process::file(tid, "wchan") }
    }
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overdue { tid, purpose, time, comm, state, wchan } = self;
        let what = match purpose {
            Purpose::Driven => "to stop again",
            Purpose::Parked => "to be announced by its parent",
            Purpose::Detached => "to stop so that it can be detached",
        };
        let comm = String::from_utf8_lossy(comm);
        let seconds = time.as_secs();
        write!(f, "waited for {seconds} s for task {tid} ({}) {what}", comm.escape_debug())?;
        write!(f, "; its state is {}", char::from(*state))?;
        match wchan.trim_ascii() {
            b"" | b"0" => Ok(()),
            wchan => write!(f, ", in {}", String::from_utf8_lossy(wchan)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::Ticker;
    use crate::{Report, Resume, Signal, Tracer};

    #[test]
    fn a_wait_is_reported_once_with_what_the_task_does() {
        let waiting = Waiting::default();
        assert_eq!(waiting.overdue(Duration::ZERO), None);
        let own = Tid::try_from(std::process::id()).unwrap();
        waiting.begin_at(Purpose::Driven, own, 1);
        assert_eq!(waiting.overdue(Duration::MAX), None);
        let overdue = waiting.overdue(Duration::from_secs(10)).unwrap();
        assert_eq!((overdue.tid, overdue.purpose), (own, Purpose::Driven));
        let text = overdue.to_string();
        assert!(
            text.contains(&format!("task {own} (")) && text.contains("its state is "),
            "{text}"
        );
        assert_eq!(waiting.overdue(Duration::from_secs(10)), None);
        waiting.begin_at(Purpose::Parked, own, 2);
        assert!(waiting.overdue(Duration::from_secs(10)).is_some());
        waiting.end();
        assert_eq!(waiting.overdue(Duration::ZERO), None);
    }

    /// A task that sleeps, and is not asked to stop, reports nothing.
    #[test]
    fn a_wait_for_a_task_that_does_not_run_ends() {
        const PATIENCE: Duration = Duration::from_millis(200);
        let mut sleeper = std::process::Command::new("sleep")
            .arg("1000")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let tid = Tid::try_from(sleeper.id()).unwrap();
        let ticker = Ticker::every(Duration::from_millis(5)).unwrap();
        ticker.tick(true);
        let tracer = Tracer::following().with_patience(PATIENCE);
        tracer.seize(tid).unwrap();
        let begun = Instant::now();
        let end = loop {
            match tracer.wait_for(tid) {
                // It may not have begun its program yet.
                Ok(Report::Stopped(stop)) => stop.resume(Resume::Freely, Signal::NONE),
                end => break end,
            }
        };
        let elapsed = begun.elapsed();
        drop(ticker);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        let error = end.unwrap_err().to_string();
        let what = format!("for task {tid} (sleep) to stop again; its state is S");
        assert!(elapsed >= PATIENCE && error.contains(&what), "{error}");
    }
}

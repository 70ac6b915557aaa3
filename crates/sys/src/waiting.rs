//! What a tracer waits for besides its next report, so that another thread can tell when it takes
//! too long.
//!
//! Waiting for any task at all may take for ever: a server that is recorded idles for hours.
//! Waiting for one certain task is the recorder's own business and should take microseconds.

use crate::{Tid, clock, process};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Why a tracer waits for one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// It was told to go on and is to stop again.
    Driven = 1,
    /// Its maker is to tell of it.
    Parked = 2,
    /// It is to stop so that it can be detached.
    Detached = 3,
}

impl Purpose {
    fn of(number: u32) -> Option<Purpose> {
        [Purpose::Driven, Purpose::Parked, Purpose::Detached]
            .into_iter()
            .find(|purpose| *purpose as u32 == number)
    }
}

/// Shared by a tracer and the thread that watches it.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    purpose: AtomicU32,
    tid: AtomicI32,
    since_ns: AtomicU64,
    /// When the wait that was reported last began.
    reported_ns: AtomicU64,
}

/// A wait that has taken too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The task that is waited for.
    pub tid: Tid,
    /// Why.
    pub purpose: Purpose,
    /// For how long.
    pub time: Duration,
    /// Its name.
    pub comm: Vec<u8>,
    /// Its state, a letter (proc(5)); `?` when it is gone.
    pub state: u8,
    /// Where in the kernel it sleeps; empty when it does not, or where that is not told.
    pub wchan: Vec<u8>,
}

impl Waiting {
    /// The tracer begins to wait for a task.
    pub fn begin(&self, purpose: Purpose, tid: Tid) {
        self.begin_at(purpose, tid, clock::monotonic_ns());
    }

    /// As [`Waiting::begin`], for a wait that began earlier. Does nothing when it is known already.
    pub fn begin_at(&self, purpose: Purpose, tid: Tid, since_ns: u64) {
        self.state.tid.store(tid, Ordering::Relaxed);
        self.state.since_ns.store(since_ns, Ordering::Relaxed);
        self.state.purpose.store(purpose as u32, Ordering::Release);
    }

    /// The wait is over.
    pub fn end(&self) {
        self.state.purpose.store(0, Ordering::Release);
    }

    /// The wait at hand if it has lasted longer than `limit`, once for each wait.
    pub fn overdue(&self, limit: Duration) -> Option<Overdue> {
        let purpose = Purpose::of(self.state.purpose.load(Ordering::Acquire))?;
        let since_ns = self.state.since_ns.load(Ordering::Relaxed);
        let time = Duration::from_nanos(clock::monotonic_ns().saturating_sub(since_ns));
        if time < limit || self.state.reported_ns.swap(since_ns, Ordering::Relaxed) == since_ns {
            return None;
        }
        Some(Overdue::of(self.state.tid.load(Ordering::Relaxed), purpose, time))
    }
}

impl Overdue {
    /// Looks at the task that is waited for.
    pub fn of(tid: Tid, purpose: Purpose, time: Duration) -> Overdue {
        let status = process::Status::of(tid).unwrap_or_default();
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
}

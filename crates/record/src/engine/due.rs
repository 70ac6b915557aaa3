//! Reports that were taken from the kernel and not yet handled.

use std::collections::VecDeque;
use sysreel_sys::memory::ESRCH;
use sysreel_sys::{Event, Report, Stop, Tid, WaitStatus, clock};

/// A report with the time of its arrival.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) what: Arrived,
    /// CLOCK_MONOTONIC in nanoseconds.
    pub(crate) t_ns: u64,
}

/// What arrived.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// A report of wait4(2).
    Report(Report),
    /// A stop that the task has left before it was recorded.
    Passed(Box<Passed>),
}

/// What is known of a stop that its task has left.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) tid: Tid,
    pub(crate) status: WaitStatus,
    /// The answer of PTRACE_GET_SYSCALL_INFO, and the struct.
    pub(crate) info: (i32, Vec<u8>),
    /// The message of an event stop.
    pub(crate) message: Option<u64>,
    /// The CPU time of a task at its exit event.
    pub(crate) cpu_time: Option<(u64, u64)>,
}

impl Passed {
    /// A stop of which nothing but its status can be known any more.
    fn unknown(stop: Stop) -> Passed {
        let (tid, status) = (stop.tid(), stop.status());
        stop.discard();
        Passed { tid, status, info: (-ESRCH, Vec::new()), message: None, cpu_time: None }
    }
}

impl Arrival {
    pub(crate) fn is_stop(&self) -> bool {
        matches!(self.what, Arrived::Report(Report::Stopped(_)))
    }

    /// Marks a stop as left.
    pub(crate) fn pass(&mut self) {
        let nothing = Arrived::Report(Report::Interrupted);
        self.what = match std::mem::replace(&mut self.what, nothing) {
            Arrived::Report(Report::Stopped(stop)) => {
                Arrived::Passed(Box::new(Passed::unknown(stop)))
            }
            other => other,
        };
    }

    /// The task that it is about.
    pub(crate) fn tid(&self) -> Option<Tid> {
        match &self.what {
            Arrived::Report(report) => report.tid(),
            Arrived::Passed(passed) => Some(passed.tid),
        }
    }
}

/// The queue, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Due(VecDeque<Arrival>);

impl Due {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Queues a report that has just arrived.
    ///
    /// A second report of a task proves that the task has left the stop of the first: it was killed
    /// there, or it was a leader whose id an execve has given to another task. To resume it from
    /// that stop would resume it from the second one, before that is handled.
    pub(crate) fn push(&mut self, report: Report) {
        let of_task = |arrival: &&mut Arrival| arrival.tid() == report.tid();
        if let Some(before) = self.0.iter_mut().rev().find(of_task) {
            before.pass();
        }
        let t_ns = clock::monotonic_ns();
        self.0.push_back(Arrival { what: Arrived::Report(report), t_ns });
    }

    /// Queues a report that is to be handled before all others.
    pub(crate) fn push_first(&mut self, report: Report, t_ns: u64) {
        self.put_first(Arrival { what: Arrived::Report(report), t_ns });
    }

    /// Queues an arrival before all others.
    pub(crate) fn put_first(&mut self, arrival: Arrival) {
        self.0.push_front(arrival);
    }

    /// Queues a stop that its task has left.
    pub(crate) fn push_passed(&mut self, passed: Passed) {
        let t_ns = clock::monotonic_ns();
        self.0.push_back(Arrival { what: Arrived::Passed(Box::new(passed)), t_ns });
    }

    /// Takes the oldest.
    pub(crate) fn take(&mut self) -> Option<Arrival> {
        self.0.pop_front()
    }

    /// The reports, oldest first, each with its position.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Arrival)> {
        self.0.iter().enumerate()
    }

    /// Takes the report at a position.
    pub(crate) fn take_at(&mut self, at: usize) -> Option<Arrival> {
        self.0.remove(at)
    }

    /// Takes the oldest of a task if that is a stop.
    pub(crate) fn take_stop(&mut self, tid: Tid) -> Option<(Stop, u64)> {
        let at = self.0.iter().position(|arrival| arrival.tid() == Some(tid))?;
        match self.0.remove(at)? {
            Arrival { what: Arrived::Report(Report::Stopped(stop)), t_ns } => Some((stop, t_ns)),
            other => {
                self.0.insert(at, other);
                None
            }
        }
    }

    /// Takes the end of a task, or what that task has reported before it; the ends of leaders last.
    pub(crate) fn take_end(&mut self, is_leader: impl Fn(Tid) -> bool) -> Option<Arrival> {
        let ended = |arrival: &Arrival| match &arrival.what {
            Arrived::Report(Report::Gone { tid, .. }) => Some(*tid),
            _ => None,
        };
        let tid = self.0.iter().filter_map(ended).min_by_key(|&tid| is_leader(tid));
        let tid = Some(tid?);
        let at = self.0.iter().position(|arrival| arrival.tid() == tid)?;
        self.0.remove(at)
    }

    /// Whether a report of this task is queued.
    pub(crate) fn has(&self, tid: Tid) -> bool {
        self.0.iter().any(|arrival| arrival.tid() == Some(tid))
    }

    /// The tasks that have reported that they end.
    pub(crate) fn ending(&self) -> impl Iterator<Item = Tid> {
        let exits = |status: WaitStatus| status.event() == Event::EXIT;
        self.0.iter().filter_map(move |arrival| match &arrival.what {
            Arrived::Report(Report::Stopped(stop)) if exits(stop.status()) => Some(stop.tid()),
            Arrived::Passed(passed) if exits(passed.status) => Some(passed.tid),
            Arrived::Report(Report::Gone { tid, .. }) => Some(*tid),
            _ => None,
        })
    }

    /// The tasks whose ends are queued.
    pub(crate) fn gone(&self) -> impl Iterator<Item = Tid> {
        self.0.iter().filter_map(|arrival| match &arrival.what {
            Arrived::Report(Report::Gone { tid, .. }) => Some(*tid),
            _ => None,
        })
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

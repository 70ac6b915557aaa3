//! Runs a task to its next stop.

use super::stop_info::describe_entry;
use super::task::Task;
use crate::kernel::{Budget, Kernel, Tracee};
use crate::options::Options;
use std::time::Duration;
use sysreel_sys::info::Op;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Error, Event, Lost, Signal, StopKind, SyscallInfo, WaitStatus, signals};

/// How many stops that are not its own a task may make on its way. Signals from outside cause them;
/// whoever sends more of them keeps the task from running.
const MAX_FOREIGN_STOPS: u32 = 1_000_000;

/// Where a task stopped by itself.
#[derive(Debug)]
pub(crate) enum Reached {
    /// The entry of a call.
    Call,
    /// A synchronous signal: one that an instruction of the task caused. With its siginfo.
    Signal(Signal, [u8; SIGINFO]),
    /// What only a call can cause that was really made.
    Event(Event),
    /// The task ended.
    End(WaitStatus),
    /// The task used this much CPU time without a call.
    Timeout(Duration),
    /// The task was stopped from outside again and again.
    Disturbed,
}

impl Reached {
    /// Describes the stop for a message. `info` is the struct that the kernel wrote at it.
    pub(crate) fn describe(&self, info: &SyscallInfo) -> String {
        match self {
            Reached::Call => describe_entry(info.bytes()),
            Reached::Signal(signal, _) => signal_name(*signal),
            Reached::Event(event) => {
                format!("a call that was really made (ptrace event {})", event.0)
            }
            Reached::End(status) => format!("the end of the task (wait status {:#x})", status.0),
            Reached::Timeout(time) => format!("no system call in {time:?} of CPU time"),
            Reached::Disturbed => {
                format!("no system call in {MAX_FOREIGN_STOPS} stops by signals from outside")
            }
        }
    }
}

/// Runs tasks, and holds what the kernel said of the last stop.
#[derive(Debug)]
pub(crate) struct Runner {
    patience: Option<Duration>,
    info: SyscallInfo,
}

impl Runner {
    pub(crate) fn new(patience: Option<Duration>) -> Runner {
        Runner { patience, info: SyscallInfo::new() }
    }

    /// Returns the kernel's description of the last call or signal that was reached.
    pub(crate) fn info(&self) -> &SyscallInfo {
        &self.info
    }

    /// Returns how long a task may run until it has to come to where it was at `until_ns` in the
    /// recording.
    pub(crate) fn budget<T: Tracee>(&self, task: &Task<T>, until_ns: u64) -> Budget {
        let recorded = Duration::from_nanos(until_ns.saturating_sub(task.since_ns));
        Budget::new(Options::limit(self.patience, recorded))
    }

    /// Runs a task to the entry of a call, a synchronous signal or its end. Signals from outside
    /// are dropped: those of the recording come from the log.
    ///
    /// # Errors
    /// When a request to the kernel failed.
    pub(crate) fn run<K: Kernel>(
        &mut self,
        kernel: &mut K,
        task: &mut Task<K::Tracee>,
        budget: &mut Budget,
    ) -> Result<Reached, Error> {
        for _ in 0..MAX_FOREIGN_STOPS {
            match kernel.resume(&mut task.tracee, budget) {
                Ok(()) => {}
                Err(Lost::Gone(status)) => {
                    task.ended = Some(status);
                    return Ok(Reached::End(status));
                }
                Err(Lost::Failed(error)) => return Err(error),
            }
            if let Some(reached) = self.classify(&task.tracee, budget) {
                return Ok(reached);
            }
        }
        Ok(Reached::Disturbed)
    }

    /// Returns what the task has reached; `None` if the stop is not its own.
    fn classify(&mut self, tracee: &impl Tracee, budget: &Budget) -> Option<Reached> {
        match tracee.kind() {
            StopKind::Syscall => {
                // If the task died, the next wait returns its end.
                tracee.syscall_info(&mut self.info).ok()?;
                // An exit belongs to a call that the replay itself injected.
                (self.info.op() == Some(Op::ENTRY)).then_some(Reached::Call)
            }
            StopKind::Signal(signal) => {
                // Here too, a task that died has no siginfo, and the next wait returns its end.
                let siginfo = tracee.siginfo().ok().flatten()?;
                if !signals::is_from_instruction(&siginfo) {
                    return None;
                }
                tracee.syscall_info(&mut self.info).ok()?;
                Some(Reached::Signal(signal, siginfo))
            }
            // The stop of an interrupt, or of a SIGSTOP or SIGCONT from outside.
            StopKind::Event(Event::STOP) | StopKind::Group(_) => {
                budget.is_exceeded().then(|| Reached::Timeout(budget.limit()))
            }
            StopKind::Event(event) => Some(Reached::Event(event)),
        }
    }
}

pub(crate) fn signal_name(signal: Signal) -> String {
    sysreel_abi::signal_name(signal.0)
        .map_or_else(|| format!("signal {}", signal.0), |name| name.to_string())
}

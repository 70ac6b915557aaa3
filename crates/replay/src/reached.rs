//! Runs a task to its next stop.

use crate::engine::{Halt, MAX_SLOWDOWN, Replay, lost};
use crate::stop_info::describe_entry;
use std::time::Duration;
use sysreel_format::{Event, ReadAt};
use sysreel_sys::info::Op;
use sysreel_sys::{Lost, Resume, Signal, StopKind, SyscallInfo, Tid, WaitStatus, process, signals};

/// Where a task stopped by itself.
#[derive(Debug)]
pub(crate) enum Reached {
    /// The entry of a call.
    Call,
    /// A synchronous signal: one that an instruction of the task caused. With its siginfo.
    Signal(Signal, Vec<u8>),
    /// The task ended.
    End(WaitStatus),
    /// The task used this much CPU time without a call.
    Timeout(Duration),
}

impl Reached {
    /// Describes the stop for a message. `info` is the struct that the kernel wrote at it.
    pub(crate) fn describe(&self, info: &SyscallInfo) -> String {
        match self {
            Reached::Call => describe_entry(info.bytes()),
            Reached::Signal(signal, _) => signal_name(*signal),
            Reached::End(status) => format!("the end of the task (wait status {:#x})", status.0),
            Reached::Timeout(time) => format!("no system call in {time:?} of CPU time"),
        }
    }
}

impl<S: ReadAt> Replay<'_, S> {
    /// Runs the task of an event to the entry of a call, a synchronous signal or its end. Signals
    /// from outside are dropped: those of the recording come from the log.
    pub(crate) fn run_to_stop(&mut self, event: &Event<'_>) -> Result<Reached, Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else {
            return Ok(Reached::End(WaitStatus(0)));
        };
        let recorded = Duration::from_nanos(event.t_ns.saturating_sub(task.since_ns));
        let limit = self.options.patience.max(recorded * MAX_SLOWDOWN);
        let mut cpu_limit = CpuLimit::new(task.tid, limit);
        loop {
            let wait_on = || !cpu_limit.check();
            match self.tracer.go_on_while(&mut task.stop, Resume::Emulating, Signal::NONE, wait_on)
            {
                Ok(()) => {}
                Err(Lost::Gone(status)) => {
                    self.tasks.remove(&event.task.0);
                    return Ok(Reached::End(status));
                }
                Err(gone) => return Err(lost(event, gone)),
            }
            match task.stop.kind() {
                StopKind::Syscall => {
                    if task.stop.syscall_info(&mut self.info).is_err() {
                        continue; // The task died: the next wait returns its end.
                    }
                    // An exit belongs to a call that the replay itself injected.
                    if self.info.op() == Some(Op::ENTRY) {
                        return Ok(Reached::Call);
                    }
                }
                StopKind::Signal(signal) => {
                    let siginfo = task.stop.siginfo().ok().flatten();
                    if let Some(siginfo) =
                        siginfo.filter(|bytes| signals::is_from_instruction(bytes))
                    {
                        _ = task.stop.syscall_info(&mut self.info);
                        return Ok(Reached::Signal(signal, siginfo.to_vec()));
                    }
                }
                StopKind::Event(_) if cpu_limit.is_exceeded => {
                    return Ok(Reached::Timeout(cpu_limit.limit));
                }
                StopKind::Event(_) | StopKind::Group(_) => {}
            }
        }
    }
}

/// A limit on the CPU time of a task. Wall time would make a replay fail on a busy machine.
struct CpuLimit {
    tid: Tid,
    limit: Duration,
    /// The task's CPU time at the first check.
    start: Option<Duration>,
    is_exceeded: bool,
}

impl CpuLimit {
    fn new(tid: Tid, limit: Duration) -> CpuLimit {
        CpuLimit { tid, limit, start: None, is_exceeded: false }
    }

    /// Whether the running task has exceeded its limit.
    fn check(&mut self) -> bool {
        let (user, system) = process::cpu_time(self.tid);
        let now = Duration::from_nanos(user.saturating_add(system));
        let start = *self.start.get_or_insert(now);
        self.is_exceeded = now.saturating_sub(start) >= self.limit;
        self.is_exceeded
    }
}

pub(crate) fn signal_name(signal: Signal) -> String {
    sysreel_abi::signal_name(signal.0)
        .map_or_else(|| format!("signal {}", signal.0), |name| name.to_string())
}

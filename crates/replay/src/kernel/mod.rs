//! What a replay asks of the kernel, as traits: the engine runs against ptrace(2), and in unit
//! tests against a kernel that follows a script.

mod ptrace;

pub(crate) use ptrace::Ptrace;

use std::fmt::Debug;
use std::io;
use std::time::Duration;
use sysreel_sys::process::Mapping;
use sysreel_sys::regs::THREAD_AREA;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Call, Called, Died, Lost, Registers, Result, StopKind, SyscallInfo, Tid};

/// Starts, drives and ends tasks.
pub(crate) trait Kernel {
    /// A stopped task.
    type Tracee: Tracee;

    /// Returns the address of the stub's page, which must stay as it is.
    fn stub_page(&self) -> u64;

    /// Starts a task that consists of the fenced stub.
    fn spawn(&mut self) -> Result<Self::Tracee>;

    /// Waits for the first stop of a task that an injected clone(2) has made.
    fn adopt(&mut self, child: Tid) -> Result<Self::Tracee, Lost>;

    /// Makes the task the stub again, which discards its memory.
    fn become_stub(&mut self, tracee: &mut Self::Tracee) -> Result<(), Lost>;

    /// Lets the task make a call at the stub's page. The program does not notice.
    fn call(&mut self, tracee: &mut Self::Tracee, call: Call) -> Result<Called, Lost>;

    /// Runs the task to its next stop, without delivering a signal. A call of its own stops at the
    /// entry and is not made. A task that exceeds the budget is interrupted.
    fn resume(&mut self, tracee: &mut Self::Tracee, budget: &mut Budget) -> Result<(), Lost>;

    /// Kills the task and reaps it.
    fn end(&mut self, tracee: Self::Tracee) -> Result<()>;
}

/// A stopped task.
pub(crate) trait Tracee: Debug {
    fn tid(&self) -> Tid;

    /// Why it has stopped.
    fn kind(&self) -> StopKind;

    /// Fills `info` with the kernel's description of the stop.
    fn syscall_info(&self, info: &mut SyscallInfo) -> Result<(), Died>;

    /// Returns the siginfo_t of a signal stop.
    fn siginfo(&self) -> Result<Option<[u8; SIGINFO]>, Died>;

    fn registers(&self) -> Result<Registers>;

    fn set_registers(&mut self, registers: &Registers) -> Result<()>;

    /// Sets the register of a call's result alone.
    fn set_result(&mut self, result: u64) -> Result<()>;

    /// Returns the extended state (XSAVE area).
    fn extended(&self) -> Result<Vec<u8>>;

    fn set_extended(&mut self, state: &[u8]) -> Result<()>;

    /// Sets an entry of the segment table (i386).
    fn set_thread_area(&mut self, area: &[u8; THREAD_AREA]) -> Result<()>;

    /// Sets or removes the hardware breakpoint.
    fn set_breakpoint(&mut self, ip: Option<u64>) -> Result<()>;

    /// Reads up to `bytes.len()` bytes, and returns how many the task itself could read.
    fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize;

    /// Like [`Tracee::read`], but reads pages that the task itself cannot.
    fn read_ignoring_protection(&mut self, address: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes`, also where the task itself could not.
    fn write(&mut self, address: u64, bytes: &[u8]) -> io::Result<()>;

    /// Hashes all writable memory; `None` when there is too much of it.
    fn hash_memory(&self) -> Option<blake3::Hash>;

    fn mappings(&self) -> io::Result<Vec<Mapping>>;

    /// Sets how far its process lets the stack grow, in bytes.
    fn set_stack_limit(&mut self, soft: u64) -> io::Result<()>;
}

/// A limit on the CPU time of a task. Wall time would make a replay fail on a busy machine.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Duration,
    /// The task's CPU time at the first check.
    start: Option<Duration>,
    is_exceeded: bool,
}

impl Budget {
    pub(crate) fn new(limit: Duration) -> Budget {
        Budget { limit, start: None, is_exceeded: false }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether the task was found to have exceeded its limit.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Compares the CPU time that the task has used so far. Returns whether it may go on.
    pub(crate) fn allows(&mut self, cpu_time: Duration) -> bool {
        let start = *self.start.get_or_insert(cpu_time);
        self.is_exceeded = cpu_time.saturating_sub(start) >= self.limit;
        !self.is_exceeded
    }
}

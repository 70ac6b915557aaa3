//! The kernel: tasks under ptrace(2), fenced in by the stub.

use super::{Budget, Kernel, Tracee};
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;
use sysreel_sys::memory::{self, Transfer, Window};
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::regs::THREAD_AREA;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::stub::Stub;
use sysreel_sys::{
    Call, Called, Died, Error, Lost, Registers, Report, Result, Resume, Signal, Stop, StopKind,
    SyscallInfo, Tid, Tracer,
};

/// The calling thread as the tracer of the replayed tasks.
#[derive(Debug)]
pub(crate) struct Ptrace {
    tracer: Tracer,
    stub: Stub,
}

impl Ptrace {
    /// Creates the stub at the address `page`. Its tasks may map the files `maps`. A wait for one
    /// that does not run for `patience` is an error.
    ///
    /// # Errors
    /// The errno of creating a file in memory.
    pub(crate) fn new(page: u64, maps: &[RawFd], patience: Duration) -> Result<Ptrace> {
        let tracer = Tracer::replaying().with_patience(patience);
        Ok(Ptrace { tracer, stub: Stub::new(page, maps)? })
    }
}

impl Kernel for Ptrace {
    type Tracee = Stopped;

    fn stub_page(&self) -> u64 {
        self.stub.page()
    }

    fn spawn(&mut self) -> Result<Stopped> {
        Ok(Stopped::new(self.tracer.spawn_stub(&self.stub)?))
    }

    fn adopt(&mut self, child: Tid) -> Result<Stopped, Lost> {
        match self.tracer.wait_for(child)? {
            Report::Stopped(stop) => Ok(Stopped::new(stop)),
            Report::Gone { status, .. } => Err(Lost::Gone(status)),
            Report::Interrupted | Report::NoTasks => {
                Err(Error::Unsupported(format!("task {child} could not be waited for")).into())
            }
        }
    }

    fn become_stub(&mut self, tracee: &mut Stopped) -> Result<(), Lost> {
        // The window shows the memory of the previous program.
        tracee.window = None;
        self.tracer.become_stub(&self.stub, &mut tracee.stop)
    }

    fn call(&mut self, tracee: &mut Stopped, call: Call) -> Result<Called, Lost> {
        self.tracer.call_in(&mut tracee.stop, self.stub.gate(), call)
    }

    fn resume(&mut self, tracee: &mut Stopped, budget: &mut Budget) -> Result<(), Lost> {
        let tid = tracee.stop.tid();
        let may_go_on = || {
            let (user, system) = process::cpu_time(tid);
            budget.allows(Duration::from_nanos(user.saturating_add(system)))
        };
        self.tracer.go_on_while(&mut tracee.stop, Resume::Emulating, Signal::NONE, may_go_on)
    }

    fn end(&mut self, tracee: Stopped) -> Result<()> {
        self.tracer.end(tracee.stop)
    }
}

/// A task in a ptrace stop.
#[derive(Debug)]
pub(crate) struct Stopped {
    stop: Stop,
    /// /proc/PID/mem, which ignores protections and makes a stack grow. Opened on first use: most
    /// tasks never need it.
    window: Option<Window>,
}

impl Stopped {
    fn new(stop: Stop) -> Stopped {
        Stopped { stop, window: None }
    }

    fn window(&mut self) -> io::Result<&Window> {
        let window = match self.window.take() {
            Some(window) => window,
            None => Window::open(self.stop.tid())?,
        };
        Ok(self.window.insert(window))
    }
}

impl Tracee for Stopped {
    fn tid(&self) -> Tid {
        self.stop.tid()
    }

    fn kind(&self) -> StopKind {
        self.stop.kind()
    }

    fn syscall_info(&self, info: &mut SyscallInfo) -> Result<(), Died> {
        self.stop.syscall_info(info)
    }

    fn siginfo(&self) -> Result<Option<[u8; SIGINFO]>, Died> {
        self.stop.siginfo()
    }

    fn registers(&self) -> Result<Registers> {
        self.stop.general()
    }

    fn set_registers(&mut self, registers: &Registers) -> Result<()> {
        self.stop.set_general(registers)
    }

    fn set_result(&mut self, result: u64) -> Result<()> {
        self.stop.set_result(result)
    }

    fn extended(&self) -> Result<Vec<u8>> {
        self.stop.extended()
    }

    fn set_extended(&mut self, state: &[u8]) -> Result<()> {
        self.stop.set_extended(state)
    }

    fn set_thread_area(&mut self, area: &[u8; THREAD_AREA]) -> Result<()> {
        self.stop.set_thread_area(area)
    }

    fn set_breakpoint(&mut self, ip: Option<u64>) -> Result<()> {
        self.stop.break_at(ip)
    }

    fn read(&mut self, address: u64, bytes: &mut [u8]) -> usize {
        let mut transfer = [Transfer { address, len: bytes.len(), ..Transfer::default() }];
        memory::read(self.stop.tid(), bytes, &mut transfer);
        transfer[0].got
    }

    fn read_ignoring_protection(&mut self, address: u64, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(self.window()?.read(address, bytes))
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() || memory::write(self.stop.tid(), address, bytes).is_ok() {
            return Ok(());
        }
        self.window()?.write(address, bytes)
    }

    fn hash_memory(&self) -> Option<blake3::Hash> {
        let tid = self.stop.tid();
        let mut hasher = blake3::Hasher::new();
        Window::open(tid).ok()?.writable_pages(tid, |address, page| {
            hasher.update(&address.to_le_bytes());
            hasher.update(page);
        })?;
        Some(hasher.finalize())
    }

    fn mappings(&self) -> io::Result<Vec<Mapping>> {
        process::mappings(self.stop.tid())
    }

    fn set_stack_limit(&mut self, soft: u64) -> io::Result<()> {
        process::set_stack_limit(self.stop.tid(), soft)
    }
}

//! System calls that a stopped task makes on behalf of its tracer and that are not recorded.
//!
//! The tracer sets the task's registers to a `syscall` instruction ([`InjectionPoint`]), lets it
//! run through the call, and restores the registers.

use crate::info::SyscallInfo;
use crate::signals::is_from_instruction;
use crate::waiting::Stall;
use crate::{
    Died, Error, Event, Report, Result, Resume, Signal, Stop, StopKind, Tid, Tracer, WaitStatus,
};
use linux_raw_sys::ptrace::{SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_SET_MODE_FILTER};

/// The address of a `syscall` instruction in the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InjectionPoint(pub u64);

/// The most stops of a task on the way through one injected call. Signals from outside are
/// suppressed there; whoever sends more of them than that would keep the call from ending.
const MAX_STOPS: u32 = 1_000_000;

/// The most faults of a task on the way through one injected call. There is no fault at a `syscall`
/// instruction, but one from before may wait to be delivered. A fault that is suppressed repeats.
const MAX_FAULTS: usize = 16;

/// The bytes of the instruction.
pub const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// The outcome of an injected call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The result: a value, or a negated errno.
    pub result: i64,
    /// The task that the call created.
    pub child: Option<Tid>,
    /// Signals that arrived during the call and were suppressed.
    pub signals: Vec<Signal>,
}

/// Why an injected call did not complete.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The task ended and was reaped.
    #[error("the task ended")]
    Gone(WaitStatus),
    /// A request to the kernel failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Called {
    /// Returns the result, or the errno as an error that names `what`.
    ///
    /// # Errors
    /// The errno of the call.
    pub fn value(&self, what: &str) -> Result<u64> {
        match self.result {
            errno @ -4095..=-1 => {
                let errno = i32::try_from(-errno).unwrap_or(libc::EIO);
                Err(Error::io(what, std::io::Error::from_raw_os_error(errno)))
            }
            value => Ok(value.cast_unsigned()),
        }
    }
}

/// The calls that record and replay inject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// munmap(2).
    Munmap {
        /// The address.
        address: u64,
        /// The length in bytes.
        len: u64,
    },
    /// mmap(2) of anonymous private memory at a fixed address.
    Anonymous {
        /// The address.
        address: u64,
        /// The length in bytes.
        len: u64,
        /// PROT_*.
        prot: u32,
        /// MAP_GROWSDOWN, as for a stack.
        grows_down: bool,
    },
    /// mmap(2) of part of a file at a fixed address.
    File {
        /// The address.
        address: u64,
        /// The length in bytes.
        len: u64,
        /// PROT_*.
        prot: u32,
        /// The file's descriptor in the task.
        fd: i32,
        /// The offset in the file.
        offset: u64,
        /// MAP_SHARED: writes go to the file.
        shared: bool,
    },
    /// A call whose arguments are all numbers, by its 64-bit number.
    Plain(i64, [u64; 6]),
}

impl Call {
    /// mprotect(2).
    pub fn mprotect(address: u64, len: u64, prot: u64) -> Call {
        Call::Plain(libc::SYS_mprotect, [address, len, prot, 0, 0, 0])
    }

    /// madvise(2).
    pub fn madvise(address: u64, len: u64, advice: u64) -> Call {
        Call::Plain(libc::SYS_madvise, [address, len, advice, 0, 0, 0])
    }

    /// mremap(2) to the given address; `keep` leaves the old mapping in place (MREMAP_DONTUNMAP).
    pub fn mremap(from: u64, old_len: u64, new_len: u64, to: u64, keep: bool) -> Call {
        let mut flags = libc::MREMAP_MAYMOVE;
        if from != to {
            flags |= libc::MREMAP_FIXED;
        }
        if keep {
            flags |= libc::MREMAP_DONTUNMAP;
        }
        let flags = u64::from(flags.cast_unsigned());
        Call::Plain(libc::SYS_mremap, [from, old_len, new_len, flags, to, 0])
    }

    /// prctl(2) PR_SET_TSC: instructions that read the time-stamp counter raise SIGSEGV.
    pub fn trap_time_stamps() -> Call {
        let option = libc::PR_SET_TSC.cast_unsigned();
        let trap = libc::PR_TSC_SIGSEGV.cast_unsigned();
        Call::Plain(libc::SYS_prctl, [option.into(), trap.into(), 0, 0, 0, 0])
    }

    /// prctl(2) PR_SET_TSC: instructions that read the time-stamp counter work again.
    pub fn enable_time_stamps() -> Call {
        let option = libc::PR_SET_TSC.cast_unsigned();
        let enable = libc::PR_TSC_ENABLE.cast_unsigned();
        Call::Plain(libc::SYS_prctl, [option.into(), enable.into(), 0, 0, 0, 0])
    }

    /// rt_sigaction(2) with the kernel's struct sigaction at `action`.
    pub fn set_signal_action(Signal(signal): Signal, action: u64) -> Call {
        let (signal, set) = (u64::from(signal.cast_unsigned()), size_of::<u64>() as u64);
        Call::Plain(libc::SYS_rt_sigaction, [signal, action, 0, set, 0, 0])
    }

    /// mmap(2) of anonymous memory at an address that the kernel chooses. It is shared, so that the
    /// kernel never merges it with a mapping of the program.
    pub fn map_anywhere(len: u64) -> Call {
        let prot = u64::from((libc::PROT_READ | libc::PROT_WRITE).cast_unsigned());
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let flags = u64::from(flags.cast_unsigned());
        Call::Plain(libc::SYS_mmap, [0, len, prot, flags, u64::MAX, 0])
    }

    /// seccomp(2): installs the filter of the `struct sock_fprog` at `program` on all threads of
    /// the
    /// process. The result is 0, or the id of a thread that cannot have it.
    pub fn install_filter(program: u64) -> Call {
        let operation = u64::from(SECCOMP_SET_MODE_FILTER);
        let all_threads = u64::from(SECCOMP_FILTER_FLAG_TSYNC);
        Call::Plain(libc::SYS_seccomp, [operation, all_threads, program, 0, 0, 0])
    }

    /// prctl(2) PR_SET_NO_NEW_PRIVS.
    pub fn no_new_privs() -> Call {
        let option = libc::PR_SET_NO_NEW_PRIVS.cast_unsigned();
        Call::Plain(libc::SYS_prctl, [option.into(), 1, 0, 0, 0, 0])
    }

    /// clone(2) of a task that has the caller's parent, and shares its memory or gets a copy.
    pub fn clone(shares_memory: bool) -> Call {
        let memory = if shares_memory { libc::CLONE_VM } else { 0 };
        let flags = u64::from((libc::CLONE_PARENT | memory).cast_unsigned());
        Call::Plain(libc::SYS_clone, [flags, 0, 0, 0, 0, 0])
    }

    fn number_and_args(self) -> (i64, [u64; 6]) {
        match self {
            Call::Anonymous { address, len, prot, grows_down } => {
                let grows_down = if grows_down { libc::MAP_GROWSDOWN } else { 0 };
                let flags =
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | grows_down;
                (libc::SYS_mmap, [address, len, prot.into(), fixed(flags), u64::MAX, 0])
            }
            Call::File { address, len, prot, fd, offset, shared } => {
                let kind =
                    if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE | libc::MAP_NORESERVE };
                let fd = i64::from(fd).cast_unsigned();
                (libc::SYS_mmap, [address, len, prot.into(), fixed(kind), fd, offset])
            }
            Call::Munmap { address, len } => (libc::SYS_munmap, [address, len, 0, 0, 0, 0]),
            Call::Plain(nr, args) => (nr, args),
        }
    }
}

/// The flags of a mapping at exactly the given address.
fn fixed(flags: i32) -> u64 {
    (flags | libc::MAP_FIXED).cast_unsigned().into()
}

impl Tracer {
    /// Lets a stopped task make a call at `point`, then restores its registers.
    ///
    /// # Errors
    /// [`Lost::Gone`] when the task ended, [`Lost::Failed`] when a request to the kernel failed.
    pub fn call_in(
        &self,
        stop: &mut Stop,
        point: InjectionPoint,
        call: Call,
    ) -> Result<Called, Lost> {
        stop.make_call(point, call, |stop| self.go_on(stop, Resume::ToNextSyscall, Signal::NONE))
    }

    /// Resumes a task and waits for its next stop, which replaces `stop`.
    ///
    /// # Errors
    /// As [`Tracer::call_in`].
    pub fn go_on(&self, stop: &mut Stop, how: Resume, signal: Signal) -> Result<(), Lost> {
        stop.resume_in_place(how, signal);
        self.wait_in_place(stop)
    }

    /// Like [`Tracer::go_on`], but asks `wait_on` whenever a [`Ticker`](crate::signals::Ticker)
    /// wakes this thread. When it returns false the task is interrupted: its next stop is an
    /// EVENT_STOP, unless another stop comes first.
    ///
    /// # Errors
    /// As [`Tracer::call_in`].
    pub fn go_on_while(
        &self,
        stop: &mut Stop,
        how: Resume,
        signal: Signal,
        mut wait_on: impl FnMut() -> bool,
    ) -> Result<(), Lost> {
        let tid = stop.tid();
        stop.resume_in_place(how, signal);
        let mut stall = Stall::new(tid, self.patience);
        loop {
            match self.wait_once_for(tid)? {
                Report::Stopped(next) => {
                    *stop = next;
                    return Ok(());
                }
                Report::Gone { status, .. } => return Err(Lost::Gone(status)),
                Report::Interrupted => {
                    stall.check()?;
                    if !wait_on() {
                        // If the task died, the next wait reports it.
                        _ = self.interrupt(tid);
                    }
                }
                Report::NoTasks => {
                    return Err(
                        Error::Unsupported(format!("task {tid} could not be waited for")).into()
                    );
                }
            }
        }
    }

    /// Waits for the next stop of a running task.
    ///
    /// # Errors
    /// As [`Tracer::call_in`].
    pub fn wait_in_place(&self, stop: &mut Stop) -> Result<(), Lost> {
        let tid = stop.tid();
        match self.wait_for(tid)? {
            Report::Stopped(next) => *stop = next,
            Report::Gone { status, .. } => return Err(Lost::Gone(status)),
            Report::Interrupted | Report::NoTasks => {
                return Err(
                    Error::Unsupported(format!("task {tid} could not be waited for")).into()
                );
            }
        }
        Ok(())
    }

    /// Like [`Tracer::call_in`], without restoring the registers.
    pub(crate) fn call_without_restore(
        &self,
        stop: &mut Stop,
        point: InjectionPoint,
        call: Call,
    ) -> Result<Called, Lost> {
        stop.call_without_restore(point, call, |stop| {
            self.go_on(stop, Resume::ToNextSyscall, Signal::NONE)
        })
    }
}

impl Stop {
    /// Lets a stopped task make a call at `point`, then restores its registers. `go_on` resumes the
    /// task to its next stop of any kind (PTRACE_SYSCALL), which replaces the current one.
    ///
    /// # Errors
    /// Those of `go_on`, and requests to the kernel that failed.
    pub fn make_call<E: From<Error>>(
        &mut self,
        point: InjectionPoint,
        call: Call,
        go_on: impl FnMut(&mut Stop) -> Result<(), E>,
    ) -> Result<Called, E> {
        let before = self.general()?;
        let called = self.call_without_restore(point, call, go_on);
        // Also where it failed: if the task is in a stop, it goes on from there.
        let restored = self.set_general(&before);
        let called = called?;
        restored?;
        Ok(called)
    }

    fn call_without_restore<E: From<Error>>(
        &mut self,
        point: InjectionPoint,
        call: Call,
        mut go_on: impl FnMut(&mut Stop) -> Result<(), E>,
    ) -> Result<Called, E> {
        let (nr, args) = call.number_and_args();
        let mut registers = self.general()?;
        registers.enter(point.0, nr, args);
        self.set_general(&registers)?;
        let tid = self.tid();
        let mut called = Called { result: 0, child: None, signals: Vec::new() };
        let mut info = SyscallInfo::new();
        let (mut entered, mut faults) = (false, 0);
        for _ in 0..MAX_STOPS {
            go_on(self)?;
            match self.kind() {
                StopKind::Syscall => {
                    self.syscall_info(&mut info).map_err(|Died| died(tid))?;
                    match info.result() {
                        None => entered = true,
                        // A task that was in an emulated call first reports the exit stop of that
                        // call.
                        Some(_) if !entered => {}
                        Some((result, _)) => {
                            called.result = result;
                            return Ok(called);
                        }
                    }
                }
                StopKind::Event(Event::FORK | Event::VFORK | Event::CLONE) => {
                    let child = self.event_message().map_err(|Died| died(tid))?;
                    called.child = Tid::try_from(child).ok();
                }
                StopKind::Signal(signal) => {
                    let siginfo = self.siginfo().map_err(|Died| died(tid))?;
                    faults += usize::from(siginfo.is_some_and(|info| is_from_instruction(&info)));
                    if faults > MAX_FAULTS {
                        let InjectionPoint(at) = point;
                        return Err(Error::Unsupported(format!(
                            "task {tid} cannot execute the system call instruction for its tracer \
                             at {at:#x}: {MAX_FAULTS} signals of instructions came instead, the \
                             last of them signal {}",
                            signal.0
                        ))
                        .into());
                    }
                    called.signals.push(signal);
                }
                StopKind::Event(_) | StopKind::Group(_) => {}
            }
        }
        let text = format!("task {tid} stopped {MAX_STOPS} times during a call for the tracer");
        Err(Error::Unsupported(text).into())
    }
}

pub(crate) fn died(tid: Tid) -> Error {
    Error::Call {
        what: "a call for the tracer".into(),
        tid: Some(tid),
        source: std::io::Error::from_raw_os_error(libc::ESRCH),
    }
}

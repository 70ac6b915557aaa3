//! Ptrace stops as values: resuming, listening and detaching consume the stop.

use crate::info::{CAPACITY, SyscallInfo};
use crate::raw::ptrace;
use crate::wait_status::{Event, Signal, WaitStatus};
use crate::waiting::Waiting;
use crate::{Died, Error, Tid};
use linux_raw_sys::ptrace::PTRACE_GET_RSEQ_CONFIGURATION as GET_RSEQ;
use std::io;
use std::marker::PhantomData;
use std::time::Duration;

/// The tracing thread. A tracee belongs to the thread that attached to it (ptrace(2)), so the value
/// is neither `Send` nor `Sync`.
#[derive(Debug)]
pub struct Tracer {
    pub(crate) options: u32,
    /// Flags of wait4(2) besides __WALL.
    pub(crate) wait_flags: i32,
    waiting: Waiting,
    /// How long a task that is waited for may neither report nor run.
    pub(crate) patience: Option<Duration>,
    not_send: PhantomData<*const ()>,
}

impl Tracer {
    /// Returns a tracer that follows every child and never kills its tracees.
    ///
    /// EXITKILL is not set: the program must outlive its recorder. VFORKDONE and SECCOMP are set
    /// because their stops belong in the log.
    pub fn following() -> Tracer {
        Tracer::with_options(
            libc::PTRACE_O_TRACESYSGOOD
                | libc::PTRACE_O_TRACEFORK
                | libc::PTRACE_O_TRACEVFORK
                | libc::PTRACE_O_TRACECLONE
                | libc::PTRACE_O_TRACEEXEC
                | libc::PTRACE_O_TRACEVFORKDONE
                | libc::PTRACE_O_TRACEEXIT
                | libc::PTRACE_O_TRACESECCOMP,
        )
    }

    /// Waits only for the children and tracees of this thread, as other threads of the process
    /// trace others (__WNOTHREAD).
    #[must_use]
    pub fn among_others(self) -> Tracer {
        Tracer { wait_flags: libc::__WNOTHREAD, ..self }
    }

    /// Whether other threads of the process trace others.
    pub(crate) fn is_among_others(&self) -> bool {
        self.wait_flags != 0
    }

    /// Returns a tracer with exactly these PTRACE_O_* options.
    pub(crate) fn with_options(options: i32) -> Tracer {
        Tracer {
            options: options.cast_unsigned(),
            wait_flags: 0,
            waiting: Waiting::default(),
            patience: None,
            not_send: PhantomData,
        }
    }

    /// Bounds each wait for one task: it fails once the task has neither reported nor run for so
    /// long, as one that something outside has frozen. Only a
    /// [`Ticker`](crate::signals::Ticker) of this thread makes it look.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Tracer {
        Tracer { patience: Some(patience), ..self }
    }

    /// Returns what this tracer waits for at the moment, for a watchdog thread.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Makes a running task a tracee without stopping it (PTRACE_SEIZE).
    ///
    /// # Errors
    /// The errno of ptrace(2): EPERM when the task may not be traced or has a tracer, ESRCH when it
    /// does not exist.
    pub fn seize(&self, tid: Tid) -> io::Result<()> {
        // SAFETY: PTRACE_SEIZE accesses no memory: addr must be 0, data is the option word
        // (ptrace(2)).
        unsafe { ptrace(libc::PTRACE_SEIZE, tid, 0, self.options as usize) }.map(drop)
    }

    /// Like [`Tracer::seize`], with PTRACE_O_EXITKILL: the child dies with the tracer until
    /// [`Tracer::clear_exitkill`].
    pub(crate) fn seize_with_exitkill(&self, tid: Tid) -> io::Result<()> {
        let options = self.options as usize | libc::PTRACE_O_EXITKILL as usize;
        // SAFETY: as in `seize`.
        unsafe { ptrace(libc::PTRACE_SEIZE, tid, 0, options) }.map(drop)
    }

    /// Clears PTRACE_O_EXITKILL: from now on the spawned program outlives its tracer.
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn clear_exitkill(&self, stop: &Stop) -> Result<(), Died> {
        // SAFETY: PTRACE_SETOPTIONS takes the option word as data and no address.
        unsafe { ptrace(libc::PTRACE_SETOPTIONS, stop.tid, 0, self.options as usize) }
            .map(drop)
            .map_err(|_| Died)
    }

    /// Asks a seized task to stop (PTRACE_INTERRUPT); it reports an EVENT_STOP soon after.
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists (ESRCH).
    pub fn interrupt(&self, tid: Tid) -> Result<(), Died> {
        // SAFETY: PTRACE_INTERRUPT takes neither addr nor data.
        unsafe { ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0) }.map(drop).map_err(|_| Died)
    }
}

/// A stopped task, with the wait status that reported the stop.
///
/// A dropped stop leaves the task stopped for good, hence `must_use`.
#[derive(Debug)]
#[must_use = "a stopped task stays stopped until its stop is resumed, listened to or detached"]
pub struct Stop {
    tid: Tid,
    status: WaitStatus,
    not_send: PhantomData<*const ()>,
}

/// The kind of a stop (ptrace(2), "Stopped states").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopKind {
    /// Syscall entry or exit; `op` of the syscall info says which.
    Syscall,
    /// A signal is about to be delivered; the resuming request delivers or suppresses it.
    Signal(Signal),
    /// The whole process is stopped by this signal. [`Stop::listen`] leaves it stopped.
    Group(Signal),
    /// A PTRACE_EVENT stop.
    Event(Event),
}

impl StopKind {
    /// Classifies the wait status of a stop.
    ///
    /// A group stop of a seized task is an EVENT_STOP with one of the four stopping signals. With
    /// SIGTRAP, an EVENT_STOP is the first stop of a child, an interrupt, or the end of a group
    /// stop (ptrace(2), PTRACE_SEIZE).
    pub fn of(status: WaitStatus) -> StopKind {
        let signal = status.stop_signal();
        match status.event() {
            _ if status.is_syscall_stop() => StopKind::Syscall,
            Event(0) => StopKind::Signal(Signal(signal)),
            Event::STOP if is_stopping(signal) => StopKind::Group(Signal(signal)),
            event => StopKind::Event(event),
        }
    }
}

/// How a stopped task is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// PTRACE_SYSCALL: runs to the next stop of any kind.
    ToNextSyscall,
    /// PTRACE_CONT: runs without syscall stops.
    Freely,
    /// PTRACE_SYSEMU: runs to the next stop of any kind; a call that stops at its entry is not
    /// executed.
    Emulating,
    /// PTRACE_SINGLESTEP: executes one instruction, or stops at the first instruction of a handler
    /// when a signal is delivered to it.
    OneStep,
}

impl Stop {
    pub(crate) fn new(tid: Tid, status: WaitStatus) -> Stop {
        Stop { tid, status, not_send: PhantomData }
    }

    /// Returns the id of the stopped task.
    pub fn tid(&self) -> Tid {
        self.tid
    }

    /// Returns the raw wait status.
    pub fn status(&self) -> WaitStatus {
        self.status
    }

    /// Classifies the stop.
    pub fn kind(&self) -> StopKind {
        StopKind::of(self.status)
    }

    /// Fills `info` by PTRACE_GET_SYSCALL_INFO. An errno other than ESRCH is stored in `info`,
    /// negated.
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn syscall_info(&self, info: &mut SyscallInfo) -> Result<(), Died> {
        let buffer = info.cleared();
        // SAFETY: the kernel writes at most `addr` = CAPACITY bytes to `data`, which has that size
        // (ptrace(2)).
        let answer = unsafe {
            ptrace(libc::PTRACE_GET_SYSCALL_INFO, self.tid, CAPACITY, buffer.as_mut_ptr() as usize)
        };
        info.set_returned(match answer {
            Ok(available) => i32::try_from(available).unwrap_or(i32::MAX),
            Err(error) => -error.raw_os_error().unwrap_or(libc::EIO),
        });
        if info.returned() == -libc::ESRCH { Err(Died) } else { Ok(()) }
    }

    /// Returns the message of an event stop (PTRACE_GETEVENTMSG): the new child's id, the former id
    /// after execve, the exit status, or the seccomp filter's data.
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn event_message(&self) -> Result<u64, Died> {
        let mut message: libc::c_ulong = 0;
        // SAFETY: GETEVENTMSG writes one unsigned long to data.
        unsafe { ptrace(libc::PTRACE_GETEVENTMSG, self.tid, 0, (&raw mut message) as usize) }
            .map_err(|_| Died)?;
        Ok(message)
    }

    /// Whether a killed task has left this event stop, or signal-delivery-stop, for its exit event,
    /// which is still to be reported. What other requests return is then about the exit event.
    ///
    pub fn is_over(&self) -> bool {
        match self.siginfo() {
            Ok(Some(info)) => is_of_exit_event(&info) && self.status.event() != Event::EXIT,
            Ok(None) => false,
            Err(Died) => true,
        }
    }

    /// Returns the raw siginfo_t (PTRACE_GETSIGINFO), or `None` in a stop that has none (EINVAL in
    /// group stops).
    ///
    /// # Errors
    /// [`Died`] when the task no longer exists.
    pub fn siginfo(&self) -> Result<Option<[u8; SIGINFO]>, Died> {
        let mut bytes = [0u8; size_of::<libc::siginfo_t>()];
        // SAFETY: GETSIGINFO writes one siginfo_t to data; `bytes` has its size, and any bytes make
        // a valid array.
        match unsafe { ptrace(libc::PTRACE_GETSIGINFO, self.tid, 0, bytes.as_mut_ptr() as usize) } {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(Died),
            Err(_) => Ok(None),
        }
    }

    /// Returns the general registers in the kernel's layout for the task's word size
    /// (PTRACE_GETREGSET, NT_PRSTATUS).
    ///
    /// # Errors
    /// The errno of ptrace(2), mostly ESRCH when the task died.
    pub fn registers(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0u8; 1024];
        let mut iov = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        // SAFETY: GETREGSET writes at most iov_len bytes to iov_base and sets iov_len to the length
        // written (ptrace(2)).
        unsafe {
            ptrace(libc::PTRACE_GETREGSET, self.tid, NT_PRSTATUS as usize, (&raw mut iov) as usize)
        }
        .map_err(|_| Error::last("PTRACE_GETREGSET", Some(self.tid)))?;
        bytes.truncate(iov.iov_len);
        Ok(bytes)
    }

    /// Returns the task's registered rseq(2) area (PTRACE_GET_RSEQ_CONFIGURATION, Linux 5.13). The
    /// kernel writes to it whenever the task returns to user code.
    pub fn rseq_area(&self) -> Option<std::ops::Range<u64>> {
        let mut area = linux_raw_sys::ptrace::ptrace_rseq_configuration {
            rseq_abi_pointer: 0,
            rseq_abi_size: 0,
            signature: 0,
            flags: 0,
            pad: 0,
        };
        let (size, data) = (size_of_val(&area), (&raw mut area) as usize);
        // SAFETY: the kernel writes at most `addr` = size bytes to `data`, which has that size
        // (ptrace(2)).
        unsafe { ptrace(GET_RSEQ, self.tid, size, data) }.ok()?;
        let end = area.rseq_abi_pointer.checked_add(area.rseq_abi_size.into())?;
        (area.rseq_abi_pointer != 0).then_some(area.rseq_abi_pointer..end)
    }

    /// Skips the call of this entry or seccomp stop; it returns ENOSYS.
    ///
    /// On x86 the kernel puts -ENOSYS into rax before the stop, and skips a call whose orig_rax is
    /// negative.
    ///
    /// # Errors
    /// The errno of ptrace(2), mostly ESRCH when the task died.
    #[cfg(target_arch = "x86_64")]
    pub fn skip_call(&self) -> Result<(), Error> {
        let orig_rax = std::mem::offset_of!(libc::user_regs_struct, orig_rax);
        // SAFETY: POKEUSER writes the number in data at offset addr of the tracee's user area and
        // accesses no memory of this process.
        unsafe { ptrace(libc::PTRACE_POKEUSER, self.tid, orig_rax, usize::MAX) }
            .map(drop)
            .map_err(|_| Error::last("PTRACE_POKEUSER of orig_rax", Some(self.tid)))
    }

    /// Skips the call of this entry or seccomp stop; it returns ENOSYS.
    ///
    /// # Errors
    /// The errno of ptrace(2), mostly ESRCH when the task died.
    #[cfg(target_arch = "aarch64")]
    pub fn skip_call(&self) -> Result<(), Error> {
        let number: i32 = -1;
        let iov = libc::iovec {
            iov_base: (&raw const number).cast_mut().cast(),
            iov_len: size_of::<i32>(),
        };
        // SAFETY: SETREGSET reads iov_len bytes from iov_base (ptrace(2)); NT_ARM_SYSTEM_CALL is
        // one int (arm64 ptrace.c).
        unsafe {
            ptrace(libc::PTRACE_SETREGSET, self.tid, NT_ARM_SYSTEM_CALL, (&raw const iov) as usize)
        }
        .map(drop)
        .map_err(|_| Error::last("PTRACE_SETREGSET of the system call", Some(self.tid)))
    }

    /// Resumes the task. In a signal stop it delivers `signal`; [`Signal::NONE`] suppresses it.
    ///
    /// A task that died in the meantime is not an error: its end will be reported by wait.
    pub fn resume(self, how: Resume, signal: Signal) {
        self.resume_in_place(how, signal);
    }

    /// Like [`Stop::resume`], for callers that replace this stop with the next one.
    pub fn resume_in_place(&self, how: Resume, signal: Signal) {
        let request = match how {
            Resume::ToNextSyscall => libc::PTRACE_SYSCALL,
            Resume::Freely => libc::PTRACE_CONT,
            Resume::Emulating => SYSEMU,
            Resume::OneStep => libc::PTRACE_SINGLESTEP,
        };
        self.request(request, signal);
    }

    /// Consumes a stop that the task has left because it is being killed. Its next report comes
    /// from wait.
    pub fn discard(self) {}

    /// Leaves the task in its group stop and lets it report the end of that stop (PTRACE_LISTEN).
    pub fn listen(self) {
        self.request(libc::PTRACE_LISTEN, Signal::NONE);
    }

    /// Detaches from the task and delivers `signal` (PTRACE_DETACH).
    pub fn detach(self, signal: Signal) {
        self.request(libc::PTRACE_DETACH, signal);
    }

    fn request(&self, request: libc::c_uint, signal: Signal) {
        // SAFETY: the resuming requests ignore addr and take a signal number as data (ptrace(2)).
        let answer =
            unsafe { ptrace(request, self.tid, 0, usize::try_from(signal.0).unwrap_or(0)) };
        // ESRCH: the task is being killed. LISTEN fails with EIO when SIGKILL has just taken the
        // task out of its stop (kernel/ptrace.c, `ptrace_request`; seen on Linux 6.18).
        let left = |e: &io::Error| match e.raw_os_error() {
            Some(libc::EIO) => request == libc::PTRACE_LISTEN,
            errno => errno == Some(libc::ESRCH),
        };
        debug_assert!(
            answer.as_ref().err().is_none_or(left),
            "resuming {} answered {answer:?}",
            self.tid
        );
    }
}

/// PTRACE_SYSEMU has the same number on x86 and arm64 since Linux 5.3
/// (arch/*/include/uapi/asm/ptrace.h).
const SYSEMU: libc::c_uint = linux_raw_sys::ptrace::PTRACE_SYSEMU;

/// The size of a siginfo_t in bytes.
pub const SIGINFO: usize = size_of::<libc::siginfo_t>();
/// The general registers as a register set of core files and PTRACE_GETREGSET (elf.h).
pub const NT_PRSTATUS: u32 = 1;
#[cfg(target_arch = "aarch64")]
const NT_ARM_SYSTEM_CALL: usize = 0x404;

/// Whether a siginfo is that of a stop at the exit event. The siginfo of an event stop has the
/// upper part of the wait status as its code (kernel/signal.c, `ptrace_notify`).
pub fn is_of_exit_event(siginfo: &[u8; SIGINFO]) -> bool {
    let code = siginfo.get(8..12).and_then(|code| code.first_chunk().copied());
    code.map_or(0, i32::from_ne_bytes) == libc::PTRACE_EVENT_EXIT << 8 | libc::SIGTRAP
}

fn is_stopping(signal: i32) -> bool {
    matches!(signal, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
}

//! A kernel made of plain code in place of ptrace(2) and wait4(2), for tests of tracers.
//!
//! A test [installs](install) it for its thread. From then on the [`Tracer`](crate::Tracer) and the
//! stops of that thread ask it. What else they read from /proc, and the memory of a task, is not
//! faked, so a fake task should have an id that no real one can have: above PID_MAX_LIMIT (4194304
//! on 64-bit systems, include/linux/threads.h).

use crate::Tid;
use crate::wait_status::{Signal, WaitStatus};
use std::cell::RefCell;
use std::io;

/// The part of the kernel that a tracer talks to.
pub trait FakeKernel {
    /// Returns the next report of a task, or of any for -1. `Ok(None)`: there is none yet, which is
    /// an answer only to `nohang`.
    ///
    /// # Errors
    /// The errno of wait4(2), as a positive number: ECHILD when no task is left.
    fn wait(&mut self, tid: Tid, nohang: bool) -> Result<Option<(Tid, WaitStatus)>, i32>;

    /// Answers a request about a task. What PTRACE_GET_* requests write are the bytes returned.
    ///
    /// # Errors
    /// The errno of ptrace(2), as a positive number.
    fn request(&mut self, tid: Tid, request: Request) -> Result<Vec<u8>, i32>;

    /// Returns the contents of /proc/TID/status; `None` when there is no such task.
    fn status(&mut self, tid: Tid) -> Option<Vec<u8>>;
}

/// A request of ptrace(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// PTRACE_SYSCALL, PTRACE_CONT or PTRACE_SINGLESTEP, with the signal to deliver.
    Resume(u32, Signal),
    /// PTRACE_LISTEN
    Listen,
    /// PTRACE_DETACH
    Detach(Signal),
    /// PTRACE_SEIZE
    Seize,
    /// PTRACE_INTERRUPT
    Interrupt,
    /// PTRACE_GET_SYSCALL_INFO
    SyscallInfo,
    /// PTRACE_GETEVENTMSG: the answer has eight bytes.
    EventMessage,
    /// PTRACE_GETSIGINFO: the answer is a siginfo_t.
    Siginfo,
    /// Any other.
    Other(u32),
}

thread_local! {
    static KERNEL: RefCell<Option<Box<dyn FakeKernel>>> = const { RefCell::new(None) };
}

/// Installs a kernel for the calling thread. Returns the one that was installed before.
pub fn install(kernel: Option<Box<dyn FakeKernel>>) -> Option<Box<dyn FakeKernel>> {
    KERNEL.replace(kernel)
}

/// Answers wait4(2) if a kernel is installed.
pub(crate) fn wait4(
    tid: Tid,
    status: &mut libc::c_int,
    options: libc::c_int,
) -> Option<io::Result<Tid>> {
    KERNEL.with_borrow_mut(|kernel| {
        let answer = kernel.as_mut()?.wait(tid, options & libc::WNOHANG != 0);
        Some(match answer {
            Ok(Some((tid, found))) => {
                *status = found.0;
                Ok(tid)
            }
            Ok(None) => Ok(0),
            Err(errno) => Err(io::Error::from_raw_os_error(errno)),
        })
    })
}

/// Answers ptrace(2) if a kernel is installed, with what the request writes to its `data`.
pub(crate) fn ptrace(request: libc::c_uint, tid: Tid, data: usize) -> Option<io::Result<Vec<u8>>> {
    let signal = Signal(i32::try_from(data).unwrap_or(0));
    let asked = match request {
        libc::PTRACE_SYSCALL | libc::PTRACE_CONT | libc::PTRACE_SINGLESTEP => {
            Request::Resume(request, signal)
        }
        libc::PTRACE_LISTEN => Request::Listen,
        libc::PTRACE_DETACH => Request::Detach(signal),
        libc::PTRACE_SEIZE => Request::Seize,
        libc::PTRACE_INTERRUPT => Request::Interrupt,
        libc::PTRACE_GET_SYSCALL_INFO => Request::SyscallInfo,
        libc::PTRACE_GETEVENTMSG => Request::EventMessage,
        libc::PTRACE_GETSIGINFO => Request::Siginfo,
        other => Request::Other(other),
    };
    KERNEL.with_borrow_mut(|kernel| {
        let answer = kernel.as_mut()?.request(tid, asked);
        Some(answer.map_err(io::Error::from_raw_os_error))
    })
}

/// Returns the contents of /proc/TID/status if a kernel is installed.
pub(crate) fn status(tid: Tid) -> Option<io::Result<Vec<u8>>> {
    KERNEL.with_borrow_mut(|kernel| {
        let text = kernel.as_mut()?.status(tid);
        Some(text.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH)))
    })
}

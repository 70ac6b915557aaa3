//! The raw ptrace(2) call, and helpers around fork(2).

use crate::Tid;
use std::io;

/// Calls ptrace(2) with integer arguments.
///
/// # Safety
/// `data` (and `addr`, where the request uses it as a pointer) must be valid for what `request`
/// reads or writes.
pub(crate) unsafe fn ptrace(
    request: libc::c_uint,
    tid: Tid,
    addr: usize,
    data: usize,
) -> io::Result<i64> {
    #[cfg(feature = "fake")]
    if let Some(answer) = crate::fake::ptrace(request, tid, data) {
        let bytes = answer?;
        // The one request with a length of its own; the answer to others has the length that the
        // caller expects.
        let len = match request {
            libc::PTRACE_GET_SYSCALL_INFO => bytes.len().min(addr),
            _ => bytes.len(),
        };
        if len > 0 {
            // SAFETY: the caller vouches for `data` to be valid for what the request writes.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data as *mut u8, len) };
        }
        return Ok(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    }
    // SAFETY: the caller vouches for the pointers. The raw system call is used because glibc's
    // wrapper changes the return value of PEEK requests (ptrace(2), "C library/kernel
    // differences").
    let answer = unsafe {
        libc::syscall(
            libc::SYS_ptrace,
            libc::c_long::from(request),
            libc::c_long::from(tid),
            addr,
            data,
        )
    };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Calls wait4(2) for a task, or for any with -1.
pub(crate) fn wait4(tid: Tid, status: &mut libc::c_int, options: libc::c_int) -> io::Result<Tid> {
    #[cfg(feature = "fake")]
    if let Some(answer) = crate::fake::wait4(tid, status, options) {
        return answer;
    }
    // SAFETY: wait4(2) writes one int to `status`; a null rusage is allowed.
    check(unsafe { libc::wait4(tid, status, options, std::ptr::null_mut()) })
}

/// Turns a return value of -1 into the errno.
pub(crate) fn check<T: Into<i64> + Copy>(answer: T) -> io::Result<T> {
    if answer.into() == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Makes a child, between fork and execve, die with the thread that forked it. Otherwise a child
/// that stops itself until it is traced would stay for ever when its parent is killed first.
///
/// # Safety
/// Only for a child that may make async-signal-safe calls; `maker` is the process that forked it.
pub(crate) unsafe fn die_with(maker: Tid) {
    // SAFETY: prctl(2), getppid(2) and _exit(2) take numbers and are async-signal-safe.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // The parent may have died before the prctl. getppid natively never fails, but a sandbox
        // may deny it (glibc returns the negative errno as it is): then the parent is assumed to
        // live.
        let parent = libc::getppid();
        if parent != maker && parent > 0 {
            libc::_exit(127);
        }
    }
}

/// The id of this process.
pub(crate) fn own_pid() -> Tid {
    // SAFETY: getpid(2) takes nothing.
    unsafe { libc::getpid() }
}

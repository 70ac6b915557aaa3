//! The two variadic doors of libc, each behind one function.

use crate::Tid;
use std::io;

/// ptrace(2) with integer arguments. Only requests for which `addr` and `data` are numbers, or
/// point to memory that the caller keeps valid, may be made; that is why it is unsafe.
///
/// # Safety
/// `data` (and `addr`, where the request reads it as a pointer) must be valid for what `request`
/// reads or writes.
pub(crate) unsafe fn ptrace(
    request: libc::c_uint,
    tid: Tid,
    addr: usize,
    data: usize,
) -> io::Result<i64> {
    // SAFETY: the caller vouches for the pointers. The raw system call is used, not glibc's
    // wrapper, because the wrapper changes what PEEK requests return (ptrace(2), "C library/kernel
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

/// `Ok` unless the answer is -1.
pub(crate) fn check<T: Into<i64> + Copy>(answer: T) -> io::Result<T> {
    if answer.into() == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// In a child between fork and execve: it dies with the thread that made it. A child that stops
/// itself until it is traced would otherwise stay for ever when its maker is killed before that.
///
/// # Safety
/// Only for a child that may make async-signal-safe calls; `maker` is the process that forked it.
pub(crate) unsafe fn die_with(maker: Tid) {
    // SAFETY: prctl(2), getppid(2) and _exit(2) take numbers and are async-signal-safe.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // It may have died before it could be asked for. A sandbox may deny the question, which
        // natively never fails (glibc hands on the negative errno as it comes): then it is taken to
        // live, as it nearly always does.
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

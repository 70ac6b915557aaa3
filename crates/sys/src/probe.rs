//! Checks that tracing works, by tracing a child instead of looking at the kernel's version.

use crate::info::{Op, SyscallInfo};
use crate::places::{self, Foreign};
use crate::raw::{check, die_with, own_pid};
use crate::{Error, Report, Result, Resume, Signal, Stop, StopKind, Tid, Tracer, process};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Unusual arguments, recognized in the entry stop.
const MARKS: [u64; 5] = [0xa1a1_0001, 0xb2b2_0002, 0xc3c3_0003, 0xd4d4_0004, 0xe5e5_0005];

/// Traces a child through one system call and checks that PTRACE_GET_SYSCALL_INFO reports NONE,
/// ENTRY and EXIT where it should. [`Tracer::spawn`] makes the same check with its own child.
///
/// Returns the size in bytes of the largest struct that the kernel reported.
///
/// # Errors
/// [`Error::NoTracing`], with the likely reason and what to do about it, or the errno of fork(2),
/// pipe(2) or wait4(2).
pub fn check_tracing() -> Result<u32> {
    let maker = own_pid();
    let start_pipe = pipe()?;
    // SAFETY: the child makes only async-signal-safe calls: it waits, is examined, and exits.
    let child = check(unsafe { libc::fork() }).map_err(|e| Error::io("fork", e))?;
    if child == 0 {
        // SAFETY: as above.
        unsafe {
            die_with(maker);
            if wait_for_start(start_pipe.0.as_raw_fd()) {
                be_examined();
            }
            libc::_exit(0);
        }
    }
    let tracer = Tracer::with_options(libc::PTRACE_O_TRACESYSGOOD);
    let answer = tracer.seize(child).map_err(|e| refused(child, &e)).and_then(|()| {
        allow_start(&start_pipe.1)?;
        examine(&tracer, child)
    });
    // SAFETY: kills and reaps the child forked above.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), libc::__WALL);
    }
    answer.map(|(stop, longest)| {
        stop.discard();
        longest
    })
}

/// Creates a start pipe: the child waits at the read end until its tracer writes to the other.
pub(crate) fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(|e| Error::io("pipe2", e.into()))
}

/// Lets the child start.
pub(crate) fn allow_start(start_pipe: &OwnedFd) -> Result<()> {
    nix::unistd::write(start_pipe, &[1])
        .map(drop)
        .map_err(|e| Error::io("write to the child's start pipe", e.into()))
}

/// Waits for the tracer; returns false when it has died.
///
/// # Safety
/// For a child between fork and execve: read(2) is async-signal-safe.
pub(crate) unsafe fn wait_for_start(start_pipe: RawFd) -> bool {
    let mut byte = 0u8;
    // SAFETY: read(2) writes at most one byte.
    unsafe { libc::read(start_pipe, (&raw mut byte).cast(), 1) == 1 }
}

/// The child's part of [`examine`].
///
/// # Safety
/// For a child between fork and execve: makes only async-signal-safe calls.
pub(crate) unsafe fn be_examined() {
    // SAFETY: a signal to itself, and one harmless call: getpid takes no arguments and ignores the
    // marks.
    unsafe {
        libc::kill(libc::getpid(), libc::SIGSTOP);
        libc::syscall(libc::SYS_getpid, MARKS[0], MARKS[1], MARKS[2], MARKS[3], MARKS[4]);
    }
}

/// Takes a seized child through [`be_examined`]. Returns its last stop, and the size of the largest
/// struct that the kernel reported.
pub(crate) fn examine(tracer: &Tracer, child: Tid) -> Result<(Stop, u32)> {
    let mut info = SyscallInfo::new();
    let mut seen = [false; 3];
    let mut longest = 0;
    loop {
        let Report::Stopped(stop) = tracer.wait_for(child)? else {
            return Err(unsupported("a traced child ended without the expected stops"));
        };
        stop.syscall_info(&mut info)
            .map_err(|_| unsupported("the child died while it was traced"))?;
        if info.returned() < 0 {
            return Err(no_syscall_info(-info.returned()));
        }
        longest = longest.max(info.returned().cast_unsigned());
        match info.op() {
            Some(Op::NONE) => seen[0] = true,
            Some(Op::ENTRY) => seen[1] |= info.call().is_some_and(|(_, args)| args[..5] == MARKS),
            Some(Op::EXIT) if seen[1] => {
                seen[2] = true;
                if info.result() != Some((i64::from(child), false)) {
                    return Err(unsupported(&format!(
                        "PTRACE_GET_SYSCALL_INFO reports {info:?} where getpid returned {child}"
                    )));
                }
            }
            _ => {}
        }
        if seen.iter().all(|&seen| seen) {
            return Ok((stop, longest));
        }
        match stop.kind() {
            StopKind::Group(_) => stop.listen(),
            // A signal from outside is meant for the child.
            StopKind::Signal(signal) if signal != Signal(libc::SIGSTOP) => {
                stop.resume(Resume::ToNextSyscall, signal);
            }
            _ => stop.resume(Resume::ToNextSyscall, Signal::NONE),
        }
    }
}

fn unsupported(reason: &str) -> Error {
    Error::Unsupported(format!("ptrace does not work as Linux documents it here: {reason}"))
}

/// The error for a refused PTRACE_SEIZE of an own child.
pub(crate) fn refused(child: i32, error: &std::io::Error) -> Error {
    let found = format!("cannot trace a child (PTRACE_SEIZE: {error})");
    if let Ok(tracer) = process::Status::read(child).map(|status| status.tracer)
        && tracer != 0
    {
        let fix = format!(
            "process {tracer} traces this sysreel and all its children; a process has one tracer \
             at a time, so start sysreel outside of that one"
        );
        return Error::NoTracing { found, fix };
    }
    if let Some(place) = places::foreign() {
        return foreign(&found, place);
    }
    let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let fix = match (error.raw_os_error(), scope.trim()) {
        (Some(libc::EPERM), "2") => {
            "Yama lets only root trace (kernel.yama.ptrace_scope=2): run as root, or lower the \
             sysctl"
        }
        (Some(libc::EPERM), "3") => {
            "Yama forbids ptrace until the next boot (kernel.yama.ptrace_scope=3)"
        }
        (Some(libc::EPERM | libc::ENOSYS), _) => {
            "the sandbox or container filters ptrace: allow it (docker run --cap-add SYS_PTRACE, \
             or --security-opt seccomp=unconfined; Kubernetes: securityContext.capabilities.add: \
             [SYS_PTRACE])"
        }
        _ => "see ptrace(2)",
    };
    Error::NoTracing { found, fix: fix.to_owned() }
}

/// The error for a PTRACE_GET_SYSCALL_INFO that fails although ptrace works.
fn no_syscall_info(errno: i32) -> Error {
    let error = std::io::Error::from_raw_os_error(errno);
    let found = format!("PTRACE_GET_SYSCALL_INFO does not work here ({error})");
    if let Some(place) = places::foreign() {
        return foreign(&found, place);
    }
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let fix = format!(
        "the kernel reports version {}; the request needs Linux 5.3 or later, and no seccomp \
         filter against it",
        release.trim()
    );
    Error::NoTracing { found, fix }
}

fn foreign(found: &str, place: Foreign) -> Error {
    Error::NoTracing { found: format!("{found}; {}", place.what), fix: place.fix.to_owned() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn tracing_works_where_the_tests_run() {
        super::check_tracing().unwrap();
    }
}

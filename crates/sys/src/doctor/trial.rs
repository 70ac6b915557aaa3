//! Operations tried in a child, so that this process is not changed.

use crate::memory::{self, Transfer};
use crate::raw::check;
use std::io;

/// Runs `operation` in a child. It must make only async-signal-safe calls and must not allocate.
pub(super) fn in_child(operation: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: fork(2): the child makes async-signal-safe calls only, as the caller promises, and
    // leaves by _exit.
    let child = check(unsafe { libc::fork() })?;
    if child == 0 {
        let errno = match operation() {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(libc::EIO),
        };
        // An exit status has eight bits; these calls return no errno above 133 on x86_64 and
        // aarch64. SAFETY: _exit(2) takes a number.
        unsafe { libc::_exit(errno) }
    }
    let mut status = 0;
    // SAFETY: waitpid(2) writes one int.
    check(unsafe { libc::waitpid(child, &mut status, 0) })?;
    match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
        (true, 0) => Ok(()),
        (true, errno) => Err(io::Error::from_raw_os_error(errno)),
        // A seccomp filter that kills (SECCOMP_RET_KILL).
        (false, _) => Err(io::Error::other("a sandbox killed the process that tried")),
    }
}

/// Switches address space randomization off, as a replayable recording does.
pub(super) fn fix_addresses() -> io::Result<()> {
    // SAFETY: personality(2) takes a number; 0xffffffff changes nothing.
    let now = check(unsafe { libc::personality(0xffff_ffff) })?;
    let wanted = libc::c_ulong::from((now | libc::ADDR_NO_RANDOMIZE).cast_unsigned());
    // SAFETY: as above.
    check(unsafe { libc::personality(wanted) }).map(drop)
}

/// Bytes to read back from a child.
static MARK: [u8; 16] = *b"sysreel's doctor";

/// Reads from a child memory that it inherited.
pub(super) fn memory_of_a_child() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    // SAFETY: fork(2): the child makes one async-signal-safe call, which ends when this process
    // closes the pipe or dies.
    let child = check(unsafe { libc::fork() })?;
    if child == 0 {
        let mut byte = 0u8;
        use std::os::fd::AsRawFd;
        // SAFETY: close(2) takes a number; read(2) writes one byte; _exit(2) takes a number.
        unsafe {
            libc::close(writer.as_raw_fd());
            libc::read(reader.as_raw_fd(), (&raw mut byte).cast(), 1);
            libc::_exit(0);
        }
    }
    let mut buffer = [0u8; MARK.len()];
    let address = MARK.as_ptr().addr() as u64;
    let mut transfer = [Transfer { address, len: MARK.len(), ..Transfer::default() }];
    memory::read(child, &mut buffer, &mut transfer);
    drop(writer);
    // SAFETY: waitpid(2) accepts a null status.
    check(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) })?;
    match transfer[0].errno {
        0 if buffer == MARK => Ok(()),
        0 => Err(io::Error::other("process_vm_readv returned other bytes than the child has")),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

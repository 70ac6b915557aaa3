//! Error numbers: names from the `syscalls` package, messages as the C library prints them.

use syscalls::Errno;

/// Is this the result that says "to be continued by restart_syscall(2)"? Only a tracer sees it.
#[must_use]
pub fn is_restart_block(rval: i64) -> bool {
    rval == -i64::from(Errno::ERESTART_RESTARTBLOCK.into_raw())
}

/// Is this the result of a connect(2) that goes on in the background?
#[must_use]
pub fn is_in_progress(rval: i64) -> bool {
    rval == -i64::from(Errno::EINPROGRESS.into_raw())
}

/// The name of an error number, without sign: `ENOENT`, also the kernel's own `ERESTARTSYS` (512) and kin, which
/// a tracer sees and programs do not.
#[must_use]
pub fn errno_name(errno: i32) -> Option<&'static str> {
    Errno::new(errno).name_and_description().map(|(name, _)| name)
}

/// What the C library says for it: `No such file or directory`.
#[must_use]
pub fn errno_message(errno: i32) -> Option<&'static str> {
    Errno::new(errno).name_and_description().map(|(_, text)| text)
}

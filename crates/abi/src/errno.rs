//! Error numbers: names from the `syscalls` package, messages as the C library prints them.

use linux_raw_sys::errno as e;
use syscalls::Errno;

/// Returns the name of a positive error number, such as `ENOENT`. Includes the kernel's internal
/// `ERESTARTSYS` (512) and its kin, which tracers see and programs do not.
#[must_use]
pub fn errno_name(errno: i32) -> Option<&'static str> {
    Errno::new(errno).name_and_description().map(|(name, _)| name)
}

/// Returns the message of the GNU C library, such as `No such file or directory`.
#[must_use]
pub fn errno_message(errno: i32) -> Option<&'static str> {
    let number = u32::try_from(errno).ok()?;
    match GLIBC_MESSAGES.iter().find(|(n, _)| *n == number) {
        Some((_, text)) => Some(text),
        None => Errno::new(errno).name_and_description().map(|(_, text)| text),
    }
}

/// Whether the kernel intends to restart the call: -512 to -516 except -515, even if the program
/// finally gets another result.
#[must_use]
pub fn is_restart(rval: i64) -> bool {
    (-516..=-512).contains(&rval) && rval != -515
}

/// Returns -ERESTARTNOHAND, the internal result of a call that is restarted unless a signal handler
/// runs. Only tracers see it.
#[must_use]
pub fn restart_no_hand() -> i64 {
    -i64::from(Errno::ERESTARTNOHAND.into_raw())
}

/// Returns -ERESTART_RESTARTBLOCK, the internal result of a call that restart_syscall(2) continues.
#[must_use]
pub fn restart_block() -> i64 {
    -i64::from(Errno::ERESTART_RESTARTBLOCK.into_raw())
}

/// Whether the call is to be continued by restart_syscall(2). Only tracers see this result.
#[must_use]
pub fn is_restart_block(rval: i64) -> bool {
    rval == restart_block()
}

/// Whether this is the result of a connect(2) that continues in the background.
#[must_use]
pub fn is_in_progress(rval: i64) -> bool {
    rval == -i64::from(Errno::EINPROGRESS.into_raw())
}

/// The C library's messages that differ from the kernel's comments, which the package has.
#[rustfmt::skip]
static GLIBC_MESSAGES: &[(u32, &str)] = &[
    (e::EIO, "Input/output error"),
    (e::EBADF, "Bad file descriptor"),
    (e::EAGAIN, "Resource temporarily unavailable"),
    (e::ENOMEM, "Cannot allocate memory"),
    (e::EXDEV, "Invalid cross-device link"),
    (e::ENFILE, "Too many open files in system"),
    (e::ENOTTY, "Inappropriate ioctl for device"),
    (e::EDOM, "Numerical argument out of domain"),
    (e::ERANGE, "Numerical result out of range"),
    (e::EDEADLK, "Resource deadlock avoided"),
    (e::ENOLCK, "No locks available"),
    (e::ENOSYS, "Function not implemented"),
    (e::ELOOP, "Too many levels of symbolic links"),
    (e::EBADMSG, "Bad message"),
    (e::EILSEQ, "Invalid or incomplete multibyte or wide character"),
    (e::EOPNOTSUPP, "Operation not supported"),
    (e::ENETRESET, "Network dropped connection on reset"),
    (e::EDQUOT, "Disk quota exceeded"),
    (e::ECANCELED, "Operation canceled"),
];

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    #[test]
    fn messages_are_those_of_the_c_library() {
        let script = "import os\nfor i in range(1, 134): print(os.strerror(i))";
        let Ok(output) = Command::new("python3").args(["-c", script]).output() else {
            assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "no python3");
            _ = writeln!(std::io::stderr(), "skipped: no python3");
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        for (errno, theirs) in (1..).zip(text.lines()).filter(|(_, t)| !t.starts_with("Unknown")) {
            assert_eq!(errno_message(errno), Some(theirs), "{errno}");
        }
    }

    #[test]
    fn internal_errors_have_names() {
        assert_eq!(errno_name(2), Some("ENOENT"));
        assert_eq!(errno_name(11), Some("EAGAIN"));
        assert_eq!(errno_name(512), Some("ERESTARTSYS"));
        assert_eq!(errno_name(516), Some("ERESTART_RESTARTBLOCK"));
        assert_eq!(errno_name(4000), None);
        assert!(is_restart(-516) && !is_restart(-515) && !is_restart(512));
    }
}

//! Error numbers: names from the `syscalls` package, messages as the C library prints them.

use linux_raw_sys::errno as e;
use syscalls::Errno;

/// The name of an error number, without sign: `ENOENT`, also the kernel's own `ERESTARTSYS` (512)
/// and kin, which a tracer sees and programs do not.
#[must_use]
pub fn errno_name(errno: i32) -> Option<&'static str> {
    Errno::new(errno).name_and_description().map(|(name, _)| name)
}

/// What the GNU C library says for it: `No such file or directory`.
#[must_use]
pub fn errno_message(errno: i32) -> Option<&'static str> {
    let number = u32::try_from(errno).ok()?;
    match OTHERWISE.iter().find(|(n, _)| *n == number) {
        Some((_, text)) => Some(text),
        None => Errno::new(errno).name_and_description().map(|(_, text)| text),
    }
}

/// Whether the kernel means to make the call again: -512 to -516, whatever the program gets to see
/// in the end.
#[must_use]
pub fn is_restart(rval: i64) -> bool {
    (-516..=-512).contains(&rval) && rval != -515
}

/// What the kernel answers to itself where a call is to be made again unless a handler runs. Only a
/// tracer sees it.
#[must_use]
pub fn restart_no_hand() -> i64 {
    -i64::from(Errno::ERESTARTNOHAND.into_raw())
}

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

/// Where the C library's text is not the kernel's comment, which the package has.
#[rustfmt::skip]
static OTHERWISE: &[(u32, &str)] = &[
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
    use std::process::Command;

    use super::*;

    #[test]
    fn messages_are_those_of_the_c_library() {
        let script = "import os\nfor i in range(1, 134): print(os.strerror(i))";
        let Ok(output) = Command::new("python3").args(["-c", script]).output() else {
            eprintln!("skipped: no python3");
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        for (errno, theirs) in (1..).zip(text.lines()).filter(|(_, t)| !t.starts_with("Unknown")) {
            assert_eq!(errno_message(errno), Some(theirs), "{errno}");
        }
    }

    #[test]
    fn names_reach_the_numbers_that_programs_never_see() {
        assert_eq!(errno_name(2), Some("ENOENT"));
        assert_eq!(errno_name(11), Some("EAGAIN"));
        assert_eq!(errno_name(512), Some("ERESTARTSYS"));
        assert_eq!(errno_name(516), Some("ERESTART_RESTARTBLOCK"));
        assert_eq!(errno_name(4000), None);
        assert!(is_restart(-516) && !is_restart(-515) && !is_restart(512));
    }
}

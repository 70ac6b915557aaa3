//! Error numbers.

use sysreel_abi::{errno_message, errno_name};

use crate::text;

/// The return values that the C library takes for errors (MAX_ERRNO, include/linux/err.h).
pub(super) const ERRORS: std::ops::RangeInclusive<i64> = -4095..=-1;
/// The kernel's internal codes, which programs never see (include/linux/errno.h).
const RESTARTS: std::ops::RangeInclusive<i64> = 512..=516;

/// Writes `-1 ENOENT (No such file or directory)`, or `? ERESTARTSYS (To be restarted if SA_RESTART
/// is set)`.
pub(crate) fn error(rval: i64, out: &mut String) {
    let errno = i32::try_from(rval.wrapping_neg()).unwrap_or(0);
    out.push_str(if RESTARTS.contains(&errno.into()) { "? " } else { "-1 " });
    if errno_name(errno).is_none() {
        out.push_str("(errno ");
        text::sdec(out, errno.into());
        out.push(')');
        return;
    }
    error_name(errno, out);
    if let Some(message) = restart_message(errno).or_else(|| errno_message(errno)) {
        out.push_str(" (");
        out.push_str(message);
        out.push(')');
    }
}

/// Returns strace's words for the kernel's internal codes.
fn restart_message(errno: i32) -> Option<&'static str> {
    Some(match errno {
        512 => "To be restarted if SA_RESTART is set",
        513 => "To be restarted",
        514 => "To be restarted if no handler",
        516 => "Interrupted by signal",
        _ => return None,
    })
}

/// Writes the name of an error number.
pub(crate) fn error_name(errno: i32, out: &mut String) {
    match errno_name(errno) {
        Some(name) => out.push_str(name),
        None => {
            out.push_str("ERRNO_");
            text::sdec(out, errno.into());
        }
    }
}

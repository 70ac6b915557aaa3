//! The result of a call. `is_error` decides whether it failed; where the value contradicts it, both
//! are shown.

use sysreel_abi::{Abi, ArgKind, CallKind, errno_message, errno_name, render};

use super::{View, poll, value};
use crate::syscall_info::Outcome;
use crate::text;

/// The return values that the C library takes for errors (MAX_ERRNO, include/linux/err.h).
const ERRORS: std::ops::RangeInclusive<i64> = -4095..=-1;
/// The kernel's internal codes, which programs never see (include/linux/errno.h).
const RESTARTS: std::ops::RangeInclusive<i64> = 512..=516;

/// Writes what follows `= `.
pub(crate) fn outcome(view: &View<'_>, outcome: Outcome, out: &mut String) {
    if outcome.failed() && ERRORS.contains(&outcome.rval) {
        error(outcome.rval, out);
        poll::came(view, outcome, out);
        disagreement(outcome, out);
        return;
    }
    let kind = view.row.result_kind(view.abi, &view.args);
    number(view, kind, outcome.rval, out);
    words(view, kind, outcome, out);
    poll::came(view, outcome, out);
    disagreement(outcome, out);
}

/// Writes ` (is_error=1)` where the return value contradicts it.
pub(crate) fn disagreement(outcome: Outcome, out: &mut String) {
    if outcome.failed() != ERRORS.contains(&outcome.rval) || outcome.is_error > 1 {
        out.push_str(" (is_error=");
        text::dec(out, outcome.is_error.into());
        out.push(')');
    }
}

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

fn number(view: &View<'_>, kind: ArgKind, rval: i64, out: &mut String) {
    let bits = rval.cast_unsigned();
    let narrow = if view.abi == Abi::I386 { bits & 0xffff_ffff } else { bits };
    match kind {
        ArgKind::Never => out.push('?'),
        ArgKind::Addr | ArgKind::Ptr | ArgKind::Hex => text::hex(out, narrow),
        ArgKind::Fd => value::fd(view, bits, out),
        ArgKind::Uid | ArgKind::Gid => text::dec(out, bits & 0xffff_ffff),
        ArgKind::Mode => text::mode(out, narrow),
        ArgKind::Flags(_) | ArgKind::FlagsMode(_) => text::hex(out, narrow),
        _ if view.abi == Abi::I386 => value::int(bits, out),
        // Offsets of special files, such as /proc/PID/mem, may be any 64 bits.
        ArgKind::Off => text::dec(out, bits),
        _ => text::sdec(out, rval),
    }
}

/// Writes what the number means, in parentheses after it.
fn words(view: &View<'_>, kind: ArgKind, outcome: Outcome, out: &mut String) {
    let bits = outcome.rval.cast_unsigned();
    match kind {
        // No flags need no explanation, except that the access mode of open(2) is always shown.
        ArgKind::Flags(list) if bits != 0 || !list.fields.is_empty() => {
            out.push_str(" (flags ");
            value::constant(view, kind, bits, out);
            out.push(')');
        }
        ArgKind::Enum(_) => {
            out.push_str(" (");
            render::flag_value(view.abi, kind, bits, out);
            out.push(')');
        }
        ArgKind::Signal if outcome.rval != 0 => {
            out.push_str(" (");
            value::signal(bits, out);
            out.push(')');
        }
        ArgKind::Long if view.row.kind == CallKind::Clock => {
            out.push_str(" (");
            text::date(out, outcome.rval);
            out.push_str("+0000)");
        }
        _ => {}
    }
}

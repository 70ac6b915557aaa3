//! The result of a call. `is_error` decides whether it failed; where the value contradicts it, both
//! are shown.

use sysreel_abi::{Abi, ArgKind, CallKind, render};

use super::errno::{ERRORS, error};
use super::fields::Fields;
use super::view::View;
use super::{ready, value};
use crate::style::{Arguments, Constants};
use crate::text;
use sysreel_format::syscall_info::Outcome;

/// Writes what follows `= `.
pub(crate) fn outcome(view: &View<'_>, outcome: Outcome, out: &mut String) {
    if view.options.arguments == Arguments::Raw {
        return raw(view.abi, outcome, out);
    }
    if outcome.failed() && ERRORS.contains(&outcome.rval) {
        error(outcome.rval, out);
        ready::ready(view, outcome, out);
        contradiction(outcome, out);
        return;
    }
    let kind = view.row.result_kind(view.abi, &view.args);
    number(view, kind, mapped_at(view, outcome).unwrap_or(outcome.rval), out);
    explanation(view, kind, outcome, out);
    if !outcome.failed() && view.row.failed(outcome.rval, false) {
        let errno = (outcome.rval & 0xffff_ffff) - (1 << 32);
        unsigned_error(errno, out);
    }
    ready::ready(view, outcome, out);
    contradiction(outcome, out);
}

/// Returns where shmat(2) attached a segment if ipc(2) made the call, which stores the address
/// where its third argument points.
fn mapped_at(view: &View<'_>, outcome: Outcome) -> Option<i64> {
    if view.row.kind != CallKind::Shmat || view.role == 0 || outcome.rval != 0 {
        return None;
    }
    let region = view.exit?.find(3, 0, 0)?;
    let bytes = view.bytes(&region, 4).filter(|bytes| bytes.len() == 4)?;
    Some(Fields::new(view.abi, &bytes).i32(0))
}

/// Writes a result in hexadecimal, and an error as its number: `-1 (errno 2)`.
fn raw(abi: Abi, outcome: Outcome, out: &mut String) {
    if outcome.failed() && ERRORS.contains(&outcome.rval) {
        out.push_str("-1 (errno ");
        text::dec(out, outcome.rval.unsigned_abs());
        out.push(')');
    } else {
        let bits = outcome.rval.cast_unsigned();
        text::hex(out, if abi == Abi::I386 { bits & 0xffff_ffff } else { bits });
    }
    contradiction(outcome, out);
}

/// Writes the result of a call without a row.
pub(crate) fn unknown_outcome(outcome: Outcome, out: &mut String) {
    if outcome.failed() && ERRORS.contains(&outcome.rval) {
        error(outcome.rval, out);
    } else {
        text::sdec(out, outcome.rval);
        contradiction(outcome, out);
    }
}

/// Writes the error that an int without sign extension is, after its number.
fn unsigned_error(errno: i64, out: &mut String) {
    let mut text = String::new();
    error(errno, &mut text);
    out.push_str(text.strip_prefix("-1").unwrap_or(&text));
}

/// Writes ` (is_error=1)` where the return value contradicts it.
fn contradiction(outcome: Outcome, out: &mut String) {
    if outcome.failed() != ERRORS.contains(&outcome.rval) || outcome.is_error > 1 {
        out.push_str(" (is_error=");
        text::dec(out, outcome.is_error.into());
        out.push(')');
    }
}

fn number(view: &View<'_>, kind: ArgKind, rval: i64, out: &mut String) {
    let bits = rval.cast_unsigned();
    let narrow = if view.abi == Abi::I386 { bits & 0xffff_ffff } else { bits };
    match kind {
        ArgKind::Never => out.push('?'),
        ArgKind::Addr | ArgKind::Ptr | ArgKind::Hex | ArgKind::SignalMask => text::hex(out, narrow),
        ArgKind::Enum(list) if list.prefix.is_empty() => text::hex(out, narrow),
        ArgKind::Fd => value::made_fd(view, bits, out),
        ArgKind::Uid | ArgKind::Gid => text::dec(out, bits & 0xffff_ffff),
        ArgKind::Mode => text::mode(out, narrow),
        ArgKind::Flags(_) | ArgKind::FlagsMode(_) | ArgKind::IoPriority => text::hex(out, narrow),
        ArgKind::Enum(_) if view.row.kind == CallKind::Fcntl => text::hex(out, narrow),
        _ if view.abi == Abi::I386 => value::int(bits, out),
        // Offsets of special files, such as /proc/PID/mem, may be any 64 bits.
        ArgKind::Off => text::dec(out, bits),
        _ => text::sdec(out, rval),
    }
}

/// Writes what the number means, in parentheses after it.
fn explanation(view: &View<'_>, kind: ArgKind, outcome: Outcome, out: &mut String) {
    let bits = outcome.rval.cast_unsigned();
    match kind {
        ArgKind::SignalMask => {
            out.push_str(if view.row.args.is_empty() { " (mask " } else { " (old mask " });
            value::value(view, kind, 0, bits, out);
            out.push(')');
        }
        // Most handlers are functions.
        ArgKind::Enum(list) if list.prefix.is_empty() => {
            if let Some((name, _)) = list.items.iter().find(|(_, v)| *v == bits & 0xffff_ffff) {
                out.push_str(&format!(" ({name})"));
            }
        }
        // No flags need no explanation, except that the access mode of open(2) is always shown.
        ArgKind::Flags(_) | ArgKind::Enum(_)
            if view.row.kind == CallKind::Prctl && view.options.constants == Constants::Raw => {}
        ArgKind::Flags(_) if view.row.kind == CallKind::Prctl && bits != 0 => {
            out.push_str(" (");
            render::flag_value(view.abi, kind, bits, out);
            out.push(')');
        }
        ArgKind::Flags(list) if bits != 0 || !list.fields.is_empty() => {
            out.push_str(" (flags ");
            value::constant(view, kind, bits, out);
            out.push(')');
        }
        ArgKind::IoPriority if view.options.constants != Constants::Raw => {
            out.push_str(" (");
            value::io_priority_name(view, bits, out);
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

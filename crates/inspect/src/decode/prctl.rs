//! Arguments of prctl(2) that are more than a value of a list.

use sysreel_abi::consts::{control, process};
use sysreel_abi::{ArgKind, Constants, Layout, prctl, render, signal_name};

use super::fields::Fields;
use super::view::{Meaning, View};
use super::{string, value};
use crate::style;
use crate::text;

/// Names of tasks have at most so many bytes (TASK_COMM_LEN without the NUL).
const LONGEST_NAME: usize = 15;
/// The low bits of PR_SVE_SET_VL and PR_SME_SET_VL are a length.
const LENGTH: u64 = 0xffff;

/// Writes an argument. Returns whether it did.
pub(super) fn argument(view: &View<'_>, i: usize, meaning: Meaning, out: &mut String) -> bool {
    let is = |name| constant(name) == Some(view.arg(0) & 0xffff_ffff);
    let value = view.arg(i);
    match meaning {
        (ArgKind::Str, Some(_)) if is("PR_SET_NAME") && value != 0 => {
            return string::name(view, i, LONGEST_NAME, out);
        }
        (ArgKind::Struct(Layout::Int | Layout::U64), Some(_)) if value != 0 => {
            return stored(view, i, out);
        }
        (ArgKind::Signal, None) if is_no_signal(value) => text::dec(out, value),
        (ArgKind::Hex, None) if i == 1 && is("PR_SVE_SET_VL") => {
            length(view, &control::SVE, value, out)
        }
        (ArgKind::Hex, None) if i == 1 && is("PR_SME_SET_VL") => {
            length(view, &control::SME, value, out)
        }
        (ArgKind::Hex, None) if i == 1 && is("PR_SET_TAGGED_ADDR_CTRL") => tags(view, value, out),
        (ArgKind::Enum(list), None) if has_no_header(list) => commented(view, list, value, out),
        _ => return false,
    }
    true
}

fn constant(name: &str) -> Option<u64> {
    process::PRCTL.items.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// Whether a value is no signal even in its low 32 bits, so that all its bits count.
fn is_no_signal(value: u64) -> bool {
    let number = i32::try_from(value).ok();
    number.is_none_or(|number| number != 0 && signal_name(number).is_none())
}

/// Writes the number that an option has stored. Returns false if there is none.
fn stored(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let region = view.region(i, sysreel_abi::Dir::Out);
    let bytes = region.and_then(|region| view.bytes(&region, 8));
    let (Some(kind), Some(bytes)) = (prctl::stored(view.arg(0)), bytes) else { return false };
    let f = Fields::new(view.abi, &bytes);
    let number = match bytes.len() {
        8 => f.u64(0),
        4 => f.u32(0),
        _ => return false,
    };
    if view.outcome.is_none_or(|outcome| outcome.failed()) {
        return false;
    }
    out.push('[');
    value::value(view, kind, i, number, out);
    out.push(']');
    true
}

/// Writes what arch_prctl(2) has stored: a base, or the features that the processor saves. Returns
/// false if there is nothing.
pub(super) fn arch_stored(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let region = view.region(i, sysreel_abi::Dir::Out).filter(|region| region.head.got > 0);
    let Some(bytes) = region.and_then(|region| view.bytes(&region, 8)) else { return false };
    let option = view.arg(0) & 0xffff_ffff;
    let name = process::ARCH_PRCTL.items.iter().find(|(_, known)| *known == option);
    let name = name.map_or("", |(name, _)| *name);
    let f = Fields::new(view.abi, &bytes);
    let number = if bytes.len() == 8 { f.u64(0) } else { f.u32(0) };
    if view.outcome.is_none_or(|outcome| outcome.failed()) {
        return false;
    }
    out.push('[');
    match name {
        "ARCH_GET_FS" | "ARCH_GET_GS" => text::pointer(out, number),
        "ARCH_GET_XCOMP_SUPP" | "ARCH_GET_XCOMP_PERM" | "ARCH_GET_XCOMP_GUEST_PERM" => {
            text::hex(out, number);
            if view.options.constants != style::Constants::Raw {
                out.push_str(" /* ");
                render::flags_text(view.abi, &control::XFEATURE, number, out);
                out.push_str(" */");
            }
        }
        _ => text::hex(out, number),
    }
    out.push(']');
    true
}

/// Writes the length of vectors below flags: `PR_SVE_VL_INHERIT|0x40`.
fn length(view: &View<'_>, list: &'static Constants, value: u64, out: &mut String) {
    if value & !LENGTH == 0 {
        return text::hex(out, value);
    }
    let mut names = String::new();
    let known = list.items.iter().fold(0, |bits, (_, bit)| bits | bit);
    if value & !LENGTH & known == 0 {
        text::hex(&mut names, value & !LENGTH);
    } else {
        render::flags_text(view.abi, list, value & !LENGTH, &mut names);
    }
    names.push('|');
    text::hex(&mut names, value & LENGTH);
    value::named(view, &|out| text::hex(out, value), &names, out);
}

/// Writes what PR_SET_TAGGED_ADDR_CTRL sets: whether tags are allowed, how faults are reported, and
/// which tags are generated (include/uapi/linux/prctl.h).
fn tags(view: &View<'_>, value: u64, out: &mut String) {
    const ENABLE: u64 = 1;
    const FAULTS: u64 = 3 << 1;
    const SHIFT: u32 = 3;
    const TAGS: u64 = 0xffff << SHIFT;
    let mut names = String::new();
    names.push_str(if value & ENABLE == 0 { "!" } else { "" });
    names.push_str("PR_TAGGED_ADDR_ENABLE|");
    render::enum_text(view.abi, &control::TAG_FAULTS, value & FAULTS, &mut names);
    if value & TAGS != 0 {
        names.push('|');
        text::hex(&mut names, (value & TAGS) >> SHIFT);
        names.push_str("<<PR_MTE_TAG_SHIFT");
    }
    let rest = value & !(ENABLE | FAULTS | TAGS);
    if rest != 0 {
        names.push('|');
        text::hex(&mut names, rest);
    }
    value::named(view, &|out| text::hex(out, value), &names, out);
}

/// Whether programs have no header with the names of a list.
fn has_no_header(list: &'static Constants) -> bool {
    std::ptr::eq(list, &control::PID_TYPE) || std::ptr::eq(list, &control::XFEATURE_NUMBER)
}

/// Writes a number, and its name as a comment.
fn commented(view: &View<'_>, list: &'static Constants, value: u64, out: &mut String) {
    let value = if list.bits == 32 { value & 0xffff_ffff } else { value };
    text::hex(out, value);
    if view.options.constants == style::Constants::Raw {
        return;
    }
    let name = list.items.iter().find(|(_, known)| *known == value);
    out.push_str(" /* ");
    match name {
        Some((name, _)) => out.push_str(name),
        None => {
            out.push_str(list.prefix);
            out.push_str("???");
        }
    }
    out.push_str(" */");
}

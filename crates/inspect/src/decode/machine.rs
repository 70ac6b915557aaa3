//! The machine, terminals and capabilities.

use sysreel_abi::consts::{security, terminal};
use sysreel_abi::{Abi, ArgKind, render};

use super::fields::Fields;
use super::out::member;
use super::value;
use super::view::View;
use crate::text;

/// Writes a `struct new_utsname` or one of its two predecessors: consecutive names of `name_len`
/// bytes.
pub(crate) fn utsname(view: &View<'_>, f: Fields<'_>, name_len: usize, out: &mut String) {
    out.push('{');
    let names = ["sysname", "nodename", "release", "version", "machine", "domainname"];
    let all = f.bytes.len() / name_len;
    let shown = if view.options.verbose { all } else { 2 };
    for (i, name) in names.into_iter().enumerate().take(shown) {
        member(out, name);
        text::quoted(out, text::until_nul(f.slice(i * name_len, name_len)), view.options.hex);
    }
    out.push_str(if shown < all { ", ...}" } else { "}" });
}

/// Writes a `struct sysinfo` (include/uapi/linux/sysinfo.h): kernel longs, then a short and more.
pub(crate) fn sysinfo(f: Fields<'_>, out: &mut String) {
    let long = |i: usize| {
        f.klong(i).cast_unsigned() & if f.abi == Abi::I386 { 0xffff_ffff } else { u64::MAX }
    };
    let w = if f.abi == Abi::I386 { 4 } else { 8 };
    out.push('{');
    let number = |out: &mut String, name: &str, value: u64| {
        member(out, name);
        text::dec(out, value);
    };
    number(out, "uptime", long(0));
    out.push_str(", loads=[");
    for i in 1..4 {
        text::dec(out, long(i));
        out.push_str(if i < 3 { ", " } else { "]" });
    }
    for (i, name) in ["totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap"]
        .into_iter()
        .enumerate()
    {
        number(out, name, long(4 + i));
    }
    number(out, "procs", f.u16(10 * w));
    // `procs` and padding precede the next long.
    let after = 10 * w + w.max(4);
    let word = |at: usize| if w == 4 { f.u32(at) } else { f.u64(at) };
    number(out, "totalhigh", word(after));
    number(out, "freehigh", word(after + w));
    number(out, "mem_unit", f.u32(after + 2 * w));
    out.push('}');
}

/// Writes a `struct termios` or `termios2` (include/uapi/asm-generic/termbits.h): four words of
/// Writes a `struct termio`, whose flags have 16 bits.
pub(crate) fn termio(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    /// NCC.
    const CHARACTERS: usize = 8;
    let flags = [("c_iflag", &terminal::INPUT), ("c_oflag", &terminal::OUTPUT)];
    out.push('{');
    for (i, (name, list)) in flags.into_iter().enumerate() {
        member(out, name);
        value::constant(view, ArgKind::Flags(list), f.u16(i * 2), out);
    }
    member(out, "c_cflag");
    control_modes(view, f.u16(4), out);
    member(out, "c_lflag");
    value::constant(view, ArgKind::Flags(&terminal::LOCAL), f.u16(6), out);
    if characters(view, f, (8, CHARACTERS), out) {
        out.push('}');
    }
}

/// Writes the line discipline and the special characters after it. Returns false if they are left
/// out and the structure is complete.
fn characters(
    view: &View<'_>,
    f: Fields<'_>,
    (at, count): (usize, usize),
    out: &mut String,
) -> bool {
    if !view.options.verbose {
        out.push_str(", ...}");
        return false;
    }
    member(out, "c_line");
    value::constant(view, ArgKind::Enum(&terminal::DISCIPLINE), f.u8(at), out);
    out.push_str(", c_cc=[");
    for i in 0..count {
        if i > 0 {
            out.push_str(", ");
        }
        out.push('[');
        match terminal::CHARACTER.items.get(i) {
            Some((name, _)) => out.push_str(name),
            None => text::dec(out, i as u64),
        }
        out.push_str("]=");
        text::hex(out, f.u8(at + 1 + i));
    }
    out.push(']');
    true
}

/// flags; under `verbose` the line discipline, the special characters and the speeds of `termios2`.
pub(crate) fn termios(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    /// NCCS.
    const CHARACTERS: usize = 19;
    let flags = [
        ("c_iflag", &terminal::INPUT),
        ("c_oflag", &terminal::OUTPUT),
        ("c_cflag", &terminal::CONTROL),
        ("c_lflag", &terminal::LOCAL),
    ];
    out.push('{');
    for (i, (name, list)) in flags.into_iter().enumerate() {
        member(out, name);
        if name == "c_cflag" {
            control_modes(view, f.u32(i * 4), out);
        } else {
            value::constant(view, ArgKind::Flags(list), f.u32(i * 4), out);
        }
    }
    if !characters(view, f, (16, CHARACTERS), out) {
        return;
    }
    if f.bytes.len() > 36 {
        for (name, at) in [("c_ispeed", 36), ("c_ospeed", 40)] {
            member(out, name);
            text::dec(out, f.u32(at));
        }
    }
    out.push('}');
}

/// Writes the control modes. The speed of input has the names of that of output, in higher bits.
fn control_modes(view: &View<'_>, modes: u64, out: &mut String) {
    const SHIFT: u32 = 16;
    let list = &terminal::CONTROL;
    let speeds = list.fields.first();
    let mask = speeds.map_or(0, |field| field.mask) << SHIFT;
    let speed = (modes & mask) >> SHIFT;
    let name = speeds.and_then(|field| field.items.iter().find(|(_, known)| *known == speed));
    let Some((name, _)) = name.filter(|_| speed != 0) else {
        return value::constant(view, ArgKind::Flags(list), modes, out);
    };
    let mut names = String::new();
    render::flags_text(view.abi, list, modes & !mask, &mut names);
    let at = names.find('|').unwrap_or(names.len());
    names.insert_str(at, &format!("|{name}<<IBSHIFT"));
    value::named(view, &|out| text::hex(out, modes), &names, out);
}

/// Writes a `struct winsize`: four shorts.
pub(crate) fn winsize(f: Fields<'_>, out: &mut String) {
    out.push('{');
    for (i, name) in ["ws_row", "ws_col", "ws_xpixel", "ws_ypixel"].into_iter().enumerate() {
        member(out, name);
        text::dec(out, f.u16(i * 2));
    }
    out.push('}');
}

/// Writes a `__user_cap_header_struct`: version and pid.
pub(crate) fn cap_header(f: Fields<'_>, out: &mut String) {
    out.push_str("{version=");
    // include/uapi/linux/capability.h
    match f.u32(0) {
        0x1998_0330 => out.push_str("_LINUX_CAPABILITY_VERSION_1"),
        0x2007_1026 => out.push_str("_LINUX_CAPABILITY_VERSION_2"),
        0x2008_0522 => out.push_str("_LINUX_CAPABILITY_VERSION_3"),
        other => text::hex(out, other),
    }
    member(out, "pid");
    text::sdec(out, f.i32(4));
    out.push('}');
}

/// Writes three capability sets, each split in two halves.
pub(crate) fn cap_data(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push('{');
    for (i, name) in ["effective", "permitted", "inheritable"].into_iter().enumerate() {
        member(out, name);
        let set = f.u32(i * 4) | f.u32(12 + i * 4) << 32;
        let mut first = true;
        for bit in (0..64).filter(|bit| set >> bit & 1 != 0) {
            out.push_str(if first { "1<<" } else { "|1<<" });
            first = false;
            render::flag_value(view.abi, ArgKind::Enum(&security::CAPABILITY), bit, out);
        }
        if first {
            out.push('0');
        }
    }
    out.push('}');
}

//! The machine, terminals and capabilities.

use sysreel_abi::consts::security;
use sysreel_abi::{Abi, ArgKind, render};

use super::fields::Fields;
use super::out::member;
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

/// Writes the four flag words of a `struct termios`.
pub(crate) fn termios(f: Fields<'_>, out: &mut String) {
    out.push('{');
    for (i, name) in ["c_iflag", "c_oflag", "c_cflag", "c_lflag"].into_iter().enumerate() {
        member(out, name);
        text::hex(out, f.u32(i * 4));
    }
    out.push_str(", ...}");
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

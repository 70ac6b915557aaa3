//! Attributes of files and file systems.

use sysreel_abi::consts::{file, open};
use sysreel_abi::{Abi, ArgKind, Layout, render};

use super::fields::Fields;
use super::out::{beyond, member};
use super::view::View;
use super::{time, value};
use crate::text;

/// The file types with a device number, which is shown instead of their size
/// (include/uapi/linux/stat.h).
const CHARACTER: u64 = 0o020_000;
const BLOCK: u64 = 0o060_000;
const TYPE: u64 = 0o170_000;

/// The members of every stat structure.
#[derive(Default)]
struct Attributes {
    dev: u64,
    ino: u64,
    mode: u64,
    nlink: u64,
    uid: u64,
    gid: u64,
    rdev: u64,
    size: i64,
    blksize: u64,
    blocks: u64,
    /// Seconds and nanoseconds of the last access, modification and status change.
    times: [(i64, i64); 3],
}

/// Writes a `struct stat` in any of its layouts.
pub(crate) fn stat(view: &View<'_>, layout: Layout, f: Fields<'_>, out: &mut String) {
    let a = match (layout, view.abi) {
        (Layout::OldStat, _) => old(f),
        (Layout::Stat, Abi::I386) => i386(f),
        (Layout::Stat64, Abi::I386) => i386_64(f),
        (_, Abi::Aarch64) => generic(f),
        _ => x86_64(f),
    };
    out.push('{');
    if view.options.verbose {
        member(out, "st_dev");
        value::device_of(view, a.dev, out);
        number(out, "st_ino", a.ino);
    }
    member(out, "st_mode");
    value::constant(view, ArgKind::FileMode, a.mode, out);
    if view.options.verbose {
        for (name, v) in [
            ("st_nlink", a.nlink),
            ("st_uid", a.uid),
            ("st_gid", a.gid),
            ("st_blksize", a.blksize),
            ("st_blocks", a.blocks),
        ] {
            number(out, name, v);
        }
    }
    if matches!(a.mode & TYPE, CHARACTER | BLOCK) {
        member(out, "st_rdev");
        value::device_of(view, a.rdev, out);
    } else {
        member(out, "st_size");
        text::sdec(out, a.size);
    }
    if !view.options.verbose {
        out.push_str(", ...}");
        return;
    }
    for (name, (seconds, ns)) in ["st_atime", "st_mtime", "st_ctime"].into_iter().zip(a.times) {
        member(out, name);
        text::sdec(out, seconds);
        time::date_comment(seconds, ns, out);
        // The oldest structure has only seconds.
        if layout == Layout::OldStat {
            continue;
        }
        member(out, name);
        out.pop();
        out.push_str("_nsec=");
        text::sdec(out, ns);
    }
    out.push('}');
}

fn number(out: &mut String, name: &str, value: u64) {
    member(out, name);
    text::dec(out, value);
}

/// arch/x86/include/uapi/asm/stat.h, 64-bit; x32 shares it.
fn x86_64(f: Fields<'_>) -> Attributes {
    Attributes {
        dev: f.u64(0),
        ino: f.u64(8),
        nlink: f.u64(16),
        mode: f.u32(24),
        uid: f.u32(28),
        gid: f.u32(32),
        rdev: f.u64(40),
        size: f.i64(48),
        blksize: f.u64(56),
        blocks: f.u64(64),
        times: [72, 88, 104].map(|at| (f.i64(at), f.i64(at + 8))),
    }
}

/// include/uapi/asm-generic/stat.h, for 64-bit ARM.
fn generic(f: Fields<'_>) -> Attributes {
    Attributes {
        dev: f.u64(0),
        ino: f.u64(8),
        mode: f.u32(16),
        nlink: f.u32(20),
        uid: f.u32(24),
        gid: f.u32(28),
        rdev: f.u64(32),
        size: f.i64(48),
        blksize: f.u32(56),
        blocks: f.u64(64),
        times: [72, 88, 104].map(|at| (f.i64(at), f.i64(at + 8))),
    }
}

/// arch/x86/include/uapi/asm/stat.h, 32-bit `struct stat`.
fn i386(f: Fields<'_>) -> Attributes {
    Attributes {
        dev: f.u32(0),
        ino: f.u32(4),
        mode: f.u16(8),
        nlink: f.u16(10),
        uid: f.u16(12),
        gid: f.u16(14),
        rdev: f.u32(16),
        size: f.u32(20).cast_signed(),
        blksize: f.u32(24),
        blocks: f.u32(28),
        times: [32, 40, 48].map(|at| (f.i32(at), f.i32(at + 4))),
    }
}

/// arch/x86/include/uapi/asm/stat.h, 32-bit `struct stat64`.
fn i386_64(f: Fields<'_>) -> Attributes {
    Attributes {
        dev: f.u64(0),
        mode: f.u32(16),
        nlink: f.u32(20),
        uid: f.u32(24),
        gid: f.u32(28),
        rdev: f.u64(32),
        size: f.i64(44),
        blksize: f.u32(52),
        blocks: f.u64(56),
        times: [64, 72, 80].map(|at| (f.i32(at), f.i32(at + 4))),
        ino: f.u64(88),
    }
}

/// arch/x86/include/uapi/asm/stat.h, `struct __old_kernel_stat`.
fn old(f: Fields<'_>) -> Attributes {
    Attributes {
        dev: f.u16(0),
        ino: f.u16(2),
        mode: f.u16(4),
        nlink: f.u16(6),
        uid: f.u16(8),
        gid: f.u16(10),
        rdev: f.u16(12),
        size: f.u32(16).cast_signed(),
        times: [20, 24, 28].map(|at| (f.i32(at), 0)),
        ..Attributes::default()
    }
}

/// Writes a `struct statx` (include/uapi/linux/stat.h), the same in every ABI.
pub(crate) fn statx(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push('{');
    member(out, "stx_mask");
    value::constant(view, ArgKind::Flags(&file::STATX), f.u32(0), out);
    let verbose = view.options.verbose;
    if verbose {
        number(out, "stx_blksize", f.u32(4));
    }
    member(out, "stx_attributes");
    value::constant(view, ArgKind::Flags(&file::STATX_ATTRIBUTES), f.u64(8), out);
    if verbose {
        for (name, at) in [("stx_nlink", 16), ("stx_uid", 20), ("stx_gid", 24)] {
            number(out, name, f.u32(at));
        }
    }
    member(out, "stx_mode");
    value::constant(view, ArgKind::FileMode, f.u16(28), out);
    if verbose {
        number(out, "stx_ino", f.u64(32));
    }
    number(out, "stx_size", f.u64(40));
    if !verbose {
        out.push_str(", ...}");
        return;
    }
    number(out, "stx_blocks", f.u64(48));
    member(out, "stx_attributes_mask");
    value::constant(view, ArgKind::Flags(&file::STATX_ATTRIBUTES), f.u64(56), out);
    for (name, at) in [("stx_atime", 64), ("stx_btime", 80), ("stx_ctime", 96), ("stx_mtime", 112)]
    {
        // The kernel says which times there are (linux/stat.h).
        let has =
            render::constant(view.abi, &file::STATX, &name.to_uppercase().replace("STX", "STATX"));
        if has.is_some_and(|bit| f.u32(0) & bit == 0) {
            continue;
        }
        member(out, name);
        time::timespec(f.i64(at), f.u32(at + 8), out);
        time::date_comment(f.i64(at), f.u32(at + 8).cast_signed(), out);
    }
    for (name, at) in [
        ("stx_rdev_major", 128),
        ("stx_rdev_minor", 132),
        ("stx_dev_major", 136),
        ("stx_dev_minor", 140),
    ] {
        number(out, name, f.u32(at));
    }
    member(out, "stx_mnt_id");
    text::hex(out, f.u64(144));
    out.push('}');
}

/// Writes the flags of statx(2). If both sync bits are 0, it syncs as stat(2) does
/// (include/uapi/linux/fcntl.h).
pub(crate) fn sync_flags(view: &View<'_>, kind: ArgKind, flags: u64, out: &mut String) {
    const SYNC: u64 = 0x6000;
    if flags & SYNC != 0 {
        return value::constant(view, kind, flags, out);
    }
    let mut names = "AT_STATX_SYNC_AS_STAT".to_owned();
    if flags & 0xffff_ffff != 0 {
        names.push('|');
        render::flag_value(view.abi, kind, flags, &mut names);
    }
    value::named(view, &|out| text::hex(out, flags & 0xffff_ffff), &names, out);
}

/// Writes a `struct open_how` (include/uapi/linux/openat2.h).
pub(crate) fn open_how(view: &View<'_>, i: usize, f: Fields<'_>, out: &mut String) {
    out.push('{');
    member(out, "flags");
    value::constant(view, ArgKind::Flags(&open::OPEN_HOW), f.u64(0), out);
    if value::creates_file(view.abi, f.u64(0)) || f.u64(8) != 0 {
        member(out, "mode");
        text::mode(out, f.u64(8));
    }
    member(out, "resolve");
    value::constant(view, ArgKind::Flags(&open::RESOLVE), f.u64(16), out);
    beyond(f.bytes, 24, view.given(i).as_ref(), out);
    out.push('}');
}

/// Writes a `struct statfs` or `statfs64` (include/uapi/asm-generic/statfs.h).
pub(crate) fn statfs(layout: Layout, f: Fields<'_>, out: &mut String) {
    // Type and block size are words. The five counts are words too, but 64-bit in i386's statfs64.
    let i386 = f.abi == Abi::I386;
    let wide = !i386 || layout == Layout::Statfs64;
    let word = |i: usize| if i386 { f.u32(i * 4) } else { f.u64(i * 8) };
    let first = if i386 { 8 } else { 16 };
    let count = |i: usize| if wide { f.u64(first + i * 8) } else { f.u32(first + i * 4) };
    let after = first + 5 * if wide { 8 } else { 4 };
    let tail = |i: usize| if i386 { f.u32(after + 8 + i * 4) } else { f.u64(after + 8 + i * 8) };
    out.push('{');
    member(out, "f_type");
    match file::MAGIC.items.iter().find(|(_, magic)| *magic == word(0)) {
        Some((name, _)) => out.push_str(name),
        None => text::hex(out, word(0)),
    }
    number(out, "f_bsize", word(1));
    for (i, name) in
        ["f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree"].into_iter().enumerate()
    {
        number(out, name, count(i));
    }
    out.push_str(", f_fsid={val=[");
    text::hex(out, f.u32(after));
    out.push_str(", ");
    text::hex(out, f.u32(after + 4));
    out.push_str("]}");
    number(out, "f_namelen", tail(0));
    number(out, "f_frsize", tail(1));
    member(out, "f_flags");
    render::flags_text(f.abi, &file::MOUNTED, tail(2), out);
    out.push('}');
}

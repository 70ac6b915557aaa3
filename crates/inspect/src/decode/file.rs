//! File locks and directory entries.

use sysreel_abi::consts::file;
use sysreel_abi::{Abi, ArgKind, Dir, Layout};

use super::fields::Fields;
use super::out::{lost, member};
use super::value;
use super::view::View;
use crate::text;

/// Writes a `struct flock` or `flock64`: two shorts, start, length, pid. i386 aligns 64-bit numbers
/// to 4 bytes.
pub(crate) fn flock(view: &View<'_>, layout: Layout, f: Fields<'_>, out: &mut String) {
    let (start, len, pid) = match (view.abi, layout) {
        (Abi::I386, Layout::Flock) => (f.i32(4), f.i32(8), f.i32(12)),
        (Abi::I386, _) => (f.i64(4), f.i64(12), f.i32(20)),
        _ => (f.i64(8), f.i64(16), f.i32(24)),
    };
    let asks = view.meaning(2).1.is_some_and(|mem| mem.dir.comes_out());
    out.push_str("{l_type=");
    value::constant(view, ArgKind::Enum(&file::LOCK_TYPE), f.u16(0), out);
    member(out, "l_whence");
    value::constant(view, ArgKind::Enum(&file::SEEK), f.u16(2), out);
    for (name, number) in [("l_start", start), ("l_len", len)] {
        member(out, name);
        text::sdec(out, number);
    }
    // The kernel writes `l_pid` when it is asked for a lock, and never reads it: callers leave what
    // they find there.
    if view.outcome.is_some() && asks {
        member(out, "l_pid");
        text::sdec(out, pid);
    }
    out.push('}');
}

/// Writes a `struct old_linux_dirent`: inode, offset, length of the name, name.
fn old_entry(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push_str("{d_ino=");
    text::dec(out, f.ulong(0));
    member(out, "d_off");
    text::dec(out, f.ulong(1));
    member(out, "d_reclen");
    text::dec(out, f.u16(2 * f.word()));
    member(out, "d_name");
    let name = text::until_nul(f.bytes.get(2 * f.word() + 2..).unwrap_or_default());
    text::quoted(out, name, view.options.hex);
    out.push('}');
}

/// Writes the buffer of getdents(2): `0x55d3 /* 12 entries */`, or each entry under `verbose`.
pub(crate) fn directory(view: &View<'_>, i: usize, out: &mut String) {
    let region = view.region(i, Dir::Out).filter(|region| region.head.got > 0);
    let Some(region) = region else {
        let succeeded = view.outcome.is_some_and(|outcome| !outcome.failed());
        if succeeded && view.options.verbose {
            return out.push_str("[]");
        }
        text::pointer(out, view.arg(i));
        if succeeded && view.row.name != "readdir" {
            out.push_str(" /* 0 entries */");
        }
        return;
    };
    let Some(bytes) = view.bytes(&region, usize::MAX) else { return lost(view.arg(i), out) };
    if view.row.name == "readdir" {
        return old_entry(view, Fields::new(view.abi, &bytes), out);
    }
    // getdents(2) puts `d_reclen` after two kernel longs, and `d_type` in the last byte of the
    // entry.
    let old = view.row.name == "getdents";
    let length_at = if old && view.abi == Abi::I386 { 8 } else { 16 };
    let entries = || Entries { bytes: &bytes, length_at };
    if !view.options.verbose {
        let n = entries().count() as u64;
        text::pointer(out, view.arg(i));
        out.push_str(" /* ");
        text::dec(out, n);
        out.push_str(if n == 1 { " entry */" } else { " entries */" });
        return;
    }
    out.push('[');
    for (n, one) in entries().enumerate() {
        if n > 0 {
            out.push_str(", ");
        }
        entry(view, one, length_at, old, out);
    }
    out.push(']');
}

fn entry(view: &View<'_>, one: &[u8], length_at: usize, old: bool, out: &mut String) {
    let f = Fields::new(view.abi, one);
    let word = |at: usize| if length_at == 8 { f.u32(at) } else { f.u64(at) };
    out.push_str("{d_ino=");
    text::dec(out, word(0));
    member(out, "d_off");
    text::sdec(out, word(length_at / 2).cast_signed());
    member(out, "d_reclen");
    text::dec(out, f.u16(length_at));
    let (kind_at, name_at) =
        if old { (one.len().saturating_sub(1), length_at + 2) } else { (18, 19) };
    let kind = |out: &mut String| {
        member(out, "d_type");
        value::constant(view, ArgKind::Enum(&file::DIRENT), f.u8(kind_at), out);
    };
    // Members have the order of the structure.
    if !old {
        kind(out);
    }
    member(out, "d_name");
    text::quoted(out, text::until_nul(f.slice(name_at, usize::MAX)), view.options.hex);
    if old {
        kind(out);
    }
    out.push('}');
}

/// Iterates over entries that begin with their length.
struct Entries<'a> {
    bytes: &'a [u8],
    length_at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = self.bytes.get(self.length_at..self.length_at + 2)?;
        let length = length.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte));
        if length < self.length_at + 2 {
            return None;
        }
        let (one, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(one)
    }
}

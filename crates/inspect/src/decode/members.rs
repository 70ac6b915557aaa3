//! Structures that are written member by member from a table of names, offsets and kinds.
//!
//! Each member has two offsets: that of the 64-bit ABIs and that of i386. x32 makes the calls of
//! x86-64 with the kernel's longs. If the caller passed a shorter structure, it ends with the last
//! member that fits.

use sysreel_abi::{Abi, ArgKind};

use super::fields::Fields;
use super::out::member;
use super::value;
use super::view::View;
use crate::text;

#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) at: (u8, u8),
    pub(super) width: Width,
    kind: ArgKind,
}

/// The width of a member.
#[derive(Clone, Copy)]
pub(super) enum Width {
    One,
    Two,
    Four,
    Eight,
    /// A kernel long.
    Word,
    /// A nested `struct ipc64_perm`.
    Permissions,
    /// What of it IPC_SET sets.
    Owner,
    /// Another structure.
    Nested(&'static [Member]),
    /// No member: those that follow are only shown in full.
    Rest,
}

impl Width {
    pub(super) fn bytes(self, word: usize) -> usize {
        match self {
            Self::Rest => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
            Self::Word => word,
            Self::Permissions | Self::Owner => 24,
            // Of two sizes only the end of the last member matters.
            Self::Nested(members) => members
                .iter()
                .map(|one| usize::from(one.at.0) + one.width.bytes(word))
                .max()
                .unwrap_or(0),
        }
    }
}

use ArgKind::{Int, Long};
use Width::{Eight, Four, One, Permissions, Two, Word};

/// A member with its offsets in the 64-bit ABIs and in i386.
pub(super) const fn m(name: &'static str, at: (u8, u8), width: Width, kind: ArgKind) -> Member {
    Member { name, at, width, kind }
}

/// A member with the same offset in every ABI.
pub(super) const fn fixed(name: &'static str, at: u8, width: Width, kind: ArgKind) -> Member {
    m(name, (at, at), width, kind)
}

/// A structure in a structure, at the same offset in every ABI.
pub(super) const fn nested(name: &'static str, at: u8, members: &'static [Member]) -> Member {
    fixed(name, at, Width::Nested(members), Int)
}

/// Where a structure is cut unless it is shown in full.
pub(super) const REST: Member = fixed("", 0, Width::Rest, Int);

/// Writes a structure from its members, of which kernel longs are words.
pub(super) fn write(view: &View<'_>, members: &[Member], f: Fields<'_>, out: &mut String) {
    write_words(view, members, long_of(view.abi), f, out);
}

/// Returns where the last member ends.
pub(super) fn size(abi: Abi, members: &[Member]) -> usize {
    let word = long_of(abi);
    let end = |one: &Member| {
        usize::from(if word == 8 { one.at.0 } else { one.at.1 }) + one.width.bytes(word)
    };
    members.iter().map(end).max().unwrap_or(0)
}

pub(super) fn write_words(
    view: &View<'_>,
    members: &[Member],
    word: usize,
    f: Fields<'_>,
    out: &mut String,
) {
    out.push('{');
    for one in members {
        let at = usize::from(if word == 8 { one.at.0 } else { one.at.1 });
        if f.bytes.len() < at + one.width.bytes(word) {
            break;
        }
        if matches!(one.width, Width::Rest) {
            if view.options.verbose {
                continue;
            }
            out.push_str(", ...");
            break;
        }
        // Reserved members mean nothing unless they are set.
        if one.name.starts_with("__") && f.slice(at, one.width.bytes(word)).iter().all(|b| *b == 0)
        {
            continue;
        }
        member(out, one.name);
        let number = match one.width {
            Permissions => {
                permissions(f, out);
                continue;
            }
            Width::Owner => {
                out.push('{');
                owner(f, out);
                out.push('}');
                continue;
            }
            Width::Nested(members) => {
                let bytes = f.slice(at, one.width.bytes(word));
                write_words(view, members, word, Fields::new(view.abi, bytes), out);
                continue;
            }
            Width::Rest => continue,
            One if matches!(one.kind, Int) => sign_extended(f.u8(at), 0x80),
            One => f.u8(at),
            Two if matches!(one.kind, Int) => sign_extended(f.u16(at), 0x8000),
            Two => f.u16(at),
            Four if matches!(one.kind, Int) => f.i32(at).cast_unsigned(),
            Word if word == 4 && matches!(one.kind, Long) => f.i32(at).cast_unsigned(),
            Four => f.u32(at),
            Word if word == 4 => f.u32(at),
            Eight | Word => f.u64(at),
        };
        match one.kind {
            ArgKind::Size if matches!(one.width, Eight) => {
                text::dec(out, number);
                // Only an id-mapped mount has one (MOUNT_ATTR_IDMAP).
                if number <= i32::MAX as u64 && f.u64(0) & 0x0010_0000 != 0 {
                    value::fd_name(view, number, out);
                }
            }
            // The number is sign-extended already; `value` would cut a long of i386 to 32 bits.
            Long => text::sdec(out, number.cast_signed()),
            kind => value::value(view, kind, 0, number, out),
        }
    }
    out.push('}');
}

/// Returns the size of a kernel long.
pub(super) fn long_of(abi: Abi) -> usize {
    if abi == Abi::I386 { 4 } else { 8 }
}

fn sign_extended(number: u64, sign: u64) -> u64 {
    if number & sign != 0 { number | !(sign | (sign - 1)) } else { number }
}

/// Writes a `struct ipc64_perm`: key, uid, gid, cuid, cgid, mode.
fn permissions(f: Fields<'_>, out: &mut String) {
    out.push('{');
    owner(f, out);
    member(out, "key");
    text::hex(out, f.u32(0));
    for (name, at) in [("cuid", 12), ("cgid", 16)] {
        member(out, name);
        value::uid(f.u32(at), out);
    }
    out.push('}');
}

fn owner(f: Fields<'_>, out: &mut String) {
    for (name, at) in [("uid", 4), ("gid", 8)] {
        member(out, name);
        value::uid(f.u32(at), out);
    }
    member(out, "mode");
    text::mode(out, f.u16(20));
}

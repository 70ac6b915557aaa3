//! Writes one argument: a register by its kind, memory by what it holds.

use sysreel_abi::consts::mount;
use sysreel_abi::{ArgKind, CallKind, Dir, Layout, Len, Mem, render};

use super::fields::Fields;
use super::out::{lost, unreadable_rest};
use super::special_case::{has_attributes, special_case};
use super::view::{Meaning, View};
use super::{address, aio, iovec, layouts, poll, process, socket, string, value};
use crate::regions::RegionView;
use crate::style::Arguments;
use crate::text;

/// Writes an argument.
pub(super) fn argument(view: &View<'_>, i: usize, meaning: Meaning, out: &mut String) {
    if view.options.arguments == Arguments::Addresses && is_structure(view, i, meaning) {
        return text::pointer(out, view.arg(i));
    }
    if special_case(view, i, meaning, out) {
        return;
    }
    let value = view.arg(i);
    if view.row.kind == CallKind::Mount && ignores(view, i) {
        return text::pointer(out, value);
    }
    match meaning {
        (kind, None) => value::value(view, kind, i, value, out),
        (_, Some(_)) if value == 0 => out.push_str("NULL"),
        (kind, Some(mem)) => memory(view, i, kind, mem, out),
    }
}

/// Whether an argument points to something other than a string or a buffer.
fn is_structure(view: &View<'_>, i: usize, (kind, mem): Meaning) -> bool {
    let is_plain = matches!(kind, ArgKind::Path | ArgKind::Str | ArgKind::Buf);
    // The arguments of i386's old mmap are in memory, but are no structure to the caller.
    let is_arguments = matches!(kind, ArgKind::Struct(Layout::MmapArgs));
    mem.is_some() && !is_arguments && (!is_plain || has_attributes(view, i))
}

fn memory(view: &View<'_>, i: usize, kind: ArgKind, mem: Mem, out: &mut String) {
    if !is_set_size(view, kind, mem) || matches!(kind, ArgKind::Ptr) {
        return text::pointer(out, view.arg(i));
    }
    // Where the buffers are is input, even if the call fills them.
    let dir = match kind {
        ArgKind::Iovec => Dir::InOut,
        // Those that were not sent are shown as well.
        ArgKind::Mmsg if mem.dir == Dir::In => Dir::In,
        ArgKind::Mmsg => Dir::InOut,
        _ => mem.dir,
    };
    match view.region(i, dir).filter(|_| dir != Dir::Out || view.was_written(mem.when)) {
        Some(region) => pointee(view, i, kind, mem, &region, out),
        None if view.is_empty(mem) && !matches!(kind, ArgKind::Struct(_)) => {
            out.push_str(empty(kind))
        }
        None => text::pointer(out, view.arg(i)),
    }
}

/// The kernel takes no longer address of a socket (`struct sockaddr_storage`).
const LONGEST_ADDRESS: usize = 128;

/// Whether the only argument of a call but its size is a signal set that it stores.
fn is_pending(view: &View<'_>) -> bool {
    matches!(view.row.args, [set, _] if set.mem.is_some_and(|mem| mem.dir == Dir::Out))
}

/// Whether mount(2) ignores its type or its data, which the flags decide (do_mount,
/// fs/namespace.c).
fn ignores(view: &View<'_>, i: usize) -> bool {
    let Some(flags) = view.row.arg("flags").filter(|_| view.row.arg("type").is_some()) else {
        return false;
    };
    // The magic number of old programs shares the bits of newer flags.
    let magic = render::apart(ArgKind::Flags(&mount::MOUNT), view.arg(flags));
    let flags = view.arg(flags) & !magic.map_or(0, |(field, ..)| field.mask);
    let has = |names: &[&str]| {
        names.iter().any(|name| {
            render::constant(view.abi, &mount::MOUNT, name).is_some_and(|bit| flags & bit != 0)
        })
    };
    let changes = ["MS_BIND", "MS_MOVE", "MS_SHARED", "MS_PRIVATE", "MS_SLAVE", "MS_UNBINDABLE"];
    match i {
        i if view.row.arg("type") == Some(i) => has(&changes) || has(&["MS_REMOUNT"]),
        i if view.row.arg("data") == Some(i) => has(&changes),
        _ => false,
    }
}

/// Whether the size of a signal set is one that the kernel takes: whole words, at most 8 bytes.
fn is_set_size(view: &View<'_>, kind: ArgKind, mem: Mem) -> bool {
    match (kind, mem.len) {
        (ArgKind::Struct(Layout::SigSet), Len::Arg { count, .. }) => {
            let size = view.arg(count.index.into());
            let word = u64::from(view.abi.word());
            // rt_sigpending(2) also stores a part of a word.
            let is_whole = size >= word && size.is_multiple_of(word);
            size <= 8 && size > 0 && (is_whole || is_pending(view))
        }
        _ => true,
    }
}

fn pointee(
    view: &View<'_>,
    i: usize,
    kind: ArgKind,
    mem: Mem,
    region: &RegionView<'_>,
    out: &mut String,
) {
    if region.head.got == 0 {
        if region.head.asked == 0 && !matches!(kind, ArgKind::Struct(_)) {
            out.push_str(empty(kind))
        } else {
            view.unreadable(i, region, out)
        }
        return;
    }
    match kind {
        ArgKind::Path => string::path(view, i, region, out),
        ArgKind::Str => string::string(view, i, region, out),
        ArgKind::Buf => string::buffer(view, i, region, out),
        _ => {
            let Some(bytes) = view.bytes(region, usize::MAX) else {
                lost(view.arg(i), out);
                return;
            };
            if !structured(view, i, kind, mem, region, &bytes, out) {
                view.unreadable(i, region, out);
            }
        }
    }
}

/// Writes memory that is neither a string nor a buffer. Returns false if it cannot be shown.
fn structured(
    view: &View<'_>,
    i: usize,
    kind: ArgKind,
    mem: Mem,
    region: &RegionView<'_>,
    bytes: &[u8],
    out: &mut String,
) -> bool {
    match kind {
        ArgKind::StrVec => string::strings(view, i, bytes, out),
        ArgKind::Struct(Layout::SigSet) if region.head.got < region.head.asked => return false,
        ArgKind::Struct(layout) if mem.dir == Dir::InOut => {
            let before = u8::try_from(i).ok().and_then(|arg| view.entry.find(arg, view.role, 0));
            let before = before.and_then(|region| view.bytes(&region, usize::MAX));
            return layouts::changed(view, layout, before.as_deref(), bytes, i, out);
        }
        ArgKind::Struct(layout) => return layouts::structure(view, layout, bytes, i, out),
        ArgKind::Array(_) if matches!(mem.len, Len::Iocbs(_)) => {
            aio::submitted(view, i, bytes, region.is_cut(), out);
            unreadable_rest(region, out);
        }
        ArgKind::Array(layout) => {
            return layouts::array_region(view, layout, bytes, region, i, out);
        }
        // The kernel refuses an address of which it can read only a part.
        ArgKind::SockAddr if bytes.len() < 2 || is_unreadable(region) => return false,
        ArgKind::SockAddr => {
            address::address(view, bytes.get(..LONGEST_ADDRESS).unwrap_or(bytes), out);
        }
        ArgKind::FdSet => poll::fd_set(view, bytes, out),
        ArgKind::Bits if matches!(mem.len, Len::Nodes(_)) => {
            if !process::nodes(view, bytes, out) {
                return false;
            }
            unreadable_rest(region, out);
        }
        ArgKind::Bits => process::bits(bytes, out),
        ArgKind::Iovec => iovec::vector(view, i, mem, bytes, out),
        ArgKind::Msg => socket::one_message(view, i, mem.dir, Fields::new(view.abi, bytes), out),
        ArgKind::Mmsg => {
            let known = socket::messages(view, i, mem.dir, bytes, out);
            if known && mem.dir == Dir::In {
                unreadable_rest(region, out);
            }
            return known;
        }
        ArgKind::WaitStatus => return process::wait_status_of(bytes, out),
        _ => return false,
    }
    true
}

/// Whether only a part of an address could be read.
fn is_unreadable(region: &RegionView<'_>) -> bool {
    let asked = region.head.asked.min(LONGEST_ADDRESS as u64);
    region.head.errno != 0 && region.head.got < asked && !region.is_cut()
}

fn empty(kind: ArgKind) -> &'static str {
    match kind {
        ArgKind::Path | ArgKind::Str | ArgKind::Buf => "\"\"",
        _ => "[]",
    }
}

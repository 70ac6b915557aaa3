//! Socket addresses, options and messages.

use sysreel_abi::consts::socket as s;
use sysreel_abi::plan::{MSG_CONTROL, MSG_IOV, MSG_NAME, index};
use sysreel_abi::{ArgKind, Dir, Layout};

use super::address::address;
use super::fields::Fields;
use super::out::{lost, member};
use super::view::View;
use super::{control, iovec, value};
use crate::text;

/// Writes the two descriptors that pipe(2) and socketpair(2) store.
pub(super) fn fd_pair(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let bytes = view
        .region(i, Dir::Out)
        .and_then(|region| view.bytes(&region, 8))
        .filter(|bytes| bytes.len() == 8);
    let Some(bytes) = bytes else { return false };
    let f = Fields::new(view.abi, &bytes);
    out.push('[');
    value::made_fd(view, f.u32(0), out);
    out.push_str(", ");
    value::made_fd(view, f.u32(4), out);
    out.push(']');
    true
}

/// Writes the argument of sendmsg(2) or recvmsg(2). If recvmsg(2) failed, only the size of the name
/// buffer means anything.
pub(crate) fn one_message(view: &View<'_>, i: usize, dir: Dir, f: Fields<'_>, out: &mut String) {
    if dir.comes_out() && view.outcome.is_some_and(|outcome| outcome.failed()) {
        out.push_str("{msg_namelen=");
        text::dec(out, f.u32(f.word()));
        out.push('}');
        return;
    }
    message(view, i, dir, 0, f, out);
}

/// Writes a `msghdr`: seven members, each as wide as a word.
pub(crate) fn message(
    view: &View<'_>,
    i: usize,
    dir: Dir,
    number: u32,
    f: Fields<'_>,
    out: &mut String,
) {
    let name_len = f.u32(f.word());
    // A failed call wrote nothing: show the addresses.
    let is_valid = dir == Dir::In
        || view.exit.is_some() && view.outcome.is_some_and(|outcome| !outcome.failed());
    out.push_str("{msg_name=");
    let region = view
        .nested(i, 1, index(number, MSG_NAME), dir)
        .filter(|region| is_valid && region.head.got > 0);
    match region {
        _ if f.ulong(0) == 0 => out.push_str("NULL"),
        // The kernel writes no more than there is room, and stores how much it had.
        Some(region) => match view.bytes(&region, room(view, i, dir, number)) {
            Some(bytes) if bytes.len() >= 2 => address(view, &bytes, out),
            Some(_) => text::pointer(out, f.ulong(0)),
            None => lost(f.ulong(0), out),
        },
        None => text::pointer(out, f.ulong(0)),
    }
    member(out, "msg_namelen");
    name_length(view, i, dir, number, name_len, out);
    member(out, "msg_iov");
    let vector = view.nested(i, 1, index(number, MSG_IOV), Dir::In);
    match vector.and_then(|region| view.bytes(&region, usize::MAX)) {
        Some(bytes) => iovec::buffers(view, i, dir, (number, 2), &bytes, out),
        None => text::pointer(out, f.ulong(2)),
    }
    member(out, "msg_iovlen");
    text::dec(out, f.ulong(3));
    if f.ulong(5) != 0 {
        member(out, "msg_control");
        let region = view
            .nested(i, 1, index(number, MSG_CONTROL), dir)
            .filter(|region| is_valid && region.head.got > 0);
        match region.and_then(|region| view.bytes(&region, usize::MAX)) {
            Some(bytes) => control::messages(view, f.ulong(4), Fields::new(view.abi, &bytes), out),
            None => text::pointer(out, f.ulong(4)),
        }
    }
    member(out, "msg_controllen");
    text::dec(out, f.ulong(5));
    member(out, "msg_flags");
    value::constant(view, ArgKind::Flags(&s::MSG), f.u32(6 * f.word()), out);
    out.push('}');
}

/// Writes the length of the name, as `before => after` if the kernel changed it.
fn name_length(view: &View<'_>, i: usize, dir: Dir, number: u32, now: u64, out: &mut String) {
    match name_room(view, i, dir, number) {
        Some(before) if before != now => {
            text::dec(out, before);
            out.push_str(" => ");
        }
        _ => {}
    }
    text::dec(out, now);
}

/// Returns the length of the name buffer that the caller gave.
fn name_room(view: &View<'_>, i: usize, dir: Dir, number: u32) -> Option<u64> {
    let each = usize::try_from(Layout::MmsgHdr.size(view.abi)).ok()?;
    let at = each.saturating_mul(usize::try_from(number).ok()?);
    let argument = u8::try_from(i).ok().filter(|_| dir == Dir::InOut)?;
    let region = view.entry.find(argument, view.role, 0)?;
    let bytes = view.bytes(&region, usize::MAX)?;
    let one = Fields::new(view.abi, bytes.get(at..)?);
    (one.bytes.len() > one.word()).then(|| one.u32(one.word()))
}

/// Returns how many bytes of a name are the kernel's.
fn room(view: &View<'_>, i: usize, dir: Dir, number: u32) -> usize {
    name_room(view, i, dir, number).map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX))
}

/// Writes an array of `mmsghdr`: messages with the length of each. Returns false if the call
/// received none.
pub(crate) fn messages(
    view: &View<'_>,
    i: usize,
    dir: Dir,
    bytes: &[u8],
    out: &mut String,
) -> bool {
    let size = |layout: Layout| usize::try_from(layout.size(view.abi)).unwrap_or(usize::MAX);
    let done = view
        .outcome
        .filter(|outcome| !outcome.failed())
        .and_then(|outcome| usize::try_from(outcome.rval).ok());
    if dir.comes_out() && done.is_none() {
        return false;
    }
    let shown = if dir == Dir::In { usize::MAX } else { done.unwrap_or(usize::MAX) };
    let sent = view.region(i, Dir::Out).filter(|_| dir == Dir::In);
    let sent = sent.and_then(|region| view.bytes(&region, usize::MAX));
    let each = size(Layout::MmsgHdr);
    out.push('[');
    for (number, one) in bytes.chunks_exact(size(Layout::MmsgHdr)).enumerate().take(shown) {
        if number > 0 {
            out.push_str(", ");
        }
        if number >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        let f = Fields::new(view.abi, one);
        out.push_str("{msg_hdr=");
        message(view, i, dir, u32::try_from(number).unwrap_or(u32::MAX), f, out);
        if done.is_some_and(|done| number < done) {
            member(out, "msg_len");
            let written = sent.as_deref().and_then(|sent| sent.get(number * each..));
            let written = written.map_or(f, |written| Fields::new(view.abi, written));
            text::dec(out, written.u32(size(Layout::MsgHdr)));
        }
        out.push('}');
    }
    let asked = view.arg(i + 1) & 0xffff_ffff;
    if dir == Dir::In && asked > MOST_MESSAGES && bytes.len() as u64 / each as u64 >= MOST_MESSAGES
    {
        out.push_str(", ...");
    }
    out.push(']');
    true
}

/// The kernel sends no more (UIO_MAXIOV).
const MOST_MESSAGES: u64 = 1024;

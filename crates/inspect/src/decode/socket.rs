//! Socket addresses, options and messages.

use sysreel_abi::consts::socket as s;
use sysreel_abi::plan::{MSG_CONTROL, MSG_IOV, MSG_NAME, index};
use sysreel_abi::{Abi, ArgKind, Dir, Layout, render};

use super::endpoint::{INET, INET6, UNIX, port_number, v4, v6};
use super::fields::Fields;
use super::out::{lost, member};
use super::view::View;
use super::{iovec, string, time, value};
use crate::text;

/// Address family (include/linux/socket.h).
const NETLINK: u64 = 16;

/// Writes a `sockaddr` of any family. Members past its end are left out.
pub(crate) fn address(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let f = Fields::new(view.abi, bytes);
    if bytes.len() < 2 {
        out.push('{');
        member(out, "sa_data");
        text::quoted(out, bytes, view.options.hex);
        out.push('}');
        return;
    }
    out.push('{');
    member(out, "sa_family");
    value::constant(view, ArgKind::Enum(&s::FAMILY), f.u16(0), out);
    match f.u16(0) {
        UNIX => unix(view, bytes.get(2..).unwrap_or_default(), out),
        INET if bytes.len() >= 8 => {
            member(out, "sin_port");
            port(bytes, out);
            member(out, "sin_addr");
            out.push_str("inet_addr(\"");
            out.push_str(&v4(bytes, 4).to_string());
            out.push_str("\")");
        }
        INET6 if bytes.len() >= 24 => {
            member(out, "sin6_port");
            port(bytes, out);
            member(out, "sin6_flowinfo");
            out.push_str("htonl(");
            text::dec(out, f.u32(4).swap_bytes() >> 32);
            out.push(')');
            out.push_str(", inet_pton(AF_INET6, \"");
            out.push_str(&v6(bytes, 8).to_string());
            out.push_str("\", &sin6_addr)");
            if bytes.len() >= 28 {
                member(out, "sin6_scope_id");
                text::dec(out, f.u32(24));
            }
        }
        NETLINK if bytes.len() >= 12 => {
            member(out, "nl_pid");
            text::dec(out, f.u32(4));
            member(out, "nl_groups");
            let groups = f.u32(8);
            if groups == 0 {
                out.push_str("00000000")
            } else {
                out.push_str(&format!("{groups:#010x}"))
            }
        }
        _ if bytes.len() > 2 => {
            member(out, "sa_data");
            text::quoted(out, bytes.get(2..).unwrap_or_default(), view.options.hex);
        }
        _ => {}
    }
    out.push('}');
}

/// Writes a path, or an abstract name, which begins with NUL and may contain more of them
/// (unix(7)).
fn unix(view: &View<'_>, name: &[u8], out: &mut String) {
    match name {
        [] => {}
        [0, rest @ ..] => {
            out.push_str(", sun_path=@");
            text::quoted(out, rest, view.options.hex);
        }
        _ => {
            member(out, "sun_path");
            text::quoted(out, text::until_nul(name), view.options.hex);
        }
    }
}

fn port(bytes: &[u8], out: &mut String) {
    out.push_str("htons(");
    text::dec(out, port_number(bytes));
    out.push(')');
}

/// Writes the two descriptors that pipe(2) and socketpair(2) store.
pub(super) fn fd_pair(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let bytes = view
        .region(i, Dir::Out)
        .and_then(|region| view.bytes(&region, 8))
        .filter(|bytes| bytes.len() == 8);
    let Some(bytes) = bytes else { return false };
    let f = Fields::new(view.abi, &bytes);
    out.push('[');
    value::fd(view, f.u32(0), out);
    out.push_str(", ");
    value::fd(view, f.u32(4), out);
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
        Some(region) => match view.bytes(&region, usize::MAX) {
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
            Some(bytes) => control(view, f.ulong(4), Fields::new(view.abi, &bytes), out),
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
    let each = usize::try_from(Layout::MmsgHdr.size(view.abi)).unwrap_or(0);
    let at = each.saturating_mul(usize::try_from(number).unwrap_or(usize::MAX));
    let before = (dir == Dir::InOut)
        .then(|| u8::try_from(i).ok().and_then(|arg| view.entry.find(arg, view.role, 0)))
        .flatten()
        .and_then(|region| view.bytes(&region, usize::MAX))
        .and_then(|bytes| {
            let one = Fields::new(view.abi, bytes.get(at..)?);
            (one.bytes.len() > usize::from(view.abi.word()))
                .then(|| one.u32(usize::from(view.abi.word())))
        });
    match before {
        Some(before) if before != now => {
            text::dec(out, before);
            out.push_str(" => ");
        }
        _ => {}
    }
    text::dec(out, now);
}

/// Writes control messages: length, level, type, data; each is aligned to a word.
fn control(view: &View<'_>, address: u64, f: Fields<'_>, out: &mut String) {
    let head = f.word() + 8;
    if f.bytes.len() < head {
        return text::pointer(out, address);
    }
    let (mut at, mut is_over) = (0usize, false);
    out.push('[');
    while !is_over && f.bytes.len().saturating_sub(at) >= head {
        let one = Fields::new(view.abi, f.bytes.get(at..).unwrap_or_default());
        let len = usize::try_from(one.ulong(0)).unwrap_or(usize::MAX);
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str("{cmsg_len=");
        text::dec(out, one.ulong(0));
        member(out, "cmsg_level");
        let (level, kind) = (one.u32(f.word()), one.u32(f.word() + 4));
        value::constant(view, ArgKind::Enum(&s::LEVEL), level, out);
        member(out, "cmsg_type");
        match render::socket_option(level, kind) {
            // SOL_SOCKET, which is 1 in every ABI here (include/uapi/asm-generic/socket.h): its
            // control messages are not options.
            _ if level == 1 => value::constant(view, ArgKind::Enum(&s::CONTROL), kind, out),
            Some(name) => value::named(view, &|out| text::hex(out, kind), name, out),
            None => text::hex(out, kind),
        }
        if len > head {
            member(out, "cmsg_data");
            control_data(view, level, kind, one.slice(head, len - head), out);
        }
        out.push('}');
        // The length may be any number. One shorter than the header ends the list.
        let end = len.checked_next_multiple_of(f.word()).unwrap_or(usize::MAX);
        (at, is_over) = (at.saturating_add(end.max(head)), len < head);
    }
    if at < f.bytes.len() {
        out.push_str(", ... /* ");
        text::hex(out, address.wrapping_add(at as u64));
        out.push_str(" */");
    }
    out.push(']');
}

fn control_data(view: &View<'_>, level: u64, kind: u64, data: &[u8], out: &mut String) {
    /// SCM_RIGHTS (include/linux/socket.h): file descriptors passed to another process.
    const RIGHTS: u64 = 1;
    if (level, kind) == (1, RIGHTS) {
        out.push('[');
        for (i, fd) in data.chunks_exact(4).enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if i >= view.options.string_limit && !view.options.verbose {
                out.push_str("...");
                break;
            }
            value::fd(view, Fields::new(view.abi, fd).u32(0), out);
        }
        out.push(']');
        return;
    }
    let named = s::CONTROL.items.iter().find(|(_, known)| level == 1 && *known == kind);
    let f = Fields::new(view.abi, data);
    match (named.map_or("", |(name, _)| *name), data.len()) {
        ("SO_TIMESTAMP_NEW", 16) => time::timeval(f.i64(0), f.u64(8), out),
        ("SO_TIMESTAMPNS_NEW", 16) => time::timespec64_at(f, 0, out),
        ("SO_TIMESTAMP_OLD", len) if len == pair(f) => time::timeval_at(f, 0, out),
        ("SO_TIMESTAMPNS_OLD", len) if len == pair(f) => time::timespec_at(f, 0, out),
        ("SCM_CREDENTIALS", 12) => {
            out.push_str("{pid=");
            text::sdec(out, f.i32(0));
            for (name, at) in [("uid", 4), ("gid", 8)] {
                member(out, name);
                value::uid(f.u32(at), out);
            }
            out.push('}');
        }
        _ => string::limited(view, data, false, view.options.hex, out),
    }
}

/// Returns the size of two kernel longs.
fn pair(f: Fields<'_>) -> usize {
    if f.abi == Abi::I386 { 8 } else { 16 }
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
            text::dec(out, f.u32(size(Layout::MsgHdr)));
        }
        out.push('}');
    }
    out.push(']');
    true
}

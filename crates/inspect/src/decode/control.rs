//! Control messages of sendmsg(2) and recvmsg(2) (cmsg(3)).

use sysreel_abi::consts::socket as s;
use sysreel_abi::{Abi, ArgKind, CallKind, Constants, render};

use super::endpoint::{v4, v6};
use super::fields::Fields;
use super::out::member;
use super::view::View;
use super::{address, string, time, value};
use crate::text;

/// SOL_SOCKET, SOL_IP and SOL_IPV6, the same in every ABI here (include/linux/socket.h).
const SOCKET: u64 = 1;
const IP: u64 = 0;
const IPV6: u64 = 41;

/// What the data of a message are.
#[derive(Clone, Copy)]
enum Form {
    Fds,
    Credentials,
    /// The structures of time, of kernel longs or of 64 bits.
    Timeval,
    Timespec,
    Timeval64,
    Timespec64,
    /// Three of them.
    Timespecs,
    Timespecs64,
    /// A 32-bit number.
    Number,
    Fd,
    /// A byte.
    Octet,
    /// Bytes that are numbers.
    Octets,
    /// `struct in_pktinfo` and `struct in6_pktinfo`.
    Packet,
    Packet6,
    /// `struct sock_extended_err` and the address of who reported it.
    Error,
    Address,
}

#[rustfmt::skip]
const FORMS: &[(u64, &str, Form)] = &[
    (SOCKET, "SCM_RIGHTS", Form::Fds), (SOCKET, "SCM_CREDENTIALS", Form::Credentials),
    (SOCKET, "SCM_PIDFD", Form::Fd), (SOCKET, "SO_MARK", Form::Number),
    (SOCKET, "SO_RXQ_OVFL", Form::Number),
    (SOCKET, "SO_TIMESTAMP_OLD", Form::Timeval), (SOCKET, "SO_TIMESTAMPNS_OLD", Form::Timespec),
    (SOCKET, "SO_TIMESTAMPING_OLD", Form::Timespecs),
    (SOCKET, "SO_TIMESTAMP_NEW", Form::Timeval64),
    (SOCKET, "SO_TIMESTAMPNS_NEW", Form::Timespec64),
    (SOCKET, "SO_TIMESTAMPING_NEW", Form::Timespecs64),
    (IP, "IP_PKTINFO", Form::Packet), (IP, "IP_TTL", Form::Number), (IP, "IP_TOS", Form::Octet),
    (IP, "IP_RECVOPTS", Form::Octets), (IP, "IP_RETOPTS", Form::Octets),
    (IP, "IP_RECVERR", Form::Error), (IP, "IP_ORIGDSTADDR", Form::Address),
    (IP, "IP_CHECKSUM", Form::Number), (IP, "IP_RECVFRAGSIZE", Form::Number),
    (IPV6, "IPV6_PKTINFO", Form::Packet6), (IPV6, "IPV6_HOPLIMIT", Form::Number),
    (IPV6, "IPV6_TCLASS", Form::Number), (IPV6, "IPV6_RECVERR", Form::Error),
    (IPV6, "IPV6_ORIGDSTADDR", Form::Address), (IPV6, "IPV6_RECVFRAGSIZE", Form::Number),
];

/// Writes control messages: length, level, type, data; each is aligned to a word.
pub(super) fn messages(view: &View<'_>, address: u64, f: Fields<'_>, out: &mut String) {
    /// The kernel takes no more unless net.core.optmem_max has been raised. A list that is longer
    /// ends with `...`.
    const MOST: usize = 128 << 10;
    let shown = f.slice(0, MOST);
    let is_cut = shown.len() < f.bytes.len();
    let f = Fields::new(view.abi, shown);
    let head = f.word() + 8;
    if f.bytes.len() < head {
        return text::pointer(out, address);
    }
    let (mut at, mut is_over) = (0usize, false);
    out.push('[');
    while !is_over && f.bytes.len().saturating_sub(at) >= head {
        let one = Fields::new(view.abi, f.bytes.get(at..).unwrap_or_default());
        let len = usize::try_from(one.ulong(0)).unwrap_or(usize::MAX);
        out.push_str(if at > 0 { ", " } else { "" });
        message(view, one, len, out);
        // The length may be any number. One shorter than the header ends the list.
        let end = len.checked_next_multiple_of(f.word()).unwrap_or(usize::MAX);
        (at, is_over) = (at.saturating_add(end.max(head)), len < head);
    }
    if at < f.bytes.len() {
        out.push_str(", ... /* ");
        text::hex(out, address.wrapping_add(at as u64));
        out.push_str(" */");
    } else if is_cut {
        out.push_str(", ...");
    }
    out.push(']');
}

fn message(view: &View<'_>, one: Fields<'_>, len: usize, out: &mut String) {
    let (level, kind) = (one.u32(one.word()), one.u32(one.word() + 4));
    out.push_str("{cmsg_len=");
    text::dec(out, one.ulong(0));
    member(out, "cmsg_level");
    value::constant(view, ArgKind::Enum(&s::LEVEL), level, out);
    member(out, "cmsg_type");
    match types(level) {
        Some(list) => value::constant(view, ArgKind::Enum(list), kind, out),
        None => match render::socket_option(level, kind) {
            Some(name) => value::named(view, &|out| text::hex(out, kind), name, out),
            None => text::hex(out, kind),
        },
    }
    let head = one.word() + 8;
    data(view, (level, kind), one.slice(head, len.saturating_sub(head)), out);
    out.push('}');
}

/// Returns the types of the messages of a level. Those of other levels are options.
fn types(level: u64) -> Option<&'static Constants> {
    match level {
        SOCKET => Some(&s::CONTROL),
        IP => Some(&s::IP_CONTROL),
        _ => None,
    }
}

fn data(view: &View<'_>, (level, kind): (u64, u64), data: &[u8], out: &mut String) {
    let name = match types(level) {
        Some(list) => list.items.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name),
        None => render::socket_option(level, kind),
    };
    let known = FORMS.iter().find(|(of, form, _)| *of == level && Some(*form) == name);
    let form = known.map(|(.., form)| *form);
    // Less than a descriptor is none.
    let is_empty = data.is_empty() || matches!(form, Some(Form::Fds)) && data.len() < 4;
    if is_empty {
        return;
    }
    member(out, "cmsg_data");
    match form {
        None => string::limited(view, data, false, view.options.hex, out),
        // The kernel takes and makes no part of a structure.
        Some(form) if data.len() < least(form, view.abi) => out.push_str("???"),
        Some(form) => formed(view, form, Fields::new(view.abi, data), out),
    }
}

/// Returns the size of a form.
fn least(form: Form, abi: Abi) -> usize {
    // Two kernel longs.
    let pair = if abi == Abi::I386 { 8 } else { 16 };
    match form {
        Form::Octet | Form::Octets => 1,
        Form::Fds | Form::Fd | Form::Number => 4,
        Form::Credentials | Form::Packet => 12,
        Form::Timeval | Form::Timespec => pair,
        Form::Timespecs => 3 * pair,
        Form::Timeval64 | Form::Timespec64 | Form::Address => 16,
        Form::Timespecs64 => 48,
        Form::Packet6 => 20,
        Form::Error => 32,
    }
}

fn formed(view: &View<'_>, form: Form, f: Fields<'_>, out: &mut String) {
    match form {
        Form::Fds => fds(view, f, out),
        Form::Credentials => {
            out.push_str("{pid=");
            text::sdec(out, f.i32(0));
            for (name, at) in [("uid", 4), ("gid", 8)] {
                member(out, name);
                value::uid(f.u32(at), out);
            }
            out.push('}');
        }
        Form::Timeval => time::timeval_at(f, 0, out),
        Form::Timespec => time::timespec_at(f, 0, out),
        Form::Timeval64 => time::timeval(f.i64(0), f.u64(8), out),
        Form::Timespec64 => time::timespec64_at(f, 0, out),
        Form::Timespecs => three(f, least(Form::Timespec, f.abi), time::timespec_at, out),
        Form::Timespecs64 => three(f, 16, time::timespec64_at, out),
        Form::Number => {
            out.push('[');
            text::dec(out, f.u32(0));
            out.push(']');
        }
        Form::Fd => {
            out.push('[');
            value::made_fd(view, f.u32(0), out);
            out.push(']');
        }
        Form::Octet => octets(view, f.slice(0, 1), out),
        Form::Octets => octets(view, f.bytes, out),
        Form::Packet => {
            out.push_str("{ipi_ifindex=");
            super::inet::interface(view, f.u32(0), out);
            for (name, at) in [("ipi_spec_dst", 4), ("ipi_addr", 8)] {
                member(out, name);
                out.push_str(&format!("inet_addr(\"{}\")", v4(f.bytes, at)));
            }
            out.push('}');
        }
        Form::Packet6 => {
            let address = v6(f.bytes, 0);
            out.push_str(&format!("{{inet_pton(AF_INET6, \"{address}\", &ipi6_addr), "));
            out.push_str("ipi6_ifindex=");
            super::inet::interface(view, f.u32(16), out);
            out.push('}');
        }
        Form::Error => error(view, f, out),
        Form::Address => address::address(view, f.bytes, out),
    }
}

fn fds(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    let write = if view.row.kind == CallKind::Receive { value::made_fd } else { value::fd };
    out.push('[');
    for (i, fd) in f.bytes.chunks_exact(4).enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        if i >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        write(view, Fields::new(view.abi, fd).u32(0), out);
    }
    out.push(']');
}

fn three(f: Fields<'_>, each: usize, write: fn(Fields<'_>, usize, &mut String), out: &mut String) {
    for (i, start) in ["[", ", ", ", "].iter().enumerate() {
        out.push_str(start);
        write(Fields::new(f.abi, f.slice(i * each, each)), 0, out);
    }
    out.push(']');
}

fn octets(view: &View<'_>, bytes: &[u8], out: &mut String) {
    out.push('[');
    for (i, byte) in bytes.iter().enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        if i >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        text::hex(out, (*byte).into());
    }
    out.push(']');
}

/// Writes a `struct sock_extended_err` (include/uapi/linux/errqueue.h).
fn error(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push_str("{ee_errno=");
    text::dec(out, f.u32(0));
    for (name, at) in [("ee_origin", 4), ("ee_type", 5), ("ee_code", 6)] {
        member(out, name);
        text::dec(out, f.u8(at));
    }
    for (name, at) in [("ee_info", 8), ("ee_data", 12)] {
        member(out, name);
        text::dec(out, f.u32(at));
    }
    member(out, "offender");
    address::address(view, f.slice(16, usize::MAX), out);
    out.push('}');
}

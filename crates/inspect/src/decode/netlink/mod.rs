//! Messages of netlink(7). What a message is depends on the protocol of its socket and on its type;
//! structures and attributes are tables (`route.rs`, `link.rs`, `diag.rs`).

mod attributes;
mod chunk;
mod diag;
mod form;
mod kinds;
mod link;
mod netfilter;
mod route;
mod uevent;

use sysreel_abi::ArgKind;
use sysreel_abi::consts::netlink as c;
use sysreel_abi::errno::errno_name;

use super::fields::Fields;
use super::value;
use super::view::View;
use crate::text;
use attributes::Table;
pub(super) use chunk::Chunk;
use form::Form;

/// The length of a `struct nlmsghdr`.
const HEADER: usize = 16;
/// Protocols (linux/netlink.h).
const ROUTE: u64 = 0;
const SOCK_DIAG: u64 = 4;
const SELINUX: u64 = 7;
const NETFILTER: u64 = 12;
const UEVENT: u64 = 15;

/// Writes what a netlink socket sends or receives.
pub(super) fn messages(view: &View<'_>, protocol: u64, chunk: Chunk<'_>, out: &mut String) {
    if protocol == UEVENT {
        return uevent::write(view, chunk, out);
    }
    if chunk.need(view, HEADER, out).is_none() {
        return;
    }
    let next = |chunk: Chunk<'_>| {
        let len = length(view, chunk);
        (len >= HEADER).then(|| len.next_multiple_of(4)).filter(|end| *end < chunk.len)
    };
    let many = next(chunk).is_some();
    out.push_str(if many { "[" } else { "" });
    let (mut rest, mut count) = (chunk, 0);
    loop {
        message(view, protocol, rest, out);
        count += 1;
        let Some(end) = next(rest) else { break };
        rest = rest.from(end);
        out.push_str(", ");
        if count >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        if !rest.has(HEADER) {
            attributes::unread(view, rest, HEADER, out);
            break;
        }
    }
    out.push_str(if many { "]" } else { "" });
}

fn length(view: &View<'_>, chunk: Chunk<'_>) -> usize {
    usize::try_from(Fields::new(view.abi, chunk.bytes).u32(0)).unwrap_or(usize::MAX)
}

/// Writes a message whose header could be read.
fn message(view: &View<'_>, protocol: u64, chunk: Chunk<'_>, out: &mut String) {
    let len = length(view, chunk);
    let payload = chunk.first(len).from(HEADER);
    let has_payload = payload.len > 0;
    out.push_str(if has_payload { "[" } else { "" });
    header(view, protocol, chunk, out);
    if has_payload {
        out.push_str(", ");
        self::payload(view, protocol, chunk, payload, out);
        out.push(']');
    }
}

fn header(view: &View<'_>, protocol: u64, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{nlmsg_len=");
    text::dec(out, f.u32(0));
    out.push_str(", nlmsg_type=");
    kinds::kind(view, protocol, f.u16(4), out);
    out.push_str(", nlmsg_flags=");
    let flags = kinds::flags(view.abi, protocol, f.u16(4));
    value::constant(view, ArgKind::Flags(flags), f.u16(6), out);
    out.push_str(", nlmsg_seq=");
    text::dec(out, f.u32(8));
    out.push_str(", nlmsg_pid=");
    text::dec(out, f.u32(12));
    out.push('}');
}

fn payload(
    view: &View<'_>,
    protocol: u64,
    message: Chunk<'_>,
    payload: Chunk<'_>,
    out: &mut String,
) {
    /// Types below are the same in every protocol (NLMSG_MIN_TYPE).
    const OWN: u64 = 0x10;
    const REQUEST: u64 = 1;
    let f = Fields::new(view.abi, message.bytes);
    let (kind, is_request) = (f.u16(4), f.u16(6) & REQUEST != 0);
    let is = |name: &str| c::NETLINK_MESSAGE.items.iter().any(|known| *known == (name, kind));
    match protocol {
        _ if is("NLMSG_ERROR") => error(view, protocol, message, payload, out),
        _ if is("NLMSG_DONE") => form::write(view, 0, Form::Signed(4), payload, out),
        _ if kind < OWN => payload.raw(view, out),
        ROUTE => route::payload(view, kind, payload, out),
        SOCK_DIAG => diag::payload(view, kind, is_request, payload, out),
        SELINUX => kinds::selinux(view, kind, payload, out),
        NETFILTER => netfilter::payload(view, kind, payload, out),
        _ => payload.raw(view, out),
    }
}

/// Writes a `struct nlmsgerr`: a negated error number and the message that failed. NLM_F_CAPPED cuts
/// it after its header.
fn error(
    view: &View<'_>,
    protocol: u64,
    message: Chunk<'_>,
    chunk: Chunk<'_>,
    out: &mut String,
) {
    const CAPPED: u64 = 0x100;
    static ATTRIBUTES: Table = Table {
        types: Some(&c::NETLINK_ERROR),
        forms: &[
            ("NLMSGERR_ATTR_MSG", Form::Text),
            ("NLMSGERR_ATTR_OFFS", Form::Number(4)),
            ("NLMSGERR_ATTR_COOKIE", Form::Array(&Form::Number(1))),
        ],
        others: Form::Raw,
    };
    if chunk.need(view, 4 + HEADER, out).is_none() {
        return;
    }
    let is_capped = Fields::new(view.abi, message.bytes).u16(6) & CAPPED != 0;
    let inner = chunk.from(4);
    let has_more = is_capped && inner.len > HEADER;
    out.push_str(if has_more { "[{error=" } else { "{error=" });
    let number = Fields::new(view.abi, chunk.bytes).i32(0);
    match i32::try_from(-number).ok().filter(|n| *n > 0).and_then(errno_name) {
        Some(name) => {
            value::named(view, &|out| text::sdec(out, number), &format!("-{name}"), out);
        }
        None => text::sdec(out, number),
    }
    out.push_str(", msg=");
    if is_capped {
        header(view, protocol, inner, out);
    } else {
        self::message(view, protocol, inner, out);
    }
    out.push('}');
    if has_more {
        out.push_str(", ");
        attributes::write(view, 0, &ATTRIBUTES, inner.from(HEADER), out);
        out.push(']');
    }
}

/// Writes a structure and the attributes after it. The structure begins with the family, which is
/// shown even if the rest is missing.
fn structure(
    view: &View<'_>,
    fields: &[form::Field],
    size: usize,
    table: Option<&Table>,
    chunk: Chunk<'_>,
    out: &mut String,
) {
    if !chunk.has(1) {
        return text::pointer(out, chunk.address);
    }
    let family = Fields::new(view.abi, chunk.bytes).u8(0);
    if chunk.has(size) {
        form::members(view, family, fields, chunk.first(size), out);
    } else {
        form::members(view, family, fields.get(..1).unwrap_or(fields), chunk.first(1), out);
        out.pop();
        out.push_str(", ");
        if chunk.len < size {
            out.push_str("...");
        } else {
            text::pointer(out, chunk.address.wrapping_add(1));
        }
        out.push('}');
        return;
    }
    let rest = chunk.from(size.next_multiple_of(4));
    if rest.len == 0 {
        return;
    }
    out.push_str(", ");
    match table {
        Some(table) => attributes::write(view, family, table, rest, out),
        None => rest.raw(view, out),
    }
}

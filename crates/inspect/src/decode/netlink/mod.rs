//! Messages of netlink(7). What a message is depends on the protocol of its socket and on its type;
//! structures and attributes are tables (`route.rs`, `link.rs`, `diag.rs`).

mod attributes;
mod diag;
mod hops;
mod kinds;
mod link;
mod netfilter;
mod route;
mod uevent;

use sysreel_abi::ArgKind;
use sysreel_abi::consts::netlink as c;
use sysreel_abi::errno::errno_name;

use kinds::{NETFILTER, ROUTE, SELINUX, SOCK_DIAG, UEVENT};

use super::chunk::Chunk;
use super::fields::Fields;
use super::shape::{self, Shape, Table};
use super::value;
use super::view::View;
use crate::text;

/// The length of a `struct nlmsghdr`.
const HEADER: usize = 16;
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
    let is = |name: &str| c::NETLINK_MESSAGE.items.contains(&(name, kind));
    match protocol {
        _ if is("NLMSG_ERROR") => error(view, protocol, message, payload, out),
        _ if is("NLMSG_DONE") => shape::write(view, 0, Shape::Signed(4), payload, out),
        _ if kind < OWN => payload.raw(view, out),
        ROUTE => route::payload(view, kind, payload, out),
        SOCK_DIAG => diag::payload(view, kind, is_request, payload, out),
        SELINUX => kinds::selinux(view, kind, payload, out),
        NETFILTER => netfilter::payload(view, kind, payload, out),
        _ => payload.raw(view, out),
    }
}

/// Writes a `struct nlmsgerr`: a negated error number and the message that failed. NLM_F_CAPPED
/// cuts it after its header.
fn error(view: &View<'_>, protocol: u64, message: Chunk<'_>, chunk: Chunk<'_>, out: &mut String) {
    const CAPPED: u64 = 0x100;
    static ATTRIBUTES: Table = Table {
        types: Some(&c::NETLINK_ERROR),
        forms: &[
            ("NLMSGERR_ATTR_MSG", Shape::Text),
            ("NLMSGERR_ATTR_OFFS", Shape::Number(4)),
            ("NLMSGERR_ATTR_COOKIE", Shape::Array(&Shape::Number(1))),
        ],
        others: Shape::Raw,
        write: attributes::write,
    };
    if chunk.need(view, 4 + HEADER, out).is_none() {
        return;
    }
    let is_capped = Fields::new(view.abi, message.bytes).u16(6) & CAPPED != 0;
    let Some(inner) = chunk.from(4).inner() else { return chunk.raw(view, out) };
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

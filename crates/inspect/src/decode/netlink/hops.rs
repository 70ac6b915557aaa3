//! Addresses of hops and of multicast routes.

use sysreel_abi::ArgKind;
use sysreel_abi::consts::netlink_route as c;
use sysreel_abi::consts::socket;

use super::super::endpoint::{INET, INET6, v6};
use super::super::fields::Fields;
use super::super::shape::{self, Shape::Address};
use super::super::value;
use super::super::view::View;
use super::Chunk;

pub(super) fn address4(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    shape::write(view, INET, Address, chunk, out);
}

pub(super) fn address6(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    shape::write(view, INET6, Address, chunk, out);
}

/// Writes a family of addresses or of multicast routing.
pub(super) fn routing_family(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let family = Fields::new(view.abi, chunk.bytes).u8(0);
    let is_known = socket::FAMILY.items.iter().any(|(_, known)| *known == family);
    let list = if is_known { &socket::FAMILY } else { &c::ROUTING_FAMILY };
    value::constant(view, ArgKind::Enum(list), family, out);
}

/// Writes a `struct rtvia`: a family and an address of it.
pub(super) fn via(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let Some(bytes) = chunk.need(view, 2, out) else { return };
    let family = Fields::new(view.abi, bytes).u16(0);
    out.push_str("{rtvia_family=");
    value::constant(view, ArgKind::Enum(&socket::FAMILY), family, out);
    let rest = chunk.from(2);
    if rest.len > 0 {
        let is_long = family == INET6 && rest.has(16);
        if is_long && view.options.constants == crate::style::Constants::Abbrev {
            let address = v6(rest.bytes, 0);
            out.push_str(&format!(", inet_pton(AF_INET6, \"{address}\", &rtvia_addr)"));
        } else {
            out.push_str(", rtvia_addr=");
            shape::write(view, family, Address, rest, out);
        }
    }
    out.push('}');
}

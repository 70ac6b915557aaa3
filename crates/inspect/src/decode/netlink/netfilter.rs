//! Messages of netfilter: a subsystem and a message of it (linux/netfilter/nfnetlink.h).

use sysreel_abi::consts::{netlink_netfilter as c, socket};
use sysreel_abi::{Abi, ArgKind, Constants, render};

use super::super::fields::Fields;
use super::super::inet::in_network_order;
use super::super::shape::{Shape, Table};
use super::super::value;
use super::super::view::View;
use super::Chunk;
use super::attributes;
use crate::text;

/// The messages of each subsystem.
#[rustfmt::skip]
const MESSAGES: &[(&str, &Constants)] = &[
    ("NFNL_SUBSYS_CTNETLINK", &c::CONNTRACK), ("NFNL_SUBSYS_CTNETLINK_EXP", &c::EXPECTATIONS),
    ("NFNL_SUBSYS_QUEUE", &c::QUEUE), ("NFNL_SUBSYS_ULOG", &c::LOG), ("NFNL_SUBSYS_OSF", &c::OSF),
    ("NFNL_SUBSYS_IPSET", &c::IPSET), ("NFNL_SUBSYS_ACCT", &c::ACCOUNTING),
    ("NFNL_SUBSYS_CTNETLINK_TIMEOUT", &c::TIMEOUT), ("NFNL_SUBSYS_CTHELPER", &c::HELPER),
    ("NFNL_SUBSYS_NFTABLES", &c::NFTABLES), ("NFNL_SUBSYS_NFT_COMPAT", &c::COMPATIBILITY),
];

fn is_batch(kind: u64) -> bool {
    c::BATCH.items.iter().any(|(_, known)| *known == kind)
}

fn messages_of(subsystem: u64) -> Option<&'static Constants> {
    let name = c::SUBSYSTEM.items.iter().find(|(_, known)| *known == subsystem)?.0;
    MESSAGES.iter().find(|(known, _)| *known == name).map(|(_, list)| *list)
}

/// Writes a type by name.
pub(super) fn kind_name(abi: Abi, kind: u64, out: &mut String) {
    if is_batch(kind) {
        return render::enum_text(abi, &c::BATCH, kind, out);
    }
    render::enum_text(abi, &c::SUBSYSTEM, kind >> 8, out);
    out.push_str("<<8|");
    match messages_of(kind >> 8) {
        Some(list) => render::enum_text(abi, list, kind & 0xff, out),
        None => text::hex(out, kind & 0xff),
    }
}

pub(super) fn kind(view: &View<'_>, kind: u64, out: &mut String) {
    let mut name = String::new();
    kind_name(view.abi, kind, &mut name);
    value::named(view, &|out| text::hex(out, kind), &name, out);
}

/// Writes a `struct nfgenmsg`: family, version, a number in network order; and attributes.
pub(super) fn payload(view: &View<'_>, kind: u64, chunk: Chunk<'_>, out: &mut String) {
    const SIZE: usize = 4;
    static UNKNOWN: Table =
        Table { types: None, forms: &[], others: Shape::Raw, write: attributes::write };
    let Some(bytes) = chunk.need(view, SIZE, out) else { return };
    let f = Fields::new(view.abi, bytes);
    out.push_str("{nfgen_family=");
    value::constant(view, ArgKind::Enum(&socket::FAMILY), f.u8(0), out);
    out.push_str(", version=");
    match f.u8(1) {
        0 => value::named(view, &|out| out.push('0'), "NFNETLINK_V0", out),
        version => {
            text::hex(out, version);
            out.push_str(" /* NFNETLINK_??? */");
        }
    }
    out.push_str(", res_id=");
    resource(view, kind, f, out);
    out.push('}');
    let rest = chunk.from(SIZE);
    if rest.len == 0 {
        return;
    }
    out.push_str(", ");
    if is_batch(kind) {
        return rest.raw(view, out);
    }
    attributes::write(view, f.u8(0), &UNKNOWN, rest, out);
}

/// Writes the id of a resource. Programs put the number of nftables there in either byte order.
fn resource(view: &View<'_>, kind: u64, f: Fields<'_>, out: &mut String) {
    let (host, network) = (f.u16(2), f.u16(2).swap_bytes() >> 48);
    let subsystem = c::SUBSYSTEM.items.iter().find(|(name, _)| *name == "NFNL_SUBSYS_NFTABLES");
    match subsystem.filter(|(_, number)| kind >> 8 == *number) {
        Some((name, number)) if host == *number => {
            value::named(view, &|out| text::hex(out, host), name, out);
        }
        Some((name, number)) if network == *number => {
            in_network_order(view, f.slice(2, 2), &format!("htons({name})"), out);
        }
        _ => in_network_order(view, f.slice(2, 2), &format!("htons({network})"), out),
    }
}

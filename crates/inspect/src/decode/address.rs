//! Addresses of sockets, and the interfaces that they name.

use sysreel_abi::consts::{link, socket as s};
use sysreel_abi::{ArgKind, render};

use super::endpoint::{INET, INET6, UNIX};
use super::fields::Fields;
use super::inet::{in_network_order, inet, inet6, interface};
use super::out::member;
use super::view::View;
use super::{rare_families, value};
use crate::text;

/// Address families (include/linux/socket.h).
const NETLINK: u64 = 16;
const PACKET: u64 = 17;

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
        INET if bytes.len() >= 16 => inet(view, bytes, out),
        INET6 if bytes.len() >= 24 => {
            inet6(view, bytes, out);
            if bytes.len() >= 28 {
                member(out, "sin6_scope_id");
                scope(view, bytes, f.u32(24), out);
            }
        }
        NETLINK if bytes.len() >= 12 => netlink(f, out),
        PACKET if bytes.len() >= 20 => packet(view, f, out),
        _ if rare_families::members(view, f, out) => {}
        _ if bytes.len() > 2 => {
            member(out, "sa_data");
            text::quoted(out, bytes.get(2..).unwrap_or_default(), view.options.hex);
        }
        _ => {}
    }
    out.push('}');
}

fn netlink(f: Fields<'_>, out: &mut String) {
    if f.u16(2) != 0 {
        member(out, "nl_pad");
        text::hex(out, f.u16(2));
    }
    member(out, "nl_pid");
    text::dec(out, f.u32(4));
    member(out, "nl_groups");
    let groups = f.u32(8);
    if groups == 0 { out.push_str("00000000") } else { out.push_str(&format!("{groups:#010x}")) }
}

/// Writes a path, or an abstract name, which begins with NUL and may contain more of them
/// (unix(7)).
fn unix(view: &View<'_>, name: &[u8], out: &mut String) {
    /// The size of `sun_path`: the kernel refuses more.
    const MOST: usize = 108;
    let name = name.get(..MOST).unwrap_or(name);
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

/// Writes the members of a `struct sockaddr_ll` (packet(7)). The hardware address has room for 8
/// bytes.
fn packet(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    const MOST: usize = 8;
    member(out, "sll_protocol");
    let kind = ArgKind::Enum(&link::ETHER_PROTOCOL);
    let mut name = String::from("htons(");
    render::flag_value(view.abi, kind, f.u16(2).swap_bytes() >> 48, &mut name);
    name.push(')');
    in_network_order(view, f.slice(2, 2), &name, out);
    member(out, "sll_ifindex");
    interface(view, f.u32(4), out);
    member(out, "sll_hatype");
    value::constant(view, ArgKind::Enum(&link::HARDWARE_TYPE), f.u16(8), out);
    member(out, "sll_pkttype");
    value::constant(view, ArgKind::Enum(&link::PACKET_TYPE), f.u8(10), out);
    member(out, "sll_halen");
    let length = f.u8(11);
    text::dec(out, length);
    let shown = usize::try_from(length).map_or(MOST, |length| length.min(MOST));
    for (i, byte) in f.slice(12, shown).iter().enumerate() {
        out.push_str(if i == 0 { ", sll_addr=[" } else { ", " });
        text::hex(out, (*byte).into());
    }
    out.push_str(if length > MOST as u64 { ", ..." } else { "" });
    out.push_str(if shown > 0 { "]" } else { "" });
}

/// Writes the scope of an address: an interface for those of a link (fe80::/10 and multicast of
/// that scope, ff02::/16), otherwise a number.
fn scope(view: &View<'_>, bytes: &[u8], scope: u64, out: &mut String) {
    let is_of_link = matches!(bytes.get(8..10), Some([0xfe, low]) if low & 0xc0 == 0x80)
        || matches!(bytes.get(8..10), Some([0xff, kind]) if kind & 0xf == 2);
    if is_of_link { interface(view, scope, out) } else { text::dec(out, scope) }
}

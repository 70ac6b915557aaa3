//! Addresses of sockets of rare families: their members after the family.

use sysreel_abi::consts::{families as c, link, socket};
use sysreel_abi::{ArgKind, Constants};

use super::endpoint::{INET, INET6};
use super::fields::Fields;
use super::inet::{in_network_order, inet, inet6, interface, port};
use super::out::member;
use super::view::View;
use super::{callsign, value};
use crate::style::HexStrings;
use crate::text;
use ArgKind::{Enum, Flags};

/// Writes the members of an address of one family.
type Writer = fn(&View<'_>, Fields<'_>, &mut String);

/// Writes the members of an address. Returns false if the family is unknown or the address is too
/// short for it.
pub(super) fn members(view: &View<'_>, f: Fields<'_>, out: &mut String) -> bool {
    /// Families with the least length of an address (include/linux/socket.h and the header of each
    /// family).
    #[rustfmt::skip]
    const FAMILIES: &[(u64, usize, Writer)] = &[
        (3, 16, callsign::address), (4, 16, ipx), (9, 18, x25), (33, 36, rxrpc), (36, 20, radio),
        (38, 25, cipher), (39, 16, nfc), (40, 16, virtual_machine), (42, 12, router), (44, 16, xdp),
        (45, 12, management),
    ];
    let known = FAMILIES.iter().find(|(family, ..)| *family == f.u16(0));
    let Some((.., write)) = known.filter(|(_, least, _)| f.bytes.len() >= *least) else {
        return false;
    };
    write(view, f, out);
    true
}

/// Writes a number with its name, if it has one: `0xff /* NAME */`.
pub(super) fn commented(view: &View<'_>, kind: ArgKind, value: u64, out: &mut String) {
    let name = value::name_of_constant(view.abi, kind, value);
    text::hex(out, value);
    if view.options.constants != crate::style::Constants::Raw
        && let Some(name) = name
    {
        out.push_str(" /* ");
        out.push_str(&name);
        out.push_str(" */");
    }
}

/// Writes a value of which few have a name.
fn sometimes_named(view: &View<'_>, list: &'static Constants, value: u64, out: &mut String) {
    match list.items.iter().find(|(_, known)| *known == value) {
        Some((name, _)) => value::named(view, &|out| text::hex(out, value), name, out),
        None => text::hex(out, value),
    }
}

/// Writes a string of a fixed size. One without an end is cut before its last byte.
fn fixed_string(view: &View<'_>, bytes: &[u8], out: &mut String) {
    if bytes.contains(&0) {
        return text::quoted(out, text::until_nul(bytes), view.options.hex);
    }
    text::quoted(out, bytes.get(..bytes.len().saturating_sub(1)).unwrap_or(&[]), view.options.hex);
    out.push_str("...");
}

/// struct sockaddr_ipx.
fn ipx(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    member(out, "sipx_port");
    port(view, f.bytes, out);
    member(out, "sipx_network");
    let network = f.u32(4).swap_bytes() >> 32;
    in_network_order(view, f.slice(4, 4), &format!("htonl({network:#x})"), out);
    member(out, "sipx_node");
    for (i, byte) in f.slice(8, 6).iter().enumerate() {
        out.push_str(if i == 0 { "[" } else { ", " });
        text::hex(out, (*byte).into());
    }
    out.push(']');
    member(out, "sipx_type");
    text::hex(out, f.u8(14));
    if f.u8(15) != 0 {
        member(out, "sipx_zero");
        text::hex(out, f.u8(15));
    }
}

/// struct sockaddr_x25.
fn x25(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push_str(", sx25_addr={x25_addr=");
    fixed_string(view, f.slice(2, 16), out);
    out.push('}');
}

/// struct sockaddr_rxrpc, whose address of the transport is one of another family.
fn rxrpc(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    member(out, "srx_service");
    commented(view, Enum(&c::RXRPC_SERVICE), f.u16(2), out);
    member(out, "transport_type");
    value::constant(view, Enum(&c::TRANSPORT_TYPE), f.u16(4), out);
    member(out, "transport_len");
    text::dec(out, f.u16(6));
    let len = usize::try_from(f.u16(6)).unwrap_or(0);
    let transport = f.slice(8, 28);
    let family = Fields::new(view.abi, transport).u16(0);
    let (start, name, least) = match family {
        INET => ("{sin={", "sin_family", 16),
        INET6 => ("{sin6={", "sin6_family", 24),
        _ => ("{", "family", usize::MAX),
    };
    member(out, "transport");
    out.push_str(start);
    member(out, name);
    value::constant(view, Enum(&socket::FAMILY), family, out);
    match family {
        INET if len >= least => inet(view, transport, out),
        INET6 if len >= least => inet6(view, transport, out),
        _ if len > 2 => {
            let rest = transport.get(2..).unwrap_or_default();
            out.push_str(", ");
            text::quoted(out, rest.get(..len - 2).unwrap_or(rest), view.options.hex);
        }
        _ => {}
    }
    out.push_str(if matches!(family, INET | INET6) { "}}" } else { "}" });
}

/// struct sockaddr_ieee802154.
fn radio(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    const NONE: u64 = 0;
    const SHORT: u64 = 2;
    out.push_str(", addr={addr_type=");
    let kind = f.u32(4);
    commented(view, Enum(&c::RADIO_ADDRESS), kind, out);
    member(out, "pan_id");
    commented(view, Enum(&c::RADIO_NETWORK), f.u16(8), out);
    let address = f.slice(10, 8);
    match kind {
        NONE => {}
        SHORT => {
            member(out, "short_addr");
            commented(view, Enum(&c::RADIO_SHORT), f.u16(10), out);
        }
        _ => {
            member(out, "hwaddr");
            let mut name = String::new();
            for (i, byte) in address.iter().enumerate() {
                name.push_str(if i == 0 { "" } else { ":" });
                name.push_str(&format!("{byte:02x}"));
            }
            in_network_order(view, address, &name, out);
        }
    }
    out.push('}');
}

/// struct sockaddr_alg. The name of the cipher ends with the address.
fn cipher(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    member(out, "salg_type");
    fixed_string(view, f.slice(2, 14), out);
    for (name, at) in [("salg_feat", 16), ("salg_mask", 20)] {
        member(out, name);
        match f.u32(at) {
            0 => out.push('0'),
            flags => commented(view, Flags(&c::CRYPTO_ALG), flags, out),
        }
    }
    member(out, "salg_name");
    fixed_string(view, f.slice(24, usize::MAX), out);
}

/// struct sockaddr_nfc, or struct sockaddr_nfc_llcp if it is as long.
fn nfc(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    const NAME: usize = 63;
    member(out, "dev_idx");
    interface(view, f.u32(4), out);
    member(out, "target_idx");
    text::hex(out, f.u32(8));
    member(out, "nfc_protocol");
    value::constant(view, Enum(&c::NFC_PROTOCOL), f.u32(12), out);
    // A size follows the name.
    let size = (18 + NAME).next_multiple_of(f.word());
    if f.bytes.len() < size + f.word() {
        out.push_str(if f.bytes.len() > 16 { ", ..." } else { "" });
        return;
    }
    for (name, at) in [("dsap", 16), ("ssap", 17)] {
        member(out, name);
        commented(view, Enum(&c::LLCP_SAP), f.u8(at), out);
    }
    member(out, "service_name");
    let len = f.ulong(size / f.word());
    let shown = usize::try_from(len).map_or(NAME, |len| len.min(NAME));
    text::quoted(out, f.slice(18, shown), view.options.hex);
    member(out, "service_name_len");
    text::dec(out, len);
}

/// struct sockaddr_vm.
fn virtual_machine(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    if f.u16(2) != 0 {
        member(out, "svm_reserved1");
        text::hex(out, f.u16(2));
    }
    member(out, "svm_cid");
    sometimes_named(view, &link::VSOCK, f.u32(8), out);
    member(out, "svm_port");
    sometimes_named(view, &c::VSOCK_PORT, f.u32(4), out);
    member(out, "svm_flags");
    value::constant(view, Flags(&c::VSOCK_FLAGS), f.u8(12), out);
    let rest = f.slice(13, 3);
    if rest.iter().any(|byte| *byte != 0) {
        member(out, "svm_zero");
        text::quoted(out, rest, HexStrings::Always);
    }
}

/// struct sockaddr_qrtr.
fn router(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    member(out, "sq_node");
    sometimes_named(view, &c::QRTR_NODE, f.u32(4), out);
    member(out, "sq_port");
    sometimes_named(view, &c::QRTR_PORT, f.u32(8), out);
}

/// struct sockaddr_xdp. Only a shared area has a descriptor.
fn xdp(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    member(out, "sxdp_flags");
    value::constant(view, Flags(&c::XDP), f.u16(2), out);
    member(out, "sxdp_ifindex");
    interface(view, f.u32(4), out);
    member(out, "sxdp_queue_id");
    text::dec(out, f.u32(8));
    let fd = f.u32(12);
    if f.u16(2) & 1 != 0 {
        member(out, "sxdp_shared_umem_fd");
        value::fd(view, fd, out);
    } else if fd != 0 {
        member(out, "sxdp_shared_umem_fd");
        text::hex(out, fd);
    }
}

/// struct sockaddr_mctp.
fn management(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    if f.u16(2) != 0 {
        member(out, "__smctp_pad0");
        text::hex(out, f.u16(2));
    }
    member(out, "smctp_network");
    sometimes_named(view, &c::MCTP_NET, f.u32(4), out);
    out.push_str(", smctp_addr={s_addr=");
    sometimes_named(view, &c::MCTP_ADDRESS, f.u8(8), out);
    out.push('}');
    for (name, at) in [("smctp_type", 9), ("smctp_tag", 10)] {
        member(out, name);
        text::hex(out, f.u8(at));
    }
    if f.u8(11) != 0 {
        member(out, "__smctp_pad1");
        text::hex(out, f.u8(11));
    }
}

//! Types and flags of messages.

use sysreel_abi::consts::netlink as c;
use sysreel_abi::consts::{netlink_diag, netlink_route};
use sysreel_abi::{Abi, ArgKind, Constants, render};

use super::super::shape;
use super::super::value;
use super::super::view::View;
use super::{Chunk, netfilter};
use crate::text;

/// Protocols (linux/netlink.h).
pub(super) const ROUTE: u64 = 0;
pub(super) const SOCK_DIAG: u64 = 4;
pub(super) const SELINUX: u64 = 7;
pub(super) const NETFILTER: u64 = 12;
pub(super) const UEVENT: u64 = 15;

/// Protocols (linux/netlink.h).
const XFRM: u64 = 6;
const AUDIT: u64 = 9;
const GENERIC: u64 = 16;
const CRYPTO: u64 = 21;
/// The only family of generic netlink whose number is fixed (GENL_ID_CTRL, linux/genetlink.h).
const CONTROLLER: u64 = 0x10;

/// Returns the names of the messages of a protocol.
fn names(protocol: u64, kind: u64) -> Option<&'static Constants> {
    let has = |list: &Constants| list.items.iter().any(|(_, known)| *known == kind);
    Some(match protocol {
        _ if kind < 0x10 => &c::NETLINK_MESSAGE,
        ROUTE => &netlink_route::ROUTE_MESSAGE,
        SOCK_DIAG if has(&netlink_diag::OLD_DIAG_MESSAGE) => &netlink_diag::OLD_DIAG_MESSAGE,
        SOCK_DIAG => &netlink_diag::DIAG_MESSAGE,
        SELINUX => &c::SELINUX_MESSAGE,
        XFRM => &c::XFRM_MESSAGE,
        AUDIT => &c::AUDIT_MESSAGE,
        CRYPTO => &c::CRYPTO_MESSAGE,
        _ => return None,
    })
}

/// Writes the type of a message.
pub(super) fn kind(view: &View<'_>, protocol: u64, kind: u64, out: &mut String) {
    match names(protocol, kind) {
        Some(list) => value::constant(view, ArgKind::Enum(list), kind, out),
        None if protocol == NETFILTER => netfilter::kind(view, kind, out),
        None if protocol == GENERIC && kind == CONTROLLER => {
            value::named(view, &|out| text::hex(out, kind), "nlctrl", out);
        }
        None => text::hex(out, kind),
    }
}

/// Returns the flags that a message may have: some bits mean different things in messages that ask,
/// add and remove.
pub(super) fn flags(abi: Abi, protocol: u64, kind: u64) -> &'static Constants {
    let mut name = String::new();
    match names(protocol, kind) {
        Some(list) => render::enum_text(abi, list, kind, &mut name),
        None if protocol == NETFILTER => netfilter::kind_name(abi, kind, &mut name),
        None => {}
    }
    let has = |word: &str| name.contains(word) && !name.contains("???");
    match name.as_str() {
        "NLMSG_ERROR" => &c::NETLINK_ANSWER,
        _ if protocol == AUDIT => &c::NETLINK_FLAGS,
        // It dumps the actions that it removes.
        "RTM_DELACTION" | "SOCK_DIAG_BY_FAMILY" | "TCPDIAG_GETSOCK" | "DCCPDIAG_GETSOCK" => {
            &c::NETLINK_GET
        }
        _ if has("_GET") => &c::NETLINK_GET,
        _ if has("_DEL") || has("_DESTROY") => &c::NETLINK_DELETE,
        _ if has("_NEW") || has("_CACHEREPORT") => &c::NETLINK_NEW,
        _ => &c::NETLINK_FLAGS,
    }
}

/// Writes the payload of a message of SELinux (linux/selinux_netlink.h).
pub(super) fn selinux(view: &View<'_>, kind: u64, chunk: Chunk<'_>, out: &mut String) {
    const ENFORCE: shape::Shape = shape::Shape::Members(&[("val", 0, shape::Shape::Signed(4))]);
    const LOAD: shape::Shape = shape::Shape::Members(&[("seqno", 0, shape::Shape::Number(4))]);
    match c::SELINUX_MESSAGE.items.iter().find(|(_, known)| *known == kind) {
        Some(("SELNL_MSG_SETENFORCE", _)) => shape::write(view, 0, ENFORCE, chunk, out),
        Some(("SELNL_MSG_POLICYLOAD", _)) => shape::write(view, 0, LOAD, chunk, out),
        _ => chunk.raw(view, out),
    }
}

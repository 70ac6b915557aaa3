//! Internet addresses, ports, interfaces, and numbers in network byte order.

use super::endpoint::{port_number, v4, v6};
use super::fields::Fields;
use super::out::member;
use super::value;
use super::view::View;
use crate::style::{Constants, HexStrings};
use crate::text;

/// Writes port and address of a `struct sockaddr_in`.
pub(super) fn inet(view: &View<'_>, bytes: &[u8], out: &mut String) {
    member(out, "sin_port");
    port(view, bytes, out);
    member(out, "sin_addr");
    let name = format!("inet_addr(\"{}\")", v4(bytes, 4));
    in_network_order(view, bytes.get(4..8).unwrap_or_default(), &name, out);
}

/// Writes port, flow and address of a `struct sockaddr_in6`.
pub(super) fn inet6(view: &View<'_>, bytes: &[u8], out: &mut String) {
    member(out, "sin6_port");
    port(view, bytes, out);
    member(out, "sin6_flowinfo");
    let flow = Fields::new(view.abi, bytes).u32(4).swap_bytes() >> 32;
    in_network_order(view, bytes.get(4..8).unwrap_or_default(), &format!("htonl({flow})"), out);
    let address = v6(bytes, 8);
    if view.options.constants == Constants::Abbrev {
        out.push_str(&format!(", inet_pton(AF_INET6, \"{address}\", &sin6_addr)"));
    } else {
        member(out, "sin6_addr");
        let name = format!("inet_pton(AF_INET6, \"{address}\")");
        in_network_order(view, bytes.get(8..24).unwrap_or_default(), &name, out);
    }
}

/// Writes the port that follows the family.
pub(super) fn port(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let name = format!("htons({})", port_number(bytes));
    in_network_order(view, bytes.get(2..4).unwrap_or_default(), &name, out);
}

/// Writes a number in network byte order: as C makes it, or its bytes.
pub(super) fn in_network_order(view: &View<'_>, bytes: &[u8], name: &str, out: &mut String) {
    value::named(view, &|out| text::quoted(out, bytes, HexStrings::Always), name, out);
}

/// Writes the index of an interface. Only that of the loopback interface is known: it is the first
/// of its network namespace (LOOPBACK_IFINDEX, include/net/net_namespace.h).
pub(super) fn interface(view: &View<'_>, index: u64, out: &mut String) {
    let number = |out: &mut String| text::dec(out, index);
    if index == 1 {
        value::named(view, &number, "if_nametoindex(\"lo\")", out);
    } else {
        number(out);
    }
}

//! Values of socket options, by level and option.

use sysreel_abi::consts::{socket as s, uapi};
use sysreel_abi::{ArgKind, Constants, Dir, Layout, Len, Mem, render};

use super::endpoint::{v4, v6};
use super::errno::error_name;
use super::fields::Fields;
use super::out::{lost, member};
use super::view::View;
use super::{address, layouts, string, value};
use crate::style::{self, HexStrings};
use crate::text;

/// What a value is.
#[derive(Clone, Copy)]
enum Form {
    Int,
    /// A value of a list.
    Enum(&'static Constants),
    /// An error number.
    Error,
    /// Members of four bytes. A read may end within one.
    Ints(&'static [&'static str]),
    Text,
    Bytes,
    /// Two addresses (ip(7)).
    Membership,
    /// An address and an interface (ipv6(7)).
    Membership6,
    /// A filter, or its instructions.
    Program,
    /// An interface and an address of any family (linux/in.h).
    Group,
    /// An interface, a type and an address (linux/if_packet.h).
    PacketMembership,
    /// A bit set of types (linux/icmp.h).
    IcmpFilter,
}

/// The options whose value is not an int.
static FORMS: &[(&str, Form)] = &[
    ("SO_LINGER", Form::Ints(&["l_onoff", "l_linger"])),
    ("SO_PEERCRED", Form::Ints(&["pid", "uid", "gid"])),
    ("SO_ERROR", Form::Error),
    ("SO_TXREHASH", Form::Enum(&s::TXREHASH)),
    ("SO_BINDTODEVICE", Form::Text),
    ("SO_PEERNAME", Form::Bytes),
    ("SO_PEERSEC", Form::Bytes),
    ("SO_PEERGROUPS", Form::Bytes),
    ("SO_MEMINFO", Form::Bytes),
    ("SO_COOKIE", Form::Bytes),
    ("SO_NETNS_COOKIE", Form::Bytes),
    ("SO_RCVTIMEO_OLD", Form::Bytes),
    ("SO_SNDTIMEO_OLD", Form::Bytes),
    ("SO_RCVTIMEO_NEW", Form::Bytes),
    ("SO_SNDTIMEO_NEW", Form::Bytes),
    ("SO_MAX_PACING_RATE", Form::Bytes),
    ("SO_TXTIME", Form::Bytes),
    ("SO_ATTACH_REUSEPORT_EBPF", Form::Bytes),
    ("SO_ATTACH_BPF", Form::Bytes),
    ("SO_BPF_EXTENSIONS", Form::Bytes),
    ("SO_SECURITY_AUTHENTICATION", Form::Bytes),
    ("SO_SECURITY_ENCRYPTION_TRANSPORT", Form::Bytes),
    ("SO_SECURITY_ENCRYPTION_NETWORK", Form::Bytes),
    ("SO_PASSPIDFD", Form::Bytes),
    ("SO_PEERPIDFD", Form::Bytes),
    ("SO_DEVMEM_LINEAR", Form::Bytes),
    ("SO_DEVMEM_DMABUF", Form::Bytes),
    ("SO_DEVMEM_DONTNEED", Form::Bytes),
    ("SO_RCVPRIORITY", Form::Bytes),
    ("SO_TYPE", Form::Bytes),
    ("SO_PROTOCOL", Form::Bytes),
    ("SO_DOMAIN", Form::Bytes),
    ("SO_BINDTOIFINDEX", Form::Bytes),
    ("SO_BUF_LOCK", Form::Bytes),
    ("SO_ATTACH_FILTER", Form::Program),
    ("SO_ATTACH_REUSEPORT_CBPF", Form::Program),
    ("IPV6_ADD_MEMBERSHIP", Form::Membership6),
    ("IPV6_DROP_MEMBERSHIP", Form::Membership6),
    ("IPV6_JOIN_ANYCAST", Form::Membership6),
    ("IPV6_LEAVE_ANYCAST", Form::Membership6),
    ("IP_ADD_MEMBERSHIP", Form::Membership),
    ("IP_DROP_MEMBERSHIP", Form::Membership),
    ("MCAST_JOIN_GROUP", Form::Group),
    ("MCAST_LEAVE_GROUP", Form::Group),
    ("PACKET_ADD_MEMBERSHIP", Form::PacketMembership),
    ("PACKET_DROP_MEMBERSHIP", Form::PacketMembership),
    ("PACKET_RX_RING", Form::Ints(RING)),
    ("PACKET_TX_RING", Form::Ints(RING)),
    ("PACKET_STATISTICS", Form::Ints(&["tp_packets", "tp_drops", "tp_freeze_q_cnt"])),
    ("ICMP_FILTER", Form::IcmpFilter),
];

/// The level of sockets as such (include/uapi/asm-generic/socket.h).
const SOCKET: u64 = 1;

/// The level of netlink sockets (include/linux/socket.h).
const NETLINK: u64 = 270;

const RING: &[&str] = &["tp_block_size", "tp_block_nr", "tp_frame_size", "tp_frame_nr"];

/// Writes the value of an option; false if only its address can be shown.
pub(super) fn option(view: &View<'_>, i: usize, mem: Option<Mem>, out: &mut String) -> bool {
    let Some(mem) = mem else { return false };
    let Some(region) = view.region(i, mem.dir).filter(|_| mem.dir == Dir::In || succeeded(view))
    else {
        text::pointer(out, view.arg(i));
        return true;
    };
    let Some(bytes) = view.bytes(&region, usize::MAX) else {
        lost(view.arg(i), out);
        return true;
    };
    let is_whole = region.head.got == region.head.asked || region.is_cut();
    let name = render::socket_option(view.arg(1), view.arg(2)).unwrap_or_default();
    let form = FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form);
    let form = form.filter(|form| !(matches!(form, Form::Bytes) && bytes.len() == 4 && is_whole));
    let form = form.unwrap_or(match bytes.len() {
        4 if is_whole || !name.is_empty() => Form::Int,
        // Most options of sockets as such, and of netlink, are ints.
        _ if [SOCKET, NETLINK].contains(&(view.arg(1) & 0xffff_ffff)) && !name.is_empty() => {
            Form::Int
        }
        _ => Form::Bytes,
    });
    // A length is an int: one below 0 is an error.
    let asked = match mem.len {
        Len::Arg { count, .. } => i32::try_from(view.arg(count.index.into()) & 0xffff_ffff).ok(),
        _ => i32::try_from(region.head.asked).ok(),
    };
    let asked = asked.and_then(|asked| usize::try_from(asked).ok());
    let start = out.len();
    let shown = asked
        .is_some_and(|asked| write(view, form, &bytes, (asked, mem.dir == Dir::In, is_whole), out));
    if !shown {
        out.truncate(start);
        text::pointer(out, view.arg(i));
    }
    true
}

fn succeeded(view: &View<'_>) -> bool {
    view.outcome.is_some_and(|outcome| !outcome.failed())
}

/// Writes a value. `asked` is its length, of which fewer bytes may be known. The kernel takes no
/// part of a structure, but gives one if there is no room for more.
fn write(
    view: &View<'_>,
    form: Form,
    bytes: &[u8],
    (asked, is_given, is_whole): (usize, bool, bool),
    out: &mut String,
) -> bool {
    let f = Fields::new(view.abi, bytes);
    let least = match form {
        Form::Int | Form::Enum(_) | Form::Error | Form::IcmpFilter => 4,
        Form::Ints(names) => 4 * names.len(),
        Form::Program => f.word() * 2,
        Form::Membership6 => 20,
        Form::Membership => 8,
        Form::PacketMembership => 16,
        Form::Group => f.word() + 128,
        Form::Text | Form::Bytes => 0,
    };
    let exact = matches!(form, Form::PacketMembership)
        || matches!(form, Form::Ints(names) if names == RING);
    if is_given && (asked < least || bytes.len() < least || exact && asked != least) {
        return false;
    }
    (is_given || !bytes.is_empty()) && shown(view, form, bytes, (is_given, is_whole), out)
}

fn shown(
    view: &View<'_>,
    form: Form,
    bytes: &[u8],
    (is_given, is_whole): (bool, bool),
    out: &mut String,
) -> bool {
    let f = Fields::new(view.abi, bytes);
    match form {
        Form::Program if is_given => {
            return layouts::structure(view, Layout::SockFprog, bytes, 3, out);
        }
        Form::Program => {
            if !view.options.verbose {
                return false;
            }
            return layouts::array(view, Layout::SockFilter, bytes, false, 3, out);
        }
        Form::Membership6 => {
            out.push_str("{inet_pton(AF_INET6, \"");
            out.push_str(&v6(bytes, 0).to_string());
            out.push_str("\", &ipv6mr_multiaddr), ipv6mr_interface=");
            super::inet::interface(view, f.u32(16), out);
            out.push('}');
        }
        Form::Int | Form::Enum(_) | Form::Error if bytes.len() < 4 => {
            text::quoted(out, bytes, HexStrings::Always)
        }
        Form::Int => {
            out.push('[');
            text::sdec(out, f.i32(0));
            out.push(']');
        }
        Form::Enum(list) => constant(view, list, f, out),
        Form::Error => {
            out.push('[');
            match i32::try_from(f.i32(0)) {
                Ok(number) if number > 0 => error_name(number, out),
                _ => text::sdec(out, f.i32(0)),
            }
            out.push(']');
        }
        Form::Ints(names) => ints(f, names, out),
        Form::Membership => {
            for (name, at, open) in [("imr_multiaddr", 0, "{"), ("imr_interface", 4, ", ")] {
                out.push_str(open);
                out.push_str(name);
                out.push_str("=inet_addr(\"");
                out.push_str(&v4(bytes, at).to_string());
                out.push_str("\")");
            }
            out.push('}');
        }
        Form::Group => group(view, f, out),
        Form::PacketMembership => packet_membership(view, f, out),
        Form::IcmpFilter => icmp_filter(f, out),
        Form::Text if is_whole => string::limited(view, bytes, false, view.options.hex, out),
        Form::Bytes if is_whole => return whole(view, bytes, out),
        _ => return false,
    }
    true
}

/// Writes a constant whose number is decimal: `[2 /* SOCK_TXREHASH_??? */]`.
fn constant(view: &View<'_>, list: &'static Constants, f: Fields<'_>, out: &mut String) {
    let number = f.i32(0);
    let known = list.items.iter().find(|(_, known)| *known == f.u32(0));
    out.push('[');
    match known {
        Some((name, _)) => value::named(view, &|out| text::sdec(out, number), name, out),
        None => {
            text::sdec(out, number);
            if view.options.constants != style::Constants::Raw {
                out.push_str(" /* ");
                out.push_str(list.prefix);
                out.push_str("??? */");
            }
        }
    }
    out.push(']');
}

/// Writes a `struct group_req`.
fn group(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push_str("{gr_interface=");
    super::inet::interface(view, f.u32(0), out);
    member(out, "gr_group");
    address::address(view, f.slice(f.word(), 128), out);
    out.push('}');
}

/// Writes bytes of which the option says nothing.
fn whole(view: &View<'_>, bytes: &[u8], out: &mut String) -> bool {
    let name = render::socket_option(view.arg(1), view.arg(2)).unwrap_or_default();
    let is_socket = view.arg(1) & 0xffff_ffff == SOCKET;
    if name.is_empty() && bytes.len() < 8 && !is_socket {
        string::limited(view, bytes, false, HexStrings::Always, out);
        return true;
    }
    let time = layouts_of_time(name);
    match time {
        Some(layout) => layouts::structure(view, layout, bytes, 3, out),
        None => {
            string::limited(view, bytes, false, view.options.hex, out);
            true
        }
    }
}

fn layouts_of_time(name: &str) -> Option<Layout> {
    matches!(name, "SO_RCVTIMEO" | "SO_SNDTIMEO").then_some(Layout::Timeval)
}

/// Writes a structure of ints, the last of which may be cut.
fn ints(f: Fields<'_>, names: &[&str], out: &mut String) {
    let is_unsigned = names == RING || names.contains(&"tp_packets");
    out.push('{');
    for (i, name) in names.iter().enumerate() {
        match f.slice(4 * i, 4) {
            [] => break,
            part if part.len() < 4 => {
                member(out, name);
                text::quoted(out, part, HexStrings::Always);
            }
            _ => {
                member(out, name);
                if is_unsigned {
                    text::dec(out, f.u32(4 * i));
                } else {
                    text::sdec(out, f.i32(4 * i));
                }
            }
        }
    }
    out.push('}');
}

/// Writes a `struct packet_mreq`.
fn packet_membership(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push_str("{mr_ifindex=");
    text::dec(out, f.u32(0));
    member(out, "mr_type");
    value::constant(view, ArgKind::Enum(&s::PACKET_MEMBERSHIP), f.u16(4), out);
    member(out, "mr_alen");
    text::dec(out, f.u16(6));
    member(out, "mr_address");
    let length = usize::try_from(f.u16(6)).unwrap_or(8).min(8);
    hardware_address(view, f.slice(8, length), out);
    out.push('}');
}

/// Writes a hardware address: `00:11:22:33:44:55`.
pub(super) fn hardware_address(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let names: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let number = |out: &mut String| text::quoted(out, bytes, HexStrings::Always);
    value::named(view, &number, &names.join(":"), out);
}

/// Writes a `struct icmp_filter`: the types that are filtered, or `~[...]` those that are not.
fn icmp_filter(f: Fields<'_>, out: &mut String) {
    let set = f.u32(0);
    let inverted = set.count_ones() >= 22;
    out.push_str(if inverted { "~[" } else { "[" });
    let mut first = true;
    for bit in (0..32u64).filter(|bit| (set >> bit & 1 != 0) != inverted) {
        out.push_str(if first { "" } else { " " });
        first = false;
        match uapi::ICMP_TYPE.items.iter().find(|(_, number)| *number == bit) {
            Some((name, _)) => out.push_str(name),
            None => text::dec(out, bit),
        }
    }
    out.push(']');
}

//! Requests of network interfaces (linux/sockios.h, net/if.h).

use sysreel_abi::consts::{link, netlink_link};
use sysreel_abi::plan::index;
use sysreel_abi::{ArgKind, Dir};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::out::member;
use super::super::view::View;
use super::super::{address, value};
use super::form::Form;
use crate::text;

/// The size of the name of an interface (IFNAMSIZ).
const NAME: usize = 16;

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("SIOCGIFCONF", Form::Call(list)),
    ("SIOCGIFADDR", Form::Call(address_of)), ("SIOCSIFADDR", Form::Call(address_of)),
    ("SIOCGIFDSTADDR", Form::Call(destination)), ("SIOCSIFDSTADDR", Form::Call(destination)),
    ("SIOCGIFBRDADDR", Form::Call(broadcast)), ("SIOCSIFBRDADDR", Form::Call(broadcast)),
    ("SIOCGIFNETMASK", Form::Call(netmask)), ("SIOCSIFNETMASK", Form::Call(netmask)),
    ("SIOCGIFHWADDR", Form::Call(hardware)), ("SIOCSIFHWADDR", Form::Call(hardware)),
    ("SIOCSIFHWBROADCAST", Form::Call(hardware)),
    ("SIOCGIFFLAGS", Form::Call(flags)), ("SIOCSIFFLAGS", Form::Call(flags)),
    ("SIOCGIFMETRIC", Form::Call(metric)), ("SIOCSIFMETRIC", Form::Call(metric)),
    ("SIOCGIFMTU", Form::Call(mtu)), ("SIOCSIFMTU", Form::Call(mtu)),
    ("SIOCGIFTXQLEN", Form::Call(queue)), ("SIOCSIFTXQLEN", Form::Call(queue)),
    ("SIOCGIFINDEX", Form::Call(number)), ("SIOCGIFNAME", Form::Call(name_of)),
    ("SIOCSIFNAME", Form::Call(new_name)), ("SIOCGIFMAP", Form::Call(map)),
    ("SIOCSIFMAP", Form::Call(map)),
];

fn failed(view: &View<'_>) -> bool {
    view.outcome.is_none_or(|outcome| outcome.failed())
}

/// Whether a request asks and got no answer: it is shown without one.
fn is_question(view: &View<'_>) -> bool {
    let name = sysreel_abi::render::ioctl_name(view.abi, view.arg(1)).unwrap_or_default();
    name.starts_with("SIOCG") && failed(view)
}

/// Writes `{ifr_name="lo"`, and the rest unless it is the missing answer.
fn request(
    view: &View<'_>,
    chunk: Chunk<'_>,
    what: &str,
    write: &dyn Fn(&mut String, Fields<'_>),
    out: &mut String,
) -> bool {
    if !chunk.has(2 * NAME) {
        return false;
    }
    out.push_str("{ifr_name=");
    name(view, chunk, out);
    if !is_question(view) {
        member(out, what);
        write(out, Fields::new(view.abi, chunk.from(NAME).bytes));
    }
    out.push('}');
    true
}

fn name(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) {
    let field = chunk.first(NAME).bytes;
    let shown = text::until_nul(field);
    let is_cut = shown.len() == field.len();
    let shown = if is_cut { shown.get(..NAME - 1).unwrap_or(shown) } else { shown };
    text::quoted(out, shown, view.options.hex);
    out.push_str(if is_cut { "..." } else { "" });
}

fn socket_address(view: &View<'_>, chunk: Chunk<'_>, what: &str, out: &mut String) -> bool {
    request(view, chunk, what, &|out, f| address::address(view, f.slice(0, 16), out), out)
}

fn address_of(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    socket_address(view, chunk, "ifr_addr", out)
}

fn destination(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    socket_address(view, chunk, "ifr_dstaddr", out)
}

fn broadcast(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    socket_address(view, chunk, "ifr_broadaddr", out)
}

fn netmask(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    socket_address(view, chunk, "ifr_netmask", out)
}

/// A hardware address, whose family is a type of hardware.
fn hardware(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const OCTETS: usize = 6;
    let write = |out: &mut String, f: Fields<'_>| {
        out.push_str("{sa_family=");
        value::constant(view, ArgKind::Enum(&link::HARDWARE_TYPE), f.u16(0), out);
        out.push_str(", sa_data=");
        super::super::sockopt::hardware_address(view, f.slice(2, OCTETS), out);
        out.push('}');
    };
    request(view, chunk, "ifr_hwaddr", &write, out)
}

fn flags(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let kind = ArgKind::Flags(&netlink_link::INTERFACE_FLAGS);
    let write = |out: &mut String, f: Fields<'_>| value::constant(view, kind, f.u16(0), out);
    request(view, chunk, "ifr_flags", &write, out)
}

fn integer(view: &View<'_>, chunk: Chunk<'_>, what: &str, out: &mut String) -> bool {
    request(view, chunk, what, &|out, f| text::sdec(out, f.i32(0)), out)
}

fn metric(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    integer(view, chunk, "ifr_metric", out)
}

fn mtu(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    integer(view, chunk, "ifr_mtu", out)
}

fn queue(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    integer(view, chunk, "ifr_qlen", out)
}

fn number(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    integer(view, chunk, "ifr_ifindex", out)
}

fn new_name(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let write = |out: &mut String, f: Fields<'_>| name(view, Chunk::whole(0, f.bytes), out);
    request(view, chunk, "ifr_newname", &write, out)
}

/// A question for the name of a number.
fn name_of(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    chunk.has(2 * NAME) && {
        out.push_str("{ifr_ifindex=");
        text::sdec(out, Fields::new(view.abi, chunk.from(NAME).bytes).i32(0));
        if !failed(view) {
            out.push_str(", ifr_name=");
            name(view, chunk, out);
        }
        out.push('}');
        true
    }
}

/// struct ifmap, which begins with two words.
fn map(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let word = usize::from(view.abi.word());
    let write = |out: &mut String, f: Fields<'_>| {
        for (i, member_name) in ["mem_start", "mem_end"].into_iter().enumerate() {
            out.push_str(if i == 0 { "{" } else { ", " });
            out.push_str(member_name);
            out.push('=');
            text::hex(out, f.ulong(i));
        }
        member(out, "base_addr");
        text::hex(out, f.u16(2 * word));
        for (i, member_name) in ["irq", "dma", "port"].into_iter().enumerate() {
            member(out, member_name);
            text::hex(out, f.u8(2 * word + 2 + i));
        }
        out.push('}');
    };
    request(view, chunk, "ifr_map", &write, out)
}

/// struct ifconf: the addresses of all interfaces.
fn list(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let word = usize::from(view.abi.word());
    let each = if word == 8 { 40 } else { 32 };
    if !chunk.has(2 * word) {
        return false;
    }
    let given = view.region(2, Dir::In).and_then(|region| view.bytes(&region, 16));
    let before = given.map(|bytes| Fields::new(view.abi, &bytes).i32(0));
    let f = Fields::new(view.abi, chunk.bytes);
    let (length, address) = (f.i32(0), f.ulong(1));
    out.push_str("{ifc_len=");
    // Without a buffer the length is an answer only.
    if let Some(before) = before.filter(|before| *before != length && address != 0) {
        text::sdec(out, before);
        out.push_str(" => ");
    }
    text::sdec(out, length);
    if length > 0 && length % each == 0 {
        out.push_str(&format!(" /* {} * sizeof(struct ifreq) */", length / each));
    }
    member(out, "ifc_buf");
    let region = view.nested(2, 1, index(0, 0), Dir::Out).filter(|region| region.head.got > 0);
    let bytes = region.and_then(|region| view.bytes(&region, usize::MAX));
    match bytes {
        _ if failed(view) || address == 0 => text::pointer(out, address),
        None if length <= 0 => out.push_str("[]"),
        None => text::pointer(out, address),
        Some(bytes) => {
            out.push('[');
            let all = bytes.chunks_exact(usize::try_from(each).unwrap_or(40));
            for (i, one) in all.enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                if i >= view.options.string_limit && !view.options.verbose {
                    out.push_str("...");
                    break;
                }
                let one = Chunk::whole(0, one);
                out.push_str("{ifr_name=");
                name(view, one, out);
                out.push_str(", ifr_addr=");
                address::address(view, one.from(NAME).first(16).bytes, out);
                out.push('}');
            }
            out.push(']');
        }
    }
    out.push('}');
    true
}

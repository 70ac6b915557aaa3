//! What the members of structures and the payloads of attributes are.

use sysreel_abi::{ArgKind, Constants};

use super::super::address::{in_network_order, interface};
use super::super::endpoint::{INET, INET6, v4, v6};
use super::super::fields::Fields;
use super::super::out::member;
use super::super::value;
use super::super::view::View;
use super::attributes::{self, Table};
use super::chunk::Chunk;
use crate::style::HexStrings;
use crate::text;

/// What a value is. The first number is its size in bytes.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Number(usize),
    Signed(usize),
    Hex(usize),
    Enum(usize, &'static Constants),
    /// An enum of which few values have names.
    Named(usize, &'static Constants),
    Flags(usize, &'static Constants),
    /// Flags of which a list has the numbers.
    Bits(usize, &'static Constants, &'static str),
    /// The same, where the first bit has the number 1.
    Shifted(usize, &'static Constants, &'static str),
    /// Flags that are shown as a number with their names.
    Commented(usize, &'static Constants),
    Uid,
    Fd,
    Interface,
    /// 16 bits in network order.
    Port,
    /// 16 bits in network order: an Ethernet protocol.
    Protocol(&'static Constants),
    /// 64 bits in network order.
    Wide,
    /// A clock of a hundredth of a second.
    Centiseconds,
    /// Bytes that align the structure.
    Padding(usize),
    /// A string with or without a NUL.
    Text,
    /// So many bytes whose meaning is unknown.
    Quoted(usize),
    /// As many of so many bytes as 16 bits at an offset of the structure say.
    Counted(usize, usize),
    /// An instruction of a classic BPF filter.
    Instruction,
    /// An address of the family that the message has.
    Address,
    /// The same in a structure that has room for 16 bytes.
    RoomyAddress,
    /// A hardware address.
    Hardware,
    /// A hardware address of so many bytes.
    Octets(usize),
    Members(&'static [Field]),
    /// An array.
    Array(&'static Form),
    /// An array of so many elements.
    Sequence(&'static Form, usize),
    /// An array whose indices have names: `[[NAME]=1]`.
    Indexed(&'static Form, &'static Constants),
    /// The address of a multicast group: 16 bytes and a protocol.
    Group,
    /// Attributes.
    Nested(&'static Table),
    /// A value with attributes after it.
    With(&'static Form, &'static Table),
    /// Two numbers of 32 bits.
    Cookie,
    /// A device number.
    Device,
    Call(fn(&View<'_>, u64, Chunk<'_>, &mut String)),
    /// Not known.
    Raw,
}

/// A member of a structure: name, offset, and what it is.
pub(super) type Field = (&'static str, usize, Form);

use Form::*;

impl Form {
    /// Returns the size in bytes; `None` if any size is right.
    fn size(self) -> Option<usize> {
        Some(match self {
            Number(n) | Signed(n) | Hex(n) | Enum(n, _) | Named(n, _) | Flags(n, _) => n,
            Bits(n, ..) | Shifted(n, ..) | Padding(n) | Quoted(n) | Octets(n) => n,
            Sequence(form, n) => form.size()? * n,
            Commented(n, _) | Counted(_, n) => n,
            Instruction => 8,
            Group => 20,
            Port | Protocol(_) => 2,
            Uid | Fd | Interface | Device => 4,
            Wide | Cookie => 8,
            RoomyAddress => 16,
            Members(fields) => {
                let end = |field: &Field| field.1 + field.2.size().unwrap_or(0);
                fields.iter().filter(|field| !field.0.starts_with('?')).map(end).max().unwrap_or(0)
            }
            With(form, _) => form.size()?,
            Text | Address | Hardware | Centiseconds | Array(_) | Indexed(..) | Nested(_) | Call(_) | Raw => {
                return None;
            }
        })
    }
}

/// Returns where the last optional member of a structure ends that is there.
fn optional(form: Form, len: usize) -> usize {
    let Members(fields) = form else { return 0 };
    let optional = fields.iter().filter(|field| field.0.starts_with('?'));
    let end = |field: &Field| field.1 + field.2.size().unwrap_or(0);
    optional.map(end).filter(|end| *end <= len).max().unwrap_or(0)
}

/// Writes a payload. `family` is that of the message.
pub(super) fn write(
    view: &View<'_>,
    family: u64,
    form: Form,
    chunk: Chunk<'_>,
    out: &mut String,
) {
    if let Some(size) = form.size() {
        let size = size.max(optional(form, chunk.len));
        let Some(bytes) = chunk.need(view, size, out) else { return };
        return value_of(view, family, form, (chunk, bytes), out);
    }
    match form {
        Nested(table) => attributes::write(view, family, table, chunk, out),
        Call(write) => write(view, family, chunk, out),
        Array(each) => array(view, family, (*each, None), chunk, out),
        Indexed(each, names) => array(view, family, (*each, Some(names)), chunk, out),
        _ if chunk.bytes.len() < chunk.len => chunk.raw(view, out),
        Text => string(view, chunk.bytes, out),
        Centiseconds if (1..=8).contains(&chunk.len) => {
            let bytes = chunk.bytes.iter().rev();
            let ticks = bytes.fold(0, |ticks, byte| ticks << 8 | u64::from(*byte));
            text::dec(out, ticks);
            if ticks != 0 && view.options.constants != crate::style::Constants::Raw {
                out.push_str(&format!(" /* {}.{:02} s */", ticks / 100, ticks % 100));
            }
        }
        Hardware => hardware(view, chunk.bytes, out),
        Address if matches!((family, chunk.len), (INET, 4..) | (INET6, 16..)) => {
            address(view, family, chunk.bytes, out);
        }
        _ => chunk.raw(view, out),
    }
}

fn value_of(
    view: &View<'_>,
    family: u64,
    form: Form,
    (chunk, bytes): (Chunk<'_>, &[u8]),
    out: &mut String,
) {
    let f = Fields::new(view.abi, bytes);
    let n = |size: usize| match size {
        1 => f.u8(0),
        2 => f.u16(0),
        4 => f.u32(0),
        _ => f.u64(0),
    };
    match form {
        Number(size) => text::dec(out, n(size)),
        Signed(size) => text::sdec(out, signed(n(size), size)),
        Hex(size) => text::hex(out, n(size)),
        Enum(size, list) => value::constant(view, ArgKind::Enum(list), n(size), out),
        Flags(size, list) => value::constant(view, ArgKind::Flags(list), n(size), out),
        Named(size, list) => named(view, list, n(size), &|out| text::hex(out, n(size)), out),
        Bits(size, list, prefix) => bits(view, (list, prefix, 0), n(size), out),
        Shifted(size, list, prefix) => bits(view, (list, prefix, 1), n(size), out),
        Octets(_) => hardware(view, bytes, out),
        Sequence(each, _) => array(view, family, (*each, None), chunk.first(bytes.len()), out),
        Group => group(view, chunk, f, out),
        Instruction => super::super::classic_bpf::instruction(view, f, out),
        Commented(size, list) => {
            let kind = ArgKind::Flags(list);
            super::super::rare_families::commented(view, kind, n(size), out);
        }
        Uid => value::uid(f.u32(0), out),
        Fd => value::fd(view, f.u32(0), out),
        Interface => interface(view, f.u32(0), out),
        Device => value::device_of(view, f.u32(0), out),
        Port => {
            let port = f.u16(0).swap_bytes() >> 48;
            in_network_order(view, f.slice(0, 2), &format!("htons({port})"), out);
        }
        Protocol(list) => {
            let kind = ArgKind::Enum(list);
            let mut name = String::from("htons(");
            let number = f.u16(0).swap_bytes() >> 48;
            sysreel_abi::render::flag_value(view.abi, kind, number, &mut name);
            name.push(')');
            in_network_order(view, f.slice(0, 2), &name, out);
        }
        Wide => {
            let number = f.u64(0).swap_bytes();
            in_network_order(view, f.slice(0, 8), &format!("htobe64({number})"), out);
        }
        Quoted(_) => text::quoted(out, bytes, HexStrings::Always),
        RoomyAddress if matches!(family, INET | INET6) => address(view, family, bytes, out),
        RoomyAddress => chunk.first(16).raw(view, out),
        Cookie => out.push_str(&format!("[{}, {}]", f.u32(0), f.u32(4))),
        Members(fields) => members(view, family, fields, chunk, out),
        With(form, table) => {
            value_of(view, family, *form, (chunk, bytes), out);
            let at = form.size().unwrap_or(0).next_multiple_of(4);
            if chunk.len > at {
                out.push_str(", ");
                attributes::write(view, family, table, chunk.from(at), out);
            }
        }
        _ => chunk.raw(view, out),
    }
}

fn signed(value: u64, size: usize) -> i64 {
    let unused = 64 - 8 * u32::try_from(size.min(8)).unwrap_or(8);
    (value << unused).cast_signed() >> unused
}

fn named(
    view: &View<'_>,
    list: &'static Constants,
    number: u64,
    write: &dyn Fn(&mut String),
    out: &mut String,
) {
    match list.items.iter().find(|(_, known)| *known == number) {
        Some((name, _)) => value::named(view, write, name, out),
        None => write(out),
    }
}

/// Writes flags whose bits a list numbers: `1<<IFLA_STATS_LINK_64|0x40`.
fn bits(
    view: &View<'_>,
    (list, prefix, first): (&'static Constants, &str, u64),
    value: u64,
    out: &mut String,
) {
    if value == 0 {
        return out.push('0');
    }
    let (mut names, mut rest) = (String::new(), value);
    for (name, bit) in list.items {
        let Some(shift) = bit.checked_sub(first) else { continue };
        let mask = 1_u64.checked_shl(u32::try_from(shift).unwrap_or(64)).unwrap_or(0);
        if rest & mask != 0 {
            names.push_str(if names.is_empty() { "1<<" } else { "|1<<" });
            match first {
                0 => names.push_str(name),
                _ => names.push_str(&format!("({name}-{first})")),
            }
            rest &= !mask;
        }
    }
    if names.is_empty() {
        text::hex(out, value);
        if view.options.constants != crate::style::Constants::Raw {
            let end = if first == 0 { "" } else { "-1)" };
            out.push_str(&format!(" /* {prefix}???{end} */"));
        }
        return;
    }
    if rest != 0 {
        names.push_str(&format!("|{rest:#x}"));
    }
    value::named(view, &|out| text::hex(out, value), &names, out);
}

/// Writes an internet address, whose bytes are there.
pub(super) fn address(view: &View<'_>, family: u64, bytes: &[u8], out: &mut String) {
    if family == INET {
        let name = format!("inet_addr(\"{}\")", v4(bytes, 0));
        in_network_order(view, bytes.get(..4).unwrap_or_default(), &name, out);
    } else {
        let name = format!("inet_pton(AF_INET6, \"{}\")", v6(bytes, 0));
        in_network_order(view, bytes.get(..16).unwrap_or_default(), &name, out);
    }
}

fn string(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let (shown, ends) = match bytes.strip_suffix(&[0]) {
        Some(shown) => (shown, true),
        None => (bytes, false),
    };
    super::super::string::limited(view, shown, !ends, view.options.hex, out);
}

/// Writes a structure. Reserved members are shown unless they are 0.
pub(super) fn members(
    view: &View<'_>,
    family: u64,
    fields: &[Field],
    chunk: Chunk<'_>,
    out: &mut String,
) {
    out.push('{');
    for (name, at, form) in fields {
        let one = chunk.from(*at);
        let size = form.size().unwrap_or(one.len);
        let is_reserved = name.starts_with('_');
        if is_reserved && one.bytes.iter().take(size).all(|byte| *byte == 0) {
            continue;
        }
        if one.len < size || matches!(form, Padding(_)) {
            break;
        }
        member(out, name.trim_start_matches(['_', '?']));
        if let Counted(at, most) = form {
            let count = Fields::new(view.abi, chunk.bytes).u16(*at);
            let count = usize::try_from(count).unwrap_or(0).min(*most);
            write(view, family, Raw, one.first(count), out);
            continue;
        }
        write(view, family, *form, one, out);
    }
    out.push('}');
}

fn hardware(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let mut name = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        name.push_str(if i == 0 { "" } else { ":" });
        name.push_str(&format!("{byte:02x}"));
    }
    in_network_order(view, bytes, &name, out);
}

/// Writes the address of a `struct br_mdb_entry`, whose protocol follows it.
fn group(view: &View<'_>, chunk: Chunk<'_>, f: Fields<'_>, out: &mut String) {
    /// ETH_P_IP and ETH_P_IPV6 (linux/if_ether.h).
    const PROTOCOLS: [u64; 2] = [0x800, 0x86dd];
    let protocol = f.u16(16).swap_bytes() >> 48;
    out.push_str("{u=");
    match PROTOCOLS.iter().position(|known| *known == protocol) {
        Some(0) => address(view, INET, chunk.bytes, out),
        Some(_) => address(view, INET6, chunk.bytes, out),
        None => chunk.first(16).raw(view, out),
    }
    out.push_str(", proto=");
    let list = &sysreel_abi::consts::link::ETHER_PROTOCOL;
    match protocol {
        0 => in_network_order(view, f.slice(16, 2), "htons(AF_UNSPEC)", out),
        _ => write(view, 0, Protocol(list), chunk.from(16), out),
    }
    out.push('}');
}

fn array(
    view: &View<'_>,
    family: u64,
    (each, names): (Form, Option<&'static Constants>),
    chunk: Chunk<'_>,
    out: &mut String,
) {
    let size = each.size().unwrap_or(1).max(1);
    if chunk.need(view, size, out).is_none() {
        return;
    }
    out.push('[');
    for i in 0..chunk.len / size {
        out.push_str(if i == 0 { "" } else { ", " });
        if i >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        let one = chunk.from(i * size);
        if !one.has(size) {
            out.push_str("... /* ");
            text::pointer(out, one.address);
            out.push_str(" */");
            break;
        }
        if let Some(names) = names {
            out.push('[');
            match names.items.iter().find(|(_, known)| *known == i as u64) {
                Some((name, _)) => {
                    value::named(view, &|out| text::dec(out, i as u64), name, out);
                }
                None => text::dec(out, i as u64),
            }
            out.push_str("]=");
        }
        write(view, family, each, one.first(size), out);
    }
    out.push(']');
}

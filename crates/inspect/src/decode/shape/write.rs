//! Writes what shapes describe.

use sysreel_abi::{ArgKind, Constants};

use super::super::chunk::Chunk;
use super::super::endpoint::{INET, INET6};
use super::super::fields::Fields;
use super::super::inet::{in_network_order, interface};
use super::super::out::member;
use super::super::view::View;
use super::super::{classic_bpf, rare_families, value};
use super::kind::{Field, Shape, at_next, count, optional};
use super::leaf;
use crate::style::HexStrings;
use crate::text;
use Shape::*;

/// Writes a payload. `family` is that of the message.
pub(crate) fn write(view: &View<'_>, family: u64, form: Shape, chunk: Chunk<'_>, out: &mut String) {
    if let Some(size) = form.size(view.abi) {
        let size = size.max(optional(view.abi, form, chunk.len));
        let Some(bytes) = chunk.need(view, size, out) else { return };
        return value_of(view, family, form, (chunk, bytes), out);
    }
    match form {
        Nested(table) => (table.write)(view, family, table, chunk, out),
        Call(write) => write(view, family, chunk, out),
        Array(each) => array(view, family, (*each, None), chunk, out),
        Indexed(each, names) => array(view, family, (*each, Some(names)), chunk, out),
        _ if chunk.bytes.len() < chunk.len => chunk.raw(view, out),
        Text => leaf::string(view, chunk.bytes, out),
        Centiseconds if (1..=8).contains(&chunk.len) => {
            let bytes = chunk.bytes.iter().rev();
            let ticks = bytes.fold(0, |ticks, byte| ticks << 8 | u64::from(*byte));
            text::dec(out, ticks);
            if ticks != 0 && view.options.constants != crate::style::Constants::Raw {
                out.push_str(&format!(" /* {}.{:02} s */", ticks / 100, ticks % 100));
            }
        }
        Hardware => leaf::hardware(view, chunk.bytes, out),
        Address if matches!((family, chunk.len), (INET, 4..) | (INET6, 16..)) => {
            leaf::address(view, family, chunk.bytes, out);
        }
        _ => chunk.raw(view, out),
    }
}

fn value_of(
    view: &View<'_>,
    family: u64,
    form: Shape,
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
        Signed(size) => text::sdec(out, leaf::signed(n(size), size)),
        Hex(size) => text::hex(out, n(size)),
        Enum(size, list) => value::constant(view, ArgKind::Enum(list), n(size), out),
        Flags(size, list) => value::constant(view, ArgKind::Flags(list), n(size), out),
        Named(size, list) => leaf::named(view, list, n(size), &|out| text::hex(out, n(size)), out),
        Bits(size, list, prefix) => leaf::bits(view, (list, prefix, 0), n(size), out),
        Shifted(size, list, prefix) => leaf::bits(view, (list, prefix, 1), n(size), out),
        Octets(_) => leaf::hardware(view, bytes, out),
        Sequence(each, _) => array(view, family, (*each, None), chunk.first(bytes.len()), out),
        Group => group(view, chunk, f, out),
        Instruction => classic_bpf::instruction(view, f, out),
        Commented(size, list) => {
            let kind = ArgKind::Flags(list);
            rare_families::commented(view, kind, n(size), out);
        }
        Wide32 => match i32::try_from(f.i64(0)) {
            Ok(_) => value::fd(view, f.u64(0) & 0xffff_ffff, out),
            Err(_) => text::sdec(out, f.i64(0)),
        },
        Device16 => value::device_of(view, f.u16(0), out),
        Device64 => value::device_of(view, f.u64(0), out),
        Address32 => text::pointer(out, f.u32(0)),
        Address64 => text::pointer(out, f.u64(0)),
        Call16(write) | Call24(write) => write(view, family, chunk, out),
        FixedText(_) => leaf::fixed_text(view, bytes, out),
        Uid => value::uid(f.u32(0), out),
        Fd => value::fd(view, f.u32(0), out),
        Interface => interface(view, f.u32(0), out),
        Device => value::device_of(view, f.u32(0), out),
        Port | Protocol(_) | Wide => network_order(view, form, f, out),
        Quoted(_) => text::quoted(out, bytes, HexStrings::Always),
        RoomyAddress if matches!(family, INET | INET6) => leaf::address(view, family, bytes, out),
        RoomyAddress => chunk.first(16).raw(view, out),
        Cookie => out.push_str(&format!("[{}, {}]", f.u32(0), f.u32(4))),
        Members(fields) => members(view, family, fields, chunk, out),
        Typed(members) => typed(view, family, members, chunk, out),
        Written(_, _, write) => write(view, family, chunk, out),
        Word => text::dec(out, f.ulong(0)),
        Pointer => text::pointer(out, f.ulong(0)),
        With(form, table) => {
            value_of(view, family, *form, (chunk, bytes), out);
            let at = form.size(view.abi).unwrap_or(0).next_multiple_of(4);
            if chunk.len > at {
                out.push_str(", ");
                (table.write)(view, family, table, chunk.from(at), out);
            }
        }
        _ => chunk.raw(view, out),
    }
}

/// Writes a structure. Reserved members are shown unless they are 0.
pub(crate) fn members(
    view: &View<'_>,
    family: u64,
    fields: &[Field],
    chunk: Chunk<'_>,
    out: &mut String,
) {
    out.push('{');
    for (name, at, form) in fields {
        let one = chunk.from(*at);
        let size = form.size(view.abi).unwrap_or(one.len);
        // An array without elements is left out as well.
        let is_empty = match form {
            Counted(_, at, _) if name.starts_with('=') => count(view, chunk, *at) == 0,
            _ => false,
        };
        if is_empty {
            continue;
        }
        let is_reserved = name.starts_with('_');
        if is_reserved && one.bytes.iter().take(size).all(|byte| *byte == 0) {
            continue;
        }
        if one.len < size || matches!(form, Padding(_)) {
            break;
        }
        member(out, name.trim_start_matches(['_', '?', '=']));
        if let Counted(each, at, most) = form {
            let all = count(view, chunk, *at);
            let len = all.min(*most) * each.size(view.abi).unwrap_or(0);
            array(view, family, (**each, None), one.first(len), out);
            continue;
        }
        if let CountedBytes(at, most) = form {
            let count = Fields::new(view.abi, chunk.bytes).u16(*at);
            let count = usize::try_from(count).unwrap_or(0).min(*most);
            write(view, family, Raw, one.first(count), out);
            continue;
        }
        write(view, family, *form, one, out);
    }
    out.push('}');
}

/// Writes a structure. Reserved members are shown unless they are 0.
fn typed(
    view: &View<'_>,
    family: u64,
    members: &[super::kind::Typed],
    chunk: Chunk<'_>,
    out: &mut String,
) {
    out.push('{');
    let mut at = 0;
    for (name, form) in members {
        at = at_next(view.abi, at, *form);
        let one = chunk.from(at);
        let size = form.size(view.abi).unwrap_or(one.len);
        at = at.saturating_add(size);
        if *name == "..." {
            if !view.options.verbose {
                out.push_str(", ...");
                break;
            }
            continue;
        }
        let is_reserved = name.starts_with('_');
        if name.is_empty() || is_reserved && one.bytes.iter().take(size).all(|byte| *byte == 0) {
            continue;
        }
        if one.len < size {
            break;
        }
        member(out, name.trim_start_matches('_'));
        write(view, family, *form, one.first(size), out);
    }
    out.push('}');
}

/// Writes the address of a `struct br_mdb_entry`, whose protocol follows it.
fn group(view: &View<'_>, chunk: Chunk<'_>, f: Fields<'_>, out: &mut String) {
    /// ETH_P_IP and ETH_P_IPV6 (linux/if_ether.h).
    const PROTOCOLS: [u64; 2] = [0x800, 0x86dd];
    let protocol = f.u16(16).swap_bytes() >> 48;
    out.push_str("{u=");
    match PROTOCOLS.iter().position(|known| *known == protocol) {
        Some(0) => leaf::address(view, INET, chunk.bytes, out),
        Some(_) => leaf::address(view, INET6, chunk.bytes, out),
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
    (each, names): (Shape, Option<&'static Constants>),
    chunk: Chunk<'_>,
    out: &mut String,
) {
    let size = each.size(view.abi).unwrap_or(1).max(1);
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

/// Writes a number in network order.
fn network_order(view: &View<'_>, form: Shape, f: Fields<'_>, out: &mut String) {
    match form {
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
        _ => {
            let number = f.u64(0).swap_bytes();
            in_network_order(view, f.slice(0, 8), &format!("htobe64({number})"), out);
        }
    }
}

//! Attributes of netlink messages: length, type, payload (`struct nlattr`, linux/netlink.h).

use sysreel_abi::consts::netlink as c;
use sysreel_abi::{ArgKind, render};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::shape::{self, Shape, Table};
use super::super::value;
use super::super::view::View;
use crate::text;

/// The length of length and type.
const HEADER: usize = 4;
/// Bits of a type that are flags.
const FLAGS: u64 = 0xc000;

/// Writes attributes.
pub(super) fn write(
    view: &View<'_>,
    family: u64,
    table: &Table,
    chunk: Chunk<'_>,
    out: &mut String,
) {
    if chunk.need(view, HEADER, out).is_none() {
        return;
    }
    let Some(chunk) = chunk.inner() else { return chunk.raw(view, out) };
    let next = |chunk: Chunk<'_>| {
        let len = usize::try_from(Fields::new(view.abi, chunk.bytes).u16(0)).unwrap_or(0);
        (len >= HEADER).then(|| len.next_multiple_of(HEADER)).filter(|end| *end < chunk.len)
    };
    let many = next(chunk).is_some();
    out.push_str(if many { "[" } else { "" });
    let (mut rest, mut count) = (chunk, 0);
    loop {
        one(view, family, table, rest, out);
        count += 1;
        let Some(end) = next(rest) else { break };
        rest = rest.from(end);
        out.push_str(", ");
        if count >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        if !rest.has(HEADER) {
            unread(view, rest, HEADER, out);
            break;
        }
    }
    out.push_str(if many { "]" } else { "" });
}

/// Writes the end of a list that is too short for another element, or could not be read.
pub(super) fn unread(view: &View<'_>, rest: Chunk<'_>, least: usize, out: &mut String) {
    if rest.len < least {
        return rest.raw(view, out);
    }
    out.push_str("... /* ");
    text::pointer(out, rest.address);
    out.push_str(" */");
}

fn one(view: &View<'_>, family: u64, table: &Table, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    let (len, kind) = (usize::try_from(f.u16(0)).unwrap_or(0), f.u16(2));
    let payload = chunk.first(len).from(HEADER);
    let has_payload = len > HEADER && payload.len > 0;
    out.push_str(if has_payload { "[{nla_len=" } else { "{nla_len=" });
    text::dec(out, len as u64);
    out.push_str(", nla_type=");
    let number = kind & !FLAGS;
    if kind & FLAGS != 0 {
        value::constant(view, ArgKind::Flags(&c::ATTRIBUTE_FLAGS), kind & FLAGS, out);
        out.push('|');
    }
    match table.types {
        Some(types) => value::constant(view, ArgKind::Enum(types), number, out),
        None => text::hex(out, number),
    }
    out.push('}');
    if !has_payload {
        return;
    }
    out.push_str(", ");
    let mut name = String::new();
    if let Some(types) = table.types {
        render::enum_text(view.abi, types, number, &mut name);
    }
    let known = table.forms.iter().find(|(known, _)| *known == name);
    let is_unknown = name.starts_with(|c: char| c.is_ascii_digit());
    let form = known.map_or(table.others, |(_, form)| *form);
    shape::write(view, family, if is_unknown { Shape::Raw } else { form }, payload, out);
    out.push(']');
}

/// Writes a structure and the attributes after it. The structure begins with the family, which is
/// shown even if the rest is missing.
pub(super) fn structure(
    view: &View<'_>,
    fields: &[shape::Field],
    size: usize,
    table: Option<&Table>,
    chunk: Chunk<'_>,
    out: &mut String,
) {
    if !chunk.has(1) {
        return text::pointer(out, chunk.address);
    }
    let family = Fields::new(view.abi, chunk.bytes).u8(0);
    if chunk.has(size) {
        shape::members(view, family, fields, chunk.first(size), out);
    } else {
        shape::members(view, family, fields.get(..1).unwrap_or(fields), chunk.first(1), out);
        out.pop();
        out.push_str(", ");
        if chunk.len < size {
            out.push_str("...");
        } else {
            text::pointer(out, chunk.address.wrapping_add(1));
        }
        out.push('}');
        return;
    }
    let rest = chunk.from(size.next_multiple_of(4));
    if rest.len == 0 {
        return;
    }
    out.push_str(", ");
    match table {
        Some(table) => write(view, family, table, rest, out),
        None => rest.raw(view, out),
    }
}

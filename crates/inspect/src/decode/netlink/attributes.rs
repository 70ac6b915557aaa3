//! Attributes of netlink messages: length, type, payload (`struct nlattr`, linux/netlink.h).

use sysreel_abi::consts::netlink as c;
use sysreel_abi::{ArgKind, Constants, render};

use super::super::fields::Fields;
use super::super::value;
use super::super::view::View;
use super::chunk::Chunk;
use super::form::{self, Form};
use crate::text;

/// The attributes of a message: their types, and what they hold. What is not listed is not known.
pub(super) struct Table {
    pub(super) types: Option<&'static Constants>,
    pub(super) forms: &'static [(&'static str, Form)],
    /// What all of them hold that are not listed.
    pub(super) others: Form,
}

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
    form::write(view, family, if is_unknown { Form::Raw } else { form }, payload, out);
    out.push(']');
}

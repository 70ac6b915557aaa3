//! Values that have no members.

use sysreel_abi::Constants;

use super::super::endpoint::{INET, v4, v6};
use super::super::inet::in_network_order;
use super::super::view::View;
use super::super::{string, value};
use crate::text;

pub(super) fn signed(value: u64, size: usize) -> i64 {
    let unused = 64 - 8 * u32::try_from(size.min(8)).unwrap_or(8);
    (value << unused).cast_signed() >> unused
}

pub(super) fn named(
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
pub(super) fn bits(
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

pub(super) fn string(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let (shown, ends) = match bytes.strip_suffix(&[0]) {
        Some(shown) => (shown, true),
        None => (bytes, false),
    };
    string::limited(view, shown, !ends, view.options.hex, out);
}

/// Writes a string of a fixed size. One without an end is cut before its last byte.
pub(super) fn fixed_text(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let text = text::until_nul(bytes);
    let shown = if text.len() < bytes.len() {
        text
    } else {
        text.get(..text.len().saturating_sub(1)).unwrap_or(text)
    };
    text::quoted(out, shown, view.options.hex);
    out.push_str(if text.len() < bytes.len() { "" } else { "..." });
}

pub(super) fn hardware(view: &View<'_>, bytes: &[u8], out: &mut String) {
    let mut name = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        name.push_str(if i == 0 { "" } else { ":" });
        name.push_str(&format!("{byte:02x}"));
    }
    in_network_order(view, bytes, &name, out);
}

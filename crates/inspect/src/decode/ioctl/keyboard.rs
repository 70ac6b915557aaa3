//! Requests of keyboards and consoles (linux/kd.h).

use sysreel_abi::ArgKind;
use sysreel_abi::consts::keyboard as c;

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::out::member;
use super::super::shape::Shape;
use super::super::view::View;
use super::super::{string, value};
use super::form::Form::{self, Nothing, Single};
use crate::style;
use crate::text;
use Shape::*;

const HEX: Shape = Hex(4);
const KEY_CODES: Form = Single(Typed(&[("scancode", HEX), ("keycode", HEX)]));

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("KIOCSOUND", Form::Register(sound)), ("KDMKTONE", Form::Register(tone)),
    ("KDGETLED", Single(Flags(1, &c::KD_LED))), ("KDSETLED", Form::Register(lights)),
    ("KDGKBLED", Single(Flags(1, &c::KB_LOCK))), ("KDSKBLED", Form::Register(locks)),
    ("KDGKBTYPE", Single(Enum(1, &c::KB_TYPE))),
    ("KDADDIO", Form::Register(port)), ("KDDELIO", Form::Register(port)),
    ("KDENABIO", Nothing), ("KDDISABIO", Nothing), ("KDMAPDISP", Nothing), ("KDUNMAPDISP", Nothing),
    ("KDSETMODE", Form::Register(mode)), ("KDGETMODE", Single(Enum(4, &c::KD))),
    ("KDSKBMODE", Form::Register(keyboard_mode)), ("KDGKBMODE", Single(Enum(4, &c::KBMODE))),
    ("KDSKBMETA", Form::Register(meta)), ("KDGKBMETA", Single(Enum(4, &c::KBMETA))),
    ("KDSIGACCEPT", Form::Register(signal)),
    ("KDGKBENT", Form::Call(entry)), ("KDSKBENT", Form::Call(entry)),
    ("KDGKBSENT", Form::Call(function)), ("KDSKBSENT", Form::Call(function)),
    ("KDGKBDIACR", Form::Call(accents)), ("KDSKBDIACR", Form::Call(accents)),
    ("KDGKBDIACRUC", Form::Call(accents)), ("KDSKBDIACRUC", Form::Call(accents)),
    ("KDGETKEYCODE", KEY_CODES), ("KDSETKEYCODE", KEY_CODES),
    ("KDKBDREP", Single(Typed(&[("delay", Signed(4)), ("period", Signed(4))]))),
];

fn failed(view: &View<'_>) -> bool {
    view.outcome.is_none_or(|outcome| outcome.failed())
}

fn request(view: &View<'_>) -> &'static str {
    sysreel_abi::render::ioctl_name(view.abi, view.arg(1)).unwrap_or_default()
}

/// Writes a comment unless constants are numbers.
fn comment(view: &View<'_>, text: &str, out: &mut String) {
    if view.options.constants != style::Constants::Raw {
        out.push_str(&format!(" /* {text} */"));
    }
}

/// The clock of the speaker (PIT_TICK_RATE, linux/timex.h).
const TICKS: u64 = 1_193_182;

fn sound(view: &View<'_>, number: u64, out: &mut String) {
    let number = number & 0xffff_ffff;
    text::dec(out, number);
    let hertz = TICKS.checked_div(number).filter(|hertz| *hertz > 0);
    comment(view, &hertz.map_or("off".to_owned(), |hertz| format!("{hertz} Hz")), out);
}

/// The length of a tone above its ticks.
fn tone(view: &View<'_>, number: u64, out: &mut String) {
    let (length, ticks) = (number >> 16 & 0xffff, number & 0xffff);
    if length != 0 {
        out.push_str(&format!("{length}<<16|"));
    }
    text::dec(out, ticks);
    let hertz = TICKS.checked_div(ticks).filter(|_| length != 0);
    let said = hertz.map_or("off".to_owned(), |hertz| format!("{hertz} Hz, {length} ms"));
    comment(view, &said, out);
}

fn lights(view: &View<'_>, number: u64, out: &mut String) {
    value::constant(view, ArgKind::Flags(&c::KD_LED), number & 0xff, out);
}

/// The states of locks, and those that they have after a reset.
fn locks(view: &View<'_>, number: u64, out: &mut String) {
    value::constant(view, ArgKind::Flags(&c::KB_STATE), number & 0xff, out);
}

/// A port of the video adapter (GPFIRST to GPLAST, drivers/tty/vt/vt_ioctl.c).
fn port(view: &View<'_>, number: u64, out: &mut String) {
    const FIRST: u64 = 0x3b4;
    const LAST: u64 = 0x3df;
    let number = if view.abi.word() == 4 { number & 0xffff_ffff } else { number };
    text::hex(out, number);
    if (FIRST..=LAST).contains(&number) {
        comment(view, &format!("GPFIRST + {}", number - FIRST), out);
    }
}

fn mode(view: &View<'_>, number: u64, out: &mut String) {
    value::constant(view, ArgKind::Enum(&c::KD), number, out);
}

fn keyboard_mode(view: &View<'_>, number: u64, out: &mut String) {
    value::decimal(view, &c::KBMODE, number, out);
}

fn meta(view: &View<'_>, number: u64, out: &mut String) {
    value::constant(view, ArgKind::Enum(&c::KBMETA), number, out);
}

fn signal(view: &View<'_>, number: u64, out: &mut String) {
    let low = number & 0xffff_ffff;
    let name = i32::try_from(low).ok().and_then(sysreel_abi::signal_name);
    match name {
        Some(name) => value::named(view, &|out| text::dec(out, low), name, out),
        None => text::dec(out, if view.abi.word() == 4 { low } else { number }),
    }
}

/// struct kbentry.
fn entry(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if !chunk.has(2) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{kb_table=");
    table(view, f.u8(0), out);
    member(out, "kb_index");
    text::dec(out, f.u8(1));
    let is_asked = request(view) == "KDGKBENT" && failed(view);
    if !is_asked {
        member(out, "kb_value");
        if chunk.has(4) { key(view, f.u16(2), out) } else { out.push_str("???") }
    }
    out.push('}');
    true
}

fn table(view: &View<'_>, number: u64, out: &mut String) {
    let number_of = |out: &mut String| text::hex(out, number);
    if let Some((name, _)) = c::KB_TABLE.items.iter().find(|(_, known)| *known == number) {
        return value::named(view, &number_of, name, out);
    }
    let names: Vec<String> = (0..8_u64)
        .filter(|bit| number >> bit & 1 != 0)
        .filter_map(|bit| {
            let known = c::KEYBOARD_MODIFIER.items.iter().find(|(_, known)| *known == bit);
            known.map(|(name, _)| format!("1<<{name}"))
        })
        .collect();
    value::named(view, &number_of, &names.join("|"), out);
}

/// Writes a key: its name, or its type and its number within that.
fn key(view: &View<'_>, number: u64, out: &mut String) {
    text::hex(out, number);
    if let Some((name, _)) = c::KEY_VALUE.items.iter().find(|(_, known)| *known == number) {
        return comment(view, name, out);
    }
    let (kind, value) = (number >> 8, number & 0xff);
    let name = c::KEY_TYPE.items.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name);
    let mut key = String::from("K(");
    match name {
        Some(name) => key.push_str(name),
        None => text::hex(&mut key, kind),
    }
    key.push_str(", ");
    let is_character = matches!(name, Some("KT_LATIN" | "KT_META" | "KT_LETTER" | "KT_DEAD2"));
    if is_character {
        character(value, &mut key)
    } else {
        text::hex(&mut key, value)
    }
    key.push(')');
    comment(view, &key, out);
}

fn character(byte: u64, out: &mut String) {
    let byte = u8::try_from(byte & 0xff).unwrap_or(0);
    match byte {
        b'\\' | b'\'' => out.push_str(&format!("'\\{}'", char::from(byte))),
        b'\t' => out.push_str("'\\t'"),
        b'\n' => out.push_str("'\\n'"),
        0x0b => out.push_str("'\\v'"),
        0x0c => out.push_str("'\\f'"),
        b'\r' => out.push_str("'\\r'"),
        b' '..=b'~' => out.push_str(&format!("'{}'", char::from(byte))),
        _ => out.push_str(&format!("'\\x{byte:02x}'")),
    }
}

/// struct kbsentry.
fn function(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if !chunk.has(1) {
        return false;
    }
    let number = Fields::new(view.abi, chunk.bytes).u8(0);
    out.push_str("{kb_func=");
    let known = c::KEY_VALUE.items.iter().find(|(_, known)| *known == 0x100 | number);
    let name = known.map_or("?", |(name, _)| name);
    value::named(view, &|out| text::hex(out, number), &format!("KVAL({name})"), out);
    let is_asked = request(view) == "KDGKBSENT" && failed(view);
    if !is_asked {
        member(out, "kb_string");
        let bytes = chunk.from(1).bytes;
        let text = text::until_nul(bytes);
        if text.is_empty() && bytes.is_empty() || text.len() == bytes.len() && bytes.len() < STRING
        {
            out.push_str("???");
        } else {
            let field = text.get(..STRING).unwrap_or(text);
            let more = text.len() >= STRING.min(view.options.string_limit);
            string::limited(view, field, more, view.options.hex, out);
        }
    }
    out.push('}');
    true
}

/// The size of a string of a function key.
const STRING: usize = 512;

/// struct kbdiacrs and struct kbdiacrsuc.
fn accents(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const MOST: u64 = 256;
    if !chunk.has(4) {
        return false;
    }
    let is_wide = request(view).ends_with("UC");
    let (size, name) = if is_wide { (12, "kbdiacruc") } else { (3, "kbdiacr") };
    let count = Fields::new(view.abi, chunk.bytes).u32(0);
    out.push_str("{kb_cnt=");
    text::dec(out, count);
    member(out, name);
    let list = chunk.from(4);
    let wanted = usize::try_from(count.min(MOST)).unwrap_or(0);
    let there = list.bytes.len() / size;
    if wanted > 0 && there == 0 {
        text::pointer(out, list.address);
        out.push('}');
        return true;
    }
    out.push('[');
    for (i, one) in list.bytes.chunks_exact(size).take(wanted).enumerate() {
        out.push_str(if i == 0 { "{" } else { ", {" });
        if i >= view.options.string_limit && !view.options.verbose {
            out.pop();
            out.push_str("...");
            break;
        }
        let f = Fields::new(view.abi, one);
        for (at, name) in ["diacr", "base", "result"].into_iter().enumerate() {
            member(out, name);
            if is_wide { text::hex(out, f.u32(4 * at)) } else { character(f.u8(at), out) }
        }
        out.push('}');
    }
    if there < wanted {
        out.push_str(", ... /* ");
        text::hex(out, list.address.wrapping_add((there * size) as u64));
        out.push_str(" */");
    }
    out.push_str("]}");
    true
}

//! Requests of keyboards and consoles (linux/kd.h).

use sysreel_abi::consts::keyboard as c;
use sysreel_abi::plan::index;
use sysreel_abi::{ArgKind, Dir};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::out::{member, unreadable_from};
use super::super::shape::{self, Shape};
use super::super::value;
use super::super::view::View;
use super::form::Form::{self, Nothing, Single};
use crate::style::{self, HexStrings};
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
    ("GIO_SCRNMAP", Form::Call(bytes)), ("PIO_SCRNMAP", Form::Call(bytes)),
    ("GIO_FONT", Form::Call(bytes)), ("PIO_FONT", Form::Call(bytes)),
    ("GIO_CMAP", Form::Call(bytes)), ("PIO_CMAP", Form::Call(bytes)),
    ("GIO_UNISCRNMAP", Form::Call(screen_map)), ("PIO_UNISCRNMAP", Form::Call(screen_map)),
    ("PIO_FONTRESET", Nothing),
    ("PIO_UNIMAPCLR", Single(Typed(&[("advised_hashsize", Number(2)),
        ("advised_hashstep", Number(2)), ("advised_hashlevel", Number(2))]))),
    ("GIO_UNIMAP", Form::Call(unicode_map)), ("PIO_UNIMAP", Form::Call(unicode_map)),
    ("GIO_FONTX", Form::Call(font)), ("PIO_FONTX", Form::Call(font)),
    ("KDFONTOP", Form::Call(font_operation)),
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
            super::super::string::limited(view, field, more, view.options.hex, out);
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

/// A table of bytes.
fn bytes(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let size = match request(view) {
        "GIO_CMAP" | "PIO_CMAP" => 48,
        "GIO_FONT" | "PIO_FONT" => 8192,
        _ => 256,
    };
    enough(view, chunk.first(size).bytes, size, out)
}

/// Writes as many bytes as are shown, if those could be read.
fn enough(view: &View<'_>, bytes: &[u8], size: usize, out: &mut String) -> bool {
    let is_enough = bytes.len() >= size.min(view.options.string_limit.saturating_add(1));
    if is_enough {
        let more = bytes.len() < size;
        super::super::string::limited(view, bytes, more, HexStrings::Always, out);
    }
    is_enough
}

/// A table of characters, some of which are direct (UNI_DIRECT_BASE).
fn screen_map(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const COUNT: usize = 256;
    const DIRECT: std::ops::RangeInclusive<u64> = 0xf000..=0xf1ff;
    if !chunk.has(2) {
        return false;
    }
    out.push('[');
    for (i, one) in chunk.bytes.chunks_exact(2).take(COUNT).enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        if i >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        let number = Fields::new(view.abi, one).u16(0);
        if DIRECT.contains(&number) {
            let mut name = String::from("UNI_DIRECT_BASE+");
            text::hex(&mut name, number - DIRECT.start());
            value::named(view, &|out| text::hex(out, number), &name, out);
        } else {
            text::hex(out, number);
        }
    }
    let there = chunk.bytes.len() / 2;
    if there < COUNT && !out.ends_with("...") {
        out.push_str(", ... /* ");
        text::hex(out, chunk.address.wrapping_add(2 * there as u64));
        out.push_str(" */");
    }
    out.push(']');
    true
}

/// Writes an array that the structure points to.
fn pointed(view: &View<'_>, each: Shape, count: u64, address: u64, out: &mut String) {
    let is_asked = request(view).starts_with('G');
    let dir = if is_asked { Dir::Out } else { Dir::In };
    let region = view.nested(2, 1, index(0, 0), dir).filter(|region| region.head.got > 0);
    let bytes = region.and_then(|region| view.bytes(&region, usize::MAX).map(|b| (region, b)));
    let size = shape::size(view.abi, each).max(1);
    match bytes {
        _ if address == 0 || is_asked && failed(view) => text::pointer(out, address),
        _ if count == 0 => out.push_str("[]"),
        Some((region, bytes)) if bytes.len() >= size => {
            out.push('[');
            for (i, one) in bytes.chunks_exact(size).enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                if i >= view.options.string_limit && !view.options.verbose {
                    out.push_str("...]");
                    return;
                }
                shape::write(view, 0, each, Chunk::whole(0, one), out);
            }
            if region.head.got < region.head.asked {
                out.push_str(", ...");
                unreadable_from(&region, out);
            }
            out.push(']');
        }
        _ => text::pointer(out, address),
    }
}

/// struct unimapdesc.
fn unicode_map(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const PAIR: Shape = Typed(&[("unicode", Hex(2)), ("fontpos", Hex(2))]);
    let word = usize::from(view.abi.word());
    if !chunk.has(2 * word) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{entry_ct=");
    text::dec(out, f.u16(0));
    if request(view) == "GIO_UNIMAP" {
        let region = view.region(2, Dir::Out).and_then(|region| view.bytes(&region, 2));
        let after = region.map_or(f.u16(0), |bytes| Fields::new(view.abi, &bytes).u16(0));
        out.push_str(" => ");
        text::dec(out, after);
    }
    member(out, "entries");
    pointed(view, PAIR, f.u16(0), f.ulong(1), out);
    out.push('}');
    true
}

/// The height of a character in fonts of these requests.
const HEIGHT: u64 = 32;

/// Writes the bytes of a font.
fn characters(view: &View<'_>, (which, dir): (u32, Dir), address: u64, out: &mut String) {
    let region = view.nested(2, 1, index(0, which), dir).filter(|region| region.head.got > 0);
    let bytes = region.and_then(|region| view.bytes(&region, usize::MAX).map(|b| (region, b)));
    let is_shown = bytes.is_some_and(|(region, bytes)| {
        let size = usize::try_from(region.head.asked).unwrap_or(usize::MAX);
        enough(view, &bytes, size, out)
    });
    if !is_shown {
        text::pointer(out, address);
    }
}

/// struct consolefontdesc.
fn font(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let word = usize::from(view.abi.word());
    let at = if word == 8 { 8 } else { 4 };
    if !chunk.has(at + word) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{charcount=");
    text::dec(out, f.u16(0));
    member(out, "charheight");
    text::dec(out, f.u16(2));
    member(out, "chardata");
    let address = f.ulong(1);
    if request(view) == "GIO_FONTX" {
        let dir = if failed(view) { None } else { Some(Dir::Out) };
        match dir {
            Some(dir) => characters(view, (0, dir), address, out),
            None => text::pointer(out, address),
        }
    } else if f.u16(0) == 0 && address != 0 {
        out.push_str("\"\"");
    } else {
        characters(view, (0, Dir::In), address, out);
    }
    out.push('}');
    true
}

/// struct console_font_op, the members of which depend on its operation.
fn font_operation(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let word = usize::from(view.abi.word());
    let at = if word == 8 { 24 } else { 20 };
    if !chunk.has(at + word) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    let address = if word == 8 { f.u64(at) } else { f.u32(at) };
    let operation = f.u32(0);
    out.push_str("{op=");
    value::constant(view, ArgKind::Enum(&c::KD_FONT_OP), operation, out);
    let known = c::KD_FONT_OP.items.iter().find(|(_, known)| *known == operation);
    let name = known.map_or("", |(name, _)| *name);
    let is_named = name == "KD_FONT_OP_SET_DEFAULT";
    if name == "KD_FONT_OP_COPY" {
        member(out, "height");
        text::dec(out, f.u32(12));
        out.push('}');
        return true;
    }
    if !is_named {
        member(out, "flags");
        value::constant(view, ArgKind::Flags(&c::KD_FONT_FLAG), f.u32(4), out);
    }
    for (name, at) in [("width", 8), ("height", 12)] {
        member(out, name);
        text::dec(out, f.u32(at));
    }
    if !is_named {
        member(out, "charcount");
        text::dec(out, f.u32(16));
    }
    member(out, "data");
    let is_empty = (f.u32(8).div_ceil(8) * HEIGHT).saturating_mul(f.u32(16)) == 0;
    match name {
        _ if address == 0 => out.push_str("NULL"),
        "KD_FONT_OP_SET" if is_empty => out.push_str("\"\""),
        "KD_FONT_OP_SET" => characters(view, (0, Dir::In), address, out),
        "KD_FONT_OP_GET" if !failed(view) => characters(view, (1, Dir::Out), address, out),
        "KD_FONT_OP_SET_DEFAULT" => font_name(view, address, out),
        _ => text::pointer(out, address),
    }
    out.push('}');
    true
}

/// Writes the name of a font, of which the kernel reads at most 31 bytes (MAX_FONT_NAME).
fn font_name(view: &View<'_>, address: u64, out: &mut String) {
    const MOST: usize = 32;
    let region = view.nested(2, 1, index(0, 2), Dir::In).filter(|region| region.head.got > 0);
    match region.and_then(|region| view.bytes(&region, MOST)) {
        Some(bytes) => {
            let shown = text::until_nul(&bytes);
            if shown.len() == bytes.len() && bytes.len() < MOST {
                return text::pointer(out, address);
            }
            let field = shown.get(..MOST - 1).unwrap_or(shown);
            super::super::string::limited(view, field, shown.len() >= MOST, view.options.hex, out);
        }
        None => text::pointer(out, address),
    }
}

//! Requests of consoles: fonts and tables of characters (linux/kd.h).

use sysreel_abi::consts::keyboard as c;
use sysreel_abi::plan::index;
use sysreel_abi::{ArgKind, Dir};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::out::{member, unreadable_from};
use super::super::shape::{self, Shape};
use super::super::view::View;
use super::super::{string, value};
use super::form::Form::{self, Nothing, Single};
use crate::style::HexStrings;
use crate::text;
use Shape::*;

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
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
        string::limited(view, bytes, more, HexStrings::Always, out);
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
            string::limited(view, field, shown.len() >= MOST, view.options.hex, out);
        }
        None => text::pointer(out, address),
    }
}

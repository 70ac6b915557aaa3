//! Requests of input devices (linux/input.h).

use sysreel_abi::consts::input as c;
use sysreel_abi::render::InputRequest;
use sysreel_abi::{ArgKind, Constants};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::shape::{self, Shape, Typed};
use super::super::value;
use super::super::view::View;
use super::form::Form::{self, Single, Value};
use crate::{style, text};
use Shape::*;

const U16: Shape = Number(2);
const S16: Shape = Signed(2);
const U32: Shape = Number(4);
const PAIR: Form = Single(Sequence(&U32, 2));
const KEY_CODE: Form = Form::Call(key_code);

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("EVIOCGVERSION", Single(Hex(4))), ("EVIOCGEFFECTS", Single(U32)),
    ("EVIOCSCLOCKID", Single(U32)), ("EVIOCGREP", PAIR), ("EVIOCSREP", PAIR),
    ("EVIOCGID", Single(Typed(&[("bustype", U16), ("vendor", U16), ("product", U16),
        ("version", U16)]))),
    ("EVIOCGKEYCODE", KEY_CODE), ("EVIOCSKEYCODE", KEY_CODE),
    ("EVIOCGKEYCODE_V2", Single(Typed(KEYMAP))), ("EVIOCSKEYCODE_V2", Single(Typed(KEYMAP))),
    ("EVIOCSFF", Form::Call(effect)), ("EVIOCRMFF", Value(ArgKind::Int)),
    ("EVIOCGRAB", Value(ArgKind::Uint)), ("EVIOCREVOKE", Value(ArgKind::Uint)),
];
/// struct input_keymap_entry.
const KEYMAP: &[Typed] = &[
    ("flags", Number(1)),
    ("len", Number(1)),
    ("...", Padding(0)),
    ("index", U16),
    ("keycode", Enum(4, &c::KEY)),
    ("scancode", Sequence(&Hex(1), 32)),
];
/// struct input_absinfo.
const AXIS: &[Typed] = &[
    ("value", U32),
    ("minimum", U32),
    ("...", Padding(0)),
    ("maximum", U32),
    ("fuzz", U32),
    ("flat", U32),
    ("resolution", U32),
];

/// Returns what a request passes whose name contains a number.
pub(super) fn form(request: u64) -> Option<Form> {
    Some(match InputRequest::of(request)? {
        InputRequest::Axis(_) | InputRequest::SetAxis(_) => Single(Typed(AXIS)),
        InputRequest::Sized("EVIOCGNAME" | "EVIOCGPHYS" | "EVIOCGUNIQ") => Form::Call(string),
        InputRequest::Slots => Form::Call(slots),
        _ => Form::Call(bits),
    })
}

/// Returns as many bytes as the kernel says it wrote.
fn written<'a>(view: &View<'_>, chunk: Chunk<'a>) -> Chunk<'a> {
    let rval = view.outcome.map_or(0, |outcome| outcome.rval);
    chunk.first(usize::try_from(rval).unwrap_or(0))
}

fn string(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    shape::write(view, 0, Text, written(view, chunk), out);
    true
}

/// A number of a key and its code.
fn key_code(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    chunk.has(8) && {
        let f = Fields::new(view.abi, chunk.bytes);
        out.push('[');
        text::dec(out, f.u32(0));
        out.push_str(", ");
        value::constant(view, ArgKind::Enum(&c::KEY), f.u32(4), out);
        out.push(']');
        true
    }
}

/// An axis and its value in each slot.
fn slots(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    chunk.has(4) && {
        out.push_str("{code=");
        shape::write(view, 0, Enum(4, &c::ABS), chunk, out);
        out.push_str(", values=");
        shape::write(view, 0, Array(&Signed(4)), chunk.from(4), out);
        out.push('}');
        true
    }
}

/// A set of bits, each of which has a name.
fn bits(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const SHOWN: usize = 4;
    let chunk = written(view, chunk);
    let names = bit_names(view.arg(1));
    let set = (0_u64..).zip(chunk.bytes).flat_map(|(at, byte)| {
        (0..8_u64).filter(move |bit| byte >> bit & 1 != 0).map(move |bit| 8 * at + bit)
    });
    if view.options.constants != style::Constants::Raw {
        out.push('[');
        for (i, bit) in set.enumerate() {
            out.push_str(if i == 0 { "" } else { " " });
            if i >= SHOWN && !view.options.verbose {
                out.push_str("...");
                break;
            }
            match names.and_then(|list| list.items.iter().find(|(_, known)| *known == bit)) {
                Some((name, _)) => out.push_str(name),
                None => text::hex(out, bit),
            }
        }
        out.push(']');
    }
    match view.options.constants {
        style::Constants::Abbrev => {}
        style::Constants::Raw => words(view, chunk, out),
        style::Constants::Verbose => {
            out.push_str(" /* ");
            words(view, chunk, out);
            out.push_str(" */");
        }
    }
    true
}

/// Writes a set of bits as numbers.
fn words(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) {
    out.push('[');
    for (i, word) in chunk.bytes.chunks(view.abi.word().into()).enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        let number = word.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        text::hex(out, number);
    }
    out.push(']');
}

fn bit_names(request: u64) -> Option<&'static Constants> {
    Some(match InputRequest::of(request)? {
        InputRequest::Sized("EVIOCGPROP") => &c::INPUT_PROP,
        InputRequest::Sized("EVIOCGKEY") => &c::KEY,
        InputRequest::Sized("EVIOCGLED") => &c::LED,
        InputRequest::Sized("EVIOCGSND") => &c::SND,
        InputRequest::Sized("EVIOCGSW") => &c::SW,
        InputRequest::Bits(events) => {
            let lists: [(&str, &'static Constants); 9] = [
                ("EV_SYN", &c::EV),
                ("EV_KEY", &c::KEY),
                ("EV_REL", &c::REL),
                ("EV_ABS", &c::ABS),
                ("EV_MSC", &c::MSC),
                ("EV_SW", &c::SW),
                ("EV_LED", &c::LED),
                ("EV_SND", &c::SND),
                ("EV_FF", &c::FF),
            ];
            let (name, _) = c::EV.items.iter().find(|(_, known)| *known == events)?;
            lists.iter().find(|(known, _)| known == name)?.1
        }
        _ => return None,
    })
}

/// struct ff_envelope.
const ENVELOPE: Shape = Typed(&[
    ("attack_length", U16),
    ("attack_level", U16),
    ("fade_length", U16),
    ("fade_level", Hex(2)),
]);

#[rustfmt::skip]
const EFFECTS: &[(&str, &str, Shape)] = &[
    ("FF_CONSTANT", "constant", Typed(&[("level", S16), ("envelope", ENVELOPE)])),
    ("FF_RAMP", "ramp", Typed(&[("start_level", S16), ("end_level", S16),
        ("envelope", ENVELOPE)])),
    ("FF_PERIODIC", "periodic", Typed(&[("waveform", U16), ("period", U16), ("magnitude", S16),
        ("offset", S16), ("phase", U16), ("envelope", ENVELOPE), ("custom_len", U32),
        ("custom_data", Pointer)])),
    ("FF_RUMBLE", "rumble", Typed(&[("strong_magnitude", U16), ("weak_magnitude", U16)])),
];

/// struct ff_effect, a member of which depends on its type.
fn effect(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const HEAD: &[Typed] = &[
        ("type", Enum(2, &c::FF)),
        ("id", S16),
        ("direction", U16),
        ("...", Padding(0)),
        ("trigger", Typed(&[("button", U16), ("interval", U16)])),
        ("replay", Typed(&[("length", U16), ("delay", U16)])),
    ];
    // The union has pointers.
    let (union, size) = if view.abi.word() == 8 { (16, 48) } else { (16, 44) };
    if !chunk.has(size) {
        return false;
    }
    shape::write(view, 0, Typed(HEAD), chunk, out);
    let kind = Fields::new(view.abi, chunk.bytes).u16(0);
    let name = c::FF.items.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name);
    let known = EFFECTS.iter().find(|(known, ..)| name == Some(known));
    if let Some((_, name, shape)) = known.filter(|_| view.options.verbose) {
        out.pop();
        super::super::out::member(out, name);
        shape::write(view, 0, *shape, chunk.from(union), out);
        out.push('}');
    }
    true
}

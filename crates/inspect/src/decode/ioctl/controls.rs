//! Controls of video devices (linux/videodev2.h, linux/v4l2-controls.h).

use sysreel_abi::consts::video as c;
use sysreel_abi::plan::index;
use sysreel_abi::{ArgKind, Dir};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::out::{member, unreadable_from};
use super::super::shape::{self, Shape, Typed};
use super::super::value;
use super::super::view::View;
use super::form::Form::{self, Both, Single};
use crate::style;
use crate::text;
use Shape::*;

const U32: Shape = Number(4);
const S32: Shape = Signed(4);
const CONTROL_ID: Shape = Written(4, 4, control_id);
const CONTROL: &[Typed] = &[("id", CONTROL_ID), ("value", S32)];

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("VIDIOC_G_CTRL", Both(Typed(&[("id", CONTROL_ID)]), Typed(CONTROL))),
    ("VIDIOC_S_CTRL", Single(Typed(CONTROL))),
    ("VIDIOC_QUERYCTRL", Both(Typed(&[("id", CONTROL_ID)]), Typed(&[("id", CONTROL_ID),
        ("type", Enum(4, &c::V4L2_CTRL_TYPE)), ("name", FixedText(32)), ("minimum", S32),
        ("maximum", S32), ("step", S32), ("default_value", S32),
        ("flags", Flags(4, &c::V4L2_CTRL_FLAG))]))),
    ("VIDIOC_QUERY_EXT_CTRL", Both(Typed(&[("id", CONTROL_ID)]), Typed(&[("id", CONTROL_ID),
        ("type", Enum(4, &c::V4L2_CTRL_TYPE)), ("name", FixedText(32)), ("minimum", Signed(8)),
        ("maximum", Signed(8)), ("step", Number(8)), ("default_value", Signed(8)),
        ("flags", Flags(4, &c::V4L2_CTRL_FLAG)), ("elem_size", U32), ("elems", U32),
        ("nr_of_dims", U32), ("dims", Sequence(&U32, 4))]))),
    ("VIDIOC_G_EXT_CTRLS", Form::Call(controls)), ("VIDIOC_S_EXT_CTRLS", Form::Call(controls)),
    ("VIDIOC_TRY_EXT_CTRLS", Form::Call(controls)),
];

/// Writes an array that a member points to, as far as it could be read.
pub(super) fn array(
    view: &View<'_>,
    each: Shape,
    region: Option<crate::regions::RegionView<'_>>,
    address: u64,
    out: &mut String,
) {
    let bytes = region.and_then(|region| view.bytes(&region, usize::MAX));
    let (Some(region), Some(bytes)) = (region, bytes) else { return text::pointer(out, address) };
    if !shape::fits(view.abi, each, Chunk::whole(address, &bytes)) {
        return text::pointer(out, address);
    }
    list(view, each, &bytes, out);
    if region.head.got < region.head.asked && !region.is_cut() && out.pop().is_some() {
        out.push_str(", ...");
        unreadable_from(&region, out);
        out.push(']');
    }
}

fn list(view: &View<'_>, each: Shape, bytes: &[u8], out: &mut String) {
    let size = shape::size(view.abi, each).max(1);
    out.push('[');
    for (i, one) in bytes.chunks_exact(size).enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        if i >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        shape::write(view, i as u64, each, Chunk::whole(0, one), out);
    }
    out.push(']');
}

/// struct v4l2_ext_controls.
fn controls(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    let word = usize::from(view.abi.word());
    let at = if word == 8 { 24 } else { 20 };
    if !chunk.has(at + word) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    let (count, address) = (f.u32(4), if word == 8 { f.u64(at) } else { f.u32(at) });
    out.push_str("{ctrl_class=");
    shape::write(view, 0, Enum(4, &c::V4L2_CTRL_CLASS), chunk, out);
    out.push_str(", count=");
    text::dec(out, count);
    let list = |out: &mut String, dir| {
        let region = view.nested(2, 1, index(0, 0), dir).filter(|region| region.head.got > 0);
        array(view, Written(20, 1, control), region, address, out);
        region.is_some_and(|region| region.head.got == region.head.asked)
    };
    let mut is_whole = false;
    if count != 0 {
        out.push_str(", controls=");
        is_whole = list(out, Dir::In);
    }
    let name = sysreel_abi::render::ioctl_name(view.abi, view.arg(1)).unwrap_or_default();
    let is_read = name == "VIDIOC_G_EXT_CTRLS";
    if is_whole && view.exit.is_some() {
        out.push_str("} => {controls=");
        list(out, Dir::Out);
    }
    if view.exit.is_some() && (is_whole || is_read) {
        member(out, "error_idx");
        text::dec(out, f.u32(8));
    }
    out.push('}');
    true
}

/// struct v4l2_ext_control, which is packed; its number in the list is the family.
fn control(view: &View<'_>, number: u64, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    let size = f.u32(4);
    out.push_str("{id=");
    shape::write(view, 0, CONTROL_ID, chunk, out);
    out.push_str(", size=");
    text::dec(out, size);
    if size == 0 {
        member(out, "value");
        text::sdec(out, f.i32(12));
        member(out, "value64");
        text::sdec(out, f.i64(12));
    } else {
        member(out, "string");
        let address = if view.abi.word() == 8 { f.u64(12) } else { f.u32(12) };
        let region = view.nested(2, 2, u32::try_from(number).unwrap_or(u32::MAX), Dir::In);
        let bytes = region.filter(|region| region.head.got > 0).and_then(|region| {
            view.bytes(&region, view.options.string_limit).map(|bytes| (bytes, region.head.asked))
        });
        match bytes {
            Some((bytes, asked)) => {
                text::quoted(out, &bytes, view.options.hex);
                out.push_str(if asked > bytes.len() as u64 { "..." } else { "" });
            }
            None => text::pointer(out, address),
        }
    }
    out.push('}');
}

/// Writes the number of a control: `V4L2_CTRL_CLASS_USER+0x10`, or with the flag that asks for the
/// next one.
fn control_id(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    const NEXT: [(&str, u64); 2] =
        [("V4L2_CTRL_FLAG_NEXT_CTRL", 0x8000_0000), ("V4L2_CTRL_FLAG_NEXT_COMPOUND", 0x4000_0000)];
    const CLASS: u64 = 0xffff_0000;
    let mut id = Fields::new(view.abi, chunk.bytes).u32(0);
    let name = sysreel_abi::render::ioctl_name(view.abi, view.arg(1)).unwrap_or_default();
    if name.starts_with("VIDIOC_QUERY") && view.options.constants != style::Constants::Raw {
        let given = id;
        for (name, flag) in NEXT.into_iter().filter(|(_, flag)| given & flag != 0) {
            value::named(view, &|out| text::hex(out, flag), name, out);
            out.push('|');
            id &= !flag;
        }
    }
    let class = c::V4L2_CTRL_CLASS.items.iter().find(|(_, class)| *class == id & CLASS);
    match (c::V4L2_CID.items.iter().find(|(_, known)| *known == id), class) {
        (None, Some((name, _))) => {
            let mut sum = format!("{name}+");
            text::hex(&mut sum, id & !CLASS);
            value::named(view, &|out| text::hex(out, id), &sum, out);
        }
        _ => value::constant(view, ArgKind::Enum(&c::V4L2_CID), id, out),
    }
}

//! Requests of video devices (linux/videodev2.h).

use sysreel_abi::Dir;
use sysreel_abi::consts::video as c;
use sysreel_abi::plan::index;

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::out::member;
use super::super::shape::{self, Shape, Typed};
use super::super::value;
use super::super::view::View;
use super::controls;
use super::form::Form::{self, Both, Single};
use crate::style;
use crate::text;
use Shape::*;

const U32: Shape = Number(4);
const S32: Shape = Signed(4);
const HEX: Shape = Hex(4);
const BUFFER_TYPE: Shape = Enum(4, &c::V4L2_BUF_TYPE);
const FOURCC: Shape = Written(4, 4, four_characters);
const FRACTION: Shape = Written(8, 4, fraction);
const STANDARD: Shape = Hex(8);
const ONE_TYPE: Form = Single(BUFFER_TYPE);
const INDEX: &[Typed] = &[("index", U32)];

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("VIDIOC_QUERYCAP", Single(Typed(&[("driver", FixedText(16)), ("card", FixedText(32)),
        ("bus_info", FixedText(32)), ("version", Written(4, 4, version)),
        ("capabilities", Flags(4, &c::V4L2_CAP)), ("device_caps", Flags(4, &c::V4L2_CAP))]))),
    ("VIDIOC_ENUM_FMT", Both(Typed(&[("index", U32), ("type", BUFFER_TYPE)]), Typed(&[
        ("index", U32), ("type", BUFFER_TYPE), ("flags", Flags(4, &c::V4L2_FMT_FLAG)),
        ("description", FixedText(32)), ("pixelformat", FOURCC)]))),
    ("VIDIOC_G_FMT", Form::Call(asked_format)), ("VIDIOC_S_FMT", Form::Call(format)),
    ("VIDIOC_TRY_FMT", Form::Call(format)),
    ("VIDIOC_REQBUFS", Form::Call(request)),
    ("VIDIOC_QUERYBUF", Form::Call(buffer)), ("VIDIOC_QBUF", Form::Call(buffer)),
    ("VIDIOC_DQBUF", Form::Call(dequeued)),
    ("VIDIOC_G_FBUF", Single(Typed(FRAME_BUFFER))), ("VIDIOC_S_FBUF", Single(Typed(FRAME_BUFFER))),
    ("VIDIOC_STREAMON", ONE_TYPE), ("VIDIOC_STREAMOFF", ONE_TYPE),
    ("VIDIOC_G_PARM", Form::Call(asked_parameters)), ("VIDIOC_S_PARM", Form::Call(parameters)),
    ("VIDIOC_G_STD", Single(STANDARD)), ("VIDIOC_S_STD", Single(STANDARD)),
    ("VIDIOC_ENUMSTD", Both(Typed(INDEX), Typed(&[("index", U32), ("id", STANDARD),
        ("name", FixedText(24)), ("frameperiod", FRACTION), ("framelines", U32)]))),
    ("VIDIOC_ENUMINPUT", Both(Typed(INDEX), Typed(&[("index", U32), ("name", FixedText(32)),
        ("type", Enum(4, &c::V4L2_INPUT_TYPE)), ("audioset", HEX), ("tuner", U32),
        ("std", STANDARD), ("status", HEX), ("capabilities", HEX)]))),
    ("VIDIOC_G_INPUT", Single(U32)), ("VIDIOC_S_INPUT", Single(U32)),
    ("VIDIOC_G_TUNER", Both(Typed(INDEX), Typed(TUNER))), ("VIDIOC_S_TUNER", Single(Typed(TUNER))),
    ("VIDIOC_CROPCAP", Both(Typed(&[("type", BUFFER_TYPE)]), Typed(&[("type", BUFFER_TYPE),
        ("bounds", RECTANGLE), ("defrect", RECTANGLE), ("pixelaspect", FRACTION)]))),
    ("VIDIOC_G_CROP", Both(Typed(&[("type", BUFFER_TYPE)]), Typed(CROP))),
    ("VIDIOC_S_CROP", Single(Typed(CROP))),
    ("VIDIOC_ENUM_FRAMESIZES", Single(Typed(&[("index", U32), ("pixel_format", FOURCC)]))),
    ("VIDIOC_ENUM_FRAMEINTERVALS", Single(Typed(&[("index", U32), ("pixel_format", FOURCC),
        ("width", U32), ("height", U32)]))),
    ("VIDIOC_CREATE_BUFS", Form::Call(new_buffers)),
];
const RECTANGLE: Shape = Typed(&[("left", S32), ("top", S32), ("width", U32), ("height", U32)]);
const CROP: &[Typed] = &[("type", BUFFER_TYPE), ("c", RECTANGLE)];
const FRAME_BUFFER: &[Typed] = &[("capability", HEX), ("flags", HEX), ("base", Pointer)];
const TUNER: &[Typed] = &[
    ("index", U32),
    ("name", FixedText(32)),
    ("type", Enum(4, &c::V4L2_TUNER_TYPE)),
    ("capability", Flags(4, &c::V4L2_TUNER_CAP)),
    ("rangelow", U32),
    ("rangehigh", U32),
    ("rxsubchans", Flags(4, &c::V4L2_TUNER_SUB)),
    ("audmode", Enum(4, &c::V4L2_TUNER_MODE)),
    ("signal", S32),
    ("afc", S32),
];

/// Whether a request without a form passes a structure of a video device.
pub(super) fn is_request(name: &str) -> bool {
    name.starts_with("VIDIOC_") && !name.starts_with("VIDIOC_SUBDEV_")
}

/// The formats, by the types of buffers that have them. `~` marks window and planes, which have a
/// function.
#[rustfmt::skip]
const FORMATS: &[(&[&str], &str, Shape)] = &[
    (&["VIDEO_CAPTURE", "VIDEO_OUTPUT"], "fmt.pix", Typed(&[("width", U32), ("height", U32),
        ("pixelformat", FOURCC), ("field", Enum(4, &c::V4L2_FIELD)), ("bytesperline", U32),
        ("sizeimage", U32), ("colorspace", Enum(4, &c::V4L2_COLORSPACE))])),
    (&["VIDEO_CAPTURE_MPLANE", "VIDEO_OUTPUT_MPLANE"], "fmt.pix_mp", Call(planes)),
    (&["VIDEO_OVERLAY", "VIDEO_OUTPUT_OVERLAY"], "fmt.win", Call(window)),
    (&["VBI_CAPTURE", "VBI_OUTPUT"], "fmt.vbi", Typed(&[("sampling_rate", U32), ("offset", U32),
        ("samples_per_line", U32), ("sample_format", FOURCC), ("start", Sequence(&S32, 2)),
        ("count", Sequence(&U32, 2)), ("flags", Flags(4, &c::V4L2_VBI))])),
    (&["SLICED_VBI_CAPTURE", "SLICED_VBI_OUTPUT"], "fmt.sliced", Typed(&[
        ("service_set", Flags(2, &c::V4L2_SLICED)),
        ("service_lines", Sequence(&Sequence(&Hex(2), 24), 2)), ("io_size", U32)])),
    (&["SDR_CAPTURE", "SDR_OUTPUT"], "fmt.sdr", Typed(&[("pixelformat", FOURCC),
        ("buffersize", U32)])),
    (&["META_CAPTURE", "META_OUTPUT"], "fmt.meta", Typed(&[("dataformat", FOURCC),
        ("buffersize", U32)])),
];

/// Returns the name of a type of buffers without its prefix.
fn buffer_type(number: u64) -> Option<&'static str> {
    let known = c::V4L2_BUF_TYPE.items.iter().find(|(_, known)| *known == number)?;
    known.0.strip_prefix(c::V4L2_BUF_TYPE.prefix)
}

fn failed(view: &View<'_>) -> bool {
    view.outcome.is_none_or(|outcome| outcome.failed())
}

/// struct v4l2_format whose type alone is a question.
fn asked_format(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if failed(view) { only_type(view, chunk, out) } else { format(view, chunk, out) }
}

fn only_type(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    chunk.has(4) && {
        shape::write(view, 0, Typed(&[("type", BUFFER_TYPE)]), chunk, out);
        true
    }
}

fn format(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    /// The union, which contains pointers, has 200 bytes.
    const UNION: usize = 200;
    let at = view.abi.word().into();
    if !chunk.has(at + UNION) {
        return false;
    }
    only_type(view, chunk, out);
    let name = buffer_type(Fields::new(view.abi, chunk.bytes).u32(0));
    let known = FORMATS.iter().find(|(types, ..)| name.is_some_and(|name| types.contains(&name)));
    if let Some((_, name, shape)) = known {
        out.pop();
        member(out, name);
        shape::write(view, 0, *shape, chunk.from(at), out);
        out.push('}');
    }
    true
}

/// struct v4l2_pix_format_mplane, which is packed.
fn planes(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    const PLANES: usize = 8;
    const PLANE: usize = 20;
    const COUNT: usize = 20 + PLANES * PLANE;
    const HEAD: &[Typed] = &[
        ("width", U32),
        ("height", U32),
        ("pixelformat", FOURCC),
        ("field", Enum(4, &c::V4L2_FIELD)),
        ("colorspace", Enum(4, &c::V4L2_COLORSPACE)),
    ];
    const ONE: Shape = Typed(&[("sizeimage", U32), ("bytesperline", U32), ("", Padding(12))]);
    let count = usize::try_from(Fields::new(view.abi, chunk.bytes).u8(COUNT)).unwrap_or(0);
    shape::write(view, 0, Typed(HEAD), chunk, out);
    out.pop();
    member(out, "plane_fmt");
    let shown = chunk.from(20).first(count.min(PLANES) * PLANE);
    shape::write(view, 0, Array(&ONE), shown, out);
    member(out, "num_planes");
    text::dec(out, count as u64);
    out.push('}');
}

/// struct v4l2_window with its list of clips.
fn window(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    const HEAD: &[Typed] =
        &[("w", RECTANGLE), ("field", Enum(4, &c::V4L2_FIELD)), ("chromakey", HEX)];
    const CLIPS: usize = 24;
    const CLIP: Shape = Typed(&[("c", RECTANGLE), ("", Pointer)]);
    let word = usize::from(view.abi.word());
    let f = Fields::new(view.abi, chunk.bytes);
    let pointer = |at: usize| if word == 4 { f.u32(at) } else { f.u64(at) };
    shape::write(view, 0, Typed(HEAD), chunk, out);
    out.pop();
    member(out, "clips");
    // The two types of buffers that have a window are two entries of the table.
    let region = [0, 1].into_iter().find_map(|which| pointed(view, which));
    controls::array(view, CLIP, region, pointer(CLIPS), out);
    member(out, "clipcount");
    text::dec(out, f.u32(CLIPS + word));
    member(out, "bitmap");
    text::pointer(out, pointer(CLIPS + 2 * word));
    member(out, "global_alpha");
    text::hex(out, f.u8(CLIPS + 3 * word));
    out.push('}');
}

fn pointed<'a>(view: &View<'a>, which: u32) -> Option<crate::regions::RegionView<'a>> {
    let regions = view.nested(2, 1, index(0, which), Dir::In);
    regions.filter(|region| region.head.got > 0)
}

/// struct v4l2_requestbuffers.
fn request(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    chunk.has(20) && {
        out.push_str("{type=");
        shape::write(view, 0, BUFFER_TYPE, chunk.from(4), out);
        out.push_str(", memory=");
        shape::write(view, 0, Enum(4, &c::V4L2_MEMORY), chunk.from(8), out);
        out.push_str(", count=");
        shape::write(view, 0, U32, chunk, out);
        out.push('}');
        true
    }
}

fn dequeued(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if failed(view) {
        return chunk.has(8) && only_type(view, chunk.from(4), out);
    }
    buffer(view, chunk, out)
}

/// struct v4l2_buffer, of which the kernel fills what follows its index.
fn buffer(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if !chunk.has(20) {
        return false;
    }
    out.push_str("{type=");
    shape::write(view, 0, BUFFER_TYPE, chunk.from(4), out);
    out.push_str(", index=");
    shape::write(view, 0, U32, chunk, out);
    if !failed(view) {
        member(out, "bytesused");
        shape::write(view, 0, U32, chunk.from(8), out);
        member(out, "flags");
        shape::write(view, 0, Flags(4, &c::V4L2_BUF_FLAG), chunk.from(12), out);
        member(out, "field");
        shape::write(view, 0, Enum(4, &c::V4L2_FIELD), chunk.from(16), out);
        out.push_str(", ...");
    }
    out.push('}');
    true
}

/// struct v4l2_create_buffers.
fn new_buffers(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    /// The format has pointers.
    const FORMAT: (usize, usize) = (16, 12);
    let at = if view.abi.word() == 8 { FORMAT.0 } else { FORMAT.1 };
    if !chunk.has(at + 200) {
        return false;
    }
    out.push_str("{count=");
    shape::write(view, 0, U32, chunk.from(4), out);
    out.push_str(", memory=");
    shape::write(view, 0, Enum(4, &c::V4L2_MEMORY), chunk.from(8), out);
    out.push_str(", format=");
    format(view, chunk.from(at), out);
    out.push('}');
    true
}

fn asked_parameters(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if failed(view) { only_type(view, chunk, out) } else { parameters(view, chunk, out) }
}

/// struct v4l2_streamparm.
fn parameters(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const CAPTURE: &[Typed] = &[
        ("capability", Flags(4, &c::V4L2_STREAM_CAP)),
        ("capturemode", Flags(4, &c::V4L2_MODE)),
        ("timeperframe", FRACTION),
        ("extendedmode", HEX),
        ("readbuffers", U32),
    ];
    const OUTPUT: &[Typed] = &[
        ("capability", Flags(4, &c::V4L2_STREAM_CAP)),
        ("outputmode", Flags(4, &c::V4L2_MODE)),
        ("timeperframe", FRACTION),
        ("extendedmode", HEX),
        ("writebuffers", U32),
    ];
    if !chunk.has(204) {
        return false;
    }
    only_type(view, chunk, out);
    let (name, members) = match buffer_type(Fields::new(view.abi, chunk.bytes).u32(0)) {
        Some("VIDEO_CAPTURE" | "VIDEO_CAPTURE_MPLANE") => ("parm.capture", CAPTURE),
        Some("VIDEO_OUTPUT" | "VIDEO_OUTPUT_MPLANE") => ("parm.output", OUTPUT),
        _ => return true,
    };
    out.pop();
    member(out, name);
    shape::write(view, 0, Typed(members), chunk.from(4), out);
    out.push('}');
    true
}

fn fraction(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    text::dec(out, f.u32(0));
    out.push('/');
    text::dec(out, f.u32(4));
}

fn version(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    let name = format!("KERNEL_VERSION({}, {}, {})", f.u16(2), f.u8(1), f.u8(0));
    value::named(view, &|out| text::hex(out, f.u32(0)), &name, out);
}

/// Writes the code of a format: `v4l2_fourcc('Y', 'U', 'Y', 'V') /* V4L2_PIX_FMT_YUYV */`.
fn four_characters(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let number = Fields::new(view.abi, chunk.bytes).u32(0);
    if view.options.constants == style::Constants::Raw {
        return text::hex(out, number);
    }
    out.push_str("v4l2_fourcc(");
    for (i, byte) in chunk.bytes.iter().take(4).enumerate() {
        out.push_str(if i == 0 { "'" } else { ", '" });
        match byte {
            b'\'' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
        out.push('\'');
    }
    out.push(')');
    if let Some((name, _)) = c::V4L2_PIX_FMT.items.iter().find(|(_, known)| *known == number) {
        out.push_str(&format!(" /* {name} */"));
    }
}

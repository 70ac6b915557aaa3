//! Requests of raw flash (mtd/mtd-abi.h) and of volumes of it (mtd/ubi-user.h).

use sysreel_abi::ArgKind;
use sysreel_abi::consts::ioctl_values as c;

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::shape::{self, Shape, Typed};
use super::super::view::View;
use super::form::Form::{self, Answered, Both, Nothing, Single, Value};
use crate::text;
use Shape::*;

const U32: Shape = Number(4);
const S32: Shape = Signed(4);
const INT: Form = Single(S32);
const ERASED: Form = Single(Typed(&[("start", Hex(4)), ("length", Hex(4))]));
const SPARE: Form = Single(Typed(&[("start", Hex(4)), ("length", Hex(4)), ("ptr", Pointer)]));
const SPARE64: Form =
    Single(Typed(&[("start", Hex(8)), ("", Hex(4)), ("length", Hex(4)), ("usr_ptr", Hex(8))]));
const OTP: Form = Single(Typed(&[("start", Hex(4)), ("length", Hex(4)), ("locked", U32)]));
/// The longest name of a volume (UBI_MAX_VOLUME_NAME).
const NAME: usize = 127;

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("MEMGETINFO", Answered(&[("type", 0, Enum(1, &c::MTD_TYPE)),
        ("flags", 4, Flags(4, &c::MTD_FLAGS)), ("size", 8, Hex(4)), ("erasesize", 12, Hex(4)),
        ("writesize", 16, Hex(4)), ("oobsize", 20, Hex(4)), ("_padding", 24, Hex(8))], 32)),
    ("MEMERASE", ERASED), ("MEMLOCK", ERASED), ("MEMUNLOCK", ERASED), ("MEMISLOCKED", ERASED),
    ("MEMERASE64", Single(Typed(&[("start", Hex(8)), ("length", Hex(8))]))),
    ("MEMWRITEOOB", SPARE), ("MEMREADOOB", SPARE),
    ("MEMWRITEOOB64", SPARE64), ("MEMREADOOB64", SPARE64),
    ("MEMWRITE", Single(Typed(&[("start", Hex(8)), ("len", Hex(8)), ("ooblen", Hex(8)),
        ("usr_data", Hex(8)), ("usr_oob", Hex(8)), ("mode", Enum(1, &c::MTD_OPS))]))),
    ("MEMGETREGIONCOUNT", INT), ("OTPGETREGIONCOUNT", Form::Pointer),
    ("OTPGETREGIONINFO", Form::Pointer), ("OTPLOCK", OTP), ("OTPERASE", OTP),
    ("OTPSELECT", Single(Enum(4, &c::MTD_OTP))),
    ("MTDFILEMODE", Value(ArgKind::Enum(&c::MTD_FILE_MODE))),
    ("MEMGETBADBLOCK", Single(Number(8))), ("MEMSETBADBLOCK", Single(Number(8))),
    ("MEMGETREGIONINFO", Both(Typed(&[("", Sequence(&U32, 3)), ("regionindex", Hex(4))]),
        Typed(&[("offset", Hex(4)), ("erasesize", Hex(4)), ("numblocks", Hex(4)),
            ("regionindex", Hex(4))]))),
    ("ECCGETSTATS", Single(Typed(&[("corrected", Hex(4)), ("failed", Hex(4)),
        ("badblocks", Hex(4)), ("bbtblocks", Hex(4))]))),
    ("UBI_IOCVOLCRBLK", Nothing), ("UBI_IOCVOLRMBLK", Nothing), ("UBI_IOCDET", INT),
    ("UBI_IOCEBER", INT), ("UBI_IOCEBISMAP", INT), ("UBI_IOCEBUNMAP", INT), ("UBI_IOCRMVOL", INT),
    ("UBI_IOCRPEB", INT), ("UBI_IOCSPEB", INT), ("UBI_IOCVOLUP", Single(Signed(8))),
    ("UBI_IOCATT", Single(Typed(&[("ubi_num", S32), ("mtd_num", S32), ("vid_hdr_offset", S32),
        ("max_beb_per1024", Signed(2))]))),
    ("UBI_IOCEBCH", Single(Typed(&[("lnum", S32), ("bytes", S32),
        ("dtype", Enum(1, &c::UBI_DATA))]))),
    ("UBI_IOCEBMAP", Single(Typed(&[("lnum", S32), ("dtype", Enum(1, &c::UBI_DATA))]))),
    ("UBI_IOCRSVOL", Single(Members(&[("bytes", 0, Signed(8)), ("vol_id", 8, S32)]))),
    ("UBI_IOCSETVOLPROP", Single(Typed(&[("property", Enum(1, &c::UBI_PROPERTY)),
        ("", Quoted(7)), ("value", Hex(8))]))),
    ("UBI_IOCMKVOL", Form::Call(new_volume)), ("UBI_IOCRNVOL", Form::Call(renamed)),
];

/// struct ubi_mkvol_req.
fn new_volume(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const NAMED: usize = 24;
    const HEAD: &[Typed] = &[
        ("vol_id", S32),
        ("alignment", S32),
        ("bytes", Signed(8)),
        ("vol_type", Enum(1, &c::UBI_VOLUME)),
        ("flags", Flags(1, &c::UBI_VOLUME_FLAGS)),
    ];
    chunk.has(NAMED + NAME + 1) && {
        shape::write(view, 0, Typed(HEAD), chunk, out);
        out.pop();
        out.push_str(", ");
        name(view, chunk.from(18), chunk.from(NAMED), out);
        out.push('}');
        true
    }
}

/// struct ubi_rnvol_req.
fn renamed(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const HEAD: usize = 16;
    const ENTRY: usize = 8 + NAME + 1;
    const MOST: usize = 32;
    if !chunk.has(HEAD + MOST * ENTRY) {
        return false;
    }
    let count = Fields::new(view.abi, chunk.bytes).i32(0);
    out.push_str("{count=");
    text::sdec(out, count);
    out.push_str(", ents=[");
    for i in 0..usize::try_from(count).unwrap_or(0).min(MOST) {
        let entry = chunk.from(HEAD + i * ENTRY);
        out.push_str(if i == 0 { "{vol_id=" } else { ", {vol_id=" });
        shape::write(view, 0, S32, entry, out);
        out.push_str(", ");
        name(view, entry.from(4), entry.from(8), out);
        out.push('}');
    }
    out.push_str("]}");
    true
}

/// Writes the length of a name and as much of the name.
fn name(view: &View<'_>, length: Chunk<'_>, name: Chunk<'_>, out: &mut String) {
    let len = (Fields::new(view.abi, length.bytes).i32(0) << 48) >> 48;
    out.push_str("name_len=");
    text::sdec(out, len);
    out.push_str(", name=");
    let most = usize::try_from(len).unwrap_or(0).min(NAME);
    let field = name.bytes.get(..most).unwrap_or_default();
    let shown = text::until_nul(field);
    text::quoted(out, shown, view.options.hex);
    let is_ended = name.bytes.iter().take(most + 1).any(|byte| *byte == 0);
    out.push_str(if is_ended { "" } else { "..." });
}

//! Requests of disks and of what looks like one: IDE, SCSI, loop devices, partitions, quotas of
//! files.

use sysreel_abi::consts::ioctl_values as c;
use sysreel_abi::{Abi, ArgKind};

use super::super::chunk::Chunk;
use super::super::shape::{self, Field, Shape, Typed};
use super::super::view::View;
use super::form::Form::{self, Nothing, Shaped, Single, Value, Written};
use crate::text;
use Shape::*;

const U32: Shape = Number(4);
const WORD: Form = Single(Call(word));
const SET: Form = Value(ArgKind::Ulong);
const HEX: Form = Value(ArgKind::Hex);

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("HDIO_GETGEO", Single(Call(geometry))), ("HDIO_GET_IDENTITY", Form::Pointer),
    ("HDIO_OBSOLETE_IDENTITY", Form::Pointer), ("HDIO_DRIVE_CMD", Shaped(COMMAND)),
    ("HDIO_DRIVE_RESET", Single(Sequence(&Hex(4), 3))),
    ("HDIO_SCAN_HWIF", Single(Sequence(&Hex(4), 3))),
    ("HDIO_GET_32BIT", WORD), ("HDIO_GET_ACOUSTIC", WORD), ("HDIO_GET_ADDRESS", WORD),
    ("HDIO_GET_BUSSTATE", WORD), ("HDIO_GET_DMA", WORD), ("HDIO_GET_KEEPSETTINGS", WORD),
    ("HDIO_GET_MULTCOUNT", WORD), ("HDIO_GET_NOWERR", WORD), ("HDIO_GET_UNMASKINTR", WORD),
    ("HDIO_GET_WCACHE", WORD), ("HDIO_SET_32BIT", SET), ("HDIO_SET_ACOUSTIC", SET),
    ("HDIO_SET_ADDRESS", SET),
    ("HDIO_SET_BUSSTATE", Value(ArgKind::Enum(&c::BUS_STATE))), ("HDIO_SET_DMA", SET),
    ("HDIO_SET_KEEPSETTINGS", SET), ("HDIO_SET_MULTCOUNT", SET), ("HDIO_SET_NOWERR", SET),
    ("HDIO_SET_PIO_MODE", SET), ("HDIO_SET_UNMASKINTR", SET), ("HDIO_SET_WCACHE", SET),
    ("HDIO_UNREGISTER_HWIF", SET), ("HDIO_GET_QDMA", HEX), ("HDIO_SET_XFER", HEX),
    ("HDIO_TRISTATE_HWIF", HEX), ("HDIO_DRIVE_TASKFILE", HEX), ("HDIO_DRIVE_TASK", HEX),
    ("HDIO_SET_QDMA", HEX),
    ("HDIO_SET_NICE", Value(ArgKind::Flags(&c::IDE_NICE))), ("HDIO_GET_NICE", WORD),
    ("LOOP_SET_STATUS", Form::Call(old_loop)), ("LOOP_GET_STATUS", Form::Call(old_loop)),
    ("LOOP_SET_STATUS64", Form::Call(loop_device)), ("LOOP_GET_STATUS64", Form::Call(loop_device)),
    ("LOOP_CONFIGURE", Form::Call(loop_setup)), ("SG_IO", Form::Call(scsi)),
    ("SG_GET_TIMEOUT", Nothing), ("SG_SET_TRANSFORM", HEX),
    ("SG_SET_TIMEOUT", INT), ("SG_EMULATED_HOST", INT), ("SG_GET_TRANSFORM", INT),
    ("SG_GET_COMMAND_Q", INT), ("SG_SET_COMMAND_Q", INT), ("SG_GET_RESERVED_SIZE", INT),
    ("SG_SET_RESERVED_SIZE", INT), ("SG_SET_FORCE_LOW_DMA", INT), ("SG_GET_LOW_DMA", INT),
    ("SG_SET_FORCE_PACK_ID", INT), ("SG_GET_PACK_ID", INT), ("SG_GET_NUM_WAITING", INT),
    ("SG_SET_DEBUG", INT), ("SG_GET_SG_TABLESIZE", INT), ("SG_GET_VERSION_NUM", INT),
    ("SG_NEXT_CMD_LEN", INT), ("SG_SET_KEEP_ORPHAN", INT), ("SG_GET_KEEP_ORPHAN", INT),
    ("SG_GET_ACCESS_COUNT", INT), ("SG_SCSI_RESET", Form::Call(reset)),
    ("SG_GET_SCSI_ID", Form::Pointer), ("SG_GET_REQUEST_TABLE", Form::Pointer),
    ("BLKPG", Form::Call(partition)), ("RNDADDENTROPY", Form::Call(entropy)),
    ("FITRIM", Shaped(&[("start", 0, Hex(8)), ("len", 8, Number(8)), ("minlen", 16, Number(8))])),
    ("FIFREEZE", Nothing), ("FITHAW", Nothing),
    ("FS_IOC_FSGETXATTR", Shaped(&[XFLAGS, EXTENT, ("fsx_nextents", 8, U32), PROJECT, COPIES])),
    ("FS_IOC_FSSETXATTR", Written(&[XFLAGS, EXTENT, PROJECT, COPIES], 28)),
    ("FICLONERANGE", Shaped(&[("src_fd", 0, Wide32), ("src_offset", 8, Number(8)),
        ("src_length", 16, Number(8)), ("dest_offset", 24, Number(8))])),
];
const XFLAGS: Field = ("fsx_xflags", 0, Flags(4, &c::FS_XFLAG));
const EXTENT: Field = ("fsx_extsize", 4, U32);
const PROJECT: Field = ("fsx_projid", 12, Hex(4));
const COPIES: Field = ("fsx_cowextsize", 16, U32);
const COMMAND: &[Field] = &[
    ("command", 0, Enum(1, &c::ATA_COMMAND)),
    ("sector_number", 1, Number(1)),
    ("feature", 2, Number(1)),
    ("sector_count", 3, Number(1)),
];

const INT: Form = Single(Signed(4));

/// What a SCSI device resets, and whether it resets no more.
fn reset(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const NO_ESCALATE: u64 = 0x100;
    if !chunk.has(4) {
        return false;
    }
    let number = super::super::fields::Fields::new(view.abi, chunk.bytes).u32(0);
    let what = number & !NO_ESCALATE;
    let name = c::SG_SCSI_RESET.items.iter().find(|(_, known)| *known == what);
    out.push('[');
    match name {
        Some((name, _)) => {
            let prefix = if number == what { "" } else { "SG_SCSI_RESET_NO_ESCALATE|" };
            let names = format!("{prefix}{name}");
            super::super::value::named(view, &|out| text::hex(out, number), &names, out);
        }
        None => super::super::value::unknown(view, &c::SG_SCSI_RESET, number, out),
    }
    out.push(']');
    true
}

/// struct blkpg_ioctl_arg and the struct blkpg_partition that it points to.
fn partition(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const HEAD: &[Typed] =
        &[("op", Enum(4, &c::PARTITION)), ("flags", Signed(4)), ("datalen", Signed(4))];
    const PARTITION: &[Field] = &[
        ("start", 0, Signed(8)),
        ("length", 8, Signed(8)),
        ("pno", 16, Signed(4)),
        ("devname", 20, FixedText(64)),
        ("volname", 84, FixedText(64)),
    ];
    let word = usize::from(view.abi.word());
    let at = if word == 8 { 16 } else { 12 };
    if !chunk.has(at + word) {
        return false;
    }
    let f = super::super::fields::Fields::new(view.abi, chunk.bytes);
    shape::write(view, 0, Typed(HEAD), chunk, out);
    out.pop();
    out.push_str(", data=");
    let region = view.nested(2, 1, sysreel_abi::plan::index(0, 0), sysreel_abi::Dir::In);
    let bytes =
        region.filter(|region| region.head.got >= 148).and_then(|region| view.bytes(&region, 152));
    match bytes {
        Some(bytes) => shape::members(view, 0, PARTITION, Chunk::whole(0, &bytes), out),
        None => text::pointer(out, if word == 8 { f.u64(at) } else { f.u32(at) }),
    }
    out.push('}');
    true
}

/// struct rand_pool_info, which is followed by its bytes.
fn entropy(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    chunk.has(8) && {
        const HEAD: &[Typed] = &[("entropy_count", Signed(4)), ("buf_size", Signed(4))];
        shape::write(view, 0, Typed(HEAD), chunk, out);
        out.pop();
        out.push_str(", buf=");
        let bytes = chunk.from(8).bytes;
        super::super::string::limited(view, bytes, false, view.options.hex, out);
        out.push('}');
        true
    }
}

/// A number of one word.
fn word(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    shape::write(view, 0, Number(usize::from(view.abi.word())), chunk, out);
}

/// struct hd_geometry, whose start is a word.
fn geometry(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let word = usize::from(view.abi.word());
    let start = if view.abi == Abi::I386 { 4 } else { 8 };
    out.push_str("{heads=");
    shape::write(view, 0, Number(1), chunk, out);
    out.push_str(", sectors=");
    shape::write(view, 0, Number(1), chunk.from(1), out);
    out.push_str(", cylinders=");
    shape::write(view, 0, Number(2), chunk.from(2), out);
    out.push_str(", start=");
    shape::write(view, 0, Number(word), chunk.from(start), out);
    out.push('}');
}

/// struct loop_info64.
const LOOP: &[Field] = &[
    ("~lo_device", 0, Device64),
    ("~lo_inode", 8, Number(8)),
    ("~lo_rdevice", 16, Device64),
    ("lo_offset", 24, Hex(8)),
    ("~lo_sizelimit", 32, Number(8)),
    ("lo_number", 40, U32),
    ("+lo_encrypt_type", 44, Enum(4, &c::LOOP_CRYPT)),
    ("+lo_encrypt_key_size", 48, U32),
    ("lo_flags", 52, Flags(4, &c::LOOP_FLAGS)),
    ("lo_file_name", 56, FixedText(64)),
    ("+lo_crypt_name", 120, FixedText(64)),
    ("+lo_encrypt_key", 184, Key(48, 32)),
    ("~lo_init", 216, Sequence(&Hex(8), 2)),
];

fn is_encrypted(chunk: Chunk<'_>, at: usize) -> bool {
    chunk.from(at).bytes.iter().take(4).any(|byte| *byte != 0)
}

fn loop_device(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const SIZE: usize = 232;
    chunk.has(SIZE) && {
        let has = |mark| if mark == '+' { is_encrypted(chunk, 44) } else { false };
        abbreviated(view, LOOP, chunk, &has, out);
        true
    }
}

/// Writes a structure of which some members are only shown in full: `~`, or also if they matter:
/// `+`.
fn abbreviated(
    view: &View<'_>,
    fields: &[Field],
    chunk: Chunk<'_>,
    matters: &dyn Fn(char) -> bool,
    out: &mut String,
) {
    out.push('{');
    let mut is_cut = false;
    for (name, at, form) in fields {
        let mark = name.chars().next().filter(|mark| "~+".contains(*mark));
        if let Some(mark) = mark
            && !view.options.verbose
            && !matters(mark)
        {
            is_cut = true;
            continue;
        }
        super::super::out::member(out, name.trim_start_matches(['~', '+']));
        if let Key(count, most) = form {
            let len = shape::count(view, chunk, *count).min(*most);
            text::quoted(out, chunk.from(*at).first(len).bytes, view.options.hex);
            continue;
        }
        shape::write(view, 0, *form, chunk.from(*at), out);
    }
    out.push_str(if is_cut { ", ...}" } else { "}" });
}

/// struct loop_info, whose device numbers have the size of the kernel's old ones.
fn old_loop(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const WIDE: &[Field] = &[
        ("lo_number", 0, Signed(4)),
        ("~lo_device", 4, Device),
        ("~lo_inode", 8, Number(8)),
        ("~lo_rdevice", 16, Device),
        ("lo_offset", 20, Hex(4)),
        ("+lo_encrypt_type", 24, Enum(4, &c::LOOP_CRYPT)),
        ("+lo_encrypt_key_size", 28, U32),
        ("lo_flags", 32, Flags(4, &c::LOOP_FLAGS)),
        ("lo_name", 36, FixedText(64)),
        ("+lo_encrypt_key", 100, Key(28, 32)),
        ("~lo_init", 136, Sequence(&Hex(8), 2)),
        ("~reserved", 152, Sequence(&Hex(1), 4)),
    ];
    const NARROW: &[Field] = &[
        ("lo_number", 0, Signed(4)),
        ("~lo_device", 4, Device16),
        ("~lo_inode", 8, Number(4)),
        ("~lo_rdevice", 12, Device16),
        ("lo_offset", 16, Hex(4)),
        ("+lo_encrypt_type", 20, Enum(4, &c::LOOP_CRYPT)),
        ("+lo_encrypt_key_size", 24, U32),
        ("lo_flags", 28, Flags(4, &c::LOOP_FLAGS)),
        ("lo_name", 32, FixedText(64)),
        ("+lo_encrypt_key", 96, Key(24, 32)),
        ("~lo_init", 128, Sequence(&Hex(4), 2)),
        ("~reserved", 136, Sequence(&Hex(1), 4)),
    ];
    let (fields, size, kind) =
        if view.abi.word() == 8 { (WIDE, 168, 24) } else { (NARROW, 140, 20) };
    chunk.has(size) && {
        let has = |mark| if mark == '+' { is_encrypted(chunk, kind) } else { false };
        abbreviated(view, fields, chunk, &has, out);
        true
    }
}

/// struct loop_config.
fn loop_setup(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const SIZE: usize = 304;
    const INFO: usize = 8;
    const RESERVED: usize = 240;
    if !chunk.has(SIZE) {
        return false;
    }
    out.push_str("{fd=");
    shape::write(view, 0, Fd, chunk, out);
    out.push_str(", block_size=");
    shape::write(view, 0, U32, chunk.from(4), out);
    out.push_str(", info=");
    loop_device(view, chunk.from(INFO), out);
    let reserved = chunk.from(RESERVED);
    if reserved.bytes.iter().take(SIZE - RESERVED).any(|byte| *byte != 0) {
        out.push_str(", __reserved=");
        shape::write(view, 0, Sequence(&Hex(8), 8), reserved, out);
    }
    out.push('}');
    true
}

/// struct sg_io_hdr, of which the kernel writes the rest.
fn scsi(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const INTERFACE: u64 = b'S' as u64;
    if !chunk.has(4) {
        return false;
    }
    let f = super::super::fields::Fields::new(view.abi, chunk.bytes);
    if f.u32(0) != INTERFACE {
        out.push('[');
        text::dec(out, f.u32(0));
        out.push(']');
        return true;
    }
    const WIDE: &[Field] = &[
        ("dxfer_direction", 4, Enum(4, &c::SG_DIRECTION)),
        ("cmd_len", 8, Number(1)),
        ("cmdp", 24, Address64),
        ("mx_sb_len", 9, Number(1)),
        ("iovec_count", 10, Number(2)),
        ("dxfer_len", 12, U32),
        ("timeout", 40, U32),
        ("flags", 44, Flags(4, &c::SG_FLAGS)),
    ];
    const NARROW: &[Field] = &[
        ("dxfer_direction", 4, Enum(4, &c::SG_DIRECTION)),
        ("cmd_len", 8, Number(1)),
        ("cmdp", 20, Address32),
        ("mx_sb_len", 9, Number(1)),
        ("iovec_count", 10, Number(2)),
        ("dxfer_len", 12, U32),
        ("timeout", 28, U32),
        ("flags", 32, Flags(4, &c::SG_FLAGS)),
    ];
    let (fields, size) = if view.abi.word() == 8 { (WIDE, 88) } else { (NARROW, 64) };
    if !chunk.has(size) {
        return false;
    }
    out.push_str("{interface_id='S'");
    let start = out.len();
    shape::members(view, 0, fields, chunk, out);
    out.replace_range(start..=start, ", ");
    out.pop();
    // The pointer is at 16, with words of both sizes.
    out.push_str(", dxferp=");
    text::pointer(out, f.ulong(16 / usize::from(view.abi.word())));
    out.push('}');
    true
}

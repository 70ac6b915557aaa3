//! Control blocks of asynchronous I/O (include/uapi/linux/aio_abi.h). Their layout is the same in
//! every ABI.

use sysreel_abi::consts::{file, ipc as c, poll};
use sysreel_abi::{ArgKind, Dir, Layout};

use super::fields::Fields;
use super::out::{lost, member};
use super::value;
use super::view::View;
use crate::text;

/// Writes the argument of io_submit(2): an array of pointers to control blocks. The regions have
/// the roles that `sysreel_abi::plan` gives them.
pub(crate) fn submitted(view: &View<'_>, i: usize, bytes: &[u8], cut: bool, out: &mut String) {
    let word = usize::from(view.abi.word());
    out.push('[');
    for (at, pointer) in (0..).zip(bytes.chunks_exact(word)) {
        if at > 0 {
            out.push_str(", ");
        }
        if at as usize >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        let address = Fields::new(view.abi, pointer).ulong(0);
        let Some(region) = view.nested(i, 1, at, Dir::In) else {
            text::pointer(out, address);
            continue;
        };
        match view.bytes(&region, usize::MAX) {
            None => lost(address, out),
            Some(block) if block.len() < size(view) => text::pointer(out, address),
            Some(block) => control_block(view, Some((i, at)), Fields::new(view.abi, &block), out),
        }
    }
    if cut || !bytes.len().is_multiple_of(word) {
        out.push_str(", ...");
    }
    out.push(']');
}

fn size(view: &View<'_>) -> usize {
    usize::try_from(Layout::Iocb.size(view.abi)).unwrap_or(usize::MAX)
}

/// IOCB_FLAG_IOPRIO: the priority is one of ioprio_set(2).
const IOPRIO: u64 = 2;

/// Writes a control block. `submitted` is its argument and its index there if the call submits it,
/// so that its operands matter.
pub(crate) fn control_block(
    view: &View<'_>,
    of: Option<(usize, u32)>,
    f: Fields<'_>,
    out: &mut String,
) {
    let command = f.u16(16);
    out.push('{');
    named(view, "aio_data", ArgKind::Hex, f.u64(0), out);
    optional(view, "aio_key", ArgKind::Uint, f.u32(8), out);
    optional(view, "aio_rw_flags", ArgKind::Flags(&file::RWF), f.u32(12), out);
    opcode(view, command, out);
    if f.u32(56) & IOPRIO != 0 {
        optional(view, "aio_reqprio", ArgKind::IoPriority, f.u16(18), out);
    } else if f.u16(18) != 0 {
        member(out, "aio_reqprio");
        text::sdec(out, f.i32(16) >> 16);
    }
    named(view, "aio_fildes", ArgKind::Fd, f.u32(20), out);
    if of.is_some() {
        operands(view, of, command, f, out);
    }
    out.push('}');
}

/// Writes the command, in decimal if it has no name.
fn opcode(view: &View<'_>, command: u64, out: &mut String) {
    member(out, "aio_lio_opcode");
    let number = |out: &mut String| text::dec(out, command);
    match c::IOCB_CMD.items.iter().find(|(_, known)| *known == command) {
        Some((name, _)) => value::named(view, &number, name, out),
        None => {
            number(out);
            if view.options.constants != crate::style::Constants::Raw {
                out.push_str(" /* IOCB_CMD_??? */");
            }
        }
    }
}

fn operands(
    view: &View<'_>,
    of: Option<(usize, u32)>,
    command: u64,
    f: Fields<'_>,
    out: &mut String,
) {
    let has_place = c::IOCB_READS_OR_WRITES.contains(&command);
    if command == c::IOCB_POLL {
        named(view, "aio_buf", ArgKind::Flags(&poll::POLL), f.u64(24), out);
    } else if has_place || f.u64(24) != 0 {
        member(out, "aio_buf");
        buffer(view, of, f, out);
    }
    if has_place && (!c::IOCB_VECTORS.contains(&command) || !out.ends_with(']')) {
        named(view, "aio_nbytes", ArgKind::Ulong, f.u64(32), out);
    }
    if has_place {
        member(out, "aio_offset");
        text::sdec(out, f.i64(40));
    }
    optional(view, "aio_flags", ArgKind::Flags(&c::IOCB_FLAG), f.u32(56), out);
    if f.u32(56) & c::IOCB_RESFD != 0 {
        named(view, "aio_resfd", ArgKind::Fd, f.u32(60), out);
    }
}

/// Writes the buffer. Only the bytes of a write were captured: the kernel fills the buffer of a
/// read later, outside any call.
fn buffer(view: &View<'_>, of: Option<(usize, u32)>, f: Fields<'_>, out: &mut String) {
    let region =
        of.and_then(|(i, at)| view.nested(i, 2, at, Dir::In)).filter(|region| region.head.got > 0);
    let Some(region) = region else {
        return if c::IOCB_VECTORS.contains(&f.u16(16)) {
            text::hex(out, f.u64(24))
        } else {
            text::pointer(out, f.u64(24))
        };
    };
    if c::IOCB_VECTORS.contains(&f.u16(16)) {
        return vector(view, &region, f.u64(24), out);
    }
    match view.bytes(&region, view.options.string_limit) {
        Some(bytes) => {
            text::quoted(out, &bytes, view.options.hex);
            if region.head.asked > bytes.len() as u64 {
                out.push_str("...");
            }
        }
        None => lost(f.u64(24), out),
    }
}

/// Writes an array of `iovec` without the buffers.
fn vector(
    view: &View<'_>,
    region: &crate::regions::RegionView<'_>,
    address: u64,
    out: &mut String,
) {
    let Some(bytes) = view.bytes(region, usize::MAX) else { return lost(address, out) };
    if region.head.got < region.head.asked {
        return text::pointer(out, address);
    }
    out.push('[');
    for (i, one) in bytes.chunks_exact(2 * usize::from(view.abi.word())).enumerate() {
        let f = Fields::new(view.abi, one);
        out.push_str(if i == 0 { "{iov_base=" } else { ", {iov_base=" });
        text::pointer(out, f.ulong(0));
        member(out, "iov_len");
        text::dec(out, f.ulong(1));
        out.push('}');
    }
    out.push(']');
}

fn named(view: &View<'_>, name: &str, kind: ArgKind, number: u64, out: &mut String) {
    member(out, name);
    value::value(view, kind, 0, number, out);
}

/// Writes a member unless it is 0.
fn optional(view: &View<'_>, name: &str, kind: ArgKind, number: u64, out: &mut String) {
    if number != 0 {
        named(view, name, kind, number, out);
    }
}

//! io_uring_register(2): the operation decides what is passed (linux/io_uring.h).

use sysreel_abi::consts::ipc as c;
use sysreel_abi::plan::index;
use sysreel_abi::{ArgKind, Dir};

use super::chunk::Chunk;
use super::fields::Fields;
use super::out::{beyond, member, unreadable_from};
use super::shape::{self, Shape};
use super::view::View;
use super::{process, value};
use crate::regions::RegionView;
use crate::text;
use Shape::*;

const U32: Shape = Number(4);
/// The kernel tells of no more operations.
const MOST_PROBED: u64 = 256;

/// Writes the argument of an operation. Returns whether it did.
pub(super) fn argument(view: &View<'_>, out: &mut String) -> bool {
    const AT: usize = 2;
    if view.arg(AT) == 0 {
        return false;
    }
    let number = view.arg(1) & 0x7fff_ffff;
    let name = c::URING_REGISTER.items.iter().find(|(_, known)| *known == number);
    let name = name.map_or("", |(name, _)| *name);
    let count = view.arg(3) & 0xffff_ffff;
    let is_list = LISTS.contains(&name);
    if !is_list && !STRUCTURES.contains(&name) {
        return false;
    }
    if count == 0 && is_list {
        out.push_str("[]");
        return true;
    }
    let start = out.len();
    let region = view.region(AT, Dir::In).filter(|region| region.head.got > 0);
    let bytes = region.and_then(|region| view.bytes(&region, usize::MAX).map(|b| (region, b)));
    let is_shown = bytes.is_some_and(|(region, bytes)| {
        let chunk = Chunk::whole(view.arg(AT), &bytes);
        one(view, name, count, (&region, chunk), out)
    });
    if !is_shown {
        out.truncate(start);
        text::pointer(out, view.arg(AT));
    }
    true
}

/// The operations that pass an array.
#[rustfmt::skip]
const LISTS: &[&str] = &[
    "IORING_REGISTER_FILES", "IORING_REGISTER_EVENTFD", "IORING_REGISTER_EVENTFD_ASYNC",
    "IORING_REGISTER_RESTRICTIONS", "IORING_REGISTER_IOWQ_AFF",
    "IORING_REGISTER_IOWQ_MAX_WORKERS", "IORING_REGISTER_RING_FDS", "IORING_UNREGISTER_RING_FDS",
];
/// Those that pass a structure.
#[rustfmt::skip]
const STRUCTURES: &[&str] = &[
    "IORING_REGISTER_FILES_UPDATE", "IORING_REGISTER_PROBE", "IORING_REGISTER_FILES2",
    "IORING_REGISTER_BUFFERS2", "IORING_REGISTER_FILES_UPDATE2", "IORING_REGISTER_BUFFERS_UPDATE",
    "IORING_REGISTER_PBUF_RING", "IORING_UNREGISTER_PBUF_RING",
];

fn one(
    view: &View<'_>,
    name: &str,
    count: u64,
    (region, chunk): (&RegionView<'_>, Chunk<'_>),
    out: &mut String,
) -> bool {
    let is_whole = region.head.got == region.head.asked;
    let f = Fields::new(view.abi, chunk.bytes);
    match name {
        "IORING_REGISTER_FILES" | "IORING_REGISTER_EVENTFD" | "IORING_REGISTER_EVENTFD_ASYNC" => {
            list(view, Fd, chunk, region, out)
        }
        "IORING_REGISTER_RESTRICTIONS" => {
            list(view, Written(16, 4, restriction), chunk, region, out)
        }
        "IORING_REGISTER_RING_FDS" => list(view, Written(16, 8, ring), chunk, region, out),
        "IORING_UNREGISTER_RING_FDS" => list(view, Written(16, 8, removed), chunk, region, out),
        "IORING_REGISTER_FILES_UPDATE" if chunk.has(16) => {
            out.push_str("{offset=");
            text::dec(out, f.u32(0));
            reserved(out, "resv", f.u32(4));
            member(out, "fds");
            pointed(view, Written(4, 4, skipped), (0, count), f.u64(8), out);
            out.push('}');
            true
        }
        "IORING_REGISTER_PROBE" if is_whole && count <= MOST_PROBED => {
            // The kernel takes zeros only, and fills them.
            let answer =
                view.region(2, Dir::Out).and_then(|region| view.bytes(&region, usize::MAX));
            let is_empty = chunk.bytes.iter().all(|byte| *byte == 0);
            match answer.filter(|_| view.outcome.is_some_and(|outcome| !outcome.failed())) {
                Some(bytes) => probe(view, Chunk::whole(view.arg(2), &bytes), out),
                None => !is_empty && probe(view, chunk, out),
            }
        }
        "IORING_REGISTER_FILES2" | "IORING_REGISTER_BUFFERS2" if chunk.has(32) => {
            resources(view, name == "IORING_REGISTER_FILES2", (region, chunk), out);
            true
        }
        "IORING_REGISTER_FILES_UPDATE2" | "IORING_REGISTER_BUFFERS_UPDATE" if chunk.has(32) => {
            updated(view, name == "IORING_REGISTER_FILES_UPDATE2", (region, chunk), out);
            true
        }
        "IORING_REGISTER_IOWQ_AFF" if is_whole => {
            process::bits(chunk.bytes, out);
            true
        }
        "IORING_REGISTER_IOWQ_MAX_WORKERS" => workers(view, count, (region, chunk), out),
        "IORING_REGISTER_PBUF_RING" | "IORING_UNREGISTER_PBUF_RING" if chunk.has(40) => {
            ring_buffer(view, f, out);
            true
        }
        _ => false,
    }
}

fn reserved(out: &mut String, name: &str, number: u64) {
    if number != 0 {
        member(out, name);
        text::hex(out, number);
    }
}

/// Writes an array as far as it could be read. Returns false if that is no element.
fn list(
    view: &View<'_>,
    each: Shape,
    chunk: Chunk<'_>,
    region: &RegionView<'_>,
    out: &mut String,
) -> bool {
    let size = shape::size(view.abi, each).max(1);
    if chunk.bytes.len() < size {
        return false;
    }
    out.push('[');
    for (i, one) in chunk.bytes.chunks_exact(size).enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        if i >= view.options.string_limit && !view.options.verbose {
            out.push_str("...]");
            return true;
        }
        shape::write(view, 0, each, Chunk::whole(0, one), out);
    }
    if region.head.got < region.head.asked {
        let whole = chunk.bytes.len() / size * size;
        out.push_str(", ... /* ");
        text::hex(out, region.head.address.wrapping_add(whole as u64));
        out.push_str(" */");
    }
    out.push(']');
    true
}

/// Writes an array that a member points to.
fn pointed(
    view: &View<'_>,
    each: Shape,
    (which, count): (u32, u64),
    address: u64,
    out: &mut String,
) {
    let region = view.nested(2, 1, index(0, which), Dir::In).filter(|region| region.head.got > 0);
    let bytes = region.and_then(|region| view.bytes(&region, usize::MAX).map(|b| (region, b)));
    match bytes {
        _ if address == 0 => out.push_str("NULL"),
        _ if count == 0 => out.push_str("[]"),
        Some((region, bytes)) if list(view, each, Chunk::whole(address, &bytes), &region, out) => {}
        _ => text::pointer(out, address),
    }
}

/// A descriptor, or the number that leaves a slot as it is.
fn skipped(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    const SKIP: u64 = 0xffff_fffe;
    match Fields::new(view.abi, chunk.bytes).u32(0) {
        SKIP => value::named(view, &|out| out.push_str("-2"), "IORING_REGISTER_FILES_SKIP", out),
        fd => value::fd(view, fd, out),
    }
}

/// struct io_uring_restriction.
fn restriction(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    let (opcode, operand) = (f.u16(0), f.u8(2));
    out.push_str("{opcode=");
    value::constant(view, ArgKind::Enum(&c::URING_RESTRICTION), opcode, out);
    let (name, kind) = match opcode {
        0 => ("register_op", ArgKind::Enum(&c::URING_REGISTER)),
        1 => ("sqe_op", ArgKind::Enum(&c::URING_OP)),
        2 | 3 => ("sqe_flags", ArgKind::Flags(&c::URING_SQE)),
        _ => ("", ArgKind::Hex),
    };
    if name.is_empty() {
        out.push_str(" /* op: ");
        text::hex(out, operand);
        out.push_str(" */");
    } else {
        member(out, name);
        value::constant(view, kind, operand, out);
    }
    reserved(out, "resv", f.u8(3));
    reserved_words(view, chunk.from(4), 3, out);
    out.push('}');
}

fn reserved_words(view: &View<'_>, chunk: Chunk<'_>, count: usize, out: &mut String) {
    if chunk.bytes.iter().take(4 * count).any(|byte| *byte != 0) {
        member(out, "resv2");
        shape::write(view, 0, Sequence(&Hex(4), count), chunk, out);
    }
}

/// struct io_uring_rsrc_update of a ring that is registered.
fn ring(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{offset=");
    match f.u32(0) {
        0xffff_ffff => out.push_str("-1"),
        offset => text::dec(out, offset),
    }
    reserved(out, "resv", f.u32(4));
    member(out, "data");
    value::fd(view, f.u32(8), out);
    out.push('}');
}

/// The same of one that is removed.
fn removed(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{offset=");
    text::dec(out, f.u32(0));
    reserved(out, "resv", f.u32(4));
    reserved(out, "data", f.u64(8));
    out.push('}');
}

/// struct io_uring_probe.
fn probe(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if !chunk.has(16) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{last_op=");
    operation(view, f.u8(0), out);
    member(out, "ops_len");
    text::dec(out, f.u8(1));
    reserved(out, "resv", f.u16(2));
    reserved_words(view, chunk.from(4), 3, out);
    out.push_str(", ops=[");
    for (i, one) in chunk.from(16).bytes.chunks_exact(8).enumerate() {
        out.push_str(if i == 0 { "{op=" } else { ", {op=" });
        if i >= view.options.string_limit && !view.options.verbose {
            out.truncate(out.len() - "{op=".len());
            out.push_str("...");
            break;
        }
        let f = Fields::new(view.abi, one);
        operation(view, f.u8(0), out);
        reserved(out, "resv", f.u8(1));
        member(out, "flags");
        value::constant(view, ArgKind::Flags(&c::URING_OP_FLAG), f.u16(2), out);
        reserved(out, "resv2", f.u32(4));
        out.push('}');
    }
    out.push_str("]}");
    true
}

fn operation(view: &View<'_>, number: u64, out: &mut String) {
    value::decimal(view, &c::URING_OP, number, out);
}

/// struct io_uring_rsrc_register.
fn resources(
    view: &View<'_>,
    are_files: bool,
    (region, chunk): (&RegionView<'_>, Chunk<'_>),
    out: &mut String,
) {
    const SIZE: usize = 32;
    let f = Fields::new(view.abi, chunk.bytes);
    let count = f.u32(0);
    out.push_str("{nr=");
    text::dec(out, count);
    member(out, "flags");
    value::constant(view, ArgKind::Flags(&c::URING_RESOURCE), f.u32(4), out);
    reserved(out, "resv2", f.u64(8));
    values(view, if are_files { Fd } else { BUFFER }, count, (f.u64(16), f.u64(24)), out);
    beyond(chunk.bytes, SIZE, Some(region), out);
    out.push('}');
}

/// struct io_uring_rsrc_update2.
fn updated(
    view: &View<'_>,
    are_files: bool,
    (region, chunk): (&RegionView<'_>, Chunk<'_>),
    out: &mut String,
) {
    const SIZE: usize = 32;
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{offset=");
    text::dec(out, f.u32(0));
    reserved(out, "resv", f.u32(4));
    let count = f.u32(24);
    let each = if are_files { Written(4, 4, skipped) } else { BUFFER };
    values(view, each, count, (f.u64(8), f.u64(16)), out);
    member(out, "nr");
    text::dec(out, count);
    reserved(out, "resv2", f.u32(28));
    beyond(chunk.bytes, SIZE, Some(region), out);
    out.push('}');
}

/// struct iovec.
const BUFFER: Shape = Typed(&[("iov_base", Pointer), ("iov_len", Word)]);

/// Writes resources and their tags.
fn values(view: &View<'_>, each: Shape, count: u64, (data, tags): (u64, u64), out: &mut String) {
    member(out, "data");
    pointed(view, each, (0, count), data, out);
    member(out, "tags");
    pointed(view, Hex(8), (1, count), tags, out);
}

/// The largest numbers of workers, by their kind.
fn workers(
    view: &View<'_>,
    count: u64,
    (region, chunk): (&RegionView<'_>, Chunk<'_>),
    out: &mut String,
) -> bool {
    if chunk.bytes.len() < 4 {
        return false;
    }
    out.push('[');
    for (i, one) in (0_u64..).zip(chunk.bytes.chunks_exact(4)) {
        out.push_str(if i == 0 { "[" } else { ", [" });
        value::decimal(view, &c::URING_WORKERS, i, out);
        out.push_str("]=");
        text::dec(out, Fields::new(view.abi, one).u32(0));
    }
    if region.head.got < region.head.asked {
        out.push_str(", ...");
        unreadable_from(region, out);
    }
    out.push(']');
    if chunk.bytes.len() as u64 == 4 * count {
        out.push_str(" => ");
        let answer = view.region(2, Dir::Out).and_then(|region| view.bytes(&region, 8));
        match answer.filter(|_| view.outcome.is_some_and(|outcome| !outcome.failed())) {
            Some(bytes) => shape::write(
                view,
                0,
                Indexed(&U32, &c::URING_WORKERS),
                Chunk::whole(0, &bytes),
                out,
            ),
            None => text::pointer(out, view.arg(2)),
        }
    }
    true
}

/// struct io_uring_buf_reg.
fn ring_buffer(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push_str("{ring_addr=");
    text::pointer(out, f.u64(0));
    member(out, "ring_entries");
    text::dec(out, f.u32(8));
    member(out, "bgid");
    text::dec(out, f.u16(12));
    reserved(out, "pad", f.u16(14));
    let words = f.slice(16, 24);
    if words.iter().any(|byte| *byte != 0) {
        member(out, "resv");
        shape::write(view, 0, Sequence(&Hex(8), 3), Chunk::whole(0, words), out);
    }
    out.push('}');
}

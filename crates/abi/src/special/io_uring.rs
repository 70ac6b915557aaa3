//! io_uring: what its calls point to, by operation. The structures are the same in every ABI: all
//! pointers have 64 bits (linux/io_uring.h). The rings are not captured, because the kernel reads
//! and writes them at any time.

use std::mem::size_of;

use linux_raw_sys::general::__kernel_timespec;
use linux_raw_sys::io_uring::{self as r, io_uring_register_op as op};

use super::meaning::{Call, Meaning, at};
use crate::desc::{ArgKind, Condition, Count, Dir, Len, PointeeLen, PointerField, Total, When};
use crate::layout::Layout;
use Dir::{In, InOut, Out};

/// io_uring_enter(fd, to_submit, min_complete, flags, argp, argsz), io_uring_register(fd, opcode,
/// arg, nr_args).
pub(super) fn argument(call: &Call, arg: usize) -> Meaning {
    if arg == 4 { enter_argument(call) } else { register_argument(call) }
}

/// argp of io_uring_enter: a signal mask, a structure that points to one, or an offset into memory
/// registered earlier.
fn enter_argument(call: &Call) -> Meaning {
    let flags = call.command(3);
    if flags & u64::from(r::IORING_ENTER_EXT_ARG_REG) != 0 {
        return Meaning::value(ArgKind::Hex);
    }
    if flags & u64::from(r::IORING_ENTER_EXT_ARG) == 0 {
        return Meaning::memory(
            ArgKind::Struct(Layout::SigSet),
            In,
            Len::Arg { count: at(5), each: Layout::Byte },
        );
    }
    Meaning::memory(
        ArgKind::Buf,
        In,
        Len::PointerFields { count: Count::Arg(at(5)), each: Layout::Byte, pointers: WAIT },
    )
}

/// struct io_uring_getevents_arg: signal mask and its size, minimum wait, timeout.
const WAIT: &[PointerField] =
    &[pointer(0, In, field(8, 1)), pointer(16, In, bytes(size_of::<__kernel_timespec>()))];

const fn pointer(at: u8, dir: Dir, len: PointeeLen) -> PointerField {
    PointerField {
        at: (at, at),
        wide: true,
        condition: Condition::Always,
        dir,
        when: When::Success,
        len,
    }
}

const fn field(at: u8, each: u32) -> PointeeLen {
    PointeeLen::Field((at, at), each)
}

const fn bytes(n: usize) -> PointeeLen {
    PointeeLen::Bytes(size(n))
}

const fn size(n: usize) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "structures are small; `try_from` is not const"
    )]
    {
        n as u32
    }
}

/// What an operation of io_uring_register passes. Sizes are in bytes.
#[derive(Clone, Copy)]
enum Passed {
    /// A structure.
    Struct(usize),
    /// A structure, and elements counted by the last argument.
    Counted(usize, usize),
    /// A structure with pointers.
    Pointers(usize, &'static [PointerField]),
    /// The same of as many bytes as the last argument says.
    Sized(&'static [PointerField]),
}

use Passed::{Counted, Pointers, Sized, Struct};

/// struct io_uring_rsrc_update: offset, reserved, pointer to descriptors. The kernel writes those
/// back whose slots it chose.
const UPDATE: &[PointerField] = &[pointer(8, InOut, PointeeLen::Arg(3, 4))];
/// struct io_uring_rsrc_register: count, flags, reserved, pointer to the resources, pointer to
/// their tags.
const FILES: &[PointerField] = &[pointer(16, In, field(0, 4)), pointer(24, In, field(0, 8))];
const BUFFERS: &[PointerField] = &[pointer(16, In, field(0, 16)), pointer(24, In, field(0, 8))];
/// struct io_uring_rsrc_update2: the same after an offset, then the count.
const FILES_UPDATE: &[PointerField] =
    &[pointer(8, In, field(24, 4)), pointer(16, In, field(24, 8))];
const BUFFERS_UPDATE: &[PointerField] =
    &[pointer(8, In, field(24, 16)), pointer(16, In, field(24, 8))];
/// struct io_uring_mem_region_reg: pointer to the description of a region.
const REGION: &[PointerField] = &[pointer(0, InOut, bytes(size_of::<r::io_uring_region_desc>()))];

#[rustfmt::skip]
static REGISTERED: &[(op, Dir, Passed)] = &[
    (op::IORING_REGISTER_FILES, In, Counted(0, 4)),
    (op::IORING_REGISTER_EVENTFD, In, Counted(0, 4)),
    (op::IORING_REGISTER_EVENTFD_ASYNC, In, Counted(0, 4)),
    (op::IORING_REGISTER_FILES_UPDATE, In, Pointers(size_of::<r::io_uring_rsrc_update>(), UPDATE)),
    (op::IORING_REGISTER_PROBE, InOut,
        Counted(size_of::<r::io_uring_probe>(), size_of::<r::io_uring_probe_op>())),
    (op::IORING_REGISTER_RESTRICTIONS, In, Counted(0, size_of::<r::io_uring_restriction>())),
    (op::IORING_REGISTER_FILES2, In, Sized(FILES)),
    (op::IORING_REGISTER_BUFFERS2, In, Sized(BUFFERS)),
    (op::IORING_REGISTER_FILES_UPDATE2, In, Sized(FILES_UPDATE)),
    (op::IORING_REGISTER_BUFFERS_UPDATE, In, Sized(BUFFERS_UPDATE)),
    (op::IORING_REGISTER_IOWQ_AFF, In, Counted(0, 1)),
    (op::IORING_REGISTER_IOWQ_MAX_WORKERS, InOut, Counted(0, 4)),
    (op::IORING_REGISTER_RING_FDS, InOut, Counted(0, size_of::<r::io_uring_rsrc_update>())),
    (op::IORING_UNREGISTER_RING_FDS, In, Counted(0, size_of::<r::io_uring_rsrc_update>())),
    (op::IORING_REGISTER_PBUF_RING, In, Struct(size_of::<r::io_uring_buf_reg>())),
    (op::IORING_UNREGISTER_PBUF_RING, In, Struct(size_of::<r::io_uring_buf_reg>())),
    (op::IORING_REGISTER_SYNC_CANCEL, In, Struct(size_of::<r::io_uring_sync_cancel_reg>())),
    (op::IORING_REGISTER_FILE_ALLOC_RANGE, In, Struct(size_of::<r::io_uring_file_index_range>())),
    (op::IORING_REGISTER_PBUF_STATUS, InOut, Struct(size_of::<r::io_uring_buf_status>())),
    (op::IORING_REGISTER_NAPI, InOut, Struct(size_of::<r::io_uring_napi>())),
    (op::IORING_UNREGISTER_NAPI, Out, Struct(size_of::<r::io_uring_napi>())),
    (op::IORING_REGISTER_CLOCK, In, Struct(size_of::<r::io_uring_clock_register>())),
    (op::IORING_REGISTER_CLONE_BUFFERS, In, Struct(size_of::<r::io_uring_clone_buffers>())),
    (op::IORING_REGISTER_SEND_MSG_RING, In, Struct(size_of::<r::io_uring_sqe>())),
    (op::IORING_REGISTER_ZCRX_IFQ, InOut, Struct(size_of::<r::io_uring_zcrx_ifq_reg>())),
    (op::IORING_REGISTER_RESIZE_RINGS, InOut, Struct(size_of::<r::io_uring_params>())),
    (op::IORING_REGISTER_MEM_REGION, In, Pointers(size_of::<r::io_uring_mem_region_reg>(), REGION)),
];

fn with_pointers(dir: Dir, count: Count, pointers: &'static [PointerField]) -> Meaning {
    let len = Len::PointerFields { count, each: Layout::Byte, pointers };
    Meaning::memory(ArgKind::Buf, dir, len)
}

fn register_argument(call: &Call) -> Meaning {
    let operation = call.command(1) & !(op::IORING_REGISTER_USE_REGISTERED_RING as u64);
    // The buffers themselves are used by later operations.
    if operation == op::IORING_REGISTER_BUFFERS as u64 {
        return Meaning::memory(ArgKind::Iovec, In, Len::Iov { count: at(3), total: Total::None });
    }
    let Some((_, dir, passed)) = REGISTERED.iter().find(|(op, ..)| *op as u64 == operation) else {
        return Meaning::value(ArgKind::Ptr);
    };
    match *passed {
        Struct(n) => Meaning::bytes(*dir, size(n)),
        Counted(head, each) => {
            let count = u32::try_from(call.command(3)).unwrap_or(0);
            Meaning::bytes(*dir, size(head).saturating_add(count.saturating_mul(size(each))))
        }
        Pointers(n, pointers) => {
            with_pointers(*dir, Count::Fixed(u8::try_from(n).unwrap_or(u8::MAX)), pointers)
        }
        Sized(pointers) => with_pointers(*dir, Count::Arg(at(3)), pointers),
    }
}

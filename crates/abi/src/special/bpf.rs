//! bpf: what its attribute points to, by command. Offsets are those of `union bpf_attr`
//! (linux/bpf.h), the same in every ABI: all its pointers have 64 bits.

use super::meaning::{Call, Meaning, at};
use crate::consts::unpackaged as u;
use crate::desc::{
    ArgKind, Condition, Count, Dir, ENOSPC, Len, Mem, PointeeLen, PointerField, When,
};
use crate::layout::Layout;

/// bpf(cmd, attr, size). The kernel writes back into some attributes, even on errors.
pub(super) fn attribute(call: &Call) -> Meaning {
    let entry = ATTRIBUTES.iter().find(|(commands, _)| commands.contains(&call.command(0)));
    let len = Len::PointerFields {
        count: Count::Arg(at(2)),
        each: Layout::Byte,
        pointers: entry.map_or(&[], |(_, l)| *l),
    };
    Meaning { kind: ArgKind::Buf, mem: Some(Mem { dir: Dir::InOut, when: When::Always, len }) }
}

/// Commands of bpf whose result is a file descriptor.
const FD_COMMANDS: [u64; 12] = [
    u::BPF_MAP_CREATE,
    u::BPF_PROG_LOAD,
    u::BPF_OBJ_GET,
    u::BPF_PROG_GET_FD_BY_ID,
    u::BPF_MAP_GET_FD_BY_ID,
    u::BPF_RAW_TRACEPOINT_OPEN,
    u::BPF_BTF_LOAD,
    u::BPF_BTF_GET_FD_BY_ID,
    u::BPF_LINK_CREATE,
    u::BPF_LINK_GET_FD_BY_ID,
    u::BPF_ENABLE_STATS,
    u::BPF_ITER_CREATE,
];

/// Whether a successful command returns a new file descriptor.
pub(crate) fn makes_fd(command: u64) -> bool {
    FD_COMMANDS.contains(&command)
}

/// Whether maps of this type have a value for each CPU. One access passes all of them.
#[must_use]
pub fn is_per_cpu(map_type: u32) -> bool {
    [
        u::BPF_MAP_TYPE_PERCPU_HASH,
        u::BPF_MAP_TYPE_PERCPU_ARRAY,
        u::BPF_MAP_TYPE_LRU_PERCPU_HASH,
        u::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
    ]
    .contains(&map_type.into())
}

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

const fn input(at: u8, len: PointeeLen) -> PointerField {
    pointer(at, Dir::In, len)
}

const fn output(at: u8, len: PointeeLen) -> PointerField {
    pointer(at, Dir::Out, len)
}

/// As many bytes as a 32-bit field says.
const fn field(at: u8) -> PointeeLen {
    PointeeLen::Field((at, at), 1)
}

/// A log, written on success and on errors, at most as long as its buffer.
const fn log(at: u8, size: u8) -> PointerField {
    PointerField { when: When::Always, ..output(at, PointeeLen::Text((size, size))) }
}

use PointeeLen::{CStr, MapKey, MapKeys, MapValue, MapValues, Product};

/// Single elements: map_fd at 0, key at 8, value or next_key at 16.
const KEY: PointerField = input(8, MapKey(0));
/// Batches: in_batch at 0, out_batch at 8, keys at 16, values at 24, count at 32, map_fd at 36.
const COUNT: u8 = 32;
const BATCH_MAP: u8 = 36;

#[rustfmt::skip]
static ATTRIBUTES: &[(&[u64], &[PointerField])] = &[
    (&[u::BPF_MAP_LOOKUP_ELEM, u::BPF_MAP_LOOKUP_AND_DELETE_ELEM],
        &[KEY, output(16, MapValue(0))]),
    (&[u::BPF_MAP_UPDATE_ELEM], &[KEY, input(16, MapValue(0))]),
    (&[u::BPF_MAP_DELETE_ELEM], &[KEY]),
    (&[u::BPF_MAP_GET_NEXT_KEY], &[KEY, output(16, MapKey(0))]),
    (&[u::BPF_MAP_LOOKUP_BATCH, u::BPF_MAP_LOOKUP_AND_DELETE_BATCH], &[
        input(0, MapKey(BATCH_MAP)), output(8, MapKey(BATCH_MAP)),
        output(16, MapKeys(BATCH_MAP, COUNT)), output(24, MapValues(BATCH_MAP, COUNT)),
    ]),
    (&[u::BPF_MAP_UPDATE_BATCH],
        &[input(16, MapKeys(BATCH_MAP, COUNT)), input(24, MapValues(BATCH_MAP, COUNT))]),
    (&[u::BPF_MAP_DELETE_BATCH], &[input(16, MapKeys(BATCH_MAP, COUNT))]),
    // insn_cnt at 4, insns at 8, license at 16, log_level at 24, log_size at 28, log_buf at 32;
    // func_info at 80, with record size at 76 and count at 88; line_info at 96, with 92 and 104;
    // core_relos at 128, with 136 and 116.
    (&[u::BPF_PROG_LOAD], &[
        input(8, PointeeLen::Field((4, 4), 8)), input(16, CStr), log(32, 28),
        input(80, Product(88, 76)), input(96, Product(104, 92)),
        input(128, Product(116, 136)),
    ]),
    // prog_ids at 16, prog_cnt at 24. On ENOSPC the kernel writes as many as fit.
    (&[u::BPF_PROG_QUERY],
        &[PointerField {
            when: When::SuccessOr(&[ENOSPC]),
            ..output(16, PointeeLen::Field((24, 24), 4))
        }]),
    // buf_len at 12, buf at 16.
    (&[u::BPF_TASK_FD_QUERY], &[output(16, CStr)]),
    (&[u::BPF_OBJ_PIN, u::BPF_OBJ_GET], &[input(0, CStr)]),
    // data_size_in at 8, data_size_out at 12, data_in at 16, data_out at 24.
    (&[u::BPF_PROG_TEST_RUN], &[
        input(16, field(8)), output(24, field(12)),
        input(48, field(40)), output(56, field(44)),
    ]),
    // info_len at 4, info at 8.
    (&[u::BPF_OBJ_GET_INFO_BY_FD], &[pointer(8, Dir::InOut, field(4))]),
    // name at 0, prog_fd at 8.
    (&[u::BPF_RAW_TRACEPOINT_OPEN], &[input(0, CStr)]),
    // btf at 0, btf_log_buf at 8, btf_size at 16, btf_log_size at 20.
    (&[u::BPF_BTF_LOAD], &[input(0, field(16)), log(8, 20)]),
];

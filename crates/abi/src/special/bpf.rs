//! bpf: what its attribute points to, by command. Offsets are those of `union bpf_attr`
//! (linux/bpf.h), the same in every ABI: all its pointers have 64 bits.

use super::meaning::{Call, Meaning, at};
use crate::consts::unpackaged as u;
use crate::desc::{ArgKind, Dir, ENOSPC, Len, Link, LinkLen, Many, Mem, Only, When};
use crate::layout::Layout;

/// bpf(cmd, attr, size). The kernel writes back into some attributes, even on errors.
pub(super) fn attribute(call: &Call) -> Meaning {
    let links = ATTRIBUTES.iter().find(|(commands, _)| commands.contains(&call.command(0)));
    let len = Len::PointerFields {
        many: Many::Arg(at(2)),
        each: Layout::Byte,
        links: links.map_or(&[], |(_, l)| *l),
    };
    Meaning { kind: ArgKind::Buf, mem: Some(Mem { dir: Dir::InOut, when: When::Always, len }) }
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

const fn link(at: u8, dir: Dir, len: LinkLen) -> Link {
    Link { at: (at, at), wide: true, only: Only::Always, dir, when: When::Success, len }
}

const fn goes_in(at: u8, len: LinkLen) -> Link {
    link(at, Dir::In, len)
}

const fn comes_out(at: u8, len: LinkLen) -> Link {
    link(at, Dir::Out, len)
}

/// As many bytes as a 32-bit field says.
const fn field(at: u8) -> LinkLen {
    LinkLen::Field((at, at), 1)
}

/// A log, written on success and on errors, at most as long as its buffer.
const fn log(at: u8, size: u8) -> Link {
    Link { when: When::Always, ..comes_out(at, LinkLen::Text((size, size))) }
}

use LinkLen::{CStr, MapKey, MapKeys, MapValue, MapValues, Product};

/// Single elements: map_fd at 0, key at 8, value or next_key at 16.
const KEY: Link = goes_in(8, MapKey(0));
/// Batches: in_batch at 0, out_batch at 8, keys at 16, values at 24, count at 32, map_fd at 36.
const COUNT: u8 = 32;
const BATCH_MAP: u8 = 36;

#[rustfmt::skip]
static ATTRIBUTES: &[(&[u64], &[Link])] = &[
    (&[u::BPF_MAP_LOOKUP_ELEM, u::BPF_MAP_LOOKUP_AND_DELETE_ELEM],
        &[KEY, comes_out(16, MapValue(0))]),
    (&[u::BPF_MAP_UPDATE_ELEM], &[KEY, goes_in(16, MapValue(0))]),
    (&[u::BPF_MAP_DELETE_ELEM], &[KEY]),
    (&[u::BPF_MAP_GET_NEXT_KEY], &[KEY, comes_out(16, MapKey(0))]),
    (&[u::BPF_MAP_LOOKUP_BATCH, u::BPF_MAP_LOOKUP_AND_DELETE_BATCH], &[
        goes_in(0, MapKey(BATCH_MAP)), comes_out(8, MapKey(BATCH_MAP)),
        comes_out(16, MapKeys(BATCH_MAP, COUNT)), comes_out(24, MapValues(BATCH_MAP, COUNT)),
    ]),
    (&[u::BPF_MAP_UPDATE_BATCH],
        &[goes_in(16, MapKeys(BATCH_MAP, COUNT)), goes_in(24, MapValues(BATCH_MAP, COUNT))]),
    (&[u::BPF_MAP_DELETE_BATCH], &[goes_in(16, MapKeys(BATCH_MAP, COUNT))]),
    // insn_cnt at 4, insns at 8, license at 16, log_level at 24, log_size at 28, log_buf at 32;
    // func_info at 80, with record size at 76 and count at 88; line_info at 96, with 92 and 104;
    // core_relos at 128, with 136 and 116.
    (&[u::BPF_PROG_LOAD], &[
        goes_in(8, LinkLen::Field((4, 4), 8)), goes_in(16, CStr), log(32, 28),
        goes_in(80, Product(88, 76)), goes_in(96, Product(104, 92)),
        goes_in(128, Product(116, 136)),
    ]),
    // prog_ids at 16, prog_cnt at 24. On ENOSPC the kernel writes as many as fit.
    (&[u::BPF_PROG_QUERY],
        &[Link { when: When::SuccessOr(&[ENOSPC]), ..comes_out(16, LinkLen::Field((24, 24), 4)) }]),
    // buf_len at 12, buf at 16.
    (&[u::BPF_TASK_FD_QUERY], &[comes_out(16, CStr)]),
    (&[u::BPF_OBJ_PIN, u::BPF_OBJ_GET], &[goes_in(0, CStr)]),
    // data_size_in at 8, data_size_out at 12, data_in at 16, data_out at 24.
    (&[u::BPF_PROG_TEST_RUN], &[
        goes_in(16, field(8)), comes_out(24, field(12)),
        goes_in(48, field(40)), comes_out(56, field(44)),
    ]),
    // info_len at 4, info at 8.
    (&[u::BPF_OBJ_GET_INFO_BY_FD], &[link(8, Dir::InOut, field(4))]),
    // name at 0, prog_fd at 8.
    (&[u::BPF_RAW_TRACEPOINT_OPEN], &[goes_in(0, CStr)]),
    // btf at 0, btf_log_buf at 8, btf_size at 16, btf_log_size at 20.
    (&[u::BPF_BTF_LOAD], &[goes_in(0, field(16)), log(8, 20)]),
];

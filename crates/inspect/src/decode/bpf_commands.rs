//! The commands of bpf(2) and the members of `union bpf_attr` (include/uapi/linux/bpf.h) that each
//! has, with their offsets.

use sysreel_abi::ArgKind;
use sysreel_abi::consts::uapi;

/// What a member is. All but those that say otherwise have four bytes.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Value(ArgKind),
    /// 64 bits.
    Wide(ArgKind),
    /// A pointer of 64 bits.
    Pointer,
    /// A pointer of 64 bits to a string, with its number among the pointers that the call follows.
    Text(u8),
    /// The same to bytes of known length.
    Bytes(u8),
    /// A NUL-terminated name of 16 bytes.
    Name,
    /// The version of the kernel.
    Version,
    /// A number that is shown unless it is 0.
    Optional,
    /// A descriptor that is shown unless it is 0.
    OptionalFd,
    /// A pointer that is shown unless it is NULL.
    OptionalPointer,
    /// A network interface.
    Interface,
    /// A pointer of 64 bits to a log, with its number among the pointers that the call follows.
    Log(u8),
    /// A pointer of 64 bits to as many ids as the member at an offset says.
    Ids(usize),
    /// A length that the kernel may change.
    Changed,
    /// A pointer of 64 bits to the description of an object.
    Info,
    /// A descriptor that means something with BPF_F_REPLACE.
    Replaced,
    /// A memory node, which means something with BPF_F_NUMA_NODE.
    Node,
}

use ArgKind::{Enum, Fd, Flags, Hex, Hex32, Pid, Uint, Ulong};
use Form::{
    Bytes, Changed, Ids, Info, Interface, Log, Name, Node, Optional, OptionalFd, OptionalPointer,
    Pointer, Replaced, Text, Value, Version, Wide,
};

/// A name, its offset, and what it is.
pub(super) type Member = (&'static str, usize, Form);

/// A command.
pub(super) struct Command {
    pub(super) name: &'static str,
    /// The size of the attributes when the command was new: no caller means less.
    pub(super) least: usize,
    /// The structure of the union that its members are in.
    pub(super) group: &'static str,
    pub(super) members: &'static [Member],
}

const fn command(
    name: &'static str,
    least: usize,
    group: &'static str,
    members: &'static [Member],
) -> Command {
    Command { name, least, group, members }
}

const ELEMENT: &[Member] = &[
    ("map_fd", 0, Value(Fd)),
    ("key", 8, Pointer),
    ("value", 16, Pointer),
    ("flags", 24, Wide(Flags(&uapi::BPF_ELEMENT))),
];
const KEY: &[Member] = &[("map_fd", 0, Value(Fd)), ("key", 8, Pointer)];
const OBJECT: &[Member] = &[
    ("pathname", 0, Text(0)),
    ("bpf_fd", 8, Value(Fd)),
    ("file_flags", 12, Value(Flags(&uapi::BPF_MAP_FLAGS))),
];
const NEXT_ID: Member = ("next_id", 4, Value(Uint));
const OPEN_FLAGS: Member = ("open_flags", 8, Value(Flags(&uapi::BPF_OPEN_FLAGS)));
const NEXT: &[Member] = &[("start_id", 0, Value(Uint)), NEXT_ID, OPEN_FLAGS];
const PROGRAM: &[Member] = &[("prog_id", 0, Value(Uint)), NEXT_ID, OPEN_FLAGS];
const MAP: &[Member] = &[("map_id", 0, Value(Uint)), NEXT_ID, OPEN_FLAGS];
const COUNT: Member = ("count", 32, Value(Uint));
const BATCH_MAP: Member = ("map_fd", 36, Value(Fd));
const ELEMENT_FLAGS: Member = ("elem_flags", 40, Wide(Flags(&uapi::BPF_ELEMENT)));
const BATCH_FLAGS: Member = ("flags", 48, Wide(Hex));
const LOOKUP: &[Member] = &[
    ("in_batch", 0, Pointer),
    ("out_batch", 8, Pointer),
    ("keys", 16, Pointer),
    ("values", 24, Pointer),
    COUNT,
    BATCH_MAP,
    ELEMENT_FLAGS,
    BATCH_FLAGS,
];
/// A command that takes an id.
const fn by_id(name: &'static str, members: &'static [Member]) -> Command {
    command(name, 8, "", members)
}

#[rustfmt::skip]
pub(super) static COMMANDS: &[Command] = &[
    command("BPF_MAP_CREATE", 16, "", &[
        ("map_type", 0, Value(Enum(&uapi::BPF_MAP_TYPE))),
        ("key_size", 4, Value(Uint)), ("value_size", 8, Value(Uint)),
        ("max_entries", 12, Value(Uint)),
        ("map_flags", 16, Value(Flags(&uapi::BPF_MAP_FLAGS))),
        ("inner_map_fd", 20, Value(Fd)), ("numa_node", 24, Node), ("map_name", 28, Name),
        ("map_ifindex", 44, Interface), ("btf_fd", 48, Value(Fd)),
        ("btf_key_type_id", 52, Value(Uint)), ("btf_value_type_id", 56, Value(Uint)),
        ("btf_vmlinux_value_type_id", 60, Value(Uint)), ("map_extra", 64, Wide(Ulong)),
    ]),
    command("BPF_MAP_LOOKUP_ELEM", 24, "", ELEMENT),
    command("BPF_MAP_UPDATE_ELEM", 32, "", ELEMENT),
    command("BPF_MAP_DELETE_ELEM", 16, "", KEY),
    command("BPF_MAP_GET_NEXT_KEY", 24, "",
        &[("map_fd", 0, Value(Fd)), ("key", 8, Pointer), ("next_key", 16, Pointer)]),
    command("BPF_MAP_LOOKUP_AND_DELETE_ELEM", 24, "", ELEMENT),
    command("BPF_MAP_LOOKUP_BATCH", 56, "batch", LOOKUP),
    command("BPF_MAP_LOOKUP_AND_DELETE_BATCH", 56, "batch", LOOKUP),
    command("BPF_MAP_UPDATE_BATCH", 56, "batch", &[
        ("keys", 16, Pointer), ("values", 24, Pointer), COUNT, BATCH_MAP, ELEMENT_FLAGS,
        BATCH_FLAGS,
    ]),
    command("BPF_MAP_DELETE_BATCH", 56, "batch",
        &[("keys", 16, Pointer), COUNT, BATCH_MAP, ELEMENT_FLAGS, BATCH_FLAGS]),
    command("BPF_PROG_LOAD", 24, "", &[
        ("prog_type", 0, Value(Enum(&uapi::BPF_PROG_TYPE))), ("insn_cnt", 4, Value(Uint)),
        ("insns", 8, Pointer), ("license", 16, Text(1)), ("log_level", 24, Value(Uint)),
        ("log_size", 28, Value(Uint)), ("log_buf", 32, Log(2)), ("kern_version", 40, Version),
        ("prog_flags", 44, Value(Flags(&uapi::BPF_PROG_FLAGS))), ("prog_name", 48, Name),
        ("prog_ifindex", 64, Interface),
        ("expected_attach_type", 68, Value(Enum(&uapi::BPF_ATTACH_TYPE))),
        ("prog_btf_fd", 72, Value(Fd)), ("func_info_rec_size", 76, Value(Uint)),
        ("func_info", 80, Pointer), ("func_info_cnt", 88, Value(Uint)),
        ("line_info_rec_size", 92, Value(Uint)), ("line_info", 96, Pointer),
        ("line_info_cnt", 104, Value(Uint)), ("attach_btf_id", 108, Value(Uint)),
        ("attach_prog_fd", 112, Value(Fd)), ("core_relo_cnt", 116, Optional),
        ("fd_array", 120, Pointer), ("core_relos", 128, OptionalPointer),
        ("core_relo_rec_size", 136, Optional),
    ]),
    command("BPF_OBJ_PIN", 12, "", OBJECT),
    command("BPF_OBJ_GET", 12, "", OBJECT),
    command("BPF_PROG_ATTACH", 16, "", &[
        ("target_fd", 0, Value(Fd)), ("attach_bpf_fd", 4, Value(Fd)),
        ("attach_type", 8, Value(Enum(&uapi::BPF_ATTACH_TYPE))),
        ("attach_flags", 12, Value(Flags(&uapi::BPF_ATTACH_FLAGS))),
        ("replace_bpf_fd", 16, OptionalFd),
    ]),
    command("BPF_PROG_DETACH", 12, "",
        &[("target_fd", 0, Value(Fd)), ("attach_type", 8, Value(Enum(&uapi::BPF_ATTACH_TYPE)))]),
    command("BPF_PROG_TEST_RUN", 40, "test", &[
        ("prog_fd", 0, Value(Fd)), ("retval", 4, Value(Uint)), ("data_size_in", 8, Value(Uint)),
        ("data_size_out", 12, Value(Uint)), ("data_in", 16, Pointer), ("data_out", 24, Pointer),
        ("repeat", 32, Value(Uint)), ("duration", 36, Value(Uint)),
        ("ctx_size_in", 40, Value(Uint)), ("ctx_size_out", 44, Value(Uint)),
        ("ctx_in", 48, Pointer), ("ctx_out", 56, Pointer),
        ("flags", 64, Value(Flags(&uapi::BPF_TEST_RUN))), ("cpu", 68, Value(Uint)),
        ("batch_size", 72, Value(Uint)),
    ]),
    command("BPF_PROG_GET_NEXT_ID", 8, "", NEXT),
    command("BPF_MAP_GET_NEXT_ID", 8, "", NEXT),
    command("BPF_BTF_GET_NEXT_ID", 8, "", NEXT),
    command("BPF_LINK_GET_NEXT_ID", 8, "", NEXT),
    by_id("BPF_PROG_GET_FD_BY_ID", PROGRAM),
    by_id("BPF_MAP_GET_FD_BY_ID", MAP),
    by_id("BPF_BTF_GET_FD_BY_ID", &[("btf_id", 0, Value(Uint))]),
    by_id("BPF_LINK_GET_FD_BY_ID", &[("link_id", 0, Value(Uint))]),
    command("BPF_OBJ_GET_INFO_BY_FD", 16, "info",
        &[("bpf_fd", 0, Value(Fd)), ("info_len", 4, Changed), ("info", 8, Info)]),
    command("BPF_PROG_QUERY", 28, "query", &[
        ("target_fd", 0, Value(Fd)), ("attach_type", 4, Value(Enum(&uapi::BPF_ATTACH_TYPE))),
        ("query_flags", 8, Value(Flags(&uapi::BPF_QUERY_FLAGS))),
        ("attach_flags", 12, Value(Flags(&uapi::BPF_ATTACH_FLAGS))), ("prog_ids", 16, Ids(24)),
        ("prog_cnt", 24, Value(Uint)), ("prog_attach_flags", 32, OptionalPointer),
    ]),
    command("BPF_RAW_TRACEPOINT_OPEN", 12, "raw_tracepoint",
        &[("name", 0, Text(0)), ("prog_fd", 8, Value(Fd))]),
    command("BPF_BTF_LOAD", 28, "", &[
        ("btf", 0, Bytes(0)), ("btf_log_buf", 8, Pointer), ("btf_size", 16, Value(Uint)),
        ("btf_log_size", 20, Value(Uint)), ("btf_log_level", 24, Value(Uint)),
    ]),
    command("BPF_TASK_FD_QUERY", 48, "task_fd_query", &[
        ("pid", 0, Value(Pid)), ("fd", 4, Value(Fd)), ("flags", 8, Value(Uint)),
        ("buf_len", 12, Value(Uint)), ("buf", 16, Pointer), ("prog_id", 24, Value(Uint)),
        ("fd_type", 28, Value(Enum(&uapi::BPF_FD_TYPE))), ("probe_offset", 32, Wide(Hex)),
        ("probe_addr", 40, Wide(Hex)),
    ]),
    command("BPF_MAP_FREEZE", 4, "", &[("map_fd", 0, Value(Fd))]),
    command("BPF_LINK_CREATE", 16, "link_create", &[
        ("prog_fd", 0, Value(Fd)), ("target_fd", 4, Value(Fd)),
        ("attach_type", 8, Value(Enum(&uapi::BPF_ATTACH_TYPE))), ("flags", 12, Value(Hex32)),
    ]),
    command("BPF_LINK_UPDATE", 12, "link_update", &[
        ("link_fd", 0, Value(Fd)), ("new_prog_fd", 4, Value(Fd)),
        ("flags", 8, Value(Flags(&uapi::BPF_LINK_FLAGS))), ("old_prog_fd", 12, Replaced),
    ]),
    command("BPF_LINK_DETACH", 4, "link_detach", &[("link_fd", 0, Value(Fd))]),
    command("BPF_ENABLE_STATS", 4, "enable_stats",
        &[("type", 0, Value(Enum(&uapi::BPF_STATS)))]),
    command("BPF_ITER_CREATE", 8, "iter_create",
        &[("link_fd", 0, Value(Fd)), ("flags", 4, Value(Hex32))]),
    command("BPF_PROG_BIND_MAP", 12, "prog_bind_map",
        &[("prog_fd", 0, Value(Fd)), ("map_fd", 4, Value(Fd)), ("flags", 8, Value(Hex32))]),
];

/// What BPF_LINK_CREATE takes besides, by the type of attachment. Other types take
/// `target_btf_id`.
pub(super) static LINKS: &[(&str, &str, &[Member])] = &[
    ("BPF_TRACE_ITER", "", &[("iter_info", 16, Pointer), ("iter_info_len", 24, Value(Uint))]),
    ("BPF_PERF_EVENT", "perf_event", &[("bpf_cookie", 16, Wide(Hex))]),
    (
        "BPF_TRACE_KPROBE_MULTI",
        "kprobe_multi",
        &[
            ("flags", 16, Value(Hex32)),
            ("cnt", 20, Value(Uint)),
            ("syms", 24, Pointer),
            ("addrs", 32, Pointer),
            ("cookies", 40, Pointer),
        ],
    ),
];
/// See [`LINKS`].
pub(super) static OTHER_LINKS: &[Member] = &[("target_btf_id", 16, Optional)];

/// struct bpf_map_info.
#[rustfmt::skip]
pub(super) static MAP_INFO: &[Member] = &[
    ("type", 0, Value(Enum(&uapi::BPF_MAP_TYPE))), ("id", 4, Value(Uint)),
    ("key_size", 8, Value(Uint)), ("value_size", 12, Value(Uint)), ("max_entries", 16, Value(Uint)),
    ("map_flags", 20, Value(Flags(&uapi::BPF_MAP_FLAGS))), ("name", 24, Name),
    ("ifindex", 40, Interface), ("btf_vmlinux_value_type_id", 44, Value(Uint)),
    ("netns_dev", 48, Wide(ArgKind::Dev)), ("netns_ino", 56, Wide(Ulong)),
    ("btf_id", 64, Value(Uint)), ("btf_key_type_id", 68, Value(Uint)),
    ("btf_value_type_id", 72, Value(Uint)),
];

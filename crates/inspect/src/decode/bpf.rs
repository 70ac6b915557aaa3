//! The attributes of bpf(2) (include/uapi/linux/bpf.h, `union bpf_attr`): which members a command
//! has, and where. A caller may pass fewer: the kernel takes the others as 0.

use std::borrow::Cow;

use sysreel_abi::consts::{security, uapi};
use sysreel_abi::{ArgKind, Dir};

use super::fields::Fields;
use super::out::{beyond, member};
use super::value;
use super::view::View;
use crate::text;

/// What a member is. All but those that say otherwise have four bytes.
#[derive(Clone, Copy)]
enum Form {
    Value(ArgKind),
    /// 64 bits.
    Wide(ArgKind),
    /// A pointer of 64 bits.
    Pointer,
    /// A NUL-terminated name of 16 bytes.
    Name,
    /// The version of the kernel.
    Version,
    /// A number that is shown unless it is 0.
    Optional,
}

use ArgKind::{Enum, Fd, Flags, Uint};
use Form::{Name, Optional, Pointer, Value, Version, Wide};

struct Command {
    name: &'static str,
    /// The size of the attributes when the command was new: no caller means less.
    least: usize,
    members: &'static [(&'static str, usize, Form)],
}

const fn command(
    name: &'static str,
    least: usize,
    members: &'static [(&'static str, usize, Form)],
) -> Command {
    Command { name, least, members }
}

const ELEMENT: &[(&str, usize, Form)] = &[
    ("map_fd", 0, Value(Fd)),
    ("key", 8, Pointer),
    ("value", 16, Pointer),
    ("flags", 24, Wide(Flags(&uapi::BPF_ELEMENT))),
];
const KEY: &[(&str, usize, Form)] = &[("map_fd", 0, Value(Fd)), ("key", 8, Pointer)];

static COMMANDS: &[Command] = &[
    command(
        "BPF_MAP_CREATE",
        16,
        &[
            ("map_type", 0, Value(Enum(&uapi::BPF_MAP_TYPE))),
            ("key_size", 4, Value(Uint)),
            ("value_size", 8, Value(Uint)),
            ("max_entries", 12, Value(Uint)),
            ("map_flags", 16, Value(Flags(&uapi::BPF_MAP_FLAGS))),
            ("inner_map_fd", 20, Value(Fd)),
            ("numa_node", 24, Optional),
            ("map_name", 28, Name),
            ("map_ifindex", 44, Value(Uint)),
            ("btf_fd", 48, Value(Fd)),
            ("btf_key_type_id", 52, Value(Uint)),
            ("btf_value_type_id", 56, Value(Uint)),
            ("btf_vmlinux_value_type_id", 60, Value(Uint)),
            ("map_extra", 64, Wide(ArgKind::Ulong)),
        ],
    ),
    command("BPF_MAP_LOOKUP_ELEM", 24, ELEMENT),
    command("BPF_MAP_UPDATE_ELEM", 32, ELEMENT),
    command("BPF_MAP_DELETE_ELEM", 16, KEY),
    command(
        "BPF_MAP_GET_NEXT_KEY",
        24,
        &[("map_fd", 0, Value(Fd)), ("key", 8, Pointer), ("next_key", 16, Pointer)],
    ),
    command(
        "BPF_PROG_LOAD",
        44,
        &[
            ("prog_type", 0, Value(Enum(&uapi::BPF_PROG_TYPE))),
            ("insn_cnt", 4, Value(Uint)),
            ("insns", 8, Pointer),
            ("license", 16, Pointer),
            ("log_level", 24, Value(Uint)),
            ("log_size", 28, Value(Uint)),
            ("log_buf", 32, Pointer),
            ("kern_version", 40, Version),
            ("prog_flags", 44, Value(Flags(&uapi::BPF_PROG_FLAGS))),
            ("prog_name", 48, Name),
            ("prog_ifindex", 64, Value(Uint)),
            ("expected_attach_type", 68, Value(Enum(&uapi::BPF_ATTACH_TYPE))),
            ("prog_btf_fd", 72, Value(Fd)),
            ("func_info_rec_size", 76, Value(Uint)),
            ("func_info", 80, Pointer),
            ("func_info_cnt", 88, Value(Uint)),
            ("line_info_rec_size", 92, Value(Uint)),
            ("line_info", 96, Pointer),
            ("line_info_cnt", 104, Value(Uint)),
            ("attach_btf_id", 108, Value(Uint)),
            ("attach_prog_fd", 112, Value(Fd)),
            ("core_relo_cnt", 116, Optional),
            ("fd_array", 120, Pointer),
        ],
    ),
    command(
        "BPF_OBJ_PIN",
        12,
        &[
            ("pathname", 0, Pointer),
            ("bpf_fd", 8, Value(Fd)),
            ("file_flags", 12, Value(Flags(&uapi::BPF_MAP_FLAGS))),
        ],
    ),
    command(
        "BPF_OBJ_GET",
        12,
        &[
            ("pathname", 0, Pointer),
            ("bpf_fd", 8, Value(Fd)),
            ("file_flags", 12, Value(Flags(&uapi::BPF_MAP_FLAGS))),
        ],
    ),
    command(
        "BPF_PROG_ATTACH",
        16,
        &[
            ("target_fd", 0, Value(Fd)),
            ("attach_bpf_fd", 4, Value(Fd)),
            ("attach_type", 8, Value(Enum(&uapi::BPF_ATTACH_TYPE))),
            ("attach_flags", 12, Value(Flags(&uapi::BPF_ATTACH_FLAGS))),
            ("replace_bpf_fd", 16, Optional),
        ],
    ),
    command(
        "BPF_PROG_DETACH",
        12,
        &[("target_fd", 0, Value(Fd)), ("attach_type", 8, Value(Enum(&uapi::BPF_ATTACH_TYPE)))],
    ),
    command(
        "BPF_OBJ_GET_INFO_BY_FD",
        16,
        &[("info={bpf_fd", 0, Value(Fd)), ("info_len", 4, Value(Uint)), ("info", 8, Pointer)],
    ),
    command("BPF_MAP_FREEZE", 4, &[("map_fd", 0, Value(Fd))]),
    command("BPF_LINK_DETACH", 4, &[("link_detach={link_fd", 0, Value(Fd))]),
];

/// Writes the attributes of a command; false if the command has no table.
pub(super) fn attributes(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let number = view.arg(0) & 0xffff_ffff;
    let known = security::BPF.items.iter().find(|(_, known)| *known == number);
    let Some((name, _)) = known else { return false };
    let Some(command) = COMMANDS.iter().find(|command| command.name == *name) else {
        return false;
    };
    let region = view.region(i, Dir::In).or_else(|| view.region(i, Dir::InOut));
    let Some(region) = region.filter(|region| region.head.got > 0) else { return false };
    if region.head.got < region.head.asked {
        return false;
    }
    let Some(bytes) = view.bytes(&region, usize::MAX) else { return false };
    let given = bytes.len();
    let mut bytes: Cow<'_, [u8]> = bytes;
    if given < command.least {
        bytes.to_mut().resize(command.least, 0);
    }
    let f = Fields::new(view.abi, &bytes);
    out.push('{');
    let mut end = 0;
    for (name, at, form) in command.members {
        let size = match form {
            Wide(_) | Pointer => 8,
            Name => 16,
            _ => 4,
        };
        if *at >= bytes.len() {
            break;
        }
        end = at + size;
        one(view, name, *at, *form, f, out);
    }
    beyond(&bytes, end.max(command.least), None, out);
    if command.members.first().is_some_and(|(name, ..)| name.contains('{')) {
        out.push('}');
    }
    out.push('}');
    true
}

fn one(view: &View<'_>, name: &str, at: usize, form: Form, f: Fields<'_>, out: &mut String) {
    if matches!(form, Optional) && f.u32(at) == 0 {
        return;
    }
    member(out, name);
    match form {
        Value(kind) => value::value(view, kind, 0, f.u32(at), out),
        Wide(kind) => value::value(view, kind, 0, f.u64(at), out),
        Pointer => text::pointer(out, f.u64(at)),
        Name => {
            let field = f.slice(at, 16);
            let name = text::until_nul(field);
            let is_cut = name.len() == field.len();
            let shown =
                if is_cut { name.split_last().map_or(name, |(_, rest)| rest) } else { name };
            text::quoted(out, shown, view.options.hex);
            out.push_str(if is_cut { "..." } else { "" });
        }
        Optional => text::dec(out, f.u32(at)),
        Version => {
            let version = f.u32(at);
            let parts = (version >> 16, version >> 8 & 0xff, version & 0xff);
            let name = format!("KERNEL_VERSION({}, {}, {})", parts.0, parts.1, parts.2);
            value::named(view, &|out| text::hex(out, version), &name, out);
        }
    }
}

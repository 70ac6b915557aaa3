//! Requests of trusted execution environments (linux/tee.h). All pointers have 64 bits.

use sysreel_abi::consts::ioctl_values as c;
use sysreel_abi::plan::index;
use sysreel_abi::{ArgKind, Dir};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::out::member;
use super::super::shape::{self, Shape, Typed};
use super::super::value;
use super::super::view::View;
use super::form::Form::{self, Both, Single};
use crate::text;
use Shape::*;

const U32: Shape = Number(4);
const HEX: Shape = Hex(4);

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("TEE_IOC_VERSION", Single(Typed(&[("impl_id", HEX), ("impl_caps", HEX), ("gen_caps", HEX)]))),
    ("TEE_IOC_SHM_ALLOC", Both(Typed(&[("size", Hex(8)), ("flags", Flags(4, &c::TEE_SHARED))]),
        Typed(&[("size", Hex(8)), ("flags", Flags(4, &c::TEE_SHARED)), ("id", Signed(4))]))),
    ("TEE_IOC_SHM_REGISTER", Both(Typed(&[("addr", Hex(8)), ("length", Hex(8)),
        ("flags", Flags(4, &c::TEE_SHARED))]), Typed(&[("addr", Hex(8)), ("length", Hex(8)),
        ("flags", Flags(4, &c::TEE_SHARED)), ("id", Signed(4))]))),
    ("TEE_IOC_CANCEL", Single(Typed(&[("cancel_id", U32), ("session", HEX)]))),
    ("TEE_IOC_CLOSE_SESSION", Single(Typed(&[("session", HEX)]))),
    ("TEE_IOC_OPEN_SESSION", Form::Call(buffer)), ("TEE_IOC_INVOKE", Form::Call(buffer)),
    ("TEE_IOC_SUPPL_RECV", Form::Call(buffer)), ("TEE_IOC_SUPPL_SEND", Form::Call(buffer)),
];

/// struct tee_ioctl_buf_data and the request in its buffer.
fn buffer(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    if !chunk.has(16) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{buf_len=");
    text::dec(out, f.u64(8));
    member(out, "buf_ptr");
    let region = view.nested(2, 1, index(0, 0), Dir::In);
    let region = region.filter(|region| region.head.got == region.head.asked && f.u64(8) <= MOST);
    let start = out.len();
    let shown = region.and_then(|region| view.bytes(&region, usize::MAX)).is_some_and(|bytes| {
        let name = sysreel_abi::render::ioctl_name(view.abi, view.arg(1)).unwrap_or_default();
        request(view, name, Chunk::whole(f.u64(0), &bytes), out)
    });
    if !shown {
        out.truncate(start);
        text::pointer(out, f.u64(0));
    }
    out.push('}');
    true
}

/// The kernel takes no larger buffer (TEE_MAX_ARG_SIZE).
const MOST: u64 = 1024;

/// Writes a request, if its parameters fill the buffer.
fn request(view: &View<'_>, name: &str, chunk: Chunk<'_>, out: &mut String) -> bool {
    const PARAMETER: usize = 32;
    /// What each has before its parameters, and where it counts them.
    const INVOKE: &[Typed] = &[("func", U32), ("session", HEX), ("cancel_id", U32)];
    const RECEIVE: &[Typed] = &[("func", U32)];
    let (members, count, head): (&[Typed], usize, usize) = match name {
        "TEE_IOC_INVOKE" => (INVOKE, 20, 24),
        "TEE_IOC_SUPPL_RECV" => (RECEIVE, 4, 8),
        "TEE_IOC_SUPPL_SEND" => (&[], 4, 8),
        _ => (&[], 52, 56),
    };
    if !chunk.has(head) {
        return false;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    let number = f.u32(count);
    let size = usize::try_from(number).unwrap_or(usize::MAX).saturating_mul(PARAMETER);
    if head.saturating_add(size) != chunk.len {
        return false;
    }
    if head == 56 {
        session(view, chunk, out)
    } else {
        shape::write(view, 0, Typed(members), chunk, out);
        out.pop();
    }
    member(out, "num_params");
    text::dec(out, number);
    member(out, "params");
    out.push('[');
    for (i, one) in chunk.from(head).bytes.chunks_exact(PARAMETER).enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        parameter(view, Fields::new(view.abi, one), out);
    }
    out.push_str("]}");
    true
}

/// Writes who opens a session.
fn session(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) {
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{uuid=");
    for (i, byte) in chunk.bytes.iter().take(16).enumerate() {
        out.push_str(if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" });
        out.push_str(&format!("{byte:02x}"));
    }
    member(out, "clnt_login");
    let login = f.u32(32);
    value::constant(view, ArgKind::Enum(&c::TEE_LOGIN), login, out);
    match c::TEE_LOGIN.items.iter().find(|(_, known)| *known == login).map(|(name, _)| *name) {
        Some("TEE_IOCTL_LOGIN_GROUP" | "TEE_IOCTL_LOGIN_GROUP_APPLICATION") => {
            // The first bytes are the number of the group.
            member(out, "clnt_uuid");
            text::dec(out, f.u32(16));
        }
        Some(_) => {}
        None => {
            member(out, "clnt_uuid");
            shape::write(view, 0, Sequence(&Hex(1), 16), chunk.from(16), out);
        }
    }
    member(out, "cancel_id");
    text::dec(out, f.u32(36));
}

/// Writes a parameter, whose members depend on its type.
fn parameter(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    const TYPE: u64 = 0xff;
    const META: u64 = 0x100;
    let attribute = f.u64(0);
    out.push_str("{attr=");
    let kind = ArgKind::Enum(&c::TEE_PARAMETER);
    let mut names = String::new();
    sysreel_abi::render::flag_value(view.abi, kind, attribute & TYPE, &mut names);
    if attribute & META != 0 {
        names.push_str("|TEE_IOCTL_PARAM_ATTR_META");
    }
    if attribute & !(TYPE | META) != 0 {
        names.push_str(&format!("|{:#x}", attribute & !(TYPE | META)));
    }
    value::named(view, &|out| text::hex(out, attribute), &names, out);
    let members: &[(&str, usize)] = match attribute & TYPE {
        0 => &[],
        5..=7 => &[("shm_offs", 8), ("size", 16)],
        _ => &[("a", 8), ("b", 16), ("c", 24)],
    };
    for (name, at) in members {
        member(out, name);
        text::hex(out, f.u64(*at));
    }
    if matches!(attribute & TYPE, 5..=7) {
        member(out, "shm_id");
        text::dec(out, f.u64(24));
    }
    out.push('}');
}

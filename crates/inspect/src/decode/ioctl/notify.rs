//! Requests of the listener of a seccomp filter (linux/seccomp.h).

use sysreel_abi::consts::{drivers, ioctl_values as c, open};
use sysreel_abi::errno::errno_name;
use sysreel_abi::{ArgKind, AuditArch, Constants, Dir, syscall_name};

use super::super::chunk::Chunk;
use super::super::fields::Fields;
use super::super::shape::{self, Shape};
use super::super::value;
use super::super::view::View;
use super::form::Form::{self, Single, Written};
use crate::text;
use Shape::*;

#[rustfmt::skip]
pub(super) const FORMS: &[(&str, Form)] = &[
    ("SECCOMP_IOCTL_NOTIF_SEND", Written(&[("id", 0, Hex(8)), ("val", 8, Signed(8)),
        ("error", 16, Call(error)), ("flags", 20, Flags(4, &c::SECCOMP_ANSWER))], 24)),
    ("SECCOMP_IOCTL_NOTIF_RECV", Form::Call(notification)),
    ("SECCOMP_IOCTL_NOTIF_ID_VALID", Single(Hex(8))),
    ("SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR", Single(Hex(8))),
    ("SECCOMP_IOCTL_NOTIF_ADDFD", Written(&[("id", 0, Hex(8)),
        ("flags", 8, Flags(4, &c::SECCOMP_FD)), ("srcfd", 12, Fd), ("newfd", 16, Signed(4)),
        ("newfd_flags", 20, Shape::Written(4, 4, opening))], 24)),
];

/// The requests of a userfaultfd, by the bits that say which it takes (linux/userfaultfd.h).
pub(super) static FAULT_IOCTLS: Constants = Constants {
    prefix: "_UFFDIO_",
    bits: 64,
    items: &[
        ("_UFFDIO_REGISTER", 0),
        ("_UFFDIO_UNREGISTER", 1),
        ("_UFFDIO_WAKE", 2),
        ("_UFFDIO_COPY", 3),
        ("_UFFDIO_ZEROPAGE", 4),
        ("_UFFDIO_MOVE", 5),
        ("_UFFDIO_WRITEPROTECT", 6),
        ("_UFFDIO_CONTINUE", 7),
        ("_UFFDIO_POISON", 8),
        ("_UFFDIO_API", 63),
    ],
    fields: &[],
    overrides: &[],
};

/// struct uffdio_api, whose features are a question and an answer.
pub(super) fn faults(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const SIZE: usize = 24;
    if !chunk.has(SIZE) {
        return false;
    }
    let features = Flags(8, &drivers::UFFD_FEATURE);
    let given = view.region(2, Dir::In).and_then(|region| view.bytes(&region, SIZE));
    let given = given.as_deref().filter(|given| given.len() == SIZE).unwrap_or(chunk.bytes);
    out.push_str("{api=");
    shape::write(view, 0, Hex(8), chunk, out);
    out.push_str(", features=");
    shape::write(view, 0, features, Chunk::whole(0, given).from(8), out);
    if view.outcome.is_some_and(|outcome| !outcome.failed()) {
        if given.get(8..16) != chunk.bytes.get(8..16) {
            out.push_str(" => features=");
            shape::write(view, 0, features, chunk.from(8), out);
        }
        out.push_str(", ioctls=");
        shape::write(view, 0, Bits(8, &FAULT_IOCTLS, "_UFFDIO_"), chunk.from(16), out);
    }
    out.push('}');
    true
}

/// Writes flags of open(2) without an access mode, which means nothing here.
fn opening(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let flags = Fields::new(view.abi, chunk.bytes).u32(0);
    let start = out.len();
    value::constant(view, ArgKind::Flags(&open::OPEN), flags, out);
    let shown = out.split_off(start);
    let shown =
        shown.strip_prefix("O_RDONLY").map_or(shown.as_str(), |rest| rest.trim_start_matches('|'));
    out.push_str(if shown.is_empty() { "0" } else { shown });
}

/// Writes a negated error number.
fn error(view: &View<'_>, _: u64, chunk: Chunk<'_>, out: &mut String) {
    let number = Fields::new(view.abi, chunk.bytes).i32(0);
    match i32::try_from(-number).ok().filter(|n| *n > 0).and_then(errno_name) {
        Some(name) => {
            value::named(view, &|out| text::sdec(out, number), &format!("-{name}"), out);
        }
        None => text::sdec(out, number),
    }
}

/// struct seccomp_notif, with a struct seccomp_data.
fn notification(view: &View<'_>, chunk: Chunk<'_>, out: &mut String) -> bool {
    const SIZE: usize = 80;
    if !chunk.has(SIZE) {
        return false;
    }
    // The kernel takes zeros only, and fills them.
    let failed = view.outcome.is_none_or(|outcome| outcome.failed());
    if failed && chunk.bytes.iter().take(SIZE).all(|byte| *byte == 0) {
        text::pointer(out, view.arg(2));
        return true;
    }
    let f = Fields::new(view.abi, chunk.bytes);
    out.push_str("{id=");
    text::hex(out, f.u64(0));
    out.push_str(", pid=");
    text::dec(out, f.u32(8));
    out.push_str(", flags=");
    text::hex(out, f.u32(12));
    out.push_str(", data={nr=");
    let arch = AuditArch(u32::try_from(f.u32(20)).unwrap_or(0));
    match syscall_name(arch, f.u32(16)) {
        Some(name) => {
            value::named(view, &|out| text::dec(out, f.u32(16)), &format!("__NR_{name}"), out);
        }
        None => text::dec(out, f.u32(16)),
    }
    out.push_str(", arch=");
    match arch.name() {
        Some(name) => {
            let name = format!("AUDIT_ARCH_{name}");
            value::named(view, &|out| text::hex(out, f.u32(20)), &name, out);
        }
        None => {
            text::hex(out, f.u32(20));
            out.push_str(" /* AUDIT_ARCH_??? */");
        }
    }
    out.push_str(", instruction_pointer=");
    text::pointer(out, f.u64(24));
    out.push_str(", args=");
    shape::write(view, 0, Sequence(&Hex(8), 6), chunk.from(32), out);
    out.push_str("}}");
    if failed {
        out.push_str(" => ");
        text::pointer(out, view.arg(2));
    }
    true
}

//! Requests of the listener of a seccomp filter (linux/seccomp.h).

use sysreel_abi::consts::{ioctl_values as c, open};
use sysreel_abi::errno::errno_name;
use sysreel_abi::{AuditArch, syscall_name};

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
    ("SECCOMP_IOCTL_NOTIF_ADDFD", Written(&[("id", 0, Hex(8)),
        ("flags", 8, Flags(4, &c::SECCOMP_FD)), ("srcfd", 12, Fd), ("newfd", 16, Signed(4)),
        ("newfd_flags", 20, Flags(4, &open::OPEN))], 24)),
];

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
        Some(name) => value::named(view, &|out| text::hex(out, f.u32(20)), name, out),
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
    true
}

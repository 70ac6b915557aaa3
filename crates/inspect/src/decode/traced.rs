//! What ptrace(2) tells a tracer (include/uapi/linux/ptrace.h).

use sysreel_abi::consts::process as p;
use sysreel_abi::errno::errno_name;
use sysreel_abi::{ArgKind, AuditArch, syscall_name};

use super::fields::Fields;
use super::out::member;
use super::value;
use super::view::View;
use crate::text;

/// Writes a `struct ptrace_syscall_info` as far as the buffer of the tracer reaches.
pub(super) fn syscall_info(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    /// The numbers of PTRACE_SYSCALL_INFO_*.
    const ENTRY: u64 = 1;
    const EXIT: u64 = 2;
    const SECCOMP: u64 = 3;
    let has = |end: usize| f.bytes.len() >= end;
    let (op, arch) = (f.u8(0), f.u32(4));
    out.push_str("{op=");
    value::constant(view, ArgKind::Enum(&p::SYSCALL_INFO), op, out);
    if has(8) {
        member(out, "arch");
        let arch = AuditArch(u32::try_from(arch).unwrap_or(0));
        let number = |out: &mut String| text::hex(out, arch.0.into());
        match arch.name() {
            Some(name) => value::named(view, &number, &format!("AUDIT_ARCH_{name}"), out),
            None => number(out),
        }
    }
    for (name, at) in [("instruction_pointer", 8), ("stack_pointer", 16)] {
        if has(at + 8) {
            member(out, name);
            text::pointer(out, f.u64(at));
        }
    }
    match op {
        ENTRY | SECCOMP if has(32) => {
            member(out, if op == ENTRY { "entry" } else { "seccomp" });
            out.push_str("{nr=");
            let arch = AuditArch(u32::try_from(arch).unwrap_or(0));
            let number = |out: &mut String| text::dec(out, f.u64(24));
            match syscall_name(arch, f.u64(24)) {
                Some(name) => value::named(view, &number, &format!("__NR_{name}"), out),
                None => number(out),
            }
            let args = (0..6).map(|i| 32 + 8 * i).take_while(|at| has(at + 8));
            for (i, at) in args.enumerate() {
                out.push_str(if i == 0 { ", args=[" } else { ", " });
                text::hex(out, f.u64(at));
            }
            out.push_str(if has(40) { "]" } else { "" });
            if op == SECCOMP && has(84) {
                member(out, "ret_data");
                text::hex(out, f.u32(80));
            }
            out.push('}');
        }
        EXIT if has(32) => {
            member(out, "exit");
            out.push_str("{rval=");
            let rval = f.i64(24);
            let number = |out: &mut String| text::sdec(out, rval);
            let error = i32::try_from(-rval).ok().filter(|_| has(33) && f.u8(32) != 0);
            match error.and_then(errno_name) {
                Some(name) => value::named(view, &number, &format!("-{name}"), out),
                None => number(out),
            }
            if has(33) {
                member(out, "is_error");
                text::dec(out, f.u8(32));
            }
            out.push('}');
        }
        _ => {}
    }
    out.push('}');
}

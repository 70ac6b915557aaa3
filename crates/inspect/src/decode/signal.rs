//! Signal sets, actions, `sigevent` and `siginfo_t`.

use sysreel_abi::consts::signal as s;
use sysreel_abi::signal::code_name;
use sysreel_abi::{Abi, ArgKind, AuditArch, plan, signal_name, syscall_name};

use super::errno::error_name;
use super::fields::Fields;
use super::out::member;
use super::view::View;
use super::{signal_set, value};
use crate::text;

/// Writes the kernel's `struct sigaction`: handler, flags, restorer, mask. 64-bit ARM has no
/// restorer.
pub(crate) fn action(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    let restorer = view.abi != Abi::Aarch64 || f.bytes.len() >= 4 * f.word();
    let mask_at = if restorer { 3 * f.word() } else { 2 * f.word() };
    write_action(view, f.ulong(0), f.slice(mask_at, 8), f.ulong(1), f.ulong(2), out);
}

/// Writes i386's `struct old_sigaction`: handler, mask, flags, restorer.
pub(crate) fn old_action(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    write_action(view, f.ulong(0), f.slice(f.word(), f.word()), f.ulong(2), f.ulong(3), out);
}

fn write_action(
    view: &View<'_>,
    handler: u64,
    mask: &[u8],
    flags: u64,
    restorer: u64,
    out: &mut String,
) {
    /// SA_RESTORER (arch/x86/include/uapi/asm/signal.h).
    const RESTORER: u64 = 0x0400_0000;
    out.push_str("{sa_handler=");
    match handler {
        0 => out.push_str("SIG_DFL"),
        1 => out.push_str("SIG_IGN"),
        // (void (*)(int)) -1, as the caller's words have it.
        u64::MAX | 0xffff_ffff => out.push_str("SIG_ERR"),
        _ => text::hex(out, handler),
    }
    member(out, "sa_mask");
    signal_set::set(mask, out);
    member(out, "sa_flags");
    value::constant(view, ArgKind::Flags(&s::SA), flags, out);
    if flags & RESTORER != 0 {
        member(out, "sa_restorer");
        text::pointer(out, restorer);
    }
    out.push('}');
}

/// Writes the mask that rt_sigreturn(2) restores: `{mask=[CHLD]}`. Nothing if the log lacks it.
pub(crate) fn restored_mask(view: &View<'_>, out: &mut String) {
    let mut mask = Vec::new();
    let words = (0..2).map_while(|index| view.entry.find(plan::NO_ARGUMENT, 0, index));
    for word in words {
        mask.extend_from_slice(view.bytes(&word, 8).as_deref().unwrap_or_default());
    }
    if mask.len() == 8 {
        out.push_str("{mask=");
        signal_set::set(&mask, out);
        out.push('}');
    }
}

/// Writes a `stack_t`: address, flags, size.
pub(crate) fn stack(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push_str("{ss_sp=");
    text::pointer(out, f.ulong(0));
    member(out, "ss_flags");
    value::constant(view, ArgKind::Flags(&s::SS), f.u32(f.word()), out);
    member(out, "ss_size");
    text::dec(out, f.ulong(2));
    out.push('}');
}

/// Writes a `struct sigevent`: value, signal, notification.
pub(crate) fn sigevent(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    let w = f.word();
    out.push('{');
    if f.ulong(0) != 0 {
        out.push_str("sigev_value={sival_int=");
        text::sdec(out, f.i32(0));
        out.push_str(", sival_ptr=");
        text::pointer(out, f.ulong(0));
        out.push('}');
    }
    member(out, "sigev_signo");
    match i32::try_from(f.u32(w)).ok().and_then(signal_name) {
        Some(_) => value::value(view, ArgKind::Signal, 0, f.u32(w), out),
        None => text::dec(out, f.u32(w)),
    }
    member(out, "sigev_notify");
    value::constant(view, ArgKind::Enum(&s::SIGEV), f.u32(w + 4), out);
    let after = w + 8;
    match s::SIGEV.items.iter().find(|(_, known)| *known == f.u32(w + 4)) {
        Some(("SIGEV_THREAD_ID", _)) => {
            member(out, "sigev_notify_thread_id");
            text::sdec(out, f.i32(after));
        }
        Some(("SIGEV_THREAD", _)) => {
            for (i, name) in
                ["sigev_notify_function", "sigev_notify_attributes"].into_iter().enumerate()
            {
                member(out, name);
                text::pointer(out, f.ulong(after / w + i));
            }
        }
        _ => {}
    }
    out.push('}');
}

/// The signals of faults, which carry an address; the same numbers in every ABI here
/// (include/uapi/asm-generic/signal.h).
const FAULTS: [i64; 5] = [4, 5, 7, 8, 11];
const CHLD: i64 = 17;
const IO: i64 = 29;
const SYS: i64 = 31;

/// Writes a `siginfo_t` (include/uapi/asm-generic/siginfo.h): three ints, then a union.
pub(crate) fn siginfo(f: Fields<'_>, out: &mut String) {
    let (signal, code) = (f.i32(0), f.i32(8));
    out.push_str("{si_signo=");
    value::signal(f.u32(0), out);
    member(out, "si_code");
    let named =
        i32::try_from(signal).ok().zip(i32::try_from(code).ok()).and_then(|(s, c)| code_name(s, c));
    match named {
        Some(name) => out.push_str(name),
        None => text::hex(out, code.cast_unsigned() & 0xffff_ffff),
    }
    if f.i32(4) != 0 {
        member(out, "si_errno");
        match i32::try_from(f.i32(4)).ok().filter(|number| *number > 0) {
            Some(number) => error_name(number, out),
            None => text::dec(out, f.u32(4)),
        }
    }
    union(f, signal, code, named, out);
    out.push('}');
}

/// Writes the result of waitid(2): no child, or one without the times that SIGCHLD carries. A log
/// of an older table has more bytes, which the kernel did not write.
pub(crate) fn waitid_info(f: Fields<'_>, out: &mut String) {
    if f.u32(0) == 0 {
        out.push_str("{}");
        return;
    }
    let len = if f.word() == 4 { 24 } else { 28 };
    siginfo(Fields { bytes: f.bytes.get(..len).unwrap_or(f.bytes), ..f }, out);
}

fn union(f: Fields<'_>, signal: i64, code: i64, named: Option<&str>, out: &mut String) {
    // The union is aligned to a word. Its first two members have the size of an int in every ABI.
    let at = if f.word() == 4 { 12 } else { 16 };
    let w = f.word();
    let number = |out: &mut String, name: &str, value: i64| {
        member(out, name);
        text::sdec(out, value);
    };
    let word = |at: usize| if w == 4 { f.u32(at) } else { f.u64(at) };
    let sigval = |out: &mut String, at: usize| {
        number(out, "si_int", f.i32(at));
        member(out, "si_ptr");
        text::pointer(out, word(at));
    };
    match (named, signal) {
        // SI_KERNEL fills in the address of a fault and nothing else.
        (Some("SI_KERNEL"), signal) if !FAULTS.contains(&signal) => {}
        (Some("SI_TIMER"), _) => {
            member(out, "si_timerid");
            text::hex(out, f.u32(at));
            number(out, "si_overrun", f.i32(at + 4));
            sigval(out, at + 8);
        }
        (Some("SI_USER" | "SI_TKILL"), _) => si_pid_uid(f, at, out),
        (Some("SI_QUEUE" | "SI_MESGQ" | "SI_ASYNCIO"), _) => {
            si_pid_uid(f, at, out);
            sigval(out, at + 8);
        }
        (_, CHLD) if code > 0 => {
            si_pid_uid(f, at, out);
            member(out, "si_status");
            let status = f.u32(at + 8);
            if code == 1 {
                value::int(status, out)
            } else {
                value::signal(status, out)
            }
            let times = if w == 4 { at + 12 } else { at + 16 };
            if f.bytes.len() > times {
                ticks(out, "si_utime", word(times));
                ticks(out, "si_stime", word(times + w));
            }
        }
        (_, SYS) if code > 0 => {
            member(out, "si_call_addr");
            text::pointer(out, word(at));
            member(out, "si_syscall");
            let (nr, arch) = (f.u32(at + w), f.u32(at + w + 4));
            blocked_call(nr, arch, out);
        }
        (_, IO) if code > 0 => {
            member(out, "si_band");
            text::sdec(out, if w == 4 { f.i32(at) } else { f.i64(at) });
            number(out, "si_fd", f.i32(at + w));
        }
        (_, signal) if FAULTS.contains(&signal) => {
            member(out, "si_addr");
            text::pointer(out, word(at));
            fault(f, at, named, out);
        }
        _ => {
            si_pid_uid(f, at, out);
            sigval(out, at + 8);
        }
    }
}

/// Writes what follows the address of some faults.
fn fault(f: Fields<'_>, at: usize, named: Option<&str>, out: &mut String) {
    let w = f.word();
    match named {
        Some("SEGV_PKUERR") => {
            member(out, "si_pkey");
            text::dec(out, f.u32(at + 2 * w));
        }
        Some("SEGV_BNDERR") => {
            for (i, name) in [(2, "si_lower"), (3, "si_upper")] {
                member(out, name);
                let at = at + i * w;
                text::pointer(out, if w == 4 { f.u32(at) } else { f.u64(at) });
            }
        }
        Some("BUS_MCEERR_AR" | "BUS_MCEERR_AO") => {
            member(out, "si_addr_lsb");
            text::hex(out, f.u16(at + w));
        }
        _ => {}
    }
}

fn si_pid_uid(f: Fields<'_>, at: usize, out: &mut String) {
    member(out, "si_pid");
    text::sdec(out, f.i32(at));
    member(out, "si_uid");
    value::uid(f.u32(at + 4), out);
}

fn ticks(out: &mut String, name: &str, ticks: u64) {
    member(out, name);
    text::dec(out, ticks);
    if ticks != 0 {
        // USER_HZ (include/asm-generic/param.h) is 100.
        out.push_str(&format!(" /* {}.{:02} s */", ticks / 100, ticks % 100));
    }
}

fn blocked_call(nr: u64, arch: u64, out: &mut String) {
    let arch = AuditArch(u32::try_from(arch).unwrap_or(0));
    match syscall_name(arch, nr) {
        Some(name) => {
            out.push_str("__NR_");
            out.push_str(name);
        }
        None => text::hex(out, nr),
    }
    member(out, "si_arch");
    match arch.name() {
        Some(name) => {
            out.push_str("AUDIT_ARCH_");
            out.push_str(name);
        }
        None => text::hex(out, arch.0.into()),
    }
}

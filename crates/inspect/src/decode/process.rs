//! Processes: exit status, resource use and limits, clone(2).

use sysreel_abi::consts::process as p;
use sysreel_abi::plan::{CLONE_PIDFD, CLONE_SET_TID, CLONE_TID};
use sysreel_abi::{ArgKind, Dir, render, signal_name};

use super::fields::Fields;
use super::out::{beyond, member};
use super::view::View;
use super::{structures, time, value};
use crate::text;

/// Writes the status that wait4(2) stores: `[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]`.
pub(crate) fn wait_status_of(bytes: &[u8], out: &mut String) -> bool {
    let Some(status) =
        bytes.get(..4).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(u32::from_le_bytes)
    else {
        return false;
    };
    out.push('[');
    wait_status(status, out);
    out.push(']');
    true
}

fn wait_status(status: u32, out: &mut String) {
    let (low, high) = (status & 0x7f, u64::from(status >> 8 & 0xff));
    match low {
        0 if status >> 16 == 0 && status & 0x80 == 0 => {
            out.push_str("{WIFEXITED(s) && WEXITSTATUS(s) == ");
            text::dec(out, high);
        }
        0x7f if status == 0xffff => {
            out.push_str("{WIFCONTINUED(s)");
        }
        0x7f => {
            out.push_str("{WIFSTOPPED(s) && WSTOPSIG(s) == ");
            let traced = high & 0x80 != 0;
            value::signal(high & 0x7f, out);
            if traced {
                out.push_str(" | 0x80");
            }
            out.push('}');
            if status >> 16 != 0 {
                out.push_str(" | ");
                text::hex(out, u64::from(status >> 16) << 16);
            }
            return;
        }
        _ if status >> 8 == 0 => {
            out.push_str("{WIFSIGNALED(s) && WTERMSIG(s) == ");
            value::signal(low.into(), out);
            if status & 0x80 != 0 {
                out.push_str(" && WCOREDUMP(s)");
            }
        }
        _ => {
            text::hex(out, status.into());
            return;
        }
    }
    out.push('}');
}

/// Writes a `struct rusage`: two timevals and fourteen longs.
pub(crate) fn rusage(view: &View<'_>, f: Fields<'_>, out: &mut String) {
    out.push('{');
    member(out, "ru_utime");
    time::timeval_at(f, 0, out);
    member(out, "ru_stime");
    time::timeval_at(f, 1, out);
    if !view.options.verbose {
        out.push_str(", ...}");
        return;
    }
    const NAMES: [&str; 14] = [
        "ru_maxrss",
        "ru_ixrss",
        "ru_idrss",
        "ru_isrss",
        "ru_minflt",
        "ru_majflt",
        "ru_nswap",
        "ru_inblock",
        "ru_oublock",
        "ru_msgsnd",
        "ru_msgrcv",
        "ru_nsignals",
        "ru_nvcsw",
        "ru_nivcsw",
    ];
    for (i, name) in NAMES.into_iter().enumerate() {
        member(out, name);
        text::sdec(out, f.klong(4 + i));
    }
    out.push('}');
}

/// Writes a soft and a hard limit: of 64 bits if `wide`, otherwise kernel longs.
pub(crate) fn rlimit(view: &View<'_>, f: Fields<'_>, wide: bool, out: &mut String) {
    out.push('{');
    for (i, name) in ["rlim_cur", "rlim_max"].into_iter().enumerate() {
        member(out, name);
        // Kernel longs have 8 bytes in x32.
        let narrow = !wide && f.abi == sysreel_abi::Abi::I386;
        let value = if narrow { f.u32(4 * i) } else { f.u64(8 * i) };
        let infinite = if narrow { u64::from(u32::MAX) } else { u64::MAX };
        let number = |out: &mut String| text::dec(out, value);
        if value == infinite {
            let name = if narrow { "RLIM_INFINITY" } else { "RLIM64_INFINITY" };
            value::named(view, &number, name, out);
        } else if value > 1024 && value % 1024 == 0 {
            value::named(view, &number, &format!("{}*1024", value / 1024), out);
        } else {
            text::dec(out, value);
        }
    }
    out.push('}');
}

/// Writes a `struct sched_attr` (include/uapi/linux/sched/types.h). The flags say which members the
/// kernel takes.
pub(super) fn sched_attr(view: &View<'_>, i: usize, f: Fields<'_>, out: &mut String) {
    /// The size of its first version.
    const FIRST: usize = 48;
    let size = f.u32(0);
    out.push_str("{size=");
    text::dec(out, size);
    let is_short = view.given(i).is_some_and(|region| region.head.got < FIRST as u64);
    if is_short && size >= FIRST as u64 {
        out.truncate(out.len() - "{size=".len() - size.to_string().len());
        return text::pointer(out, view.arg(i));
    }
    if f.bytes.len() < FIRST || size > 0 && size < FIRST as u64 {
        return out.push('}');
    }
    let flags = f.u64(8);
    let writes =
        view.row.args.get(i).and_then(|arg| arg.mem).is_some_and(|mem| mem.dir == Dir::Out);
    let has = |name| {
        !writes
            && render::constant(view.abi, &p::SCHED_FLAGS, name).is_some_and(|bit| flags & bit != 0)
    };
    let (keeps_policy, keeps_params) =
        (has("SCHED_FLAG_KEEP_POLICY"), has("SCHED_FLAG_KEEP_PARAMS"));
    if !keeps_policy && !keeps_params {
        member(out, "sched_policy");
        value::constant(view, ArgKind::Enum(&p::SCHED), f.u32(4), out);
    }
    member(out, "sched_flags");
    value::constant(view, ArgKind::Flags(&p::SCHED_FLAGS), flags, out);
    if !keeps_params {
        member(out, "sched_nice");
        text::sdec(out, f.i32(16));
        member(out, "sched_priority");
        text::dec(out, f.u32(20));
        for (name, at) in [("sched_runtime", 24), ("sched_deadline", 32), ("sched_period", 40)] {
            member(out, name);
            text::dec(out, f.u64(at));
        }
    }
    if f.bytes.len() >= FIRST + 8 && size >= FIRST as u64 + 8 {
        member(out, "sched_util_min");
        text::dec(out, f.u32(48));
        member(out, "sched_util_max");
        text::dec(out, f.u32(52));
        if size > FIRST as u64 + 8 {
            out.push_str(", ...");
        }
    }
    out.push('}');
}

/// Writes a set of CPUs or nodes: `[0 1]`.
pub(crate) fn bits(bytes: &[u8], out: &mut String) {
    out.push('[');
    let mut first = true;
    for (i, byte) in bytes.iter().enumerate() {
        for bit in (0..8).filter(|bit| byte >> bit & 1 != 0) {
            if !first {
                out.push(' ');
            }
            first = false;
            text::dec(out, (i * 8 + bit) as u64);
        }
    }
    out.push(']');
}

/// Writes a set of nodes as words: `[0x00000000000001]`.
pub(crate) fn nodes(view: &View<'_>, bytes: &[u8], out: &mut String) -> bool {
    let word = usize::from(view.abi.word());
    if bytes.len() < word {
        return false;
    }
    out.push('[');
    for (n, one) in bytes.chunks_exact(word).enumerate() {
        out.push_str(if n > 0 { ", " } else { "" });
        if n >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        let number = Fields::new(view.abi, one).ulong(0);
        // The prefix is within the width.
        let width = 2 * word;
        match number {
            0 => out.push_str(&format!("{number:0width$x}")),
            _ => out.push_str(&format!("{number:#0width$x}")),
        }
    }
    out.push(']');
    true
}

/// Writes what mincore(2) stores: of each page, whether it is in memory.
pub(super) fn pages(view: &View<'_>, i: usize, out: &mut String) -> bool {
    let region = view.region(i, Dir::Out).filter(|region| region.head.got > 0);
    let Some(bytes) = region.and_then(|region| view.bytes(&region, usize::MAX)) else {
        return false;
    };
    out.push('[');
    for (n, page) in bytes.iter().enumerate() {
        out.push_str(if n > 0 { ", " } else { "" });
        if n >= view.options.string_limit && !view.options.verbose {
            out.push_str("...");
            break;
        }
        out.push(if page & 1 != 0 { '1' } else { '0' });
    }
    out.push(']');
    true
}

/// Whether clone flags contain any of these constants.
fn has_any(view: &View<'_>, flags: u64, names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| render::constant(view.abi, &p::CLONE, name).is_some_and(|bit| flags & bit != 0))
}

/// Writes the arguments of clone(2) that are known at its entry, in strace's order. Returns whether
/// more follow at its exit.
pub(crate) fn clone_entry_arguments(view: &View<'_>, out: &mut String) -> bool {
    let at = |name| view.row.arg(name).map_or(0, |i| view.arg(i));
    member(out, "child_stack");
    text::pointer(out, at("newsp"));
    member(out, "flags");
    value::constant(view, ArgKind::Flags(&p::CLONE), at("clone_flags"), out);
    let more = [
        "CLONE_PARENT_SETTID",
        "CLONE_PIDFD",
        "CLONE_CHILD_SETTID",
        "CLONE_CHILD_CLEARTID",
        "CLONE_SETTLS",
    ];
    has_any(view, at("clone_flags"), &more)
}

/// Writes the arguments of clone(2) that are known at its exit.
pub(crate) fn clone_exit_arguments(view: &View<'_>, out: &mut String) {
    let at = |name| view.row.arg(name).map_or(0, |i| view.arg(i));
    let flags = at("clone_flags");
    for (name, bit) in [("parent_tid", "CLONE_PARENT_SETTID"), ("pidfd", "CLONE_PIDFD")] {
        if has_any(view, flags, &[bit]) {
            out.push_str(", ");
            out.push_str(name);
            out.push('=');
            match view.row.arg("parent_tidptr") {
                Some(i) => match view.region(i, Dir::Out).and_then(|region| view.bytes(&region, 4))
                {
                    Some(bytes) if bytes.len() == 4 => tid(&bytes, view, out),
                    _ => text::pointer(out, view.arg(i)),
                },
                None => out.push('?'),
            }
        }
    }
    if has_any(view, flags, &["CLONE_SETTLS"]) {
        out.push_str(", tls=");
        text::hex(out, at("tls"));
    }
    if has_any(view, flags, &["CLONE_CHILD_SETTID", "CLONE_CHILD_CLEARTID"]) {
        out.push_str(", child_tidptr=");
        text::pointer(out, at("child_tidptr"));
    }
}

fn tid(bytes: &[u8], view: &View<'_>, out: &mut String) {
    out.push('[');
    text::sdec(out, Fields::new(view.abi, bytes).i32(0));
    out.push(']');
}

/// Writes a `clone_args` (include/uapi/linux/sched.h): eleven 64-bit members; older callers pass
/// fewer.
pub(crate) fn clone_args(view: &View<'_>, i: usize, f: Fields<'_>, out: &mut String) {
    let flags = f.u64(0);
    out.push('{');
    member(out, "flags");
    value::constant(view, ArgKind::Flags(&p::CLONE3), flags, out);
    for (at, name, bits) in [
        (1, "pidfd", &["CLONE_PIDFD"][..]),
        (2, "child_tid", &["CLONE_CHILD_SETTID", "CLONE_CHILD_CLEARTID"]),
        (3, "parent_tid", &["CLONE_PARENT_SETTID"]),
    ] {
        if has_any(view, flags, bits) {
            member(out, name);
            text::pointer(out, f.u64(at * 8));
        }
    }
    member(out, "exit_signal");
    match i32::try_from(f.u64(32)).ok().and_then(signal_name) {
        Some(_) => value::value(view, ArgKind::Signal, 0, f.u64(32), out),
        None => text::dec(out, f.u64(32)),
    }
    member(out, "stack");
    text::pointer(out, f.u64(40));
    member(out, "stack_size");
    text::hex(out, f.u64(48));
    if has_any(view, flags, &["CLONE_SETTLS"]) {
        member(out, "tls");
        structures::segment_at(view, i, f.u64(56), out);
    }
    if f.u64(64) != 0 || f.u64(72) != 0 {
        member(out, "set_tid");
        match view
            .nested(i, 1, CLONE_SET_TID, Dir::In)
            // More namespaces do not nest (MAX_PID_NS_LEVEL).
            .filter(|_| f.u64(72) <= 32)
            .and_then(|region| view.bytes(&region, usize::MAX))
        {
            Some(bytes) => tids(view, &bytes, out),
            None => text::pointer(out, f.u64(64)),
        }
        member(out, "set_tid_size");
        text::dec(out, f.u64(72));
    }
    let into_cgroup = render::constant(view.abi, &p::CLONE3, "CLONE_INTO_CGROUP");
    if f.bytes.len() >= 88 && (f.u64(80) != 0 || into_cgroup.is_some_and(|bit| flags & bit != 0)) {
        member(out, "cgroup");
        text::dec(out, f.u64(80));
        value::fd_name(view, f.u64(80), out);
    }
    beyond(f.bytes, 88, view.given(i).as_ref(), out);
    out.push('}');
}

fn tids(view: &View<'_>, bytes: &[u8], out: &mut String) {
    out.push('[');
    for (i, one) in bytes.chunks_exact(4).enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        text::sdec(out, Fields::new(view.abi, one).i32(0));
    }
    out.push(']');
}

/// Whether clone3(2) writes something that its exit shows.
pub(crate) fn clone3_writes(view: &View<'_>, i: usize) -> bool {
    let bytes = view.region(i, Dir::In).and_then(|region| view.bytes(&region, usize::MAX));
    bytes.is_some_and(|b| {
        has_any(view, Fields::new(view.abi, &b).u64(0), &["CLONE_PIDFD", "CLONE_PARENT_SETTID"])
    })
}

fn succeeded(view: &View<'_>) -> bool {
    view.outcome.is_some_and(|outcome| !outcome.failed())
}

/// Writes what clone3(2) wrote: ` => {parent_tid=[123]}`.
pub(crate) fn clone3_results(view: &View<'_>, i: usize, out: &mut String) {
    let start = out.len();
    out.push_str(" => {");
    let given = view.region(i, Dir::In).and_then(|region| view.bytes(&region, usize::MAX));
    let given = given.unwrap_or_default();
    let f = Fields::new(view.abi, &given);
    for (name, index, at, bit) in [
        ("pidfd", CLONE_PIDFD, 8, "CLONE_PIDFD"),
        ("parent_tid", CLONE_TID, 24, "CLONE_PARENT_SETTID"),
    ] {
        if has_any(view, f.u64(0), &[bit]) && f.u64(at) == 0 && succeeded(view) {
            member(out, name);
            out.push_str("NULL");
        }
        let region = view.nested(i, 1, index, Dir::Out);
        if let Some(bytes) =
            region.and_then(|region| view.bytes(&region, 4)).filter(|bytes| bytes.len() == 4)
        {
            member(out, name);
            tid(&bytes, view, out);
        }
    }
    if out.ends_with('{') { out.truncate(start) } else { out.push('}') }
}

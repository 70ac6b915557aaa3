//! Chooses which arguments of a call are shown, in which order and at which stop. Most calls show
//! those of their row from left to right. For some an argument decides about later ones, and
//! clone(2) has strace's order.

use sysreel_abi::consts::{file, memory, open, process};
use sysreel_abi::{Abi, ArgKind, CallKind, Constants, Dir, render};

use super::{
    DONE, Meaning, View, file as file_form, futex, process as process_form, socket as socket_form,
    stat as stat_form,
};
use crate::text;

/// Writes the arguments that are known at the entry. Returns the position of the first one that is
/// not, for [`finish`].
pub(crate) fn begin(view: &View<'_>, out: &mut String) -> u8 {
    if view.row.kind == CallKind::Clone {
        return if process_form::clone_begins(view, out) { 0 } else { DONE };
    }
    write(view, 0, out)
}

/// Writes the arguments that were not known at the entry.
pub(crate) fn finish(view: &View<'_>, cursor: u8, out: &mut String) {
    if cursor == DONE {
        return;
    }
    match view.row.kind {
        CallKind::Clone => process_form::clone_ends(view, out),
        CallKind::Clone3 => {
            process_form::clone3_wrote(view, 0, out);
            out.push_str(", ");
            write(view, 1, out);
        }
        _ => {
            write(view, usize::from(cursor), out);
        }
    }
}

/// Writes the arguments from position `from` on. At an entry it stops at the first one that must
/// wait for the exit, and returns its position.
fn write(view: &View<'_>, from: usize, out: &mut String) -> u8 {
    let chosen = if view.row.kind == CallKind::Futex && view.row.args.len() == 6 {
        Some(futex::arguments(view))
    } else {
        None
    };
    let n = chosen.map_or_else(|| count(view), <[u8]>::len);
    for at in from..n {
        if is_second_half(view, at) {
            continue;
        }
        if at > from {
            out.push_str(", ");
        }
        let i = chosen.and_then(|chosen| chosen.get(at)).map_or(at, |i| usize::from(*i));
        let meaning = view.meaning(i);
        if view.exit.is_none() && view.waits(meaning) {
            return u8::try_from(at).unwrap_or(DONE);
        }
        view.argument(i, meaning, out);
        if view.row.kind == CallKind::Clone3
            && view.exit.is_none()
            && i == 0
            && process_form::clone3_writes(view, 0)
        {
            return 0;
        }
    }
    DONE
}

/// Whether an argument is the second register of a split number, which is shown with the first. On
/// 64-bit ABIs the first register holds all bits and the kernel shifts the second one out
/// (pos_from_hilo, fs/read_write.c).
fn is_second_half(view: &View<'_>, at: usize) -> bool {
    let before = view.row.args.iter().take(at + 1).rev();
    let halves = before.take_while(|arg| matches!(arg.kind, ArgKind::Half)).count();
    halves > 0 && halves % 2 == 0
}

/// Writes a number that 32-bit ABIs pass in two registers: low half first, unless the argument's
/// name says `_high`.
fn halves(view: &View<'_>, i: usize, out: &mut String) {
    let (first, second) = (view.arg(i), view.arg(i + 1));
    if view.abi != Abi::I386 {
        return text::sdec(out, first.cast_signed());
    }
    let upper_first = view.row.args.get(i).is_some_and(|arg| arg.name.ends_with("_high"));
    let (low, high) = if upper_first { (second, first) } else { (first, second) };
    text::sdec(out, (high << 32 | low & 0xffff_ffff).cast_signed());
}

/// Returns the number of arguments to show.
fn count(view: &View<'_>) -> usize {
    let row = view.row;
    let all = row.args.len();
    let is =
        |list: &Constants, value: u64, names: &[&str]| names.contains(&name(view.abi, list, value));
    match row.kind {
        CallKind::Open => match (row.arg("flags").or(row.arg("oflag")), row.arg("mode")) {
            (Some(flags), Some(mode)) if !makes_file(view.abi, view.arg(flags)) => mode,
            _ => all,
        },
        CallKind::Fcntl => {
            let alone = [
                "F_GETFD",
                "F_GETFL",
                "F_GETOWN",
                "F_GETSIG",
                "F_GETLEASE",
                "F_GETPIPE_SZ",
                "F_GET_SEALS",
            ];
            if is(&file::FCNTL, view.arg(1), &alone) { 2 } else { all }
        }
        CallKind::Ioctl => {
            let alone = [
                "FIOCLEX",
                "FIONCLEX",
                "TIOCNOTTY",
                "TIOCEXCL",
                "TIOCNXCL",
                "TIOCSBRK",
                "TIOCCBRK",
            ];
            if is(&sysreel_abi::consts::ioctl::IOCTL, view.arg(1), &alone) { 2 } else { all }
        }
        CallKind::Mremap => {
            let flags = view.arg(3);
            let fixed = ["MREMAP_FIXED", "MREMAP_DONTUNMAP"].iter().any(|name| {
                render::constant(view.abi, &memory::MREMAP, name)
                    .is_some_and(|bit| flags & bit != 0)
            });
            if fixed { all } else { 4 }
        }
        CallKind::Mknod => {
            // Only device nodes have a device number (include/uapi/linux/stat.h).
            let mode = row.arg("mode").map_or(0, |i| view.arg(i)) & 0o170_000;
            if matches!(mode, 0o020_000 | 0o060_000) { all } else { all.saturating_sub(1) }
        }
        CallKind::Ptrace => match name(view.abi, &process::PTRACE, view.arg(0)) {
            "PTRACE_TRACEME" => 1,
            "PTRACE_ATTACH" | "PTRACE_INTERRUPT" | "PTRACE_KILL" | "PTRACE_LISTEN" => 2,
            _ => all,
        },
        CallKind::Prctl => prctl(name(view.abi, &process::PRCTL, view.arg(0))).unwrap_or(all),
        _ => all,
    }
}

/// Returns how many arguments an option of prctl(2) takes; `None` if unknown.
fn prctl(option: &str) -> Option<usize> {
    Some(match option {
        "PR_GET_DUMPABLE"
        | "PR_GET_KEEPCAPS"
        | "PR_GET_SECCOMP"
        | "PR_GET_TIMERSLACK"
        | "PR_GET_SECUREBITS"
        | "PR_GET_TIMING"
        | "PR_TASK_PERF_EVENTS_DISABLE"
        | "PR_TASK_PERF_EVENTS_ENABLE" => 1,
        "PR_SET_NAME"
        | "PR_GET_NAME"
        | "PR_SET_DUMPABLE"
        | "PR_SET_KEEPCAPS"
        | "PR_SET_PDEATHSIG"
        | "PR_GET_PDEATHSIG"
        | "PR_CAPBSET_READ"
        | "PR_CAPBSET_DROP"
        | "PR_SET_CHILD_SUBREAPER"
        | "PR_GET_CHILD_SUBREAPER"
        | "PR_SET_TIMERSLACK"
        | "PR_SET_TSC"
        | "PR_GET_TSC"
        | "PR_SET_SECUREBITS"
        | "PR_SET_PTRACER"
        | "PR_GET_TID_ADDRESS" => 2,
        "PR_SET_SECCOMP" => 3,
        _ => return None,
    })
}

/// Returns the name of a value in a list of constants; empty if it has none.
fn name(abi: Abi, list: &Constants, value: u64) -> &'static str {
    let _ = abi;
    let value = value & 0xffff_ffff;
    list.items.iter().find(|(_, v)| *v & 0xffff_ffff == value).map_or("", |(name, _)| *name)
}

/// Whether flags of open(2) create a file, so that its mode matters.
pub(crate) fn makes_file(abi: Abi, flags: u64) -> bool {
    ["O_CREAT", "__O_TMPFILE"]
        .iter()
        .any(|name| render::constant(abi, &open::OPEN, name).is_some_and(|bit| flags & bit != 0))
}

/// Writes an argument that this call shows in another way than its kind says. Returns whether it
/// did.
pub(super) fn special(view: &View<'_>, i: usize, (kind, mem): Meaning, out: &mut String) -> bool {
    let value = view.arg(i);
    match (view.row.kind, kind) {
        (CallKind::Futex, _) if view.row.args.len() == 6 => return futex::argument(view, i, out),
        (CallKind::Stat, ArgKind::Flags(_)) if view.row.arg("mask") == Some(i + 1) => {
            stat_form::sync_flags(view, kind, value, out)
        }
        (CallKind::Rseq, ArgKind::Uint) => text::hex(out, value & 0xffff_ffff),
        (_, ArgKind::Half) => halves(view, i, out),
        _ if value == 0 => return false,
        // rseq(2) registers the area for later use by the kernel: its contents are no argument.
        (CallKind::Rseq, ArgKind::Buf) => text::pointer(out, value),
        (CallKind::ReadDir, ArgKind::Buf) => file_form::directory(view, i, out),
        (CallKind::Pair, ArgKind::Buf) => return socket_form::pair(view, i, out),
        (_, ArgKind::Buf)
            if view.row.args.iter().any(|arg| matches!(arg.kind, ArgKind::SockOpt)) =>
        {
            return socket_form::option(view, i, mem, out);
        }
        (CallKind::Poll, _) if mem.is_some_and(|mem| mem.dir == Dir::InOut) => {
            polled(view, i, kind, out)
        }
        _ => return false,
    }
    true
}

/// Writes what poll(2) or select(2) waits for. The outcome follows the result.
fn polled(view: &View<'_>, i: usize, kind: ArgKind, out: &mut String) {
    let Some(region) = view.region(i, Dir::In) else {
        match kind {
            ArgKind::Array(_) if view.arg(1) == 0 => out.push_str("[]"),
            _ => text::pointer(out, view.arg(i)),
        }
        return;
    };
    let bytes = view.bytes(&region, usize::MAX).filter(|_| region.head.got > 0);
    let shown = match (bytes, kind) {
        (Some(bytes), ArgKind::Array(layout)) => {
            super::layouts::readable(view, layout, &bytes, &region, i, out)
        }
        (Some(bytes), ArgKind::Struct(layout)) => {
            super::layouts::structure(view, layout, &bytes, i, out)
        }
        (Some(bytes), ArgKind::FdSet) => {
            super::poll::fd_set(view, &bytes, out);
            true
        }
        _ => false,
    };
    if !shown {
        view.unreadable(i, &region, out);
    }
}

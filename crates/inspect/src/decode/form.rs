//! Chooses which arguments of a call are shown, in which order and at which stop. Most calls show
//! those of their row from left to right. For some an argument decides about later ones, and
//! clone(2) has strace's order.

use sysreel_abi::consts::{file, memory, process as p, uapi};
use sysreel_abi::{ArgKind, CallKind, Constants, Row, Special, keyctl, prctl, render};

use super::argument::argument;
use super::value::creates_file;
use super::view::View;
use super::{futex, ioctl, process, quota, signal};
use crate::style::Arguments;
use crate::text;

/// The cursor of a call whose arguments are all written.
pub(crate) const DONE: u8 = u8::MAX;

/// Writes the arguments that are known at the entry. Returns the position of the first one that is
/// not, for [`finish`].
pub(crate) fn begin(view: &View<'_>, out: &mut String) -> u8 {
    if view.options.arguments == Arguments::Raw {
        registers(view.args.iter().take(view.row.args.len()), out);
        return DONE;
    }
    if view.row.kind == CallKind::Clone {
        return if process::clone_entry_arguments(view, out) { 0 } else { DONE };
    }
    if view.row.kind == CallKind::SigReturn {
        signal::restored_mask(view, out);
        return DONE;
    }
    write_from(view, 0, out)
}

/// Writes the arguments that were not known at the entry.
pub(crate) fn finish(view: &View<'_>, cursor: u8, out: &mut String) {
    if cursor == DONE {
        return;
    }
    match view.row.kind {
        CallKind::Clone => process::clone_exit_arguments(view, out),
        CallKind::Clone3 => {
            process::clone3_results(view, 0, out);
            out.push_str(", ");
            write_from(view, 1, out);
        }
        _ => {
            write_from(view, usize::from(cursor), out);
        }
    }
}

/// Writes one argument.
pub(crate) fn one(view: &View<'_>, i: usize, out: &mut String) {
    argument(view, i, view.meaning(i), out);
}

/// Writes the six registers of a call without a row.
pub(crate) fn unknown_arguments(six: [u64; 6], out: &mut String) {
    registers(six.iter(), out);
}

fn registers<'a>(values: impl Iterator<Item = &'a u64>, out: &mut String) {
    for (i, value) in values.enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        text::hex(out, *value);
    }
}

/// Writes the arguments from position `from` on. At an entry it stops at the first one that must
/// wait for the exit, and returns its position.
fn write_from(view: &View<'_>, from: usize, out: &mut String) -> u8 {
    let chosen = match view.row.kind {
        CallKind::Futex if view.row.args.len() == 6 => Some(futex::arguments(view)),
        CallKind::Quota => Some(quota::arguments(view)),
        CallKind::Ptrace if moves_registers(view) => Some(&[0, 1, 3][..]),
        // The kernel ignores what precedes the mask of i386's sigsuspend.
        CallKind::SigMask if view.row.name == "sigsuspend" => Some(&[2][..]),
        _ => None,
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
        if view.exit.is_none() && view.needs_exit(meaning) {
            return u8::try_from(at).unwrap_or(DONE);
        }
        argument(view, i, meaning, out);
        if view.row.kind == CallKind::Clone3
            && view.exit.is_none()
            && i == 0
            && process::clone3_writes(view, 0)
        {
            return 0;
        }
    }
    DONE
}

/// Whether a request of ptrace(2) copies registers, for which its address means nothing.
fn moves_registers(view: &View<'_>) -> bool {
    let registers = [
        "PTRACE_GETREGS",
        "PTRACE_SETREGS",
        "PTRACE_GETFPREGS",
        "PTRACE_SETFPREGS",
        "PTRACE_GETFPXREGS",
        "PTRACE_SETFPXREGS",
    ];
    registers.contains(&name(&p::PTRACE, view.arg(0)))
}

/// Whether an argument is the second register of a split number, which is shown with the first. On
/// 64-bit ABIs the first register holds all bits and the kernel shifts the second one out
/// (pos_from_hilo, fs/read_write.c).
fn is_second_half(view: &View<'_>, at: usize) -> bool {
    let before = view.row.args.iter().take(at + 1).rev();
    let halves = before.take_while(|arg| matches!(arg.kind, ArgKind::Half)).count();
    halves > 0 && halves % 2 == 0
}

/// Returns the number of arguments to show.
fn count(view: &View<'_>) -> usize {
    let row = view.row;
    let all = row.args.len();
    let is = |list: &Constants, value: u64, names: &[&str]| names.contains(&name(list, value));
    match row.kind {
        CallKind::Open => match (row.arg("flags").or(row.arg("oflag")), row.arg("mode")) {
            (Some(flags), Some(mode)) if !creates_file(view.abi, view.arg(flags)) => mode,
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
        CallKind::Ioctl if ioctl::is_lone(view.abi, view.arg(1)) => 2,
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
        CallKind::Other if row.arg("idx1").is_some() => compared(view).unwrap_or(all),
        CallKind::ReadDir if row.name == "readdir" => 2,
        CallKind::Other if is_syslog(row) => match name(&uapi::SYSLOG, view.arg(0)) {
            "SYSLOG_ACTION_READ"
            | "SYSLOG_ACTION_READ_ALL"
            | "SYSLOG_ACTION_READ_CLEAR"
            | "SYSLOG_ACTION_CONSOLE_LEVEL"
            | "" => all,
            _ => 1,
        },
        CallKind::Other if row.arg("magic2").is_some() => {
            if name(&p::REBOOT, view.arg(2)) == "LINUX_REBOOT_CMD_RESTART2" { all } else { 3 }
        }
        CallKind::Ptrace => match name(&p::PTRACE, view.arg(0)) {
            "PTRACE_TRACEME" => 1,
            "PTRACE_ATTACH" | "PTRACE_INTERRUPT" | "PTRACE_KILL" | "PTRACE_LISTEN" => 2,
            _ => all,
        },
        CallKind::Other if is_keyctl(row) => keyctl::count(view.arg(0)),
        CallKind::Prctl => prctl::count(&view.args).unwrap_or(all),
        CallKind::ArchState if name(&p::ARCH_PRCTL, view.arg(0)) == "ARCH_GET_CPUID" => 1,
        _ => all,
    }
}

/// Returns how many arguments kcmp(2) takes if it compares whole tasks.
fn compared(view: &View<'_>) -> Option<usize> {
    let whole = ["KCMP_VM", "KCMP_FILES", "KCMP_FS", "KCMP_SIGHAND", "KCMP_IO", "KCMP_SYSVSEM"];
    whole.contains(&name(&p::KCMP, view.arg(2))).then_some(3)
}

fn is_keyctl(row: &Row) -> bool {
    let second = row.args.get(1).and_then(|arg| arg.mem).and_then(|mem| mem.special());
    matches!(second, Some(Special::Keyctl))
}

fn is_syslog(row: &Row) -> bool {
    matches!(row.args.first().map(|arg| arg.kind), Some(ArgKind::Enum(list))
        if std::ptr::eq(list, &uapi::SYSLOG))
}

/// Returns the name of a value in a list of constants; empty if it has none.
fn name(list: &Constants, value: u64) -> &'static str {
    let value = value & 0xffff_ffff;
    list.items.iter().find(|(_, v)| *v & 0xffff_ffff == value).map_or("", |(name, _)| *name)
}

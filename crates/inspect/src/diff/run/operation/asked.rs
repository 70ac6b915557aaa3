//! What a call asks for besides its names: permissions, locks, rights.

use std::cell::Cell;

use sysreel_abi::attributes::lock_change;
use sysreel_abi::{ArgKind, CallKind, Dir, Row, intent};

use super::super::names::{NameId, Names, Sort};
use super::case::Case;
use crate::decode;
use crate::style::Style;

/// The word for a call that unlocks, which is no effect: what was locked is.
pub(super) const UNLOCKS: &str = "unlock";

/// Returns the permissions that the umask leaves a new file, and flags: `0600,O_EXCL`. None for a
/// call that failed.
pub(super) fn permissions(case: &Case<'_>, flags: &[&str], names: &mut Names) -> NameId {
    let call = &case.call;
    let structure =
        |arg| case.finished.open.memory.find(arg, call.role, 0).and_then(|region| region.inline());
    let mode = intent::creation_mode(call.abi, call.row, &call.args, structure);
    let Some(mode) = mode.filter(|_| !case.failed()) else { return NameId::default() };
    let umask = case.tracker.process(case.finished.task).and_then(|process| process.umask());
    let mode = mode & 0o7777 & !u64::from(umask.unwrap_or(0));
    let mut text = format!("{mode:04o}");
    for flag in flags {
        text.push(',');
        text.push_str(flag);
    }
    names.id(Sort::Word, text.as_bytes())
}

/// Returns what a call does to a lock; `None` if it does nothing to locks.
pub(super) fn lock(case: &Case<'_>) -> Option<&'static str> {
    let call = &case.call;
    let region = case.finished.open.memory.find(2, call.role, 0);
    let structure = region.as_ref().and_then(|region| region.inline());
    let change = lock_change(call.abi, call.row, &call.args, structure)?;
    Some(match change.exclusive {
        Some(true) => "exclusive",
        Some(false) => "shared",
        None => UNLOCKS,
    })
}

/// Returns a call with the arguments that mean the same in two runs.
pub(super) fn call(case: &Case<'_>, names: &mut Names) -> Option<NameId> {
    let arguments = text(case);
    let name = case.call.row.name;
    (!arguments.is_empty())
        .then(|| names.id(Sort::Request, format!("{name} {arguments}").as_bytes()))
}

/// Returns the arguments of a call that mean the same in two runs.
pub(super) fn arguments(case: &Case<'_>, names: &mut Names) -> NameId {
    match text(case) {
        text if text.is_empty() => NameId::default(),
        text => names.id(Sort::Request, text.as_bytes()),
    }
}

fn text(case: &Case<'_>) -> String {
    let (call, lost) = (&case.call, Cell::new(0));
    let options = Style { string_limit: usize::MAX, verbose: true, ..Style::default() };
    let view = decode::View {
        abi: call.abi,
        row: call.row,
        args: call.args,
        role: call.role,
        entry: &case.finished.open.memory,
        exit: None,
        outcome: None,
        options: &options,
        fds: None,
        buffers: case.buffers,
        lost: &lost,
    };
    let mut parts = Vec::new();
    // The time to which a clock is set differs from run to run.
    if intent::sets_clock(call.row) {
        return String::new();
    }
    for at in 0..intent::used_args(call.abi, call.row, &call.args) {
        let (kind, mem) = view.meaning(at);
        let shown = match mem {
            None => is_value(kind, call.args[at]) && !is_leftover(call.row, at, kind),
            // Programs for the kernel contain addresses.
            Some(mem) => {
                mem.dir == Dir::In
                    && !matches!(call.row.kind, CallKind::Seccomp | CallKind::Prctl)
                    && !matches!(kind, ArgKind::Ptr | ArgKind::Iovec)
            }
        };
        let mut text = String::new();
        if shown {
            decode::one(&view, at, &mut text);
        }
        // Memory that was not captured, or nothing.
        if !text.is_empty() && !(mem.is_some() && (text.starts_with("0x") || text == "NULL")) {
            parts.push(text);
        }
    }
    parts.join(",")
}

/// Whether the command of a call ignores this argument, so that its value is a leftover of other
/// code.
pub(crate) fn is_leftover(row: &Row, at: usize, kind: ArgKind) -> bool {
    let varies = row.args.get(at).is_some_and(|arg| matches!(arg.kind, ArgKind::Varies));
    varies && matches!(kind, ArgKind::Hex)
}

/// Whether equal values mean the same in two runs.
pub(crate) fn is_value(kind: ArgKind, value: u64) -> bool {
    let is_negative = value & 0x8000_0000 != 0;
    match kind {
        // A negative one is the clock of a process.
        ArgKind::Clock => !is_negative,
        // A negative one is a certain keyring.
        ArgKind::KeySerial => is_negative,
        _ => !is_local(kind),
    }
}

/// Whether values of this kind are valid in one run only, or are not compared by their number.
fn is_local(kind: ArgKind) -> bool {
    matches!(
        kind,
        ArgKind::Fd
            | ArgKind::DirFd
            | ArgKind::Pid
            | ArgKind::Handle
            | ArgKind::IpcId
            | ArgKind::Addr
            | ArgKind::Ptr
            | ArgKind::Varies
            | ArgKind::Never
    )
}

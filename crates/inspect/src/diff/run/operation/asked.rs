//! What a call asks for besides its names: permissions, locks, rights.

use std::cell::Cell;

use sysreel_abi::attributes::{self, LockChange};
use sysreel_abi::render::flags_text;
use sysreel_abi::{ArgKind, CallKind, Dir, Row, intent};

use super::super::names::{NameId, Names, Sort};
use super::case::Case;
use crate::decode;
use crate::style::Style;
use crate::text;

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
    let permissions = mode & 0o7777 & !u64::from(umask.unwrap_or(0));
    let mut text = format!("{permissions:04o}");
    let device = call.row.arg("dev").and_then(|at| call.args.get(at)).copied().unwrap_or(0);
    let special = match call.row.kind {
        CallKind::Mknod => intent::special_file(mode, device),
        _ => String::new(),
    };
    for flag in flags.iter().copied().chain([special.as_str()]).filter(|flag| !flag.is_empty()) {
        text.push(',');
        text.push_str(flag);
    }
    names.id(Sort::Word, text.as_bytes())
}

/// Returns how a call changes a lock; `None` if it does nothing to locks.
pub(crate) fn lock_change(case: &Case<'_>) -> Option<LockChange> {
    let call = &case.call;
    let region = case.finished.open.memory.find(2, call.role, 0);
    let structure = region.as_ref().and_then(|region| region.inline());
    attributes::lock_change(call.abi, call.row, &call.args, structure)
}

/// Returns what a call does to a lock, and of which bytes if not of the whole file; `None` if it
/// does nothing to locks.
pub(super) fn lock(case: &Case<'_>) -> Option<String> {
    let change = self::lock_change(case)?;
    let how = match change.exclusive {
        Some(true) => "exclusive",
        Some(false) => "shared",
        None => return Some(UNLOCKS.to_owned()),
    };
    Some(match change.range {
        Some((0, u64::MAX)) => how.to_owned(),
        Some((first, u64::MAX)) => format!("{how},bytes={first}-"),
        Some((first, last)) => format!("{how},bytes={first}-{last}"),
        // From the offset or the end of the file.
        None => format!("{how},bytes=relative"),
    })
}

/// Returns the name of the extended attribute that a call sets, with a `-` if it removes it.
pub(super) fn xattr(case: &Case<'_>, names: &mut Names) -> NameId {
    let call = &case.call;
    let at = call.row.arg("name").and_then(|at| u8::try_from(at).ok());
    let region = at.and_then(|at| case.finished.open.memory.find(at, call.role, 0));
    let Some(bytes) = region.and_then(|region| region.bytes(case.buffers, usize::MAX)) else {
        return NameId::default();
    };
    let sign: &[u8] = if intent::removes_xattr(call.row) { b"-" } else { b"" };
    names.id(Sort::Text, &[sign, text::until_nul(&bytes)].concat())
}

/// Returns the permissions and flags with which a call gets an IPC object: `0600,IPC_CREAT`. The
/// umask counts for message queues only, which are files.
pub(super) fn ipc_flags(case: &Case<'_>, at: usize, names: &mut Names) -> NameId {
    let call = &case.call;
    let value = call.args.get(at).copied().unwrap_or(0) & 0xffff_ffff;
    let (mut flags, mut mode) = (value, value & 0o777);
    if call.row.kind == CallKind::Open {
        let umask = case.tracker.process(case.finished.task).and_then(|process| process.umask());
        let given = call.row.arg("mode").and_then(|at| call.args.get(at)).copied().unwrap_or(0);
        mode = given & 0o777 & !u64::from(umask.unwrap_or(0));
    } else {
        flags &= !0o777;
    }
    let mut text = format!("{mode:04o}");
    let mut named = String::new();
    if let Some(ArgKind::Flags(list)) = call.row.args.get(at).map(|arg| arg.kind) {
        flags_text(call.abi, list, flags, &mut named);
    }
    for flag in named.split('|').filter(|flag| !matches!(*flag, "" | "0" | "O_CLOEXEC")) {
        text.push(',');
        text.push_str(flag);
    }
    names.id(Sort::Word, text.as_bytes())
}

/// Returns a call with the arguments that mean the same in two runs.
/// `paths` are where path arguments lead.
pub(super) fn call(
    case: &Case<'_>,
    paths: [Option<(usize, NameId)>; 2],
    names: &mut Names,
) -> Option<NameId> {
    let leads =
        |(at, name): (usize, NameId)| (at, String::from_utf8_lossy(names.raw(name)).into_owned());
    let arguments = shown_arguments(case, &paths.map(|path| path.map(leads)));
    let name = case.call.row.name;
    (!arguments.is_empty())
        .then(|| names.id(Sort::Request, format!("{name} {arguments}").as_bytes()))
}

/// Whether an argument has a slash, so that it is surely a path.
pub(super) fn is_path(case: &Case<'_>, at: usize) -> bool {
    let at = u8::try_from(at).unwrap_or(u8::MAX);
    let region = case.finished.open.memory.find(at, case.call.role, 0);
    let bytes = region.and_then(|region| region.bytes(case.buffers, usize::MAX));
    bytes.is_some_and(|bytes| text::until_nul(&bytes).contains(&b'/'))
}

/// Returns the arguments of a call that mean the same in two runs.
pub(super) fn arguments(case: &Case<'_>, names: &mut Names) -> NameId {
    match shown_arguments(case, &[None, None]) {
        text if text.is_empty() => NameId::default(),
        text => names.id(Sort::Request, text.as_bytes()),
    }
}

fn shown_arguments(case: &Case<'_>, paths: &[Option<(usize, String)>; 2]) -> String {
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
        netlink: None,
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
        if let Some((_, leads)) = paths.iter().flatten().find(|(of, _)| *of == at) {
            text.push_str(leads);
        } else if shown {
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

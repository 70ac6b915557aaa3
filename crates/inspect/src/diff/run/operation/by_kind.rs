//! Turns the kind of a call into an operation on names.

use sysreel_abi::{ArgKind, CallKind, intent};

use super::super::names::{NameId, Names, Sort};
use super::asked;
use super::case::{Case, RowInfo, file_name};
use super::classified::{Making, Operation};
use super::network::network;
use super::reached;
use crate::diff::effect::Op;
use crate::state::Made;
use crate::text;

/// Returns the name for a mode, an id or the like.
fn word(names: &mut Names, text: &str) -> NameId {
    names.id(Sort::Word, text.as_bytes())
}

/// Returns the operation of calls that have a single name.
fn simple(case: &Case<'_>) -> Option<(Op, Making)> {
    let call = &case.call;
    let op = match call.row.kind {
        CallKind::Exec => Op::Exec,
        CallKind::Stat | CallKind::Access | CallKind::ReadLink => Op::Stat,
        CallKind::ReadDir => Op::List,
        CallKind::Unlink | CallKind::Rmdir
            if intent::removes_directory(call.abi, call.row, &call.args) =>
        {
            Op::Rmdir
        }
        CallKind::Unlink => Op::Unlink,
        CallKind::Mkdir => return Some((Op::Mkdir, Making::First)),
        CallKind::Mknod => return Some((Op::Mknod, Making::First)),
        CallKind::Truncate => Op::Truncate,
        CallKind::Utime => Op::Utime,
        CallKind::SetXattr => Op::Xattr,
        // A part of a file may be lost all the same.
        CallKind::Sync if intent::flushes(call.row) == Some(intent::Flush::Nothing) => return None,
        CallKind::Sync => Op::Sync,
        CallKind::Chdir | CallKind::Fchdir => Op::Chdir,
        _ => return None,
    };
    Some((op, Making::Nothing))
}

/// Returns an operation on one name, with the result of the call.
pub(super) fn plain(case: &Case<'_>, op: Op, first: NameId) -> Operation {
    Operation {
        op,
        first,
        second: NameId::default(),
        errno: case.errno(),
        effect: op.is_effect(),
        makes: Making::Nothing,
        grants: NameId::default(),
        flags: NameId::default(),
        opens: case.call.row.kind == CallKind::Open,
        requested: NameId::default(),
    }
}

pub(super) fn operation(
    case: &Case<'_>,
    info: &RowInfo,
    first: Option<NameId>,
    second: Option<NameId>,
    names: &mut Names,
) -> Operation {
    let call = &case.call;
    let subject = |names: &mut Names| {
        first.or_else(|| descriptor_name(case, info.fd, names)).unwrap_or_default()
    };
    let plain = |op, first| plain(case, op, first);
    let with_second = |op| Operation {
        second: second.unwrap_or_default(),
        makes: Making::Second,
        ..plain(op, first.unwrap_or_default())
    };
    if let Some((op, makes)) = simple(case) {
        // fstat and the like say nothing about names.
        let effect = op.is_effect() && (op != Op::Stat || first.is_some());
        let grants = match makes {
            Making::First => asked::permissions(case, &[], names),
            _ => NameId::default(),
        };
        let second = match op {
            Op::Xattr => asked::xattr(case, names),
            _ => NameId::default(),
        };
        return Operation { makes, effect, grants, second, ..plain(op, subject(names)) };
    }
    match call.row.kind {
        CallKind::Open => complete_open(case, plain(Op::Read, first.unwrap_or_default()), names),
        CallKind::Read => via_descriptor(case, Some(0), plain(Op::Read, NameId::default()), names),
        CallKind::Write => {
            let to = intent::data_fds(call.row).1;
            via_descriptor(case, to, plain(Op::Write, NameId::default()), names)
        }
        CallKind::Rename => with_second(Op::Rename),
        CallKind::Link => {
            let named = with_second(Op::Link);
            let first = reached::linked_descriptor(case, names).unwrap_or(named.first);
            Operation { first, ..named }
        }
        // The target comes first. It is not looked up by this call.
        CallKind::Symlink => {
            Operation { first: link_target(case, names), ..with_second(Op::Symlink) }
        }
        CallKind::Chmod => {
            Operation { second: mode(case, names), ..plain(Op::Chmod, subject(names)) }
        }
        CallKind::Chown => {
            Operation { second: credentials(case, names), ..plain(Op::Chown, subject(names)) }
        }
        CallKind::Mmap if intent::maps_to_write(call.abi, call.row, &call.args) => {
            let fd = call.row.arg("fd").and_then(|at| u8::try_from(at).ok());
            plain(Op::Write, descriptor_name(case, fd, names).unwrap_or_default())
        }
        CallKind::Fork | CallKind::Vfork | CallKind::Clone | CallKind::Clone3 => {
            plain(Op::Fork, NameId::default())
        }
        CallKind::Kill => signal(case, plain(Op::Signal, NameId::default()), names),
        _ => {
            let subject = subject(names);
            rights(case, info, subject, names)
                .unwrap_or_else(|| other(case, info, ([first, second], subject), names))
        }
    }
}

/// Returns the operation of calls that lock a file, or set ids or attributes.
fn rights(
    case: &Case<'_>,
    info: &RowInfo,
    subject: NameId,
    names: &mut Names,
) -> Option<Operation> {
    let call = &case.call;
    match call.row.kind {
        CallKind::SetCreds => {
            let second = match credentials(case, names) {
                id if id == NameId::default() => asked::arguments(case, names),
                id => id,
            };
            Some(Operation { second, ..plain(case, Op::Creds, info.name) })
        }
        CallKind::Lock | CallKind::Fcntl => {
            let lock = asked::lock(case)?;
            let effect = lock != asked::UNLOCKS;
            Some(Operation { second: word(names, &lock), effect, ..plain(case, Op::Lock, subject) })
        }
        _ if intent::sets_file_attributes(call.abi, call.row, &call.args) => {
            let second = asked::arguments(case, names);
            Some(Operation { second, ..plain(case, Op::Xattr, subject) })
        }
        _ => None,
    }
}

/// Returns the operation of calls that use the network, change rights, or do nothing that is told
/// apart.
fn other(
    case: &Case<'_>,
    info: &RowInfo,
    (paths, subject): ([Option<NameId>; 2], NameId),
    names: &mut Names,
) -> Operation {
    let call = &case.call;
    if let Some((op, name)) = network(case, names) {
        let outcome = case.finished.outcome;
        let goes_on = op == Op::Connect && intent::in_progress(outcome.rval, outcome.failed());
        return Operation {
            errno: if goes_on { 0 } else { case.errno() },
            ..plain(case, op, name)
        };
    }
    if call.row.kind == CallKind::Send {
        return via_descriptor(case, Some(0), plain(case, Op::Write, NameId::default()), names);
    }
    let confines = || intent::confines(call.abi, call.row, &call.args);
    match info.privileged.or_else(|| confines().map(|area| word(names, area))) {
        Some(area) => kernel(case, (area, paths), info, names),
        None => Operation { second: subject, ..plain(case, Op::Call, info.name) },
    }
}

/// Returns an operation on the kernel or on the rights of the caller: its area, then the call with
/// what it asks for.
fn kernel(
    case: &Case<'_>,
    (area, paths): (NameId, [Option<NameId>; 2]),
    info: &RowInfo,
    names: &mut Names,
) -> Operation {
    // What is mounted need not be a path: `tmpfs`.
    let device = case.call.row.arg("dev_name");
    let leads = [0, 1].map(|path| {
        let (at, name) = (usize::from(info.paths[path]?.0), paths[path]?);
        let is_path = device != Some(at) || asked::is_path(case, at);
        is_path.then_some((at, name))
    });
    let second = asked::call(case, leads, names).unwrap_or(info.name);
    Operation { second, ..plain(case, Op::Kernel, area) }
}

/// Returns the name of a descriptor argument.
fn descriptor_name(case: &Case<'_>, at: Option<u8>, names: &mut Names) -> Option<NameId> {
    let file = case.file(usize::from(at?))?;
    Some(file_name(&file, names))
}

/// Completes an operation through a descriptor. It is an effect only if the descriptor was
/// inherited: otherwise opening it was the effect, or creating the socket.
fn via_descriptor(
    case: &Case<'_>,
    at: Option<usize>,
    operation: Operation,
    names: &mut Names,
) -> Operation {
    match at.and_then(|at| case.file(at)) {
        Some(file) => {
            let effect = matches!(file.made, Made::Before(_)) && !file.is_socket();
            Operation { effect, first: file_name(&file, names), ..operation }
        }
        None => Operation { effect: false, ..operation },
    }
}

fn mode(case: &Case<'_>, names: &mut Names) -> NameId {
    let mode = case
        .call
        .row
        .arg("mode")
        .and_then(|at| case.call.args.get(at))
        .map_or(0, |mode| mode & 0o7777);
    word(names, &format!("{mode:04o}"))
}

/// Completes the operation of an open. Opening a directory counts as `stat`; reading its entries is
/// `list`.
fn complete_open(case: &Case<'_>, plain: Operation, names: &mut Names) -> Operation {
    let call = &case.call;
    let structure =
        |arg| case.finished.open.memory.find(arg, call.role, 0).and_then(|region| region.inline());
    let Some(how) = intent::opening(call.abi, call.row, &call.args, structure) else {
        return plain;
    };
    let fd = i32::try_from(case.finished.outcome.rval).ok().filter(|_| !case.failed());
    let file = fd.and_then(|fd| case.tracker.file(case.finished.task, fd));
    let directory = how.directory() || file.as_ref().is_some_and(|file| file.is_directory());
    let is_special = file.as_ref().is_some_and(|file| file.is_special());
    let name = match file {
        // A log without names: use the path of the call.
        Some(file) if file.link.is_empty() => {
            file.tag.set(plain.first.0.into());
            plain.first
        }
        Some(file) => file_name(&file, names),
        None => plain.first,
    };
    if how.unnamed() {
        let grants = asked::permissions(case, &how.flags().collect::<Vec<_>>(), names);
        let first = names.id(Sort::Descriptor, b"<nameless>");
        return Operation { op: Op::Write, first, grants, ..plain };
    }
    let (op, makes) = match (how.writes() || how.creates(), how.exclusive()) {
        (true, true) => (Op::Write, Making::First),
        (true, false) if how.creates() => (Op::Write, Making::Perhaps),
        (true, false) => (Op::Write, Making::Nothing),
        (false, _) if how.path_only() || directory => (Op::Stat, Making::Nothing),
        (false, _) => (Op::Read, Making::Nothing),
    };
    let leads_elsewhere = plain.first != name && plain.errno == 0;
    // A device or a pipe was there before.
    let grants = match how.creates() && !is_special {
        true => asked::permissions(case, &how.flags().collect::<Vec<_>>(), names),
        false => NameId::default(),
    };
    Operation {
        op,
        first: name,
        makes,
        grants,
        requested: if leads_elsewhere { plain.first } else { NameId::default() },
        ..plain
    }
}

/// Returns the target of a symbolic link being created.
fn link_target(case: &Case<'_>, names: &mut Names) -> NameId {
    let region = case.finished.open.memory.find(0, case.call.role, 0);
    match region.and_then(|region| region.bytes(case.buffers, usize::MAX)) {
        Some(bytes) => names.id(Sort::Text, text::until_nul(&bytes)),
        None => NameId::default(),
    }
}

fn signal(case: &Case<'_>, operation: Operation, names: &mut Names) -> Operation {
    let row = case.call.row;
    let argument = |is: fn(ArgKind) -> bool| {
        let at = row.args.iter().rposition(|arg| is(arg.kind))?;
        case.call
            .args
            .get(at)
            .map(|value| u32::try_from(value & 0xffff_ffff).unwrap_or(0).cast_signed())
    };
    let signal = argument(|kind| matches!(kind, ArgKind::Signal)).unwrap_or(0);
    // Without an id it is the process of a pidfd.
    let of_descriptor = || {
        let about = case.file(0).map_or(0, |file| file.about.get());
        i32::try_from(about).unwrap_or(0)
    };
    let to = argument(|kind| matches!(kind, ArgKind::Pid)).unwrap_or_else(of_descriptor);
    // A signal to the own process is not an effect: what it does to the process is in its end.
    let own = case.tracker.task(case.finished.task).map(|task| task.tgid);
    let target = u32::try_from(to).unwrap_or(0);
    let effect = own != Some(target)
        && !case.tracker.tasks().any(|(_, task)| task.tid == target && Some(task.tgid) == own);
    let text = match sysreel_abi::signal_name(signal) {
        Some(name) => name.to_owned(),
        None => signal.to_string(),
    };
    Operation {
        effect,
        first: word(names, &text),
        second: names.id(Sort::Pid, &to.to_le_bytes()),
        ..operation
    }
}

/// Returns the name for the ids that a call sets.
fn credentials(case: &Case<'_>, names: &mut Names) -> NameId {
    let ids: Vec<String> = case
        .call
        .row
        .args
        .iter()
        .zip(case.call.args)
        .filter(|(arg, _)| matches!(arg.kind, ArgKind::Uid | ArgKind::Gid | ArgKind::ShortId))
        .map(|(_, value)| match value & 0xffff_ffff {
            0xffff_ffff => "-".to_owned(),
            id => id.to_string(),
        })
        .collect();
    if ids.is_empty() { NameId::default() } else { word(names, &ids.join(":")) }
}

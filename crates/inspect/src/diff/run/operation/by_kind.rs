//! From what a call does to an operation on names.

use sysreel_abi::{ArgKind, CallKind, intent};

use super::super::names::{NameId, Names, Sort};
use super::{Case, Making, Operation, Shape, address, name_of};
use crate::diff::effect::Op;
use crate::state::Made;
use crate::text;

/// The words that stand for what has no name: a mode, an id.
fn word(names: &mut Names, text: &str) -> NameId {
    names.id(Sort::Word, text.as_bytes())
}

/// What a call does to the one thing that it names, where that is all there is to say.
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
        CallKind::Sync => Op::Sync,
        CallKind::Lock => Op::Lock,
        CallKind::Chdir | CallKind::Fchdir | CallKind::Chroot => Op::Chdir,
        _ => return None,
    };
    Some((op, Making::Nothing))
}

pub(super) fn operation(
    case: &Case<'_>,
    shape: &Shape,
    first: Option<NameId>,
    second: Option<NameId>,
    names: &mut Names,
) -> Operation {
    let call = &case.call;
    let on = |names: &mut Names| first.or_else(|| file(case, shape.fd, names)).unwrap_or_default();
    let plain = |op: Op, first| Operation {
        op,
        first,
        second: NameId::default(),
        errno: case.errno(),
        effect: op.is_effect(),
        makes: Making::Nothing,
        opens: call.row.kind == CallKind::Open,
        asked: NameId::default(),
    };
    let two = |op| Operation {
        second: second.unwrap_or_default(),
        makes: Making::Second,
        ..plain(op, first.unwrap_or_default())
    };
    if let Some((op, makes)) = simple(case) {
        // What a descriptor is asked for says nothing about names.
        let effect = op.is_effect() && (op != Op::Stat || first.is_some());
        return Operation { makes, effect, ..plain(op, on(names)) };
    }
    match call.row.kind {
        CallKind::Open => opened(case, plain(Op::Read, first.unwrap_or_default()), names),
        CallKind::Read => through(case, Some(0), plain(Op::Read, NameId::default()), names),
        CallKind::Write => {
            let to = intent::data_fds(call.row).1;
            through(case, to, plain(Op::Write, NameId::default()), names)
        }
        CallKind::Rename => two(Op::Rename),
        CallKind::Link => two(Op::Link),
        // Its text comes first, and is no path that is looked up now.
        CallKind::Symlink => Operation { first: target(case, names), ..two(Op::Symlink) },
        CallKind::Chmod => Operation { second: mode(case, names), ..plain(Op::Chmod, on(names)) },
        CallKind::Chown => {
            Operation { second: credentials(case, names), ..plain(Op::Chown, on(names)) }
        }
        CallKind::Mmap if intent::maps_to_write(call.abi, call.row, &call.args) => {
            let fd = call.row.arg("fd").and_then(|at| u8::try_from(at).ok());
            plain(Op::Write, file(case, fd, names).unwrap_or_default())
        }
        CallKind::Fork | CallKind::Vfork | CallKind::Clone | CallKind::Clone3 => {
            plain(Op::Fork, NameId::default())
        }
        CallKind::Kill => signal(case, plain(Op::Signal, NameId::default()), names),
        CallKind::SetCreds => {
            Operation { second: credentials(case, names), ..plain(Op::Creds, shape.name) }
        }
        act => match (network(case, names), shape.privileged) {
            (Some((op, name)), _) => {
                let outcome = case.finished.outcome;
                let goes_on =
                    op == Op::Connect && intent::in_progress(outcome.rval, outcome.failed());
                Operation { errno: if goes_on { 0 } else { case.errno() }, ..plain(op, name) }
            }
            (None, _) if act == CallKind::Send => {
                through(case, Some(0), plain(Op::Write, NameId::default()), names)
            }
            (None, Some(word)) => Operation { second: shape.name, ..plain(Op::Kernel, word) },
            (None, None) => Operation { second: on(names), ..plain(Op::Call, shape.name) },
        },
    }
}

/// What a descriptor among the arguments stands for.
fn file(case: &Case<'_>, at: Option<u8>, names: &mut Names) -> Option<NameId> {
    let file = case.file(usize::from(at?))?;
    Some(name_of(&file, names))
}

/// Something done through a descriptor: it was told when that was opened, if the log shows it.
fn through(
    case: &Case<'_>,
    at: Option<usize>,
    operation: Operation,
    names: &mut Names,
) -> Operation {
    match at.and_then(|at| case.file(at)) {
        Some(file) => {
            let effect = matches!(file.made, Made::Before(_)) && !file.is_socket();
            Operation { effect, first: name_of(&file, names), ..operation }
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

/// What is done to sockets, and to which address.
fn network(case: &Case<'_>, names: &mut Names) -> Option<(Op, NameId)> {
    let own = |names: &mut Names| {
        let local = case.file(0)?.local.borrow().clone();
        named(case, &local, names)
    };
    Some(match case.call.row.kind {
        CallKind::Connect => (Op::Connect, given(case, 1, names).unwrap_or_default()),
        CallKind::Bind => (Op::Bind, given(case, 1, names).unwrap_or_default()),
        CallKind::Listen => (Op::Listen, own(names).unwrap_or_default()),
        CallKind::Accept => (Op::Accept, word(names, "<socket>")),
        // What goes to a peer that is known was told when it was connected.
        CallKind::Send => (Op::Send, given(case, 4, names).or_else(|| in_message(case, names))?),
        CallKind::Receive => {
            let file = case.file(0);
            (Op::Receive, file.map_or(NameId::default(), |file| name_of(&file, names)))
        }
        _ => return None,
    })
}

/// Opening to write is an effect of its own kind, and so is listing a directory, which is told when
/// it is read.
fn opened(case: &Case<'_>, asked: Operation, names: &mut Names) -> Operation {
    let call = &case.call;
    let structure =
        |arg| case.finished.open.memory.find(arg, call.role, 0).and_then(|piece| piece.inline());
    let Some(how) = intent::opening(call.abi, call.row, &call.args, structure) else {
        return asked;
    };
    let fd = i32::try_from(case.finished.outcome.rval).ok().filter(|_| !case.failed());
    let file = fd.and_then(|fd| case.tracker.file(case.finished.task, fd));
    let directory = how.directory() || file.as_ref().is_some_and(|file| file.is_directory());
    let name = match file {
        // The log holds no names: what was asked for must do.
        Some(file) if file.link.is_empty() => {
            file.tag.set(asked.first.0.into());
            asked.first
        }
        Some(file) => name_of(&file, names),
        None => asked.first,
    };
    if how.unnamed() {
        return Operation { op: Op::Write, first: word(names, "<nameless>"), ..asked };
    }
    let (op, makes) = match (how.writes() || how.creates(), how.exclusive()) {
        (true, true) => (Op::Write, Making::First),
        (true, false) if how.creates() => (Op::Write, Making::Perhaps),
        (true, false) => (Op::Write, Making::Nothing),
        (false, _) if how.path_only() || directory => (Op::Stat, Making::Nothing),
        (false, _) => (Op::Read, Making::Nothing),
    };
    let led = asked.first != name && asked.errno == 0;
    Operation {
        op,
        first: name,
        makes,
        asked: if led { asked.first } else { NameId::default() },
        ..asked
    }
}

/// What a symbolic link says: not a path that is looked up now.
fn target(case: &Case<'_>, names: &mut Names) -> NameId {
    let piece = case.finished.open.memory.find(0, case.call.role, 0);
    match piece.and_then(|piece| piece.bytes(case.buffers, usize::MAX)) {
        Some(bytes) => names.id(Sort::Text, text::until_nul(&bytes)),
        None => NameId::default(),
    }
}

/// A socket address among the arguments.
fn given(case: &Case<'_>, at: u8, names: &mut Names) -> Option<NameId> {
    let bytes = case.finished.open.memory.find(at, case.call.role, 0)?.inline()?;
    (bytes.len() >= 2).then(|| named(case, bytes, names))?
}

/// An address of the socket that the call is about.
fn named(case: &Case<'_>, bytes: &[u8], names: &mut Names) -> Option<NameId> {
    let file = case.file(0)?;
    let name = bytes.get(2..).unwrap_or_default();
    // A name that does not begin with a zero byte is a path.
    if intent::Family::from_sockaddr(bytes) == intent::Family::Unix
        && name.first().is_some_and(|first| *first != 0)
    {
        let mut whole = Vec::new();
        case.tracker.path(case.finished.task, None, text::until_nul(name), &mut whole);
        let resolved = [bytes.get(..2)?, &whole].concat();
        return Some(address(&file, &resolved, names));
    }
    Some(address(&file, bytes, names))
}

/// The address in a message.
fn in_message(case: &Case<'_>, names: &mut Names) -> Option<NameId> {
    let role = case.call.role.saturating_add(1);
    let index = sysreel_abi::plan::index(0, sysreel_abi::plan::MSG_NAME);
    let bytes = case.finished.open.memory.find(1, role, index)?.inline()?;
    let file = case.file(0)?;
    (bytes.len() >= 2).then(|| address(&file, bytes, names))
}

fn signal(case: &Case<'_>, operation: Operation, names: &mut Names) -> Operation {
    let row = case.call.row;
    let of_kind = |is: fn(ArgKind) -> bool| {
        let at = row.args.iter().rposition(|arg| is(arg.kind))?;
        case.call
            .args
            .get(at)
            .map(|value| u32::try_from(value & 0xffff_ffff).unwrap_or(0).cast_signed())
    };
    let signal = of_kind(|kind| matches!(kind, ArgKind::Signal)).unwrap_or(0);
    let to = of_kind(|kind| matches!(kind, ArgKind::Pid)).unwrap_or(0);
    // To itself: nobody else notices, and how it ends is told anyhow.
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

/// The ids that a process asks to have.
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

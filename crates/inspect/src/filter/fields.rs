//! Fields that every item of a task has, and those of files.

use std::ops::ControlFlow;
use std::rc::Rc;

use sysreel_abi::filter::{Answer, Field, FieldRef, Known, Process, SOURCES, Value, file_type};
use sysreel_abi::intent::{self, Family};
use sysreel_format::{Origin, SourceId, TaskId};

use super::context::Context;
use crate::calls::Task;
use crate::state::OpenFile;
use crate::text::until_nul;

/// Calls a function with a value.
pub(super) type Each<'e> = dyn FnMut(Value<'_>) -> ControlFlow<()> + 'e;

/// Passes the values of a field of a task at an event. `None`: it is not such a field.
pub(super) fn of_task(
    task: Task<'_>,
    (number, t_ns): (u64, u64),
    context: &Context,
    field: &FieldRef,
    each: &mut Each<'_>,
) -> Option<Known> {
    let mut one = |value: Option<i128>| {
        if let Some(value) = value {
            let _ = each(Value::Number(value));
        }
        Some(Known::Yes)
    };
    match field.field {
        Field::Event => one(Some(number.into())),
        Field::Time => one(Some(t_ns.saturating_sub(context.start_ns).into())),
        _ if task.id() == TaskId::NONE => None,
        Field::Pid => one(Some(task.tgid().into())),
        Field::Tid => one(Some(task.tid().into())),
        Field::Ppid => {
            let ancestors = context.ancestors.as_ref();
            one(ancestors.and_then(|all| all.parent(task.tgid())).map(i128::from))
        }
        Field::Exe => match task.program() {
            Some(program) => {
                let _ = each(Value::Text(program));
                Some(Known::Yes)
            }
            // Until its first execve succeeds, a child of the recorder runs no program of its own.
            None if task.known().is_some_and(|task| task.origin == Origin::SPAWNED) => {
                Some(Known::Yes)
            }
            None => Some(Known::No),
        },
        Field::Comm => {
            let name = context.threads.as_ref().and_then(|threads| threads.name(task.id()));
            Some(text(name.map(|name| Some(name).filter(|name| !name.is_empty())), each))
        }
        Field::Env => {
            let threads = context.threads.as_ref();
            Some(text(threads.and_then(|all| all.variable(task.id(), &field.arg)), each))
        }
        _ => None,
    }
}

/// Passes a value that may not exist, if it is known.
fn text(value: Option<Option<&[u8]>>, each: &mut Each<'_>) -> Known {
    let Some(value) = value else { return Known::No };
    if let Some(value) = value {
        let _ = each(Value::Text(value));
    }
    Known::Yes
}

/// Passes the word for where a report comes from. A source that this version does not know has
/// none.
pub(super) fn source(source: SourceId, each: &mut Each<'_>) -> Known {
    if let Some(word) = SOURCES.get(usize::from(source.0)) {
        let _ = each(Value::Text(word.as_bytes()));
    }
    Known::Yes
}

/// Whether a task is part of a process or of a descendant.
pub(super) fn is_under(task: Task<'_>, context: &Context, process: &Process) -> Answer {
    match &context.ancestors {
        Some(ancestors) => ancestors.is_under(task.tgid(), process),
        None => Answer::Unknown,
    }
}

/// Passes the values of a field of an open file.
pub(super) fn of_file(file: &Rc<OpenFile>, field: Field, each: &mut Each<'_>) -> ControlFlow<()> {
    match field {
        Field::FdPath | Field::Path => {
            let mut path = Vec::new();
            file.write_full_path(&mut path);
            each(Value::Text(&path))
        }
        Field::FdKind => match file_type(file.mode) {
            Some(word) => each(Value::Text(word.as_bytes())),
            None => ControlFlow::Continue(()),
        },
        Field::NetPeer | Field::NetPort => address(&file.peer.borrow(), field, each),
        Field::NetLocal => address(&file.local.borrow(), field, each),
        _ => ControlFlow::Continue(()),
    }
}

/// Passes the address or the port in a `sockaddr`.
pub(super) fn address(sockaddr: &[u8], field: Field, each: &mut Each<'_>) -> ControlFlow<()> {
    match (intent::internet_address(sockaddr), field) {
        (Some(address), Field::NetPort) => each(Value::Number(address.port().into())),
        (Some(address), _) => each(Value::Address(address.ip())),
        (None, Field::NetPort) => ControlFlow::Continue(()),
        (None, _) if Family::from_sockaddr(sockaddr) == Family::Unix => {
            match sockaddr.get(2..).unwrap_or_default() {
                [] => ControlFlow::Continue(()),
                // An abstract name, which is printed with this sign.
                [0, name @ ..] => each(Value::Text(&[b"@", name].concat())),
                path => each(Value::Text(until_nul(path))),
            }
        }
        (None, _) => ControlFlow::Continue(()),
    }
}

//! The facts of a call of which only the number is known.

use std::ops::ControlFlow;

use super::eval::{Answer, Facts, Known, Value};
use super::field::{Field, FieldRef};
use super::syntax::{Place, Process};
use crate::arch::Abi;
use crate::desc::{Arg, ArgKind, CallKind, Classes, Makes, Mem, Row};
use crate::layout::Layout;

/// A call of which only the number is known.
pub(super) struct Number<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) row: Option<&'a Row>,
    /// The call that it makes as a multiplexer.
    pub(super) inner: Option<&'a Row>,
    pub(super) abi: Option<Abi>,
}

impl Facts for Number<'_> {
    fn values(
        &self,
        field: &FieldRef,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> Known {
        match (field.field, self.abi) {
            (Field::Abi, Some(abi)) => {
                let _ = each(Value::Text(abi.name().as_bytes()));
                Known::Yes
            }
            // A call without such arguments has no value.
            (Field::Arg, _) if self.lacks(&|arg| arg.name == field.arg) => Known::Yes,
            (Field::Path, _) if self.lacks(&|arg| is_path(arg) || is_fd(arg)) => Known::Yes,
            (Field::PathWritten, _) if self.lacks(&is_path) => Known::Yes,
            (Field::Fd | Field::FdPath | Field::FdKind, _) if self.lacks(&is_fd) => Known::Yes,
            (Field::NetPeer | Field::NetLocal | Field::NetPort, _) if self.lacks(&is_fd) => {
                Known::Yes
            }
            (Field::Data, _) if self.lacks(&is_data) => Known::Yes,
            (Field::Call, _) => {
                let inner = self.inner.map(|row| row.name);
                let mut names = self.name.into_iter().chain(inner);
                let _ = names.try_for_each(|name| each(Value::Text(name.as_bytes())));
                Known::Yes
            }
            (Field::Class, _) => {
                let rows = self.row.into_iter().chain(self.inner);
                let mut names = rows.flat_map(|row| row.class.names());
                let _ = names.try_for_each(|name| each(Value::Text(name.as_bytes())));
                Known::Yes
            }
            // Calls deliver no signal.
            (Field::Signal, _) => Known::Yes,
            _ => Known::No,
        }
    }

    fn is_called(&self, name: &str) -> Answer {
        let is_inner = self.inner.is_some_and(|row| row.name == name);
        Answer::from_bool(self.name == Some(name) || is_inner)
    }

    fn has_classes(&self, classes: Classes) -> Answer {
        let mut rows = self.row.into_iter().chain(self.inner);
        Answer::from_bool(rows.any(|row| row.class.contains(classes)))
    }

    fn is_under(&self, _: &Process) -> Answer {
        Answer::Unknown
    }

    fn has_passed(&self, _: &Place) -> Answer {
        Answer::Unknown
    }

    fn is_behind(&self, _: &Place) -> Answer {
        Answer::Unknown
    }
}

impl Number<'_> {
    /// Whether the call is known not to have such an argument, and to make no descriptor.
    fn lacks(&self, is_asked: &dyn Fn(&Arg) -> bool) -> bool {
        self.row.is_some_and(|row| {
            row.kind != CallKind::Multiplexed
                && row.makes == Makes::None
                && !row.args.iter().any(is_asked)
        })
    }
}

fn is_path(arg: &Arg) -> bool {
    matches!(arg.kind, ArgKind::Path)
}

fn is_fd(arg: &Arg) -> bool {
    let is_waited_for = matches!(arg.kind, ArgKind::FdSet | ArgKind::Array(Layout::PollFd));
    is_waited_for || matches!(arg.kind, ArgKind::Fd | ArgKind::DirFd)
}

fn is_data(arg: &Arg) -> bool {
    // What depends on a command may be anything.
    arg.mem.and_then(Mem::special).is_some()
        || matches!(arg.kind, ArgKind::Buf | ArgKind::Iovec | ArgKind::Msg | ArgKind::Mmsg)
}

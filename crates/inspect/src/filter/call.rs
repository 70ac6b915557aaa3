//! The facts of a call.

use std::ops::ControlFlow;
use std::rc::Rc;

use sysreel_abi::filter::{
    Answer, Facts, Field, FieldRef, Known, Place, Process, Value, argument_value,
};
use sysreel_abi::{ArgKind, CallKind, Classes, Dir, Layout, intent, render};
use sysreel_format::{Completeness, Direction};

use super::context::Context;
use super::fields::of_task;
use super::fields::{self, Each};
use super::threads;
use crate::calls::{Arg, Call, Ended, Moved};
use crate::state::OpenFile;
use crate::text::until_nul;

/// The most bytes of a string that a test sees. Paths are shorter.
const MAX_STRING: usize = 1 << 20;

/// A call at its entry or at its end.
pub(super) struct CallFacts<'c, 'a> {
    pub(super) call: &'c Call<'a>,
    pub(super) context: &'c Context,
    has_ended: bool,
}

impl<'c, 'a> CallFacts<'c, 'a> {
    pub(super) fn new(call: &'c Call<'a>, context: &'c Context, has_ended: bool) -> Self {
        Self { call, context, has_ended }
    }

    /// Passes the values that only the end of the call tells.
    fn end(&self, field: Field, each: &mut Each<'_>) -> Known {
        if !self.has_ended {
            return Known::No;
        }
        let ended = self.call.ended();
        let flag = |yes: bool| Some(i128::from(yes));
        let value = match field {
            Field::Rval => self.call.outcome().map(|outcome| outcome.rval.into()),
            Field::Errno => ended.errno().map(|errno| errno.0.into()),
            Field::Failed => flag(ended.has_failed()),
            Field::Unfinished => {
                flag(matches!(ended, Ended::Unfinished | Ended::Killed | Ended::Detached))
            }
            Field::Dur => {
                self.call.duration().and_then(|took| i128::try_from(took.as_nanos()).ok())
            }
            Field::Bytes => match self.call.moved() {
                Moved::Nothing => None,
                Moved::Bytes(count) => Some(count.into()),
                Moved::Unknown => return Known::No,
            },
            _ => None,
        };
        if let Some(value) = value {
            let _ = each(Value::Number(value));
        }
        Known::Yes
    }

    /// Passes an argument as a number, and what it points to as bytes.
    fn argument(&self, name: &str, each: &mut Each<'_>) -> Known {
        let Some(arg) = self.call.args().get(name) else { return Known::Yes };
        let (Some((kind, mem)), Some(abi)) = (arg.meaning(), self.call.abi()) else {
            return Known::Yes;
        };
        let kind = self.resolved(kind);
        if each(Value::Argument(argument_value(kind, arg.raw()), abi, kind)).is_break() {
            return Known::Yes;
        }
        let Some(mem) = mem.filter(|_| arg.raw() != 0) else { return Known::Yes };
        if self.lacks_memory() {
            return Known::No;
        }
        if mem.dir != Dir::In && !self.has_ended {
            return Known::No;
        }
        let position = self.position(&arg);
        let mut known = Known::Yes;
        for region in self.call.regions().filter(|region| region.arg() == Some(position)) {
            let is_element = region.depth() > 0 || !matches!(kind, ArgKind::StrVec);
            let Some(bytes) = region.first(MAX_STRING).filter(|_| is_element) else { continue };
            let is_string = matches!(kind, ArgKind::Path | ArgKind::Str | ArgKind::StrVec);
            let value = if region.is_cut() {
                known = Known::No;
                Value::Cut(&bytes)
            } else {
                Value::Text(if is_string { until_nul(&bytes) } else { &bytes })
            };
            if each(value).is_break() {
                return Known::Yes;
            }
        }
        known
    }

    fn position(&self, arg: &Arg<'_>) -> usize {
        let args = self.call.row().map_or(&[][..], |row| row.args);
        args.iter().position(|known| known.name == arg.name()).unwrap_or(usize::MAX)
    }

    /// Returns the kind of an argument whose constants depend on another one.
    fn resolved(&self, kind: ArgKind) -> ArgKind {
        let raw = |at| self.call.args().raw(at).unwrap_or(0);
        let list = match kind {
            ArgKind::SockOpt => render::socket_options(raw(1)),
            ArgKind::Protocol => render::protocols(raw(0)),
            _ => None,
        };
        list.map_or(kind, ArgKind::Enum)
    }

    /// Passes the descriptors among the arguments, and those that the call makes.
    fn fds(&self, each: &mut dyn FnMut(i32, Option<Rc<OpenFile>>) -> ControlFlow<()>) -> Known {
        let call = self.call;
        let (Some(row), Some(resolved)) = (call.row(), call.resolved()) else { return Known::Yes };
        for (at, arg) in row.args.iter().enumerate() {
            let is_fd = matches!(arg.kind, ArgKind::Fd | ArgKind::DirFd);
            let Some(fd) = resolved.fd(at).filter(|fd| is_fd && *fd >= 0) else { continue };
            if each(fd, call.file(fd)).is_break() {
                return Known::Yes;
            }
        }
        if self.waited_for(each).is_break() || !resolved.makes_fds() {
            return Known::Yes;
        }
        if !self.has_ended {
            return Known::No;
        }
        for made in call.made() {
            if each(made.fd, call.made_file(&made)).is_break() {
                break;
            }
        }
        Known::Yes
    }

    /// Passes the descriptors that poll(2) and select(2) wait for.
    fn waited_for(
        &self,
        each: &mut dyn FnMut(i32, Option<Rc<OpenFile>>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let args = self.call.row().map_or(&[][..], |row| row.args);
        for (at, arg) in args.iter().enumerate() {
            let is_set = matches!(arg.kind, ArgKind::FdSet);
            if !is_set && !matches!(arg.kind, ArgKind::Array(Layout::PollFd)) {
                continue;
            }
            let mut regions = self.call.regions().filter(|region| region.arg() == Some(at));
            let given = regions.find(|region| region.direction() == Direction::IN);
            let Some(bytes) = given.and_then(|region| region.first(MAX_STRING)) else { continue };
            let most = self.call.args().raw(0).unwrap_or(0) & 0xffff_ffff;
            let fds: Vec<i32> = if is_set {
                let bits =
                    (0..bytes.len().saturating_mul(8)).take(usize::try_from(most).unwrap_or(0));
                bits.filter(|bit| bytes[bit / 8] >> (bit % 8) & 1 != 0)
                    .filter_map(|bit| i32::try_from(bit).ok())
                    .collect()
            } else {
                let entries = bytes.chunks_exact(8).filter_map(|entry| entry.first_chunk::<4>());
                entries.map(|fd| i32::from_le_bytes(*fd)).filter(|fd| *fd >= 0).collect()
            };
            for fd in fds {
                each(fd, self.call.file(fd))?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Passes the values of a field of the files behind the descriptors.
    pub(super) fn files(&self, field: Field, each: &mut Each<'_>) -> Known {
        let mut known = Known::Yes;
        let all = self.fds(&mut |_, file| match file {
            Some(file) if !self.lacks_names() || !file.name().path.is_empty() => {
                fields::of_file(&file, field, each)
            }
            _ => {
                known = if self.lacks_names() { Known::No } else { known };
                ControlFlow::Continue(())
            }
        });
        if all == Known::Yes { known } else { Known::No }
    }

    /// Whether the call may be an execve(2) that succeeds, which belongs to the new program.
    pub(super) fn may_change_program(&self) -> bool {
        !self.has_ended && self.call.row().is_some_and(|row| row.kind == CallKind::Exec)
    }

    fn lacks_names(&self) -> bool {
        self.context.completeness.contains(Completeness::NO_NAMES)
    }

    /// Passes addresses among the arguments: of the other end, or of the socket itself.
    fn addresses(&self, field: Field, each: &mut Each<'_>) -> Known {
        let row = self.call.row();
        let is_own = row.is_some_and(intent::names_itself);
        let args = row.map_or(&[][..], |row| row.args).iter().enumerate();
        let mut known = Known::Yes;
        for (at, arg) in args.filter(|(_, arg)| matches!(arg.kind, ArgKind::SockAddr)) {
            if (field == Field::NetLocal) != is_own {
                continue;
            }
            let is_later = arg.mem.is_some_and(|mem| mem.dir != Dir::In) && !self.has_ended;
            let is_lacking = self.lacks_memory() && self.call.args().raw(at) != Some(0);
            if is_later || is_lacking {
                known = Known::No;
            }
            match self.call.args().at(at).and_then(|arg| arg.sockaddr()) {
                Some(address) if address.is_cut() => known = Known::No,
                Some(address) if fields::address(&address, field, each).is_break() => {
                    return Known::Yes;
                }
                _ => {}
            }
        }
        if self.files(field, each) == Known::Yes { known } else { Known::No }
    }

    /// Passes the contents of buffers.
    fn data(&self, each: &mut Each<'_>) -> Known {
        let row = self.call.row();
        let args = row.map_or(&[][..], |row| row.args);
        let is_data = |at: usize, depth: u8| {
            args.get(at).is_some_and(|arg| match arg.kind {
                ArgKind::Buf => depth == 0,
                ArgKind::Iovec | ArgKind::Msg | ArgKind::Mmsg => depth > 0,
                _ => false,
            })
        };
        let has_data =
            |kind| matches!(kind, ArgKind::Buf | ArgKind::Iovec | ArgKind::Msg | ArgKind::Mmsg);
        let lacks = self.lacks_memory() && self.points_to(has_data);
        let mut known = if self.has_ended && !lacks { Known::Yes } else { Known::No };
        for region in self.call.regions() {
            if !region.arg().is_some_and(|at| is_data(at, region.depth())) {
                continue;
            }
            let Some(bytes) = region.bytes() else { continue };
            let value = if region.is_cut() {
                known = Known::No;
                Value::Cut(&bytes)
            } else {
                Value::Text(&bytes)
            };
            if each(value).is_break() {
                return Known::Yes;
            }
        }
        known
    }
}

impl Facts for CallFacts<'_, '_> {
    fn values(
        &self,
        field: &FieldRef,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> Known {
        let call = self.call;
        match field.field {
            Field::Call => {
                let outer = call.open().row.map(|row| row.name).or_else(|| call.known_name());
                let inner = call.row().map(|row| row.name).filter(|name| Some(*name) != outer);
                let mut names = outer.into_iter().chain(inner);
                let _ = names.try_for_each(|name| each(Value::Text(name.as_bytes())));
                Known::Yes
            }
            Field::Class => {
                let rows = [call.open().row, call.row()];
                let mut names = rows.into_iter().flatten().flat_map(|row| row.class.names());
                let _ = names.try_for_each(|name| each(Value::Text(name.as_bytes())));
                Known::Yes
            }
            Field::Abi => {
                if let Some(abi) = call.abi() {
                    let _ = each(Value::Text(abi.name().as_bytes()));
                }
                Known::Yes
            }
            Field::Nr => {
                let _ = each(Value::Number(call.nr().into()));
                Known::Yes
            }
            Field::Arg => self.argument(&field.arg, each),
            Field::Rval
            | Field::Errno
            | Field::Failed
            | Field::Unfinished
            | Field::Dur
            | Field::Bytes => self.end(field.field, each),
            Field::Fd => self.fds(&mut |fd, _| each(Value::Number(fd.into()))),
            Field::FdPath | Field::FdKind => self.files(field.field, each),
            Field::NetPeer | Field::NetLocal | Field::NetPort => self.addresses(field.field, each),
            Field::Path => self.paths(each),
            Field::PathWritten => self.written_paths(each),
            Field::Data => self.data(each),
            Field::Signal => Known::Yes,
            Field::Source => fields::source(call.source(), each),
            Field::Exe | Field::Comm | Field::Env if self.may_change_program() => Known::No,
            Field::Comm if !self.has_ended && threads::may_name(call) => Known::No,
            Field::Event
            | Field::Time
            | Field::Pid
            | Field::Tid
            | Field::Ppid
            | Field::Exe
            | Field::Comm
            | Field::Env => {
                let at = (call.number(), call.open().t_ns);
                of_task(call.task(), at, self.context, field, each).unwrap_or(Known::Yes)
            }
        }
    }

    fn is_called(&self, name: &str) -> Answer {
        let call = self.call;
        let outer = call.open().row.map(|row| row.name);
        Answer::from_bool(outer == Some(name) || call.known_name() == Some(name))
    }

    fn has_classes(&self, classes: Classes) -> Answer {
        let rows = [self.call.open().row, self.call.row()];
        Answer::from_bool(rows.into_iter().flatten().any(|row| row.class.contains(classes)))
    }

    fn is_under(&self, process: &Process) -> Answer {
        if self.may_change_program() {
            return Answer::Unknown;
        }
        fields::is_under(self.call.task(), self.context, process)
    }

    fn has_passed(&self, place: &Place) -> Answer {
        self.context.has_come(place, self.call.number(), self.call.open().t_ns, true)
    }

    fn is_behind(&self, place: &Place) -> Answer {
        self.context.has_come(place, self.call.number(), self.call.open().t_ns, false)
    }
}

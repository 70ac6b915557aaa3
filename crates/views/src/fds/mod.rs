//! `fds`: the life of every descriptor: which call opened it, who inherited it, what closed it, and
//! which ones leaked.

mod table_at;
mod text;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Serialize;
use sysreel_inspect::abi::{FdEffect, fd_effect};
use sysreel_inspect::calls::{Call, Item, Task, Time};
use sysreel_inspect::format::Event;
use sysreel_inspect::state::{Descriptor, DescriptorOrigin, ProcessId};
use sysreel_inspect::visible::visible_bytes;
use sysreel_inspect::{Error, Findings, Follow, LogFile};

use crate::bounded::MAX_ENTRIES;
use crate::select::{Looker, Select, look};
use crate::sockets::file_name;
pub use table_at::{Open, OpenAt, OpenProcess, open_at};

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log: descriptors that a selected call opened, or that leaked in it.
    pub select: Select,
    /// Only descriptors that leaked.
    pub leaked: bool,
}

/// The descriptors of a log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fds {
    /// The descriptors, in the order in which they were opened.
    pub fds: Vec<Fd>,
    /// Descriptors from 3 on that a new program got from the one before it over execve(2), without
    /// close-on-exec. Each is a leak, unless the program expects it.
    pub inherited: Vec<Inherited>,
    /// How many descriptors are not shown, because there were too many.
    pub left_out: u64,
    #[serde(skip)]
    leaked: bool,
}

/// A descriptor that a process opened.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fd {
    /// The process.
    pub pid: u32,
    /// The program that opened it; `null` if the log does not name it.
    pub exe: Option<String>,
    /// The descriptor.
    pub fd: i32,
    /// What it refers to: a path, `pipe:[123]`, the ends of a socket.
    pub name: String,
    /// How the process got it.
    pub origin: Origin,
    /// The number of the event at which it got it.
    pub opened: u64,
    /// The name of the call that made it; `null` if no call of the log did.
    pub by: Option<String>,
    /// The number of the event at which it was closed; `null` if the log does not show that.
    pub closed: Option<u64>,
    /// What closed it.
    pub end: FdEnd,
    /// How long it was open, in nanoseconds; until the end of the log, if it was not closed.
    pub lived_ns: u64,
    /// Whether execve(2) closes it; `null` if unknown.
    pub close_on_exec: Option<bool>,
}

/// How a process got a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A call made what it refers to.
    Made,
    /// It is a duplicate.
    Duplicated,
    /// It came in a message of a unix socket.
    Received,
    /// It was taken from another process.
    Taken,
    /// It was open before the recording.
    Before,
}

/// What closed a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FdEnd {
    /// A call closed it.
    Closed,
    /// dup2(2) or another call put another file in its place.
    Replaced,
    /// execve(2) closed it.
    Exec,
    /// It was open when the process ended.
    Exit,
    /// It is open at the end of the log.
    Open,
}

/// A descriptor that a new program inherited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Inherited {
    /// The process that runs the new program.
    pub pid: u32,
    /// The new program; `null` if the log does not name it.
    pub exe: Option<String>,
    /// The descriptor.
    pub fd: i32,
    /// What it refers to.
    pub name: String,
    /// The event of the execve(2).
    pub event: u64,
    /// The event at which the process that opened it got it. Where it was inherited from before
    /// the recording, that at which the recorder found it.
    pub opened: u64,
    /// The process that opened it; `null` if the log does not show it.
    pub opened_by: Option<u32>,
}

/// Finds the descriptors of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn fds(file: &LogFile, options: &Options) -> Result<(Fds, Findings), Error> {
    let follow = Follow { processes: true, ..Follow::default() };
    let mut looking = Looking::default();
    let findings = look(file, &options.select, (follow, true), &mut looking)?;
    let end = looking.last.1;
    for at in std::mem::take(&mut looking.open).into_values() {
        if let Some(fd) = looking.fds.get_mut(at) {
            fd.life(None, end, FdEnd::Open);
        }
    }
    let mut fds: Vec<Fd> = looking.fds.into_iter().map(|open| open.fd).collect();
    if options.leaked {
        fds.retain(|fd| fd.end == FdEnd::Exit && fd.fd > STANDARD);
    }
    let left_out = looking.left_out;
    Ok((Fds { fds, inherited: looking.inherited, left_out, leaked: options.leaked }, findings))
}

/// The last of the standard descriptors, which are meant to be inherited.
const STANDARD: i32 = 2;

/// All descriptors.
const ALL: RangeInclusive<i32> = i32::MIN..=i32::MAX;

#[derive(Default)]
struct Looking {
    fds: Vec<OpenFd>,
    /// The index in `fds` of what is open.
    open: BTreeMap<(ProcessId, i32), usize>,
    /// The pid of each process.
    pids: BTreeMap<ProcessId, u32>,
    inherited: Vec<Inherited>,
    last: (u64, Time),
    left_out: u64,
}

struct OpenFd {
    fd: Fd,
    since: Time,
}

impl OpenFd {
    fn life(&mut self, closed: Option<u64>, at: Time, end: FdEnd) {
        self.fd.closed = closed;
        self.fd.end = end;
        self.fd.lived_ns = u64::try_from(at.since(self.since).as_nanos()).unwrap_or(u64::MAX);
    }
}

impl Looker for Looking {
    fn event(&mut self, event: &Event<'_>) {
        self.last = (event.number, Time::from_nanos(event.t_ns));
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        match item {
            Item::Call(call) => self.call(call, selected),
            Item::Exec(exec) => self.exec(exec.task, exec.event.number, selected),
            Item::TaskEnd(at) => {
                let process = at.task.process();
                let tgid = at.task.tgid();
                let is_last = at
                    .task
                    .state()
                    .tasks()
                    .all(|(id, task)| id == at.task.id() || task.tgid != tgid);
                if is_last && process != ProcessId::NONE {
                    self.close(process, ALL, FdEnd::Exit, |_| true);
                    self.pids.remove(&process);
                }
            }
            _ => {}
        }
    }
}

impl Looking {
    fn call(&mut self, call: &Call<'_>, selected: bool) {
        let (task, process) = (call.task(), call.process());
        if process == ProcessId::NONE {
            return;
        }
        self.closes(call, process);
        let state = call.state().process(task.id());
        for made in call.made() {
            self.close(process, made.fd..=made.fd, FdEnd::Replaced, |_| true);
            let Some(descriptor) = state.and_then(|state| state.descriptor(made.fd)) else {
                continue;
            };
            if selected {
                self.open(task, made.fd, &descriptor, Some(call.name().into_owned()));
            }
        }
    }

    /// Notes what a call closes.
    fn closes(&mut self, call: &Call<'_>, process: ProcessId) {
        let (Some(abi), Some(row), Some(outcome)) = (call.abi(), call.row(), call.outcome()) else {
            return;
        };
        let args = std::array::from_fn(|at| call.args().raw(at).unwrap_or(0));
        match fd_effect(abi, row, &args, outcome.rval, outcome.failed()) {
            FdEffect::Close(first, last) if first <= last => {
                self.close(process, first..=last, FdEnd::Closed, |_| true);
            }
            FdEffect::CloseOnExec(first, last, closes) if first <= last => {
                for (_, at) in self.open.range((process, first)..=(process, last)) {
                    if let Some(open) = self.fds.get_mut(*at) {
                        open.fd.close_on_exec = Some(closes);
                    }
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, task: Task<'_>, fd: i32, descriptor: &Descriptor, by: Option<String>) {
        if self.fds.len() >= MAX_ENTRIES {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let (process, since) = (task.process(), self.last.1);
        self.pids.insert(process, task.tgid());
        self.open.insert((process, fd), self.fds.len());
        let fd = Fd {
            pid: task.tgid(),
            exe: task.program().map(visible_bytes),
            fd,
            name: file_name(descriptor.file()),
            origin: Origin::of(descriptor.origin()),
            opened: self.last.0,
            by,
            closed: None,
            end: FdEnd::Open,
            lived_ns: 0,
            close_on_exec: descriptor.close_on_exec(),
        };
        self.fds.push(OpenFd { fd, since });
    }

    /// Ends the descriptors of a process in a range that `closes` picks.
    fn close(
        &mut self,
        process: ProcessId,
        fds: RangeInclusive<i32>,
        end: FdEnd,
        closes: impl Fn(i32) -> bool,
    ) {
        let (event, time) = self.last;
        let keys = (process, *fds.start())..=(process, *fds.end());
        let closed: Vec<_> = self
            .open
            .range(keys)
            .filter(|((_, fd), _)| closes(*fd))
            .map(|(key, at)| (*key, *at))
            .collect();
        for (key, at) in closed {
            self.open.remove(&key);
            if let Some(open) = self.fds.get_mut(at) {
                open.life(Some(event), time, end);
            }
        }
    }

    /// A new program: what close-on-exec closes is gone, and what is left was inherited.
    fn exec(&mut self, task: Task<'_>, event: u64, selected: bool) {
        let (process, state) = (task.process(), task.state());
        let Some(context) = state.context(task.id()) else { return };
        let table = context.files.borrow();
        self.close(process, ALL, FdEnd::Exec, |fd| table.get(fd).is_none());
        if !selected {
            return;
        }
        let mut inherited = Vec::new();
        table.for_each(|fd, descriptor| {
            let is_from_outside = descriptor.origin() == DescriptorOrigin::Before;
            if fd > STANDARD && !is_from_outside {
                inherited.push(Inherited {
                    pid: task.tgid(),
                    exe: task.program().map(visible_bytes),
                    fd,
                    name: file_name(descriptor.file()),
                    event,
                    opened: descriptor.event(),
                    opened_by: self.pids.get(&descriptor.process()).copied(),
                });
            }
        });
        inherited.sort_by_key(|inherited| inherited.fd);
        let room = MAX_ENTRIES.saturating_sub(self.inherited.len());
        let more = u64::try_from(inherited.len().saturating_sub(room)).unwrap_or(u64::MAX);
        self.left_out = self.left_out.saturating_add(more);
        inherited.truncate(room);
        self.inherited.extend(inherited);
    }
}

impl Origin {
    fn of(origin: DescriptorOrigin) -> Self {
        match origin {
            DescriptorOrigin::Duplicated { .. } => Self::Duplicated,
            DescriptorOrigin::Received => Self::Received,
            DescriptorOrigin::Taken { .. } => Self::Taken,
            DescriptorOrigin::Before => Self::Before,
            _ => Self::Made,
        }
    }
}

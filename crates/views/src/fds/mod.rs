//! `fds`: the life of every descriptor: which call opened it, who inherited it, what closed it, and
//! which ones leaked.

mod found;
mod table_at;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_inspect::abi::{CallKind, FdEffect, fd_effect, intent};
use sysreel_inspect::calls::{Call, Item, Task, Time};
use sysreel_inspect::format::{Event, TaskId};
use sysreel_inspect::state::{Descriptor, DescriptorOrigin, OpenFile, ProcessId, TableId};
use sysreel_inspect::visible::visible_bytes;
use sysreel_inspect::{Error, Findings, Follow, LogFile};

use crate::bounded::{Bounded, MAX_ENTRIES};
use crate::select::{Looker, Select, look};
use crate::sockets::file_name;
pub use found::{Fd, FdEnd, Fds, Inherited, Origin};
pub use table_at::{Open, OpenAt, OpenProcess, open_at};

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log: descriptors that a selected call opened, or that leaked in it.
    pub select: Select,
    /// Only descriptors that leaked.
    pub leaked: bool,
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
        looking.end(at, None, end, FdEnd::Open);
    }
    let mut fds = looking.fds;
    let is_own = |fd: &Fd| fd.fd > STANDARD && fd.origin != Origin::Inherited;
    let still_open = fds.iter().filter(|fd| fd.end == FdEnd::Open && is_own(fd)).count();
    let leaked = options.leaked;
    if leaked {
        fds.retain(|fd| fd.end == FdEnd::Exit && is_own(fd));
    }
    let (inherited, left_out) = (looking.inherited, looking.left_out);
    Ok((Fds { fds, inherited, left_out, leaked, still_open }, findings))
}

/// Returns the descriptor table of a task.
fn table_of(task: Task<'_>) -> Option<TableId> {
    Some(task.state().context(task.id())?.files.borrow().id())
}

/// The last of the standard descriptors, which are meant to be inherited.
const STANDARD: i32 = 2;

/// All descriptors.
const ALL: RangeInclusive<i32> = i32::MIN..=i32::MAX;

#[derive(Default)]
struct Looking {
    fds: Vec<Fd>,
    /// What is open, by its index in `fds`.
    living: HashMap<usize, Living, RandomState>,
    /// The index in `fds` of what is open.
    open: BTreeMap<(TableId, i32), usize>,
    /// The table of each task, as it was last seen.
    tables: HashMap<TaskId, TableId, RandomState>,
    /// The pid of each process.
    pids: Bounded<ProcessId, u32>,
    inherited: Vec<Inherited>,
    last: (u64, Time),
    left_out: u64,
}

/// A descriptor while it is open.
struct Living {
    since: Time,
    /// What it refers to.
    file: Rc<OpenFile>,
}

impl Looking {
    /// Ends the descriptor with this index.
    fn end(&mut self, index: usize, closed: Option<u64>, at: Time, end: FdEnd) {
        let living = self.living.remove(&index);
        let (Some(fd), Some(Living { since, file })) = (self.fds.get_mut(index), living) else {
            return;
        };
        // A socket gets its addresses after it is made.
        if file.is_socket() {
            fd.name = file_name(&file);
        }
        (fd.closed, fd.end) = (closed, end);
        fd.lived_ns = u64::try_from(at.since(since).as_nanos()).unwrap_or(u64::MAX);
    }
}

impl Looker for Looking {
    fn event(&mut self, event: &Event<'_>) {
        self.last = (event.number, Time::from_nanos(event.t_ns));
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        match item {
            Item::Call(call) => {
                self.follow(call.task(), FdEnd::Exit);
                self.call(call, selected);
            }
            Item::Exec(exec) => {
                self.follow(exec.task, FdEnd::Exec);
                self.exec(exec.task, exec.event.number, selected);
            }
            Item::TaskStart(at) => self.begins(at.task, at.what.parent),
            Item::TaskEnd(at) => {
                self.follow(at.task, FdEnd::Exit);
                let table = self.tables.remove(&at.task.id());
                if let Some(table) = table
                    && !at.task.state().shares_files(at.task.id())
                {
                    self.close(table, ALL, FdEnd::Exit);
                }
            }
            _ => {}
        }
    }
}

impl Looking {
    /// Notes a new task, and the copies of descriptors that it got from its maker.
    fn begins(&mut self, task: Task<'_>, maker: TaskId) {
        let Some(table) = table_of(task) else { return };
        if self.tables.len() < MAX_ENTRIES {
            self.tables.insert(task.id(), table);
        }
        if let Some(of_maker) = self.tables.get(&maker).copied().filter(|maker| *maker != table) {
            self.copy(task, of_maker);
        }
    }

    /// Notes that a task may have another table than before: it shared one and does not any more,
    /// or runs another program. Then `end` ended what the new table lacks.
    fn follow(&mut self, task: Task<'_>, end: FdEnd) {
        let Some(now) = table_of(task) else { return };
        let has_room = self.tables.len() < MAX_ENTRIES;
        let Some(before) = self.tables.get_mut(&task.id()) else {
            if has_room {
                self.tables.insert(task.id(), now);
            }
            return;
        };
        let before = std::mem::replace(before, now);
        if before == now {
            return;
        }
        let state = task.state();
        // A new program has no other threads: those of the old one end.
        let is_other = |id: TaskId| {
            end != FdEnd::Exec || state.task(id).is_some_and(|other| other.tgid != task.tgid())
        };
        let is_shared = self
            .tables
            .iter()
            .any(|(id, table)| *table == before && *id != task.id() && is_other(*id));
        if is_shared {
            self.copy(task, before);
            return;
        }
        let rows: Vec<_> = self.rows(before, ALL).collect();
        let lacks = |fd| state.process(task.id()).is_none_or(|of| of.descriptor(fd).is_none());
        for (fd, at) in rows {
            if lacks(fd) {
                self.close(before, fd..=fd, end);
            } else {
                self.open.remove(&(before, fd));
                self.open.insert((now, fd), at);
            }
        }
    }

    /// Adds the copies of descriptors that a task got with its own table from another one.
    fn copy(&mut self, task: Task<'_>, from: TableId) {
        if self.fds.len() >= MAX_ENTRIES {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let Some(state) = task.state().process(task.id()) else { return };
        let rows: Vec<_> = self.rows(from, ALL).collect();
        for (fd, _) in rows {
            if let Some(descriptor) = state.descriptor(fd) {
                self.open(task, fd, &descriptor, (None, Origin::Inherited));
            }
        }
    }

    /// Iterates over the open descriptors of a table, with their places in `fds`.
    fn rows(&self, table: TableId, fds: RangeInclusive<i32>) -> impl Iterator<Item = (i32, usize)> {
        let keys = (table, *fds.start())..=(table, *fds.end());
        self.open.range(keys).map(|((_, fd), at)| (*fd, *at))
    }

    fn call(&mut self, call: &Call<'_>, selected: bool) {
        let task = call.task();
        let Some(table) = table_of(task) else { return };
        self.closes(call, table);
        let state = call.state().process(task.id());
        for made in call.made() {
            self.close(table, made.fd..=made.fd, FdEnd::Replaced);
            let Some(descriptor) = state.and_then(|state| state.descriptor(made.fd)) else {
                continue;
            };
            if selected {
                let origin = Origin::of(descriptor.origin());
                let how = (Some(call.name().into_owned()), origin);
                self.open(task, made.fd, &descriptor, how);
            }
        }
    }

    /// Notes what a call closes.
    fn closes(&mut self, call: &Call<'_>, table: TableId) {
        let (Some(abi), Some(row), Some(outcome)) = (call.abi(), call.row(), call.outcome()) else {
            return;
        };
        let args: [u64; 6] = std::array::from_fn(|at| call.args().raw(at).unwrap_or(0));
        // What it closes is that of the copy that it makes.
        let unshares = row.kind == CallKind::CloseRange && intent::closes_range(args[2]).1;
        if unshares && call.state().shares_files(call.task().id()) {
            return;
        }
        match fd_effect(abi, row, &args, outcome.rval, outcome.failed()) {
            FdEffect::Close(first, last) if first <= last => {
                // Another thread may have got a number that the call gave up before it returned.
                let is_reopened =
                    |fd, open: &Fd| open.opened > call.number() && call.file(fd).is_some();
                self.close_all(table, first..=last, FdEnd::Closed, is_reopened);
            }
            FdEffect::CloseOnExec(first, last, closes) if first <= last => {
                let rows: Vec<_> = self.rows(table, first..=last).collect();
                for (_, at) in rows {
                    if let Some(fd) = self.fds.get_mut(at) {
                        fd.close_on_exec = Some(closes);
                    }
                }
            }
            _ => {}
        }
    }

    fn open(
        &mut self,
        task: Task<'_>,
        fd: i32,
        descriptor: &Descriptor,
        (by, origin): (Option<String>, Origin),
    ) {
        let Some(table) = table_of(task) else { return };
        if self.fds.len() >= MAX_ENTRIES {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let since = self.last.1;
        if let Some(pid) = self.pids.entry(&task.process()) {
            *pid = task.tgid();
        }
        self.open.insert((table, fd), self.fds.len());
        let fd = Fd {
            pid: task.tgid(),
            exe: task.program().map(visible_bytes),
            fd,
            name: file_name(descriptor.file()),
            origin,
            opened: self.last.0,
            by,
            closed: None,
            end: FdEnd::Open,
            lived_ns: 0,
            close_on_exec: descriptor.close_on_exec(),
        };
        let file = Rc::clone(descriptor.file());
        self.living.insert(self.fds.len(), Living { since, file });
        self.fds.push(fd);
    }

    /// Ends the descriptors of a table in a range.
    fn close(&mut self, table: TableId, fds: RangeInclusive<i32>, end: FdEnd) {
        self.close_all(table, fds, end, |_, _| false);
    }

    /// As [`Self::close`], but leaves those that `keeps` wants.
    fn close_all(
        &mut self,
        table: TableId,
        fds: RangeInclusive<i32>,
        end: FdEnd,
        keeps: impl Fn(i32, &Fd) -> bool,
    ) {
        let (event, time) = self.last;
        let closed: Vec<_> = self.rows(table, fds).collect();
        for (fd, at) in closed {
            if self.fds.get(at).is_none_or(|open| keeps(fd, open)) {
                continue;
            }
            self.end(at, Some(event), time, end);
            self.open.remove(&(table, fd));
        }
    }

    /// A new program: what is left was inherited.
    fn exec(&mut self, task: Task<'_>, event: u64, selected: bool) {
        let Some(context) = task.state().context(task.id()).filter(|_| selected) else { return };
        let table = context.files.borrow();
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

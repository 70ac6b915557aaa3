//! Who is who in a log: tasks, the call each has open, and what the file descriptors of each
//! process stand for. Fed with events in order; everything that shows or compares a log asks here.
//! Holds what lives, not what has been.
//!
//! What costs time is followed on demand ([`Follow`]): printing needs no more than names of
//! descriptors, comparing needs processes with their open file descriptions and directories.
//! `Tracker::step` takes a whole event.

#![deny(clippy::arithmetic_side_effects)]

pub mod files;
pub mod maps;
pub mod paths;
pub mod processes;
mod resolved_call;
mod step;
mod table;
#[cfg(test)]
mod tests;

pub use files::{FileTable, Made, OpenFile};
pub use processes::{ProcessId, TaskContext};
pub(crate) use resolved_call::{ResolvedCall, region};
pub use step::Finished;
pub use table::Table;

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::{Abi, AuditArch, CallKind, Row, intent, row};
use sysreel_format::{
    FdEntry, Name, Origin, Part, Parts, ProcessSnapshot, Renamed, TaskHead, TaskId,
};

use crate::regions::Regions;
use crate::syscall_info::{Call, Outcome};
use crate::text;
use processes::Processes;

/// What a file descriptor stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FdName {
    /// What `/proc/PID/fd/N` links to.
    pub link: Vec<u8>,
    /// `st_mode`.
    pub mode: u32,
    /// `st_rdev`.
    pub rdev: u64,
    /// A socket's own address, as a `sockaddr`.
    pub local: Vec<u8>,
    /// The address of a socket's peer, as a `sockaddr`.
    pub peer: Vec<u8>,
    /// What socket(2) was asked for (`SOCK_STREAM`, ...); `None` when the log does not show the
    /// socket being made.
    pub socket_type: Option<u8>,
}

/// The named file descriptors of a process. A copy shares what neither side changes.
pub type FdTable = Table<Rc<FdName>>;

/// A call that has begun.
#[derive(Debug)]
pub struct OpenCall {
    /// The number of its entry event.
    pub number: u64,
    /// When its entry stop was reported.
    pub t_ns: u64,
    /// The architecture that the entry stop reported.
    pub arch: AuditArch,
    /// Number and argument registers as they came.
    pub call: Call,
    /// The ABI, if it is a known one.
    pub abi: Option<Abi>,
    /// The row of the table, if there is one.
    pub row: Option<&'static Row>,
    /// The memory that went in.
    pub(crate) memory: Regions,
    /// How far a printer has come with it.
    pub(crate) cursor: u8,
}

impl OpenCall {
    /// The arguments as the call uses them.
    #[must_use]
    pub fn args(&self) -> [u64; 6] {
        self.abi.map_or(self.call.args, |abi| abi.args(&self.call.args))
    }
}

/// A living task.
#[derive(Debug)]
pub struct Task {
    /// The kernel's id of the thread.
    pub tid: u32,
    /// The kernel's id of its process.
    pub tgid: u32,
    /// Which task made it.
    pub parent: TaskId,
    /// How it came to be in the log.
    pub origin: Origin,
    /// The ABI of its latest call.
    pub abi: Option<Abi>,
    /// The call that has begun and not ended.
    pub open: Option<OpenCall>,
    /// The call that `restart_syscall` goes on with.
    pub interrupted: Option<&'static Row>,
    /// Whether it has begun an execve: before that, what the recorder started is the recorder's own
    /// code.
    pub has_run: bool,
    /// What it shares with others, when processes are followed.
    pub context: Option<TaskContext>,
}

/// What a tracker follows besides tasks and their calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Follow {
    /// What the descriptors of each process are called: [`Tracker::fds`].
    pub names: bool,
    /// Processes, their open file descriptions, working directories and roots:
    /// [`Tracker::context`].
    pub processes: bool,
    /// Their address spaces too.
    pub maps: bool,
}

/// The living tasks.
#[derive(Debug, Default)]
pub struct Tracker {
    tasks: HashMap<TaskId, Task, RandomState>,
    fds: HashMap<u32, FdTable>,
    /// Threads per process.
    threads: HashMap<u32, u32>,
    /// How many tasks have appeared.
    pub appeared: u64,
    /// Whether names of file descriptors are followed.
    follow_fds: bool,
    /// The processes, if they are followed.
    processes: Option<Box<Processes>>,
    spare: Vec<Regions>,
}

/// How many buffers of ended calls are kept for reuse.
const SPARE: usize = 64;

impl Tracker {
    /// A tracker of nothing yet.
    #[must_use]
    pub fn new(follow: Follow) -> Self {
        let processes = follow.processes.then(|| Box::new(Processes::new(follow.maps)));
        Self { follow_fds: follow.names, processes, ..Self::default() }
    }

    /// A living task.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// A living task. One that was never announced (events are missing) gets an entry without ids.
    pub fn task_mut(&mut self, id: TaskId) -> &mut Task {
        self.tasks.entry(id).or_insert_with(|| Task::new(0, 0, TaskId::NONE, Origin::UNKNOWN))
    }

    /// The living tasks, in no order.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.tasks.iter().map(|(id, task)| (*id, task))
    }

    /// The named file descriptors of a task.
    #[must_use]
    pub fn fds(&self, id: TaskId) -> Option<&FdTable> {
        self.fds.get(&self.tasks.get(&id)?.tgid)
    }

    /// A task appears.
    pub fn appear(&mut self, id: TaskId, head: &TaskHead) {
        self.appeared = self.appeared.saturating_add(1);
        let maker = self.tasks.get(&head.parent);
        let mut task = Task::new(head.tid, head.tgid, head.parent, head.origin);
        task.abi = maker.and_then(|maker| maker.abi);
        task.has_run = head.origin != Origin::SPAWNED;
        let of_maker = maker.and_then(|maker| self.fds.get(&maker.tgid)).cloned();
        // A process that another one made begins with its descriptors. That clone with CLONE_FILES
        // shares them from then on is not followed.
        if self.follow_fds
            && head.origin != Origin::THREAD
            && let Some(fds) = of_maker
        {
            self.fds.insert(head.tgid, fds);
        }
        let threads = self.threads.entry(head.tgid).or_default();
        *threads = threads.saturating_add(1);
        task.context = self.stand(head);
        self.tasks.insert(id, task);
    }

    /// A task is gone.
    pub fn gone(&mut self, id: TaskId) -> Option<Task> {
        let mut task = self.tasks.remove(&id)?;
        if let Some(open) = task.open.take() {
            self.recycle(open);
        }
        if let Some(threads) = self.threads.get_mut(&task.tgid) {
            *threads = threads.saturating_sub(1);
            if *threads == 0 {
                self.threads.remove(&task.tgid);
                self.fds.remove(&task.tgid);
            }
        }
        Some(task)
    }

    /// A task has another tid.
    pub fn renamed(&mut self, id: TaskId, renamed: &Renamed) {
        let task = self.task_mut(id);
        (task.tid, task.tgid) = (renamed.new_tid, renamed.tgid);
    }

    /// The descriptors of a process as a snapshot found them.
    pub fn snapshot(&mut self, id: TaskId, snapshot: ProcessSnapshot) {
        if self.follow_fds
            && let Some(task) = self.tasks.get(&id)
        {
            let place = FdName { link: snapshot.cwd, ..FdName::default() };
            let fds =
                snapshot.fds.into_iter().map(|entry| (entry.fd, Rc::new(FdName::from(entry))));
            let table = fds.chain([(intent::CWD, Rc::new(place))]).collect();
            self.fds.insert(task.tgid, table);
        }
    }

    /// A call begins. One that the task had open before never ended as far as the log shows; it is
    /// answered.
    pub fn enter(
        &mut self,
        id: TaskId,
        number: u64,
        t_ns: u64,
        arch: AuditArch,
        call: Call,
        parts: Parts<'_>,
    ) -> Option<OpenCall> {
        let mut memory = self.spare.pop().unwrap_or_default();
        memory.clear();
        for part in parts.flatten() {
            if let Part::Region(region) = part {
                memory.add(&region);
            }
        }
        memory.settle();
        let row = row(arch, call.nr);
        let abi = Abi::from_call(arch, call.nr);
        let task = self.task_mut(id);
        task.has_run = task.has_run || row.is_some_and(|row| row.kind == CallKind::Exec);
        task.open.replace(OpenCall { number, t_ns, arch, call, abi, row, memory, cursor: 0 })
    }

    /// The call that a task has open ends.
    pub fn leave(&mut self, id: TaskId, outcome: Outcome) -> Option<OpenCall> {
        /// The kernel's own answer for a call that `restart_syscall` continues
        /// (include/linux/errno.h).
        const RESTART_BLOCK: i64 = -516;
        let task = self.tasks.get_mut(&id)?;
        let open = task.open.take()?;
        task.interrupted = match open.row {
            Some(row) if row.kind == CallKind::Restart && outcome.rval != RESTART_BLOCK => None,
            Some(row)
                if row.kind != CallKind::Restart
                    && outcome.failed()
                    && outcome.rval == RESTART_BLOCK =>
            {
                Some(row)
            }
            // A signal handler makes calls of its own before the call goes on.
            _ => task.interrupted,
        };
        Some(open)
    }

    /// Takes back the buffers of a call that is done with.
    pub fn recycle(&mut self, open: OpenCall) {
        /// A buffer that one huge call has blown up is not worth keeping.
        const LARGE: usize = 1 << 16;
        if self.spare.len() < SPARE && open.memory.room() < LARGE {
            self.spare.push(open.memory);
        }
    }

    /// What a call that has ended means for the descriptors of its process.
    pub fn after(&mut self, id: TaskId, open: &OpenCall, outcome: Outcome) {
        let (Some(row), false) = (open.row, outcome.failed()) else { return };
        if !self.follow_fds || !changes_names(row.kind) {
            return;
        }
        let Some(table) = self.tasks.get(&id).and_then(|task| self.fds.get_mut(&task.tgid)) else {
            return;
        };
        let [first, last, ..] = open.args();
        let fd = |value: u64| i32::try_from(value & 0xffff_ffff).ok();
        match row.kind {
            CallKind::Close => {
                if let Some(fd) = fd(first) {
                    table.remove(fd);
                }
            }
            CallKind::CloseRange if open.args()[2] == 0 => {
                let (first, last) = (fd(first).unwrap_or(i32::MAX), fd(last).unwrap_or(i32::MAX));
                table.retain(|fd, _| !(first..=last).contains(&fd));
            }
            CallKind::Chdir => {
                let bytes = open.memory.find(0, 0, 0).and_then(|piece| piece.inline());
                let mut link = Vec::new();
                if let (Some(bytes), Some(old)) = (bytes, table.get(intent::CWD)) {
                    paths::resolve(&old.link, text::until_nul(bytes), &mut link);
                }
                if link.len() > processes::DEEPEST {
                    link.clear();
                }
                table.set(intent::CWD, Rc::new(FdName { link, ..FdName::default() }));
            }
            CallKind::Fchdir => {
                let place = fd(first).and_then(|fd| table.get(fd)).cloned().unwrap_or_default();
                table.set(intent::CWD, place);
            }
            CallKind::Dup | CallKind::DupTo => {
                let (Some(old), Ok(new)) = (fd(first), i32::try_from(outcome.rval)) else { return };
                match table.get(old).cloned() {
                    Some(name) => table.set(new, name),
                    None => table.remove(new),
                }
            }
            CallKind::Socket | CallKind::Accept => {
                let Ok(new) = i32::try_from(outcome.rval) else { return };
                // The type shares its argument with flags (SOCK_TYPE_MASK, include/linux/net.h).
                let asked = u8::try_from(last & 0xf).ok();
                let inherited =
                    fd(first).and_then(|fd| table.get(fd)).and_then(|name| name.socket_type);
                if let Some(mut name) = table.get(new).cloned() {
                    let socket_type = if row.kind == CallKind::Socket { asked } else { inherited };
                    Rc::make_mut(&mut name).socket_type = socket_type;
                    table.set(new, name);
                }
            }
            // F_DUPFD gets a NAME part of its own; the other commands change no name.
            _ => {}
        }
    }

    /// The kernel has said what a descriptor stands for.
    pub fn name(&mut self, id: TaskId, name: &Name<'_>) {
        if !self.follow_fds {
            return;
        }
        let Some(task) = self.tasks.get(&id) else { return };
        let table = self.fds.entry(task.tgid).or_default();
        // connect and bind name a socket anew.
        let same = table.get(name.fd).filter(|old| old.link == name.link);
        let socket_type = same.and_then(|old| old.socket_type);
        let named = FdName {
            socket_type,
            link: name.link.to_vec(),
            mode: name.mode,
            rdev: name.rdev,
            local: name.local.to_vec(),
            peer: name.peer.to_vec(),
        };
        table.set(name.fd, Rc::new(named));
    }
}

/// Whether a call that succeeds changes what descriptors stand for.
const fn changes_names(kind: CallKind) -> bool {
    matches!(
        kind,
        CallKind::Close
            | CallKind::CloseRange
            | CallKind::Dup
            | CallKind::DupTo
            | CallKind::Socket
            | CallKind::Accept
            | CallKind::Chdir
            | CallKind::Fchdir
    )
}

impl Task {
    fn new(tid: u32, tgid: u32, parent: TaskId, origin: Origin) -> Self {
        Self {
            tid,
            tgid,
            parent,
            origin,
            abi: None,
            open: None,
            interrupted: None,
            has_run: true,
            context: None,
        }
    }
}

impl From<FdEntry> for FdName {
    fn from(entry: FdEntry) -> Self {
        let FdEntry { link, mode, rdev, local, peer, .. } = entry;
        Self { link, mode, rdev, local, peer, socket_type: None }
    }
}

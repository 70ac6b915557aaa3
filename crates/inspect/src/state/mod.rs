//! Follows the state of the recorded system from event to event: tasks, the call each has open, and
//! the file descriptors of each process. Printing and comparing share it. It holds only what is
//! alive at the current event.
//!
//! [`Follow`] selects the parts that cost time: printing needs only the names of descriptors,
//! comparing needs processes with open file descriptions, directories and address spaces.
//! `Tracker::step` applies a whole event.

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

/// What a file descriptor refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FdName {
    /// The target of `/proc/PID/fd/N`.
    pub link: Vec<u8>,
    /// `st_mode`.
    pub mode: u32,
    /// `st_rdev`.
    pub rdev: u64,
    /// A socket's own address, as a `sockaddr`.
    pub local: Vec<u8>,
    /// The address of a socket's peer, as a `sockaddr`.
    pub peer: Vec<u8>,
    /// The type passed to socket(2) (`SOCK_STREAM`, ...); `None` if the log does not show the
    /// creation of the socket.
    pub socket_type: Option<u8>,
}

/// The names of a process's file descriptors. Copies share what neither of them changes.
pub type FdTable = Table<Rc<FdName>>;

/// A call that has begun and not ended.
#[derive(Debug)]
pub struct OpenCall {
    /// The number of its entry event.
    pub number: u64,
    /// The time of its entry stop, in nanoseconds (CLOCK_MONOTONIC).
    pub t_ns: u64,
    /// The architecture that the entry stop reported.
    pub arch: AuditArch,
    /// The number and the argument registers.
    pub call: Call,
    /// The ABI; `None` if unknown.
    pub abi: Option<Abi>,
    /// The row of the table, if it has one.
    pub row: Option<&'static Row>,
    /// The regions captured at the entry.
    pub(crate) memory: Regions,
    /// The position of the first argument that is not printed yet.
    pub(crate) cursor: u8,
}

impl OpenCall {
    /// Returns the arguments as the ABI passes them.
    #[must_use]
    pub fn args(&self) -> [u64; 6] {
        self.abi.map_or(self.call.args, |abi| abi.args(&self.call.args))
    }
}

/// A living task.
#[derive(Debug)]
pub struct Task {
    /// The tid.
    pub tid: u32,
    /// The tgid.
    pub tgid: u32,
    /// The task that created it.
    pub parent: TaskId,
    /// How it came into the log.
    pub origin: Origin,
    /// The ABI of its latest call.
    pub abi: Option<Abi>,
    /// The call that it has begun and not ended.
    pub open: Option<OpenCall>,
    /// The call that `restart_syscall` continues.
    pub interrupted: Option<&'static Row>,
    /// Whether it has begun an execve. Until then a task that the recorder spawned runs the
    /// recorder's code.
    pub has_run: bool,
    /// What it shares with other tasks, if processes are followed.
    pub context: Option<TaskContext>,
}

/// What a tracker follows besides tasks and their calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Follow {
    /// The names of descriptors: [`Tracker::fds`].
    pub names: bool,
    /// Processes with open file descriptions, working directories and roots: [`Tracker::context`].
    pub processes: bool,
    /// Their address spaces.
    pub maps: bool,
}

/// The state at the current event.
#[derive(Debug, Default)]
pub struct Tracker {
    tasks: HashMap<TaskId, Task, RandomState>,
    fds: HashMap<u32, FdTable>,
    /// The number of tasks of each tgid.
    threads: HashMap<u32, u32>,
    /// The number of tasks that have appeared.
    pub appeared: u64,
    /// Whether names of descriptors are followed.
    follow_fds: bool,
    /// The processes, if they are followed.
    processes: Option<Box<Processes>>,
    spare: Vec<Regions>,
}

/// The most region buffers of ended calls that are kept for reuse.
const SPARE: usize = 64;

impl Tracker {
    /// Creates a tracker without tasks.
    #[must_use]
    pub fn new(follow: Follow) -> Self {
        let processes = follow.processes.then(|| Box::new(Processes::new(follow.maps)));
        Self { follow_fds: follow.names, processes, ..Self::default() }
    }

    /// Returns a living task.
    #[must_use]
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// Returns a living task. If its TASK event is missing, it gets an entry without ids.
    pub fn task_mut(&mut self, id: TaskId) -> &mut Task {
        self.tasks.entry(id).or_insert_with(|| Task::new(0, 0, TaskId::NONE, Origin::UNKNOWN))
    }

    /// Iterates over the living tasks, in no order.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.tasks.iter().map(|(id, task)| (*id, task))
    }

    /// Returns the names of a task's descriptors.
    #[must_use]
    pub fn fds(&self, id: TaskId) -> Option<&FdTable> {
        self.fds.get(&self.tasks.get(&id)?.tgid)
    }

    /// Adds a task.
    pub fn appear(&mut self, id: TaskId, head: &TaskHead) {
        self.appeared = self.appeared.saturating_add(1);
        let maker = self.tasks.get(&head.parent);
        let mut task = Task::new(head.tid, head.tgid, head.parent, head.origin);
        task.abi = maker.and_then(|maker| maker.abi);
        task.has_run = head.origin != Origin::SPAWNED;
        let of_maker = maker.and_then(|maker| self.fds.get(&maker.tgid)).cloned();
        // A new process has the descriptors of its creator. That tasks made with CLONE_FILES go on
        // sharing them is not followed here.
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

    /// Removes a task.
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

    /// Changes the ids of a task.
    pub fn renamed(&mut self, id: TaskId, renamed: &Renamed) {
        let task = self.task_mut(id);
        (task.tid, task.tgid) = (renamed.new_tid, renamed.tgid);
    }

    /// Replaces the descriptor names of a process by those of a snapshot.
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

    /// Begins a call. Returns the call that the task had open before: its exit is not in the log.
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
        let abi = Abi::of(arch, call.nr);
        let task = self.task_mut(id);
        task.has_run = task.has_run || row.is_some_and(|row| row.kind == CallKind::Exec);
        task.open.replace(OpenCall { number, t_ns, arch, call, abi, row, memory, cursor: 0 })
    }

    /// Ends the open call of a task.
    pub fn leave(&mut self, id: TaskId, outcome: Outcome) -> Option<OpenCall> {
        /// The kernel's internal result of a call that `restart_syscall` continues
        /// (ERESTART_RESTARTBLOCK, include/linux/errno.h).
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
            // A signal handler may make calls before the call continues.
            _ => task.interrupted,
        };
        Some(open)
    }

    /// Keeps the buffers of an ended call for reuse.
    pub fn recycle(&mut self, open: OpenCall) {
        /// Larger buffers are freed: one huge call must not keep its memory.
        const LARGE: usize = 1 << 16;
        if self.spare.len() < SPARE && open.memory.room() < LARGE {
            self.spare.push(open.memory);
        }
    }

    /// Applies an ended call to the descriptor names of its process.
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
                // The argument combines type and flags (SOCK_TYPE_MASK, include/linux/net.h).
                let asked = u8::try_from(last & 0xf).ok();
                let inherited =
                    fd(first).and_then(|fd| table.get(fd)).and_then(|name| name.socket_type);
                if let Some(mut name) = table.get(new).cloned() {
                    let socket_type = if row.kind == CallKind::Socket { asked } else { inherited };
                    Rc::make_mut(&mut name).socket_type = socket_type;
                    table.set(new, name);
                }
            }
            // F_DUPFD has a NAME part; other commands change no name.
            _ => {}
        }
    }

    /// Sets the name of a descriptor, as the kernel reported it.
    pub fn name(&mut self, id: TaskId, name: &Name<'_>) {
        if !self.follow_fds {
            return;
        }
        let Some(task) = self.tasks.get(&id) else { return };
        let table = self.fds.entry(task.tgid).or_default();
        // connect(2) and bind(2) change the addresses of a socket, but not its type.
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

/// Whether a successful call changes descriptor names.
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

//! The state at the current event: tasks, their open calls, and what is followed besides.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::{Abi, AuditArch, CallKind, Row, row};
use sysreel_format::{
    Completeness, Event, Origin, Parts, ProcessSnapshot, Renamed, TaskHead, TaskId,
};

use super::context::{Processes, TaskContext};
use super::netlink_sockets::NetlinkSockets;
use super::open_call::OpenCall;
use super::resolved_call::ResolvedCall;
use crate::regions::Buffers;
use sysreel_format::syscall_info::{Call, Outcome};

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
    pub open: Option<Box<OpenCall>>,
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
    /// Processes with open file descriptions, working directories, roots and mounts:
    /// [`Tracker::context`], [`Tracker::fds`], [`Tracker::path`].
    pub processes: bool,
    /// Their address spaces.
    pub maps: bool,
    /// Their attributes: ids, limits, namespaces, signals, environment, locks. See
    /// [`Tracker::process`].
    pub attributes: bool,
}

/// The state at the current event.
#[derive(Debug, Default)]
pub struct Tracker {
    pub(super) tasks: HashMap<TaskId, Task, RandomState>,
    /// The path of the program that each tgid runs.
    programs: HashMap<u32, Rc<[u8]>>,
    /// The tasks of each tgid.
    pub(super) threads: HashMap<u32, BTreeSet<TaskId>>,
    /// The number of tasks that have appeared.
    pub appeared: u64,
    /// The processes, if they are followed.
    pub(super) processes: Option<Box<Processes>>,
    netlink: NetlinkSockets,
    #[expect(clippy::vec_box, reason = "calls move between here, tasks and the driver")]
    spare: Vec<Box<OpenCall>>,
}

/// The most ended calls that are kept for reuse.
const SPARE: usize = 64;

impl Tracker {
    /// Creates a tracker without tasks.
    #[must_use]
    pub fn new(follow: Follow) -> Self {
        let processes =
            follow.processes.then(|| Box::new(Processes::new(follow.maps, follow.attributes)));
        Self { processes, ..Self::default() }
    }

    /// Takes over what the log lacks.
    pub(crate) fn set_completeness(&mut self, completeness: Completeness) {
        if let Some(processes) = &mut self.processes {
            processes.names = !completeness.contains(Completeness::NO_NAMES);
            processes.directories =
                processes.names || !completeness.contains(Completeness::FILTERED);
        }
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

    /// Returns the path of the program that a task runs; `None` if the log does not name it.
    #[must_use]
    pub fn program(&self, id: TaskId) -> Option<&[u8]> {
        self.programs.get(&self.tasks.get(&id)?.tgid).map(|path| &**path)
    }

    /// Applies the state in which the recorder found a process: after execve(2), or at attach.
    pub(crate) fn apply_found(
        &mut self,
        event: &Event<'_>,
        snapshot: &ProcessSnapshot,
        buffers: &dyn Buffers,
    ) {
        self.keep_files_of_exec(event.task);
        self.apply_snapshot(event.task, event.number, snapshot, buffers);
        if let Some(task) = self.tasks.get(&event.task) {
            self.programs.insert(task.tgid, Rc::from(&*snapshot.exe));
        }
    }

    /// Adds a task.
    pub fn appear(&mut self, id: TaskId, head: &TaskHead) {
        self.appeared = self.appeared.saturating_add(1);
        // What an attached task had from its parent is long past.
        let parent = self.tasks.get(&head.parent).filter(|_| head.origin != Origin::ATTACHED);
        let mut task = Task::new(head.tid, head.tgid, head.parent, head.origin);
        task.abi = parent.and_then(|parent| parent.abi);
        task.has_run = head.origin != Origin::SPAWNED;
        if head.origin != Origin::THREAD
            && let Some(program) = parent.and_then(|parent| self.programs.get(&parent.tgid))
        {
            self.programs.insert(head.tgid, Rc::clone(program));
        }
        if head.origin != Origin::THREAD
            && let Some(parent) = parent.map(|parent| parent.tgid)
        {
            self.netlink.inherit(parent, head.tgid);
        }
        self.threads.entry(head.tgid).or_default().insert(id);
        task.context = self.new_context(id, head);
        self.tasks.insert(id, task);
    }

    /// Removes a task.
    pub fn gone(&mut self, id: TaskId) -> Option<Task> {
        let mut task = self.tasks.remove(&id)?;
        if let Some(open) = task.open.take() {
            self.recycle(open);
        }
        if let Some(threads) = self.threads.get_mut(&task.tgid) {
            threads.remove(&id);
            if threads.is_empty() {
                self.threads.remove(&task.tgid);
                self.programs.remove(&task.tgid);
                self.netlink.forget(task.tgid);
            }
        }
        Some(task)
    }

    /// Changes the ids of a task.
    pub fn renamed(&mut self, id: TaskId, renamed: &Renamed) {
        let task = self.task_mut(id);
        (task.tid, task.tgid) = (renamed.new_tid, renamed.tgid);
    }

    /// Begins a call. Returns the call that the task had open before: its exit is not in the log.
    pub(crate) fn enter(
        &mut self,
        event: &Event<'_>,
        arch: AuditArch,
        call: Call,
        memory: Option<Parts<'_>>,
    ) -> Option<Box<OpenCall>> {
        let mut open = self.spare.pop().unwrap_or_else(|| Box::new(OpenCall::unused()));
        open.memory.keep(memory);
        let row = row(arch, call.nr);
        let abi = Abi::from_call(arch, call.nr);
        let task = self.task_mut(event.task);
        task.has_run = task.has_run || row.is_some_and(|row| row.kind == CallKind::Exec);
        task.abi = abi.or(task.abi);
        (open.number, open.t_ns, open.source) = (event.number, event.t_ns, event.source);
        (open.arch, open.call, open.abi, open.row) = (arch, call, abi, row);
        open.keep_arguments(task.context.as_ref());
        let restarts = row.is_some_and(|row| row.kind == CallKind::Restart);
        open.continues = task.interrupted.filter(|_| restarts);
        task.open.replace(open)
    }

    /// Keeps for an execve(2) that succeeds what its arguments referred to.
    fn keep_files_of_exec(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if let (Some(open), Some(context)) = (task.open.as_mut(), &task.context)
            && open.row.is_some_and(|row| row.kind == CallKind::Exec)
        {
            open.keep_files(context);
        }
    }

    /// Takes the open call of a task that does not return from it.
    pub(crate) fn abandon(&mut self, id: TaskId) -> Option<Box<OpenCall>> {
        self.tasks.get_mut(&id)?.open.take()
    }

    /// Whether processes are followed.
    pub(crate) fn follows_processes(&self) -> bool {
        self.processes.is_some()
    }

    /// Whether a call without names among its parts may change what is followed.
    pub(crate) fn is_changed_by(&self, call: &ResolvedCall) -> bool {
        self.processes
            .as_ref()
            .is_some_and(|processes| processes.maps || processes.attributes || call.changes_files())
    }

    /// Ends the open call of a task.
    pub(crate) fn leave(&mut self, id: TaskId, outcome: Outcome) -> Option<Box<OpenCall>> {
        /// The kernel's internal result of a call that `restart_syscall` continues
        /// (ERESTART_RESTARTBLOCK, include/linux/errno.h).
        const RESTART_BLOCK: i64 = -516;
        let task = self.tasks.get_mut(&id)?;
        let open = task.open.take()?;
        self.netlink.apply(task.tgid, &open, outcome);
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

    /// Returns the protocol of a netlink socket of a task; `None` for other descriptors, and if the
    /// log does not show how the socket was made.
    pub(crate) fn netlink_protocol(&self, id: TaskId, fd: i32) -> Option<u64> {
        self.netlink.protocol(self.tasks.get(&id)?.tgid, fd)
    }

    /// Keeps an ended call for reuse.
    pub(crate) fn recycle(&mut self, mut open: Box<OpenCall>) {
        open.forget_arguments();
        /// Larger buffers are freed: one huge call must not keep its memory.
        const LARGE: usize = 1 << 16;
        if self.spare.len() < SPARE && open.memory.allocated() < LARGE {
            self.spare.push(open);
        }
    }
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

//! The calls and signals that change the attributes of a process.

use std::rc::Rc;

use sysreel_abi::attributes::{self as abi, AttributeChange, LockKind, attribute_change};
use sysreel_abi::{CallKind, CloneFlags, NamespaceChange};
use sysreel_format::{ProcessSnapshot, TaskId, is_kept};

use super::attributes::{Attributes, OfProcess};
use super::context::TaskContext;
use super::locks::{Lock, set_lock};
use super::open_call::OpenCall;
use super::resolved_call::{ResolvedCall, region};
use super::tracker::Tracker;
use crate::regions::Buffers;

/// The longest argument list of which the environment is kept, in bytes (execve(2)).
const MOST_ENVIRONMENT: usize = 6 << 20;

impl Attributes {
    /// Returns those of a new task.
    pub(super) fn of_new_task(&self, flags: CloneFlags, is_thread: bool) -> Self {
        let mut new = self.clone();
        if !is_thread {
            let old = self.process.borrow();
            let (limits, environment) = (old.limits.clone(), old.environment.clone());
            // Record locks are not inherited (fork(2)).
            let process = OfProcess { limits, environment, locks: Vec::new() };
            new.process = Rc::new(process.into());
        }
        if !flags.signal_handlers() {
            let mut handlers = self.handlers.borrow().clone();
            if flags.clears_signal_handlers() {
                handlers.caught = handlers.caught.map(|_| 0);
                handlers.once = 0;
            }
            new.handlers = Rc::new(handlers.into());
        }
        if !is_thread {
            for (own, of_children) in [("pid", "pid_for_children"), ("time", "time_for_children")] {
                if self.namespaces.iter().any(|(name, _)| **name == *of_children.as_bytes()) {
                    new.set_namespace(own.as_bytes(), self.namespace(of_children.as_bytes()));
                }
            }
        }
        new.enter_new_namespaces(flags, true);
        new
    }

    fn enter_new_namespaces(&mut self, flags: CloneFlags, is_new_task: bool) {
        flags.each_namespace(is_new_task, |name| self.set_namespace(name.as_bytes(), None));
        if flags.new_users() {
            self.enter_other_users();
        }
    }

    /// The ids of the task stay as the recorder sees them, but the task has all capabilities there,
    /// of which the log does not say how many there are (user_namespaces(7)).
    fn enter_other_users(&mut self) {
        self.credentials.capabilities = [None; 5];
        self.credentials.other_users = true;
    }
}

impl Tracker {
    fn attributes_mut(&mut self, id: TaskId) -> Option<&mut Attributes> {
        let context = self.tasks.get_mut(&id)?.context.as_mut()?;
        context.attributes.as_deref_mut()
    }

    /// Applies an ended call, before it is applied to descriptors and directories.
    pub(super) fn apply_to_attributes(
        &mut self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
        parts: sysreel_format::Parts<'_>,
    ) {
        if self.context(id).is_none_or(|context| context.attributes.is_none()) {
            return;
        }
        let memory = |arg: u8| open.memory.find(arg, call.role, 0).and_then(|found| found.inline());
        match call.row.kind {
            CallKind::SigAction => {
                let new = abi::signal_action(call.abi, call.row, &call.args, memory(1));
                if let (Some((signal, new)), Some(own)) = (new, self.attributes_mut(id)) {
                    own.handlers.borrow_mut().set(signal, new);
                }
            }
            CallKind::SigMask => {
                let old = region(parts, 2, call.role, 0).and_then(|old| old.get(..8));
                let old = old.and_then(|old| old.try_into().ok()).map(u64::from_le_bytes);
                let Some(own) = self.attributes_mut(id) else { return };
                let before = old.or(own.blocked);
                own.blocked = abi::signal_mask(call.abi, call.row, &call.args, before, memory(1))
                    .unwrap_or(before);
            }
            CallKind::Lock | CallKind::Fcntl => self.apply_lock(id, (call, open), memory(2)),
            CallKind::Close | CallKind::DupTo | CallKind::CloseRange => self.drop_locks(id, call),
            CallKind::Namespace => self.apply_namespaces(id, call, open),
            _ => {
                if let Some(change) = attribute_change(call.abi, call.row, &call.args) {
                    self.apply_change(id, change, &memory);
                }
            }
        }
    }

    fn apply_change<'m>(
        &mut self,
        id: TaskId,
        change: AttributeChange,
        memory: &dyn Fn(u8) -> Option<&'m [u8]>,
    ) {
        match change {
            AttributeChange::Limit { pid, resource, argument, size } => {
                let new = memory(argument).and_then(|bytes| abi::limit_values(size, bytes));
                self.set_limit(id, pid, resource, new);
            }
            AttributeChange::Seccomp { all_threads: true, .. } => {
                let process = self.context(id).map(|context| context.process);
                let threads: Vec<TaskId> = self
                    .tasks()
                    .filter(|(_, task)| task.context.as_ref().map(|c| c.process) == process)
                    .map(|(id, _)| id)
                    .collect();
                for thread in threads {
                    if let Some(own) = self.attributes_mut(thread) {
                        own.credentials.apply(change, None);
                    }
                }
            }
            _ => {
                if let Some(own) = self.attributes_mut(id) {
                    own.credentials.apply(change, memory(1));
                }
            }
        }
    }

    fn set_limit(&mut self, id: TaskId, pid: u32, resource: u32, new: Option<(u64, u64)>) {
        let target = match pid {
            0 => Some(id),
            pid => {
                // The number means this process only in the PID namespace of the recorder, which is
                // that of the first process.
                let own = self.attributes_mut(id).and_then(|own| own.namespace(b"pid"));
                let is_first = own.is_some() && own == self.first_pid_namespace();
                self.tasks().find(|(_, task)| task.tid == pid && is_first).map(|(id, _)| id)
            }
        };
        let Some(own) = target.and_then(|id| self.attributes_mut(id)) else { return };
        let mut process = own.process.borrow_mut();
        match (new, process.limits.as_mut()) {
            (Some(new), Some(limits)) => {
                let at = usize::try_from(resource).unwrap_or(usize::MAX);
                if let Some(limit) = Rc::make_mut(limits).get_mut(at) {
                    *limit = new;
                }
            }
            (None, _) => process.limits = None,
            _ => {}
        }
    }

    fn first_pid_namespace(&self) -> Option<u64> {
        self.processes.as_ref()?.pid_namespace
    }

    fn apply_lock(
        &mut self,
        id: TaskId,
        (call, open): (&ResolvedCall, &OpenCall),
        memory: Option<&[u8]>,
    ) {
        let change = abi::lock_change(call.abi, call.row, &call.args, memory);
        let file = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
        let (Some(change), Some(file)) = (change, file) else { return };
        let exclusive = change.exclusive.unwrap_or(false);
        let (kind, range) = (change.kind, change.range);
        let lock = Lock { kind, exclusive, file: file.id, range };
        let unlocks = change.exclusive.is_none();
        match kind {
            LockKind::Record => {
                if let Some(own) = self.attributes_mut(id) {
                    set_lock(&mut own.process.borrow_mut().locks, lock, unlocks);
                }
            }
            LockKind::Flock | LockKind::OpenFile => {
                set_lock(&mut file.locks.borrow_mut(), lock, unlocks);
            }
        }
    }

    /// Drops the record locks on the files of which a call closes a descriptor: any descriptor of
    /// the file will do (fcntl(2)).
    fn drop_locks(&mut self, id: TaskId, call: &ResolvedCall) {
        let fd = |at| call.fd(at).unwrap_or(-1);
        let closed = match call.row.kind {
            CallKind::Close => fd(0)..=fd(0),
            CallKind::DupTo if fd(0) == fd(1) => return,
            CallKind::DupTo => fd(1)..=fd(1),
            _ if !sysreel_abi::intent::closes_range(call.args[2]).0 => return,
            _ => fd(0)..=if fd(1) < 0 { i32::MAX } else { fd(1) },
        };
        let Some(context) = self.context(id) else { return };
        drop_locks_of(context, |fd| closed.contains(&fd));
    }

    fn apply_namespaces(&mut self, id: TaskId, call: &ResolvedCall, open: &OpenCall) {
        match sysreel_abi::places::namespace_change(call.abi, call.row, &call.args) {
            Some(NamespaceChange::Unshare(flags)) => {
                if let Some(own) = self.attributes_mut(id) {
                    own.enter_new_namespaces(flags, false);
                }
            }
            Some(NamespaceChange::Join { fd, kinds }) => {
                let Some(file) = self.argument_file(id, open, fd) else { return };
                let name = file.link.split(|byte| *byte == b':').next().map(<[u8]>::to_vec);
                let name = name.filter(|_| file.link.ends_with(b"]") && file.about.get() == 0);
                let Some(own) = self.attributes_mut(id) else { return };
                match name {
                    // The inode of a namespace is its number.
                    Some(name) => {
                        let name = match &*name {
                            b"pid" => &b"pid_for_children"[..],
                            b"time" => b"time_for_children",
                            name => name,
                        };
                        own.set_namespace(name, Some(file.id.1));
                        if name == b"user" {
                            own.enter_other_users();
                        }
                    }
                    None => own.enter_new_namespaces(kinds, false),
                }
            }
            None => {}
        }
    }

    /// Applies the delivery of a signal: a handler blocks others, and may have been set for once.
    pub(crate) fn apply_signal(&mut self, id: TaskId, signal: u32) {
        let Some(own) = self.attributes_mut(id) else { return };
        let bit = 1u64.checked_shl(signal.wrapping_sub(1)).unwrap_or(0);
        let mut handlers = own.handlers.borrow_mut();
        if handlers.caught.is_none_or(|caught| caught & bit != 0) {
            if handlers.once & bit != 0 {
                handlers.set(signal, abi::Disposition::Default);
            }
            own.blocked = None;
        }
    }

    /// Applies a snapshot, after an execve with what the call says of the environment.
    pub(super) fn snapshot_attributes(
        &mut self,
        id: TaskId,
        snapshot: &ProcessSnapshot,
        buffers: &dyn Buffers,
    ) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let (Some(context), open) = (task.context.as_mut(), task.open.as_deref()) else { return };
        let Some(before) = context.attributes.as_deref() else { return };
        let new = Attributes::from_snapshot(before, snapshot);
        new.process.borrow_mut().environment = open
            .filter(|open| open.row.is_some_and(|row| row.kind == CallKind::Exec))
            .and_then(|open| environment(open, buffers));
        let pid = new.namespace(b"pid");
        // execve(2) closes descriptors too.
        let kept = snapshot.kept.as_deref().unwrap_or_default();
        let is_open = |fd| is_kept(kept, fd) || snapshot.fds.iter().any(|entry| entry.fd == fd);
        drop_locks_of(context, |fd| !is_open(fd));
        new.process.borrow_mut().locks = before_locks(context);
        context.attributes = Some(Box::new(new));
        if let Some(processes) = self.processes.as_mut() {
            processes.pid_namespace = processes.pid_namespace.or(pid);
        }
    }
}

fn before_locks(context: &TaskContext) -> Vec<Lock> {
    let own = context.attributes.as_deref();
    own.map(|own| own.process.borrow().locks.clone()).unwrap_or_default()
}

/// Drops the record locks on the files of the descriptors that `closes` selects.
fn drop_locks_of(context: &TaskContext, closes: impl Fn(i32) -> bool) {
    let Some(own) = context.attributes.as_deref() else { return };
    let mut process = own.process.borrow_mut();
    if process.locks.is_empty() {
        return;
    }
    context.files.borrow().for_each(|fd, descriptor| {
        if closes(fd) {
            let id = descriptor.file.id;
            process.locks.retain(|lock| lock.file != id);
        }
    });
}

/// Returns the environment that an execve passes.
pub(crate) fn environment(open: &OpenCall, buffers: &dyn Buffers) -> Option<Rc<[Vec<u8>]>> {
    let argument = u8::try_from(open.row?.arg("envp")?).ok()?;
    // The list itself is in the log, if memory is.
    open.memory.find(argument, 0, 0)?;
    let mut left = MOST_ENVIRONMENT;
    let mut list = Vec::new();
    let strings = open
        .memory
        .regions()
        .filter(|region| region.head.arg == argument && region.head.role.0 == 1);
    for region in strings {
        let bytes = region.bytes(buffers, left)?;
        left = left.saturating_sub(bytes.len());
        list.push(crate::text::until_nul(&bytes).to_vec());
    }
    Some(Rc::from(list))
}

//! Processes, and what their tasks share: descriptors, directories, address spaces. Derived from
//! snapshots and calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::{CallKind, CloneFlags, clone_flags, has_close_on_exec, intent};
use sysreel_format::{FdEntry, Origin, Parts, ProcessSnapshot, TaskHead, TaskId};

use super::context::TaskContext;
use super::descriptors::{Descriptor, DescriptorOrigin, FileTable};
use super::files::{Made, Maker, OpenFile, ProcessId, is_path};
use super::maps::Space;
use super::mounts::Location;
use super::open_call::OpenCall;
use super::paths::Places;
use super::resolved_call::ResolvedCall;
use super::tracker::Tracker;
use crate::regions::Buffers;
use sysreel_format::syscall_info::Outcome;

/// With how many threads a snapshot is shared: a hostile log may have any number of both.
const MAX_SHARING: usize = 4096;

impl Tracker {
    /// Returns the context of a task; `None` if processes are not followed or the task is unknown.
    #[must_use]
    pub fn context(&self, id: TaskId) -> Option<&TaskContext> {
        self.task(id)?.context.as_ref()
    }

    /// Returns the open file description of a task's descriptor.
    #[must_use]
    pub fn file(&self, id: TaskId, fd: i32) -> Option<Rc<OpenFile>> {
        self.context(id)?.files.borrow().get(fd).cloned()
    }

    /// Returns what a descriptor among the arguments of a call of a task referred to at its entry.
    pub(crate) fn argument_file(
        &self,
        id: TaskId,
        open: &OpenCall,
        fd: i32,
    ) -> Option<Rc<OpenFile>> {
        open.argument_file(self.context(id)?, fd)
    }

    /// Says what a descriptor of a task refers to, where the events that tell it were not read.
    pub(crate) fn assume_fd(&mut self, id: TaskId, fd: i32, link: &[u8]) {
        let Some(processes) = self.processes.as_mut() else { return };
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let Some(context) = task.context.as_ref() else { return };
        let maker = Maker { event: 0, process: context.process, made: Made::Otherwise };
        let file = processes.files.create_known(maker, link);
        context.files.borrow_mut().assume(fd, file, context.process);
        if let Some(open) = &mut task.open {
            open.keep_arguments(task.context.as_ref());
        }
    }

    /// Creates the context of a new task. The flags of the creating call decide what it shares with
    /// its creator, or its origin if the call is not in the log.
    pub(super) fn new_context(&mut self, id: TaskId, head: &TaskHead) -> Option<TaskContext> {
        let (maker, thread) = self.maker(id, head);
        let attached = head.origin == Origin::ATTACHED;
        let processes = self.processes.as_mut()?;
        let maker = maker.and_then(|maker| self.tasks.get(&maker));
        let made = maker.filter(|_| !attached).and_then(|maker| maker.open.as_deref());
        let made = made.and_then(made_with);
        let (shares_files, shares_places) =
            made.map_or((thread, thread), |flags| (flags.files(), flags.fs()));
        let shares_space =
            made.map_or(thread || head.origin == Origin::VFORK, |flags| flags.memory());
        let from = maker.and_then(|maker| maker.context.as_ref());
        let process = match from {
            Some(from) if thread => from.process,
            _ => {
                let new = ProcessId(processes.count);
                processes.count = processes.count.saturating_add(1);
                new
            }
        };
        let files = match from {
            Some(from) if shares_files => Rc::clone(&from.files),
            Some(from) => Rc::new(RefCell::new(from.files.borrow().copy(processes.new_table()))),
            None => Rc::new(RefCell::new(FileTable::new(processes.new_table()))),
        };
        Some(match from {
            None => TaskContext {
                process,
                files,
                places: Rc::new(RefCell::new(Places::unknown(&processes.mounts))),
                space: Rc::default(),
                attributes: processes.attributes.then(Box::default),
            },
            Some(from) => TaskContext {
                process,
                files,
                places: match shares_places {
                    true => Rc::clone(&from.places),
                    false => {
                        let mut places = from.places.borrow().clone();
                        if made.is_some_and(CloneFlags::new_mounts) {
                            places.unshare_mounts();
                        }
                        Rc::new(RefCell::new(places))
                    }
                },
                space: match shares_space {
                    true => Rc::clone(&from.space),
                    false => Rc::new(RefCell::new(from.space.borrow().clone())),
                },
                attributes: from.attributes.as_ref().map(|from| {
                    let flags =
                        made.unwrap_or(if thread { CloneFlags::THREAD } else { CloneFlags(0) });
                    let new = from.of_new_task(flags, thread);
                    Box::new(if attached { new.of_another_thread() } else { new })
                }),
            },
        })
    }

    /// Returns the task from which a new one has what it shares, and whether both are threads of
    /// one process. The maker of a thread may not be in the log, as that of an attached one: any
    /// other thread of the process has the same.
    fn maker(&self, id: TaskId, head: &TaskHead) -> (Option<TaskId>, bool) {
        let is_thread = head.origin == Origin::THREAD;
        let known = self.tasks.contains_key(&head.parent) && head.origin != Origin::ATTACHED;
        let may_be_thread = matches!(head.origin, Origin::ATTACHED | Origin::UNKNOWN);
        if known || !is_thread && !may_be_thread {
            return (Some(head.parent).filter(|_| known), is_thread);
        }
        // The new task is among them already.
        let other = self.threads.get(&head.tgid).into_iter().flatten();
        let other = other.copied().find(|other| *other != id);
        (other, is_thread || other.is_some())
    }

    /// Gives the other threads of a process what a snapshot of one of them has shown, where they
    /// share it: all that they had from `before`. After execve(2) there are no others.
    fn share_snapshot(&mut self, id: TaskId, before: &TaskContext) {
        let Some(task) = self.tasks.get(&id) else { return };
        let tgid = task.tgid;
        let executes = task.open.as_ref().and_then(|open| open.row);
        let executes = executes.is_some_and(|row| row.kind == CallKind::Exec);
        let Some(new) = task.context.clone().filter(|_| !executes) else { return };
        let threads = self.threads.get(&tgid).into_iter().flatten();
        for other in threads.filter(|other| **other != id).take(MAX_SHARING) {
            let Some(task) = self.tasks.get_mut(other) else { continue };
            let Some(own) = task.context.as_mut() else { continue };
            if own.process != before.process {
                continue;
            }
            if Rc::ptr_eq(&own.files, &before.files) {
                own.files = Rc::clone(&new.files);
            }
            if Rc::ptr_eq(&own.places, &before.places) {
                own.places = Rc::clone(&new.places);
            }
            own.space = Rc::clone(&new.space);
            if let (Some(own), Some(new)) = (&mut own.attributes, &new.attributes) {
                own.share_with(new);
            }
            // Before, nothing was known of what it has.
            if let Some(open) = &mut task.open {
                open.keep_arguments(task.context.as_ref());
            }
        }
    }

    /// Applies a snapshot. After execve(2) the process shares nothing with others, and
    /// close-on-exec descriptors are closed.
    pub(super) fn apply_snapshot(
        &mut self,
        id: TaskId,
        event: u64,
        snapshot: &ProcessSnapshot,
        buffers: &dyn Buffers,
    ) {
        let Some(before) = self.context(id).cloned() else { return };
        self.snapshot_attributes(id, snapshot, buffers);
        let Some(processes) = self.processes.as_mut() else { return };
        let Some(context) = self.tasks.get_mut(&id).and_then(|task| task.context.as_mut()) else {
            return;
        };
        let old = context.places.borrow().clone();
        let inode = snapshot.namespaces.iter().find(|(name, _)| name == b"mnt").map(|(_, id)| *id);
        let mounts = processes.namespace(inode, Some(&old.root.mounts));
        let base = Location::root_of(&mounts);
        let place = |old: Option<&Location>, link: &[u8]| {
            let same = old.filter(|old| Rc::ptr_eq(&old.mounts, &mounts) && old.has_link(link));
            match same {
                Some(same) => Some(same.clone()),
                None => is_path(link).then(|| base.at_link(link, false)),
            }
        };
        let places = Places {
            // It may change without a call in the log.
            cwd: place(old.cwd.as_ref(), &snapshot.cwd).filter(|_| processes.directories),
            root: place(Some(&old.root), &snapshot.root).unwrap_or_else(|| base.clone()),
            umask: snapshot.umask,
        };
        context.places = Rc::new(RefCell::new(places));
        let mut table = context.files.borrow().copy(processes.new_table());
        match processes.names {
            true => table.keep_only(snapshot),
            false => table.exec(),
        }
        let mut lowest = HashMap::<_, i32, RandomState>::default();
        for entry in &snapshot.fds {
            // Descriptors of one description share that of the lowest-numbered one.
            lowest.entry(identity(entry)).or_insert(entry.fd);
        }
        for entry in &snapshot.fds {
            let close_on_exec = has_close_on_exec(entry.flags);
            if table.get(entry.fd).is_some_and(|file| file.confirm(entry, &base)) {
                table.set_close_on_exec(entry.fd, entry.fd, close_on_exec);
                continue;
            }
            // A lower descriptor of the same description comes first.
            let lower = lowest.get(&identity(entry)).filter(|lower| **lower < entry.fd);
            let file = match lower.and_then(|lower| table.get(*lower)) {
                Some(file) => Rc::clone(file),
                None => {
                    let made = Made::Before(entry.fd);
                    let maker = Maker { event, process: context.process, made };
                    processes.files.create_for_entry(maker, entry, &base)
                }
            };
            let (origin, process) = (DescriptorOrigin::Before, context.process);
            let close_on_exec = Some(close_on_exec);
            table.set(entry.fd, Descriptor { file, origin, event, process, close_on_exec });
        }
        context.files = Rc::new(RefCell::new(table));
        if processes.maps {
            context.space = Rc::new(RefCell::new(Space::from_mappings(&snapshot.maps)));
        }
        self.share_snapshot(id, &before);
    }

    /// Applies an ended call to descriptors, directories and mounts. `parts` are those of its exit.
    pub(crate) fn apply_call(
        &mut self,
        id: TaskId,
        event: u64,
        open: &OpenCall,
        outcome: Outcome,
        parts: Parts<'_>,
        buffers: &dyn Buffers,
    ) {
        if self.processes.is_none() {
            return;
        }
        let Some(call) = ResolvedCall::resolve(open) else { return };
        if call.row.kind == CallKind::Connect && intent::in_progress(outcome.rval, outcome.failed())
        {
            self.remember_peer(id, &call, open);
        }
        // close(2) closes the descriptor also if it fails.
        if outcome.failed() && call.row.kind != CallKind::Close {
            return;
        }
        self.apply_to_attributes(id, &call, open, parts);
        self.apply_to_open_fds(id, open, outcome);
        match call.row.kind {
            CallKind::Umask => {
                let mask = u32::try_from(call.args[0] & 0o777).ok();
                self.with_places(id, |places| places.umask = mask);
            }
            CallKind::Send => self.remember_sent_files(id, &call, open),
            _ => self.apply_to_directories(id, &call, open, parts, buffers),
        }
        self.learn_addresses(id, &call, open, parts);
        self.add_new_fds(id, event, &call, open, outcome, parts);
        if call.row.kind == CallKind::Connect {
            self.connected(id, event, &call, open);
        }
        if self.processes.as_ref().is_some_and(|processes| processes.maps) {
            self.apply_mapping(id, &call, open, outcome);
        }
    }

    pub(super) fn with_files(&self, id: TaskId, change: impl FnOnce(&mut FileTable)) {
        if let Some(context) = self.context(id) {
            change(&mut context.files.borrow_mut());
        }
    }

    pub(super) fn with_places(&self, id: TaskId, change: impl FnOnce(&mut Places)) {
        if let Some(context) = self.context(id) {
            change(&mut context.places.borrow_mut());
        }
    }

    /// Gives a task a descriptor table of its own.
    pub(super) fn unshare_files(&mut self, id: TaskId) {
        let Some(processes) = self.processes.as_mut() else { return };
        if let Some(context) = self.tasks.get_mut(&id).and_then(|task| task.context.as_mut()) {
            let own = context.files.borrow().copy(processes.new_table());
            context.files = Rc::new(RefCell::new(own));
        }
    }

    /// Gives a task a working directory and root of its own.
    pub(super) fn unshare_places(&mut self, id: TaskId) {
        if let Some(context) = self.tasks.get_mut(&id).and_then(|task| task.context.as_mut()) {
            let own = context.places.borrow().clone();
            context.places = Rc::new(RefCell::new(own));
        }
    }
}

/// Returns the flags with which a call makes a task.
fn made_with(open: &OpenCall) -> Option<CloneFlags> {
    let structure = open.memory.find(0, 0, 0).and_then(|region| region.inline());
    clone_flags(open.abi?, open.row?, &open.call.args, structure)
}

/// Returns what distinguishes open file descriptions in a snapshot.
fn identity(entry: &FdEntry) -> (u64, u64, u64, u64, &[u8]) {
    (entry.dev, entry.ino, entry.flags, entry.offset, &entry.link)
}

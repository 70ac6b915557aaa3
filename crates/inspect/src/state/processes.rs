//! Processes, and what their tasks share: descriptors, directories, address spaces. Derived from
//! snapshots and calls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;
use sysreel_abi::{CallKind, Makes, clone_flags, intent, makes_fd};
use sysreel_format::{FdEntry, Name, Origin, Part, Parts, ProcessSnapshot, TaskHead, TaskId};

use super::context::TaskContext;
use super::files::{FileTable, Made, Maker, OpenFile, ProcessId};
use super::maps::{Place, Space};
use super::open_call::OpenCall;
use super::paths::{DEEPEST, PATH_MAX, Places, resolve};
use super::resolved_call::{ResolvedCall, region};
use super::tracker::Tracker;
use crate::regions::Buffers;
use sysreel_format::syscall_info::Outcome;

impl Tracker {
    /// Returns what is mapped at an address of a task.
    #[must_use]
    pub fn place(&self, id: TaskId, address: u64) -> Option<Place> {
        self.context(id)?.space.borrow().at(address)
    }

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

    /// Writes the absolute path that `path` means to a task, relative to `dirfd` if given.
    pub(crate) fn path(&self, id: TaskId, dirfd: Option<u64>, path: &[u8], out: &mut Vec<u8>) {
        let Some(context) = self.context(id) else { return resolve(b"", path, out) };
        let fd = dirfd.filter(|fd| !intent::is_cwd(*fd));
        match fd.and_then(|fd| i32::try_from(fd & 0xffff_ffff).ok()) {
            Some(fd) if path.first() != Some(&b'/') => match context.files.borrow().get(fd) {
                Some(file) => resolve(&file.link, path, out),
                None => resolve(b"", path, out),
            },
            _ => resolve(&context.places.borrow().cwd, path, out),
        }
    }

    /// Creates the context of a new task. The flags of the creating call decide what it shares with
    /// its creator, or its origin if the call is not in the log.
    pub(super) fn new_context(&mut self, head: &TaskHead) -> Option<TaskContext> {
        let processes = self.processes.as_mut()?;
        let maker = self.tasks.get(&head.parent);
        let made = maker.and_then(|maker| maker.open.as_ref()).and_then(|open| {
            let structure = open.memory.find(0, 0, 0).and_then(|region| region.inline());
            clone_flags(open.abi?, open.row?, &open.call.args, structure)
        });
        let thread = head.origin == Origin::THREAD;
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
        let copy_of = |shared: bool, files: &Rc<RefCell<FileTable>>| {
            if shared { Rc::clone(files) } else { Rc::new(RefCell::new(files.borrow().clone())) }
        };
        Some(match from {
            None => TaskContext {
                process,
                files: Rc::default(),
                places: Rc::default(),
                space: Rc::default(),
            },
            Some(from) => TaskContext {
                process,
                files: copy_of(shares_files, &from.files),
                places: match shares_places {
                    true => Rc::clone(&from.places),
                    false => Rc::new(RefCell::new(from.places.borrow().clone())),
                },
                space: match shares_space {
                    true => Rc::clone(&from.space),
                    false => Rc::new(RefCell::new(from.space.borrow().clone())),
                },
            },
        })
    }

    /// Applies a snapshot. After execve(2) the process shares nothing with others, and
    /// close-on-exec descriptors are closed.
    pub(crate) fn apply_snapshot(&mut self, id: TaskId, event: u64, snapshot: &ProcessSnapshot) {
        let Some(processes) = self.processes.as_mut() else { return };
        let Some(context) = self.tasks.get_mut(&id).and_then(|task| task.context.as_mut()) else {
            return;
        };
        let mut table = context.files.borrow().clone();
        table.keep_only(&snapshot.fds);
        let mut lowest = HashMap::<_, i32, RandomState>::default();
        for entry in &snapshot.fds {
            // Descriptors of one description share that of the lowest-numbered one.
            lowest.entry(identity(entry)).or_insert(entry.fd);
        }
        for entry in &snapshot.fds {
            let known = table.get(entry.fd).is_some_and(|file| {
                file.id == (0, 0)
                    || (file.id == (entry.dev, entry.ino) && *file.link == *entry.link)
            });
            if known {
                continue;
            }
            // A lower descriptor of the same description comes first.
            let lower = lowest.get(&identity(entry)).filter(|lower| **lower < entry.fd);
            let file = match lower.and_then(|lower| table.get(*lower)) {
                Some(file) => Rc::clone(file),
                None => {
                    let maker =
                        Maker { event, process: context.process, made: Made::Before(entry.fd) };
                    processes.files.create_for_entry(maker, entry)
                }
            };
            table.set(entry.fd, file);
        }
        context.files = Rc::new(RefCell::new(table));
        let places = Places {
            cwd: Rc::from(snapshot.cwd.as_slice()),
            root: Rc::from(snapshot.root.as_slice()),
            umask: snapshot.umask,
        };
        context.places = Rc::new(RefCell::new(places));
        if processes.maps {
            context.space = Rc::new(RefCell::new(Space::from_mappings(&snapshot.maps)));
        }
    }

    /// Applies an ended call to descriptors and directories. `parts` are those of its exit.
    pub(crate) fn apply_call(
        &mut self,
        id: TaskId,
        event: u64,
        open: &OpenCall,
        outcome: Outcome,
        parts: Parts<'_>,
        buffers: &dyn Buffers,
    ) {
        let Some(call) = ResolvedCall::resolve(open) else { return };
        if outcome.failed() {
            return;
        }
        match call.row.kind {
            CallKind::Close => self.with_files(id, |table| table.close(call.fd(0).unwrap_or(-1))),
            CallKind::CloseRange if call.args[2] == 0 => {
                let (first, last) = (call.fd(0).unwrap_or(0), call.fd(1).unwrap_or(i32::MAX));
                let last = if last < 0 { i32::MAX } else { last };
                self.with_files(id, |table| table.close_range(first, last));
            }
            CallKind::Chdir => self.apply_chdir(id, open, buffers),
            CallKind::Fchdir => {
                if let Some(link) =
                    call.fd(0).and_then(|fd| self.file(id, fd)).map(|file| Rc::clone(&file.link))
                {
                    self.with_places(id, |places| places.cwd = link);
                }
            }
            CallKind::Umask => {
                let mask = u32::try_from(call.args[0] & 0o777).ok();
                self.with_places(id, |places| places.umask = mask);
            }
            CallKind::Send => self.remember_sent_files(id, &call, open),
            _ => {}
        }
        self.add_new_fds(id, event, &call, open, outcome, parts);
        if self.processes.as_ref().is_some_and(|processes| processes.maps) {
            self.apply_mapping(id, &call, open, outcome);
        }
    }

    /// Applies a call to the address space.
    fn apply_mapping(
        &mut self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
        outcome: Outcome,
    ) {
        let structure = open.memory.find(0, call.role, 0).and_then(|region| region.inline());
        let len = sysreel_abi::mapped_len(call.abi, call.row, &call.args, structure);
        let address = outcome.rval.cast_unsigned();
        let [first, second, ..] = call.args;
        let file = match call.row.kind {
            CallKind::Mmap if intent::maps_file(call.abi, call.row, &call.args) => {
                let fd = call.row.arg("fd").and_then(|at| call.fd(at));
                fd.and_then(|fd| self.file(id, fd)).map(|file| Rc::clone(&file.link))
            }
            _ => None,
        };
        let Some(context) = self.context(id) else { return };
        let mut space = context.space.borrow_mut();
        match (call.row.kind, len) {
            (CallKind::Mmap, Some(len)) => {
                let offset =
                    call.row.arg("off").and_then(|at| call.args.get(at)).copied().unwrap_or(0);
                space.map(address, whole_pages(len), file, offset);
            }
            (CallKind::Mremap, Some(len)) => {
                space.remap(first, whole_pages(second), address, whole_pages(len))
            }
            (CallKind::Munmap, _) => space.unmap(first, whole_pages(second)),
            (CallKind::Brk, _) => space.brk(address),
            _ => {}
        }
    }

    fn with_files(&mut self, id: TaskId, change: impl FnOnce(&mut FileTable)) {
        if let Some(context) = self.context(id) {
            change(&mut context.files.borrow_mut());
        }
    }

    fn with_places(&mut self, id: TaskId, change: impl FnOnce(&mut Places)) {
        if let Some(context) = self.context(id) {
            change(&mut context.places.borrow_mut());
        }
    }

    fn apply_chdir(&mut self, id: TaskId, open: &OpenCall, buffers: &dyn Buffers) {
        let Some(bytes) =
            open.memory.find(0, 0, 0).and_then(|region| region.bytes(buffers, PATH_MAX))
        else {
            return;
        };
        let mut path =
            self.processes.as_mut().map(|p| std::mem::take(&mut p.scratch)).unwrap_or_default();
        self.path(id, None, crate::text::until_nul(&bytes), &mut path);
        // Relative steps may lead deeper than PATH_MAX, but a hostile log must not grow the path
        // forever.
        if path.len() > DEEPEST {
            path.clear();
        }
        let cwd = Rc::from(path.as_slice());
        self.with_places(id, |places| places.cwd = cwd);
        if let Some(processes) = self.processes.as_mut() {
            processes.scratch = path;
        }
    }

    /// Remembers the descriptions that a message carries.
    fn remember_sent_files(&mut self, id: TaskId, call: &ResolvedCall, open: &OpenCall) {
        let mut fds = Vec::new();
        for control in open.memory.controls() {
            sysreel_abi::rights(call.abi, control, |fd| fds.push(fd));
        }
        for fd in fds {
            if let Some(file) = self.file(id, fd)
                && let Some(processes) = self.processes.as_mut()
            {
                processes.files.send(file);
            }
        }
    }

    /// Adds the descriptors that a call created.
    fn add_new_fds(
        &mut self,
        id: TaskId,
        event: u64,
        call: &ResolvedCall,
        open: &OpenCall,
        outcome: Outcome,
        parts: Parts<'_>,
    ) {
        let names = || {
            parts.flatten().filter_map(|part| match part {
                Part::Name(name) => Some(name),
                _ => None,
            })
        };
        if call.row.makes == Makes::None && names().next().is_none() {
            return;
        }
        let written = |arg, role, index| region(parts, arg, role, index);
        let (Some(abi), Some(row)) = (open.abi, open.row) else { return };
        let fds = makes_fd(abi, row, &open.call.args, outcome.rval, outcome.failed(), written);
        let child = u32::try_from(outcome.rval).unwrap_or(0);
        for (at, &fd) in (0u8..).zip(fds.as_slice()) {
            let name = names().find(|name| name.fd == fd);
            self.add_fd(id, event, call, (at, fd, child), name.as_ref());
        }
        // The other names: a socket with a new address, or what a message brought.
        for name in names().filter(|name| !fds.as_slice().contains(&name.fd)) {
            match self.file(id, name.fd) {
                Some(file) if call.row.kind != CallKind::Receive => file.update_name(&name),
                _ => self.add_fd(id, event, call, (0, name.fd, child), Some(&name)),
            }
        }
    }

    fn add_fd(
        &mut self,
        id: TaskId,
        event: u64,
        call: &ResolvedCall,
        new: (u8, i32, u32),
        name: Option<&Name<'_>>,
    ) {
        let (Some(process), (at, fd, child)) =
            (self.context(id).map(|context| context.process), new)
        else {
            return;
        };
        let old = match call.row.kind {
            CallKind::Dup | CallKind::DupTo | CallKind::Fcntl => {
                call.fd(0).and_then(|fd| self.file(id, fd))
            }
            CallKind::MakeFd if call.row.arg("pidfd").is_some() => self.pidfd_getfd_file(id, call),
            _ => None,
        };
        let Some(processes) = self.processes.as_mut() else { return };
        let made = match call.row.kind {
            CallKind::Open => Made::Opened,
            CallKind::Pair => Made::Pair(at),
            CallKind::Socket => Made::Socket,
            CallKind::Accept => Made::Accepted,
            _ => Made::Otherwise,
        };
        let maker = Maker { event, process, made };
        let received = || name.filter(|_| call.row.kind == CallKind::Receive);
        let file = match (old, name) {
            (Some(old), _) => old,
            (None, Some(name)) => {
                match received().and_then(|name| processes.files.received(name)) {
                    Some(file) => file,
                    None => processes.files.create_for_name(maker, name),
                }
            }
            (None, None) => processes.files.create_unnamed(maker, None),
        };
        if let Some(at) = call.row.arg("pid")
            && call.row.kind == CallKind::MakeFd
        {
            file.about.set(
                u32::try_from(call.args.get(at).copied().unwrap_or(0) & 0xffff_ffff).unwrap_or(0),
            );
        }
        match call.row.kind {
            // The argument combines type and flags (SOCK_TYPE_MASK, include/linux/net.h).
            CallKind::Socket => file.socket_type.set(u8::try_from(call.args[1] & 0xf).unwrap_or(0)),
            CallKind::Accept => {
                let listening = call.fd(0).and_then(|fd| self.file(id, fd));
                file.socket_type.set(listening.map_or(0, |file| file.socket_type.get()));
            }
            _ => {}
        }
        if matches!(call.row.kind, CallKind::Clone | CallKind::Clone3) {
            file.about.set(child);
        }
        self.with_files(id, |table| table.set(fd, file));
    }

    /// Returns the description that pidfd_getfd(2) takes from another process.
    fn pidfd_getfd_file(&self, id: TaskId, call: &ResolvedCall) -> Option<Rc<OpenFile>> {
        let about = self.file(id, call.fd(0)?)?.about.get();
        let (other, _) = self.tasks().find(|(_, task)| task.tgid == about && about != 0)?;
        self.file(other, call.fd(1)?)
    }
}

/// Returns what distinguishes open file descriptions in a snapshot.
fn identity(entry: &FdEntry) -> (u64, u64, u64, u64, &[u8]) {
    (entry.dev, entry.ino, entry.flags, entry.offset, &entry.link)
}

/// Rounds up to whole pages: 4096 bytes on every machine whose logs can be read.
fn whole_pages(len: u64) -> u64 {
    len.checked_next_multiple_of(4096).unwrap_or(u64::MAX)
}

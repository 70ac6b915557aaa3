//! The state of a process, for those who ask.

use std::rc::Rc;

use sysreel_format::TaskId;

use super::attributes::{Attributes, Signals, TaskCredentials};
use super::context::TaskContext;
use super::descriptors::Descriptor;
use super::files::OpenFile;
use super::locks::Lock;
use super::mounts::Location;
use super::open_call::OpenCall;
use super::tracker::Tracker;

/// The state of a task's process, and of the task where the kernel keeps it for each. See
/// [`Tracker::process`].
#[derive(Clone, Copy, Debug)]
pub struct ProcessState<'a> {
    context: &'a TaskContext,
}

impl Tracker {
    /// Returns the state of a task's process; `None` if processes are not followed or the task is
    /// unknown. All but [`ProcessState::umask`] and [`ProcessState::descriptor`] needs
    /// [`Follow::attributes`](super::Follow::attributes).
    #[must_use]
    pub fn process(&self, id: TaskId) -> Option<ProcessState<'_>> {
        Some(ProcessState { context: self.context(id)? })
    }

    /// Whether another task has the same descriptor table: another thread of the process, or a
    /// task made with `CLONE_FILES`.
    #[must_use]
    pub fn shares_files(&self, id: TaskId) -> bool {
        let Some(context) = self.context(id) else { return false };
        self.tasks().any(|(other, task)| {
            other != id
                && task.context.as_ref().is_some_and(|of| Rc::ptr_eq(&of.files, &context.files))
        })
    }

    /// Returns what the descriptors of a task refer to, and its working directory.
    #[must_use]
    pub fn fds(&self, id: TaskId) -> Option<FdTable<'_>> {
        Some(FdTable { context: self.context(id)?, open: None })
    }

    /// As [`Self::fds`], with what the arguments of a call mean.
    pub(crate) fn fds_of_call<'a>(&'a self, id: TaskId, open: &'a OpenCall) -> Option<FdTable<'a>> {
        Some(FdTable { context: self.context(id)?, open: Some(open) })
    }
}

impl<'a> ProcessState<'a> {
    fn attributes(&self) -> Option<&'a Attributes> {
        self.context.attributes.as_deref()
    }

    /// Returns the mask for the modes of new files.
    #[must_use]
    pub fn umask(&self) -> Option<u32> {
        self.context.places.borrow().umask
    }

    /// Returns soft and hard limit of each resource, in the order of the RLIMIT numbers. A limit
    /// that another process sets is followed only if both are in the PID namespace of the first
    /// process.
    #[must_use]
    pub fn limits(&self) -> Option<Rc<Vec<(u64, u64)>>> {
        self.attributes()?.process.borrow().limits.clone()
    }

    /// Returns the credentials of the task. Sets of capabilities are unknown after a change between
    /// root and other users, because what it does depends on flags that are not in the log
    /// (securebits, capabilities(7)), and ids after a change in another user namespace.
    #[must_use]
    pub fn credentials(&self) -> Option<&'a TaskCredentials> {
        Some(&self.attributes()?.credentials)
    }

    /// Iterates over the namespaces of the task: name in /proc/PID/ns, and inode. That of a new
    /// namespace is unknown until the next execve.
    pub fn namespaces(&self) -> impl Iterator<Item = (&'a [u8], Option<u64>)> + use<'a> {
        let all = self.attributes().map(|attributes| attributes.namespaces.iter());
        all.into_iter().flatten().map(|(name, inode)| (&**name, *inode))
    }

    /// Returns which signals are blocked, ignored and caught.
    #[must_use]
    pub fn signals(&self) -> Option<Signals> {
        let attributes = self.attributes()?;
        let handlers = attributes.handlers.borrow();
        let (ignored, caught) = (handlers.ignored, handlers.caught);
        Some(Signals { blocked: attributes.blocked, ignored, caught })
    }

    /// Returns the environment that the program got, each variable as `NAME=VALUE`; `None` if its
    /// execve is not in the log. A value may be cut at the recorder's capture limit.
    #[must_use]
    pub fn environment(&self) -> Option<Rc<[Vec<u8>]>> {
        self.attributes()?.process.borrow().environment.clone()
    }

    /// Returns the locks that the process holds: record locks, and those of its open files.
    #[must_use]
    pub fn locks(&self) -> Vec<Lock> {
        let Some(attributes) = self.attributes() else { return Vec::new() };
        let mut locks = attributes.process.borrow().locks.clone();
        let mut seen = std::collections::BTreeSet::new();
        self.context.files.borrow().for_each(|_, descriptor| {
            if seen.insert(descriptor.file.serial) {
                locks.extend_from_slice(&descriptor.file.locks.borrow());
            }
        });
        locks
    }

    /// Returns a descriptor, with how it came to be.
    #[must_use]
    pub fn descriptor(&self, fd: i32) -> Option<Descriptor> {
        self.context.files.borrow().descriptor(fd).cloned()
    }
}

/// What the descriptors of a task refer to, its working directory and its root, at the current
/// event.
#[derive(Clone, Copy, Debug)]
pub struct FdTable<'a> {
    context: &'a TaskContext,
    /// The call whose arguments are asked for.
    open: Option<&'a OpenCall>,
}

impl FdTable<'_> {
    /// Whether one of the open files is such a one.
    pub fn any(self, is: impl Fn(&OpenFile) -> bool) -> bool {
        let mut found = false;
        self.each(|_, descriptor| found |= is(descriptor.file()));
        found
    }

    /// Returns how many descriptors there are.
    #[must_use]
    pub fn count(self) -> u64 {
        let mut count = 0_u64;
        self.each(|_, _| count = count.saturating_add(1));
        count
    }

    /// Calls a function for each descriptor.
    pub(crate) fn each(self, mut of: impl FnMut(i32, &Descriptor)) {
        self.context.files.borrow().for_each(|fd, descriptor| of(fd, descriptor));
    }

    /// Returns the description of a descriptor.
    #[must_use]
    pub fn get(self, fd: i32) -> Option<Rc<OpenFile>> {
        self.context.files.borrow().get(fd).cloned()
    }

    /// Returns the description to which a descriptor among the arguments of the call referred at
    /// its entry.
    pub(crate) fn argument(self, fd: i32) -> Option<Rc<OpenFile>> {
        match self.open {
            Some(open) => open.argument_file(self.context, fd),
            None => self.get(fd),
        }
    }

    /// Returns the link of the working directory, as /proc/PID/cwd shows it, or showed it at the
    /// entry of the call; `None` if unknown.
    #[must_use]
    pub fn cwd(self) -> Option<Vec<u8>> {
        let now = self.context.places.borrow();
        let kept = self.open.and_then(|open| open.places.as_ref());
        kept.and_then(|places| places.cwd.as_ref()).or(now.cwd.as_ref()).map(Location::link)
    }

    /// Returns the link of the root directory, as /proc/PID/root shows it.
    #[must_use]
    pub fn root(self) -> Vec<u8> {
        self.context.places.borrow().root.link()
    }
}

//! The descriptor tables of processes, and how each descriptor came to be.

use std::rc::Rc;

use sysreel_format::{ProcessSnapshot, is_kept};

use super::files::{OpenFile, ProcessId};
use super::table::Table;

/// How a process got a descriptor. How the open file description was created is
/// [`OpenFile::made`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DescriptorOrigin {
    /// It was open when the recording of the process began, or a call that is not in the log made
    /// it.
    Before,
    /// The call that made the description: open(2), socket(2), ...
    Made,
    /// dup(2), or fcntl(2) with F_DUPFD.
    Duplicated {
        /// The descriptor that was duplicated.
        from: i32,
    },
    /// A message of a unix socket (SCM_RIGHTS, unix(7)).
    Received,
    /// pidfd_getfd(2).
    Taken {
        /// The process that it was taken from; `None` if the log does not show it.
        process: Option<ProcessId>,
        /// The descriptor there.
        fd: i32,
    },
}

/// A descriptor of a process.
#[derive(Clone, Debug)]
pub struct Descriptor {
    pub(super) file: Rc<OpenFile>,
    pub(super) origin: DescriptorOrigin,
    pub(super) event: u64,
    pub(super) process: ProcessId,
    pub(super) close_on_exec: Option<bool>,
}

impl Descriptor {
    /// Returns the open file description.
    #[must_use]
    pub fn file(&self) -> &Rc<OpenFile> {
        &self.file
    }

    /// Returns how [`Self::process`] got it.
    #[must_use]
    pub fn origin(&self) -> DescriptorOrigin {
        self.origin
    }

    /// Returns the event at which [`Self::process`] got it.
    #[must_use]
    pub fn event(&self) -> u64 {
        self.event
    }

    /// Returns the process that got it. Any other process that has it has inherited it, from that
    /// one or from a child of it.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.process
    }

    /// Returns whether execve(2) closes it; `None` if the log does not show it.
    #[must_use]
    pub fn close_on_exec(&self) -> Option<bool> {
        self.close_on_exec
    }
}

/// The ordinal of a descriptor table in the log, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u64);

/// The descriptor table of a process, or of several that share one (`CLONE_FILES`). Copies share
/// what neither of them changes.
#[derive(Clone, Debug)]
pub struct FileTable {
    id: TableId,
    entries: Table<Descriptor>,
}

impl FileTable {
    /// Creates an empty table.
    pub(super) fn new(id: TableId) -> Self {
        Self { id, entries: Table::default() }
    }

    /// Returns a copy with the same descriptors: that of fork(2), unshare(2) or execve(2).
    pub(super) fn copy(&self, id: TableId) -> Self {
        Self { id, entries: self.entries.clone() }
    }

    /// Returns its ordinal. A process has another table after execve(2), and after it has ended
    /// sharing.
    #[must_use]
    pub fn id(&self) -> TableId {
        self.id
    }

    /// Returns the description of a descriptor.
    #[must_use]
    pub fn get(&self, fd: i32) -> Option<&Rc<OpenFile>> {
        Some(&self.entries.get(fd)?.file)
    }

    /// Returns a descriptor.
    #[must_use]
    pub fn descriptor(&self, fd: i32) -> Option<&Descriptor> {
        self.entries.get(fd)
    }

    /// Calls `each` with every descriptor, in no order.
    pub fn for_each(&self, mut each: impl FnMut(i32, &Descriptor)) {
        self.entries.for_each(&mut each);
    }

    /// Adds a descriptor that is known from elsewhere.
    pub(super) fn assume(&mut self, fd: i32, file: Rc<OpenFile>, process: ProcessId) {
        let (origin, event) = (DescriptorOrigin::Before, file.event);
        self.set(fd, Descriptor { file, origin, event, process, close_on_exec: None });
    }

    pub(super) fn set(&mut self, fd: i32, descriptor: Descriptor) {
        self.entries.set(fd, descriptor);
    }

    pub(super) fn close(&mut self, fd: i32) {
        self.entries.remove(fd);
    }

    /// Closes a range, but those that `keeps` wants.
    pub(super) fn close_range(
        &mut self,
        first: i32,
        last: i32,
        keeps: impl Fn(i32, &Descriptor) -> bool,
    ) {
        self.entries
            .retain(|fd, descriptor| !(first..=last).contains(&fd) || keeps(fd, descriptor));
    }

    /// Removes the descriptors that a snapshot did not find: execve(2) closed them.
    pub(super) fn keep_only(&mut self, found: &ProcessSnapshot) {
        let fds: std::collections::BTreeSet<i32> = found.fds.iter().map(|entry| entry.fd).collect();
        let kept = found.kept.as_deref().unwrap_or_default();
        self.entries.retain(|fd, _| fds.contains(&fd) || is_kept(kept, fd));
        for &(first, last) in kept {
            self.set_close_on_exec(first, last, false);
        }
    }

    /// Removes the descriptors that execve(2) closes, as far as the log shows it.
    pub(super) fn exec(&mut self) {
        self.entries.retain(|_, descriptor| descriptor.close_on_exec != Some(true));
    }

    /// Sets the flag close-on-exec of those that are open, from the first to the last.
    pub(super) fn set_close_on_exec(&mut self, first: i32, last: i32, closes: bool) {
        let mut changed = Vec::new();
        let mut change = |fd: i32, descriptor: &Descriptor| {
            if (first..=last).contains(&fd) && descriptor.close_on_exec != Some(closes) {
                changed.push((fd, descriptor.clone()));
            }
        };
        match first == last {
            true => _ = self.entries.get(first).map(|descriptor| change(first, descriptor)),
            false => self.entries.for_each(&mut change),
        }
        for (fd, descriptor) in changed {
            self.entries.set(fd, Descriptor { close_on_exec: Some(closes), ..descriptor });
        }
    }
}

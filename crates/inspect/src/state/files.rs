//! Open file descriptions (open(2)) and the descriptor tables of processes. dup(2), fork(2) and
//! messages share a description; tasks made with `CLONE_FILES` share a table.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sysreel_abi::intent;
use sysreel_format::{Name, ProcessSnapshot, is_kept};

use super::table::Table;

/// The ordinal of a process in the log, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

impl ProcessId {
    /// No process that the log shows.
    pub const NONE: Self = Self(u32::MAX);
}

/// How an open file description was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// Before the recording; the descriptor that it had then.
    Before(i32),
    /// By a call that opens a path.
    Opened,
    /// As one end of a pipe or socket pair: 0 or 1.
    Pair(u8),
    /// By socket(2).
    Socket,
    /// By accept(2).
    Accepted,
    /// By another call (eventfd, pidfd, memfd, ...), or unknown.
    Otherwise,
}

/// An open file description.
#[derive(Debug)]
pub struct OpenFile {
    /// Its ordinal in the log.
    pub serial: u64,
    /// The event at which it appeared.
    pub event: u64,
    /// The process that created it.
    pub maker: ProcessId,
    /// How it was created.
    pub made: Made,
    /// The target of `/proc/PID/fd/N`, or the path passed to the call.
    pub link: Rc<[u8]>,
    /// `st_mode`; 0 if unknown.
    pub mode: u32,
    /// Device and inode: the identity of the file.
    pub id: (u64, u64),
    /// A socket's own address, as a `sockaddr`.
    pub local: RefCell<Vec<u8>>,
    /// The address of a socket's peer, as a `sockaddr`.
    pub peer: RefCell<Vec<u8>>,
    /// The type passed to socket(2) (`SOCK_STREAM`, ...); 0 if unknown.
    pub socket_type: Cell<u8>,
    /// The tgid of the process that a pidfd refers to; 0 for other files.
    pub about: Cell<u32>,
    /// A number for use by the reader of the log; 0 at first.
    pub tag: Cell<u64>,
}

impl OpenFile {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        intent::is_directory(self.mode)
    }

    /// Whether it is a socket.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        intent::is_socket(self.mode)
    }

    /// Takes over the kernel's current name: bind(2) and connect(2) change the addresses.
    pub(super) fn update_name(&self, name: &Name<'_>) {
        *self.local.borrow_mut() = name.local.to_vec();
        *self.peer.borrow_mut() = name.peer.to_vec();
    }
}

/// The descriptor table of a process. Copies share what neither of them changes.
#[derive(Clone, Debug, Default)]
pub struct FileTable(Table<Rc<OpenFile>>);

impl FileTable {
    /// Returns the description of a descriptor.
    #[must_use]
    pub fn get(&self, fd: i32) -> Option<&Rc<OpenFile>> {
        self.0.get(fd)
    }

    pub(super) fn set(&mut self, fd: i32, file: Rc<OpenFile>) {
        self.0.set(fd, file);
    }

    pub(super) fn close(&mut self, fd: i32) {
        self.0.remove(fd);
    }

    pub(super) fn close_range(&mut self, first: i32, last: i32) {
        self.0.retain(|fd, _| !(first..=last).contains(&fd));
    }

    /// Removes the descriptors that a snapshot did not find: execve(2) closed them.
    pub(super) fn keep_only(&mut self, found: &ProcessSnapshot) {
        let fds: std::collections::BTreeSet<i32> = found.fds.iter().map(|entry| entry.fd).collect();
        let kept = found.kept.as_deref().unwrap_or_default();
        self.0.retain(|fd, _| fds.contains(&fd) || is_kept(kept, fd));
    }
}

/// The most descriptions in flight in messages that are remembered.
const SENT: usize = 256;

/// Creates descriptions, and recognizes those that messages pass on.
#[derive(Debug, Default)]
pub(super) struct Files {
    made: u64,
    sent: std::collections::VecDeque<Rc<OpenFile>>,
    unnamed: Option<Rc<[u8]>>,
}

/// By which event and process a description is created, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker {
    pub(super) event: u64,
    pub(super) process: ProcessId,
    pub(super) made: Made,
}

impl Files {
    pub(super) fn create_for_entry(
        &mut self,
        maker: Maker,
        entry: &sysreel_format::FdEntry,
    ) -> Rc<OpenFile> {
        let made =
            self.make(maker, Rc::from(entry.link.as_slice()), entry.mode, (entry.dev, entry.ino));
        *made.local.borrow_mut() = entry.local.clone();
        *made.peer.borrow_mut() = entry.peer.clone();
        made
    }

    pub(super) fn create_for_name(&mut self, maker: Maker, name: &Name<'_>) -> Rc<OpenFile> {
        let made = self.make(maker, Rc::from(name.link), name.mode, (name.dev, name.ino));
        made.update_name(name);
        made
    }

    /// Creates a description whose name is not in the log.
    pub(super) fn create_unnamed(&mut self, maker: Maker, path: Option<&[u8]>) -> Rc<OpenFile> {
        let link = match path {
            Some(path) => Rc::from(path),
            None => Rc::clone(self.unnamed.get_or_insert_with(|| Rc::from(&[][..]))),
        };
        self.make(maker, link, 0, (0, 0))
    }

    fn make(&mut self, maker: Maker, link: Rc<[u8]>, mode: u32, id: (u64, u64)) -> Rc<OpenFile> {
        self.made = self.made.saturating_add(1);
        Rc::new(OpenFile {
            serial: self.made,
            event: maker.event,
            maker: maker.process,
            made: maker.made,
            link,
            mode,
            id,
            local: RefCell::default(),
            peer: RefCell::default(),
            socket_type: Cell::default(),
            about: Cell::default(),
            tag: Cell::default(),
        })
    }

    /// Remembers a description that a message carries.
    pub(super) fn send(&mut self, file: Rc<OpenFile>) {
        if self.sent.len() == SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(file);
    }

    /// Returns the description that a message brought, if sending it was recorded: the oldest one
    /// in flight with the same identity.
    pub(super) fn received(&mut self, name: &Name<'_>) -> Option<Rc<OpenFile>> {
        let is_same =
            |file: &Rc<OpenFile>| file.id == (name.dev, name.ino) && *file.link == *name.link;
        let at = self.sent.iter().position(is_same)?;
        self.sent.remove(at)
    }
}

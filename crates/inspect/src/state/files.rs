//! Open file descriptions, and the tables through which processes name them. A description is
//! shared by dup, fork and messages; a table by tasks made with `CLONE_FILES`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sysreel_abi::intent;
use sysreel_format::{FdEntry, Name};

use super::ProcessId;
use super::table::Table;

/// How an open file description came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was there at the beginning, at this number.
    Before(i32),
    /// By a call that opens a name.
    Opened,
    /// As one end of a pipe or a pair of sockets: 0 or 1.
    Pair(u8),
    /// As a socket.
    Socket,
    /// As a connection to a socket.
    Accepted,
    /// Some other way: an eventfd, a pidfd, a memfd, or nobody knows.
    Otherwise,
}

/// What one open file description is.
#[derive(Debug)]
pub struct OpenFile {
    /// Its ordinal in the log.
    pub serial: u64,
    /// The event that brought it.
    pub event: u64,
    /// The process that made it.
    pub maker: ProcessId,
    /// How it came to be.
    pub made: Made,
    /// What `/proc/PID/fd/N` links to, or the path that was asked for.
    pub link: Rc<[u8]>,
    /// `st_mode`, 0 if not known.
    pub mode: u32,
    /// Device and inode, which tell whether two are the same file.
    pub id: (u64, u64),
    /// A socket's own address, as a `sockaddr`.
    pub local: RefCell<Vec<u8>>,
    /// The address of a socket's peer, as a `sockaddr`.
    pub peer: RefCell<Vec<u8>>,
    /// What socket(2) was asked for (`SOCK_STREAM`, ...), 0 if not known.
    pub socket_type: Cell<u8>,
    /// The process that a pidfd stands for, by its kernel id.
    pub about: Cell<u32>,
    /// For whoever follows the log: a number of his own, 0 at first.
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

    /// What the kernel says of it now: bind and connect change the addresses.
    pub(super) fn renamed(&self, name: &Name<'_>) {
        *self.local.borrow_mut() = name.local.to_vec();
        *self.peer.borrow_mut() = name.peer.to_vec();
    }
}

/// The descriptors of a process. A copy shares what neither side changes.
#[derive(Clone, Debug, Default)]
pub struct FileTable(Table<Rc<OpenFile>>);

impl FileTable {
    /// What a number stands for.
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

    /// Keeps what a snapshot found open, so that what execve has closed goes.
    pub(super) fn keep_only(&mut self, found: &[FdEntry]) {
        let fds: std::collections::BTreeSet<i32> = found.iter().map(|entry| entry.fd).collect();
        self.0.retain(|fd, _| fds.contains(&fd));
    }
}

/// Descriptions on their way in messages: how many are remembered at most.
const SENT: usize = 256;

/// Makes descriptions, and finds again those that messages bring.
#[derive(Debug, Default)]
pub(super) struct Files {
    made: u64,
    sent: std::collections::VecDeque<Rc<OpenFile>>,
    unnamed: Option<Rc<[u8]>>,
}

/// Where and by whom a description is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker {
    pub(super) event: u64,
    pub(super) process: ProcessId,
    pub(super) made: Made,
}

impl Files {
    pub(super) fn of_entry(&mut self, maker: Maker, entry: &FdEntry) -> Rc<OpenFile> {
        let made =
            self.make(maker, Rc::from(entry.link.as_slice()), entry.mode, (entry.dev, entry.ino));
        *made.local.borrow_mut() = entry.local.clone();
        *made.peer.borrow_mut() = entry.peer.clone();
        made
    }

    pub(super) fn of_name(&mut self, maker: Maker, name: &Name<'_>) -> Rc<OpenFile> {
        let made = self.make(maker, Rc::from(name.link), name.mode, (name.dev, name.ino));
        made.renamed(name);
        made
    }

    /// One of which the kernel's name is not in the log.
    pub(super) fn unnamed(&mut self, maker: Maker, path: Option<&[u8]>) -> Rc<OpenFile> {
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

    /// A message carries a description.
    pub(super) fn send(&mut self, file: Rc<OpenFile>) {
        if self.sent.len() == SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(file);
    }

    /// The description that a message brought, if it was seen when it was sent: the first on its
    /// way with that identity.
    pub(super) fn received(&mut self, name: &Name<'_>) -> Option<Rc<OpenFile>> {
        let is_it =
            |file: &Rc<OpenFile>| file.id == (name.dev, name.ino) && *file.link == *name.link;
        let at = self.sent.iter().position(is_it)?;
        self.sent.remove(at)
    }
}

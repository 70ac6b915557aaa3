//! Open file descriptions (open(2)) and the descriptor tables of processes. dup(2), fork(2) and
//! messages share a description; tasks made with `CLONE_FILES` share a table.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use sysreel_abi::intent;
use sysreel_format::{FdEntry, Name};

use super::locks::Lock;
use super::mounts::Location;

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
    /// By open(2) with O_TMPFILE: a file without a name.
    Unnamed,
    /// By memfd_create(2) or memfd_secret(2).
    Memory,
    /// By another call (eventfd, pidfd, ...), or unknown.
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
    /// The target of `/proc/PID/fd/N` when it appeared; [`Self::name`] follows renames.
    pub link: Rc<[u8]>,
    /// Where the link leads, if that is a path.
    pub(super) place: RefCell<Option<Location>>,
    /// `st_mode` when it appeared: the type of the file and its permissions, such as 0100644. Later
    /// calls of chmod(2) are not followed. 0 if unknown.
    pub mode: u32,
    /// Device and inode: the identity of the file.
    pub id: (u64, u64),
    /// `st_rdev`.
    pub rdev: u64,
    /// A socket's own address, as a `sockaddr`.
    pub local: RefCell<Vec<u8>>,
    /// The address of a socket's peer, as a `sockaddr`.
    pub peer: RefCell<Vec<u8>>,
    /// The type passed to socket(2) (`SOCK_STREAM`, ...); 0 if unknown.
    pub socket_type: Cell<u8>,
    /// The inode of the socket that it is connected to; 0 if the log does not show it.
    pub peer_inode: Cell<u64>,
    /// The inode of the socket that it is connected to by the order of connect(2) and accept(2): it
    /// is another one if a process that is not in the log connected at the same time. 0 if unknown.
    pub(super) peer_by_order: Cell<u64>,
    /// The locks that it owns, if attributes are followed.
    pub(super) locks: RefCell<Vec<Lock>>,
    /// The tgid of the process that a pidfd refers to; 0 for other files.
    pub about: Cell<u32>,
    /// A number for use by the reader of the log; 0 at first.
    pub tag: Cell<u64>,
}

/// The name of an open file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The target of `/proc/PID/fd/N`, without the mark of a removed file; empty if unknown.
    pub path: Rc<[u8]>,
    /// Whether the name was removed, which the kernel marks with ` (deleted)`.
    pub is_removed: bool,
}

impl OpenFile {
    /// Returns the name that the kernel would show at the current event.
    #[must_use]
    pub fn name(&self) -> FileName {
        if let Some(place) = &*self.place.borrow() {
            let is_removed = place.entry.is_removed();
            return FileName { path: place.unmarked_link(), is_removed };
        }
        match self.link.strip_suffix(b" (deleted)").filter(|path| path.starts_with(b"/")) {
            Some(path) => FileName { path: Rc::from(path), is_removed: true },
            None => FileName { path: Rc::clone(&self.link), is_removed: false },
        }
    }

    /// Appends the name that does not depend on the root of any process: see
    /// [`Tracker::path`](super::Tracker::path). That of a file without a path is its link.
    pub fn write_full_path(&self, out: &mut Vec<u8>) {
        match &*self.place.borrow() {
            Some(place) => place.write_full_path(out),
            None => out.extend_from_slice(&self.name().path),
        }
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        intent::is_directory(self.mode)
    }

    /// Whether it is known to be something else than a regular file.
    #[must_use]
    pub fn is_special(&self) -> bool {
        self.mode != 0 && !intent::is_regular(self.mode)
    }

    /// Whether it is a socket: also one of which the log has no name.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        intent::is_socket(self.mode)
            || self.mode == 0 && matches!(self.made, Made::Socket | Made::Accepted)
    }

    /// Whether its name is not in the log.
    pub(super) fn is_unnamed(&self) -> bool {
        self.id == (0, 0) && self.link.is_empty()
    }

    /// Whether it is the file that a snapshot found. If so, the link of the snapshot wins.
    pub(super) fn confirm(&self, entry: &FdEntry, base: &Location) -> bool {
        if self.is_unnamed() || self.id != (entry.dev, entry.ino) {
            return false;
        }
        let is_known = match &*self.place.borrow() {
            Some(place) => place.has_link(&entry.link),
            None => return *self.link == *entry.link,
        };
        if !is_known && is_path(&entry.link) {
            self.place.replace(Some(base.at_link(&entry.link, false)));
        }
        is_known || is_path(&entry.link)
    }

    /// Notes that two sockets are the ends of one pair.
    pub(super) fn connect_to(&self, other: &Self) {
        if self.is_socket() && other.is_socket() {
            self.peer_inode.set(other.id.1);
            other.peer_inode.set(self.id.1);
        }
    }

    /// Notes that an accept(2) took the connection of a client, by the order of the calls.
    pub(super) fn accepts(&self, client: &Self) {
        self.peer_by_order.set(client.id.1);
        client.peer_by_order.set(self.id.1);
    }

    /// Returns the inode of the socket that it is connected to, also if only the order of
    /// connect(2) and accept(2) tells it; 0 if unknown.
    #[must_use]
    pub fn likely_peer(&self) -> u64 {
        match self.peer_inode.get() {
            0 => self.peer_by_order.get(),
            peer => peer,
        }
    }

    /// Whether it is the file that a name refers to, even if the file was renamed.
    pub(super) fn is(&self, name: &Name<'_>) -> bool {
        self.id == (name.dev, name.ino) && self.mode == name.mode
    }

    /// Takes over the kernel's current name: bind(2) and connect(2) change the addresses.
    pub(super) fn update_name(&self, name: &Name<'_>) {
        *self.local.borrow_mut() = name.local.to_vec();
        *self.peer.borrow_mut() = name.peer.to_vec();
    }
}

/// Whether a link in /proc is a path. That of a memfd begins like one.
pub(super) fn is_path(link: &[u8]) -> bool {
    link.first() == Some(&b'/') && !link.starts_with(b"/memfd:")
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
        entry: &FdEntry,
        base: &Location,
    ) -> Rc<OpenFile> {
        let id = (entry.dev, entry.ino);
        let made = self.make(maker, Rc::from(entry.link.as_slice()), entry.mode, id, entry.rdev);
        made.place.replace(is_path(&entry.link).then(|| base.at_link(&entry.link, false)));
        *made.local.borrow_mut() = entry.local.clone();
        *made.peer.borrow_mut() = entry.peer.clone();
        made
    }

    pub(super) fn create_for_name(
        &mut self,
        maker: Maker,
        name: &Name<'_>,
        place: Option<Location>,
    ) -> Rc<OpenFile> {
        let id = (name.dev, name.ino);
        let made = self.make(maker, Rc::from(name.link), name.mode, id, name.rdev);
        made.place.replace(place);
        made.update_name(name);
        made
    }

    /// Creates a description whose name is not in the log.
    pub(super) fn create_unnamed(&mut self, maker: Maker) -> Rc<OpenFile> {
        let link = Rc::clone(self.unnamed.get_or_insert_with(|| Rc::from(&[][..])));
        self.make(maker, link, 0, (0, 0), 0)
    }

    /// Creates a description of which only the name is known.
    pub(super) fn create_known(&mut self, maker: Maker, link: &[u8]) -> Rc<OpenFile> {
        self.make(maker, Rc::from(link), 0, (0, 0), 0)
    }

    fn make(
        &mut self,
        maker: Maker,
        link: Rc<[u8]>,
        mode: u32,
        id: (u64, u64),
        rdev: u64,
    ) -> Rc<OpenFile> {
        self.made = self.made.saturating_add(1);
        Rc::new(OpenFile {
            serial: self.made,
            event: maker.event,
            maker: maker.process,
            made: maker.made,
            link,
            place: RefCell::default(),
            mode,
            id,
            rdev,
            local: RefCell::default(),
            peer: RefCell::default(),
            socket_type: Cell::default(),
            peer_inode: Cell::default(),
            peer_by_order: Cell::default(),
            locks: RefCell::default(),
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
        let is_same = |file: &Rc<OpenFile>| file.is(name);
        let at = self.sent.iter().position(is_same)?;
        self.sent.remove(at)
    }
}

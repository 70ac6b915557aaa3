//! The names of file descriptors: all that printing needs of them. The working directory is kept as
//! the descriptor AT_FDCWD.

use std::rc::Rc;

use sysreel_abi::{CallKind, Row, intent};
use sysreel_format::{FdEntry, Name, ProcessSnapshot};

use super::open_call::OpenCall;
use super::paths::{DEEPEST, resolve};
use super::table::Table;
use crate::text;
use sysreel_format::syscall_info::Outcome;

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

impl From<FdEntry> for FdName {
    fn from(entry: FdEntry) -> Self {
        let FdEntry { link, mode, rdev, local, peer, .. } = entry;
        Self { link, mode, rdev, local, peer, socket_type: None }
    }
}

/// Returns the descriptor names of a snapshot.
pub(super) fn from_snapshot(snapshot: ProcessSnapshot) -> FdTable {
    let cwd = FdName { link: snapshot.cwd, ..FdName::default() };
    let fds = snapshot.fds.into_iter().map(|entry| (entry.fd, Rc::new(FdName::from(entry))));
    fds.chain([(intent::CWD, Rc::new(cwd))]).collect()
}

/// Applies a call that succeeded to the descriptor names of its process.
pub(super) fn apply_call(table: &mut FdTable, row: &Row, open: &OpenCall, outcome: Outcome) {
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
            let bytes = open.memory.find(0, 0, 0).and_then(|region| region.inline());
            let mut link = Vec::new();
            if let (Some(bytes), Some(old)) = (bytes, table.get(intent::CWD)) {
                resolve(&old.link, text::until_nul(bytes), &mut link);
            }
            if link.len() > DEEPEST {
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

/// Whether a successful call changes descriptor names.
pub(super) const fn changes_names(kind: CallKind) -> bool {
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

/// Sets the name of a descriptor, as the kernel reported it.
pub(super) fn set_name(table: &mut FdTable, name: &Name<'_>) {
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

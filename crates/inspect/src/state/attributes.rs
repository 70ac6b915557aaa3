//! What a process is, besides its descriptors, directories and address space: what decides whether
//! its calls succeed and what they do. What a log does not show is `None`.

use std::cell::RefCell;
use std::rc::Rc;

use sysreel_abi::attributes::Disposition;
use sysreel_format::ProcessSnapshot;

use super::locks::Lock;

/// User and group ids and capabilities of a task, as the recorder's user namespace sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskCredentials {
    /// Real, effective, saved and file system user id.
    pub uids: [Option<u32>; 4],
    /// Real, effective, saved and file system group id.
    pub gids: [Option<u32>; 4],
    /// The supplementary groups.
    pub groups: Option<Rc<[u32]>>,
    /// Inheritable, permitted, effective, bounding and ambient capabilities.
    pub capabilities: [Option<u64>; 5],
    /// Whether execve can no longer add privileges.
    pub no_new_privs: Option<bool>,
    /// The seccomp mode: 0 none, 1 strict, 2 filter.
    pub seccomp: Option<u32>,
    /// Whether ids mean something else to the task than to the recorder: it has entered another
    /// user namespace.
    pub(super) other_users: bool,
}

/// The signals of a task, one bit each from signal 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// Those that the task blocks. Unknown from the first handler that runs to the next call that
    /// sets the mask or returns it: handlers restore a mask that they may change.
    pub blocked: Option<u64>,
    /// Those that the process ignores.
    pub ignored: Option<u64>,
    /// Those with a handler.
    pub caught: Option<u64>,
}

/// The name of a namespace in /proc/PID/ns, and its inode.
pub(super) type Namespace = (Rc<[u8]>, Option<u64>);

/// The attributes of a task, with those that it shares.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) credentials: TaskCredentials,
    pub(super) blocked: Option<u64>,
    pub(super) namespaces: Rc<Vec<Namespace>>,
    pub(super) handlers: Rc<RefCell<Handlers>>,
    pub(super) process: Rc<RefCell<OfProcess>>,
}

/// The dispositions of signals, which tasks made with CLONE_SIGHAND share.
#[derive(Clone, Debug, Default)]
pub(super) struct Handlers {
    pub(super) ignored: Option<u64>,
    pub(super) caught: Option<u64>,
    /// Those whose handler runs once.
    pub(super) once: u64,
}

/// What the threads of a process share.
#[derive(Clone, Debug, Default)]
pub(super) struct OfProcess {
    pub(super) limits: Option<Rc<Vec<(u64, u64)>>>,
    pub(super) environment: Option<Rc<[Vec<u8>]>>,
    /// Record locks; those of open files are with them.
    pub(super) locks: Vec<Lock>,
}

impl Handlers {
    pub(super) fn set(&mut self, signal: u32, disposition: Disposition) {
        let bit = 1u64.checked_shl(signal.wrapping_sub(1)).unwrap_or(0);
        let put = |mask: &mut Option<u64>, on: bool| {
            *mask = mask.map(|mask| if on { mask | bit } else { mask & !bit });
        };
        put(&mut self.ignored, disposition == Disposition::Ignored);
        put(&mut self.caught, matches!(disposition, Disposition::Caught { .. }));
        match disposition {
            Disposition::Caught { once: true } => self.once |= bit,
            _ => self.once &= !bit,
        }
    }
}

impl Attributes {
    /// Returns those of a snapshot. Limits and locks of the process stay those of `before`, where
    /// the snapshot has none.
    pub(super) fn from_snapshot(before: &Self, snapshot: &ProcessSnapshot) -> Self {
        let known = snapshot.credentials.as_ref();
        let credentials = TaskCredentials {
            uids: known.map_or([None; 4], |known| known.uids.map(Some)),
            gids: known.map_or([None; 4], |known| known.gids.map(Some)),
            groups: known.map(|known| Rc::from(known.groups.as_slice())),
            capabilities: known.map_or([None; 5], |known| known.caps.map(Some)),
            no_new_privs: known.map(|_| snapshot.no_new_privs),
            seccomp: known.map(|_| snapshot.seccomp),
            other_users: before.credentials.other_users,
        };
        let signals = |mask| known.map(|_| mask);
        let old = before.process.borrow();
        let limits = (!snapshot.limits.is_empty()).then(|| Rc::new(snapshot.limits.clone()));
        let namespaces = snapshot.namespaces.iter();
        Self {
            credentials,
            blocked: signals(snapshot.sig_blocked),
            namespaces: Rc::new(
                namespaces.map(|(name, id)| (Rc::from(name.as_slice()), Some(*id))).collect(),
            ),
            // execve(2) ends the sharing.
            handlers: Rc::new(RefCell::new(Handlers {
                ignored: signals(snapshot.sig_ignored),
                caught: signals(snapshot.sig_caught),
                once: 0,
            })),
            process: Rc::new(RefCell::new(OfProcess {
                limits,
                environment: None,
                locks: old.locks.clone(),
            })),
        }
    }

    /// Returns those of a thread of the same process that no event has described.
    pub(super) fn of_another_thread(self) -> Self {
        Self { credentials: TaskCredentials::default(), blocked: None, ..self }
    }

    /// Takes over what all threads of a process share from another one.
    pub(super) fn share_with(&mut self, other: &Self) {
        self.handlers = Rc::clone(&other.handlers);
        self.process = Rc::clone(&other.process);
        if self.namespaces.is_empty() {
            self.namespaces = Rc::clone(&other.namespaces);
        }
    }

    /// Returns the inode of a namespace.
    pub(super) fn namespace(&self, name: &[u8]) -> Option<u64> {
        self.namespaces.iter().find(|(known, _)| **known == *name)?.1
    }

    /// Sets the inode of a namespace.
    pub(super) fn set_namespace(&mut self, name: &[u8], inode: Option<u64>) {
        let list = Rc::make_mut(&mut self.namespaces);
        match list.iter_mut().find(|(known, _)| **known == *name) {
            Some(known) => known.1 = inode,
            None => list.push((Rc::from(name), inode)),
        }
    }
}

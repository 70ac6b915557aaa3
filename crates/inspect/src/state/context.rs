//! What the tasks of a process share: descriptors, directories, address space.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::attributes::Attributes;
use super::connections::Connections;
use super::descriptors::{FileTable, TableId};
use super::files::{Files, ProcessId};
use super::maps::Space;
use super::mounts::Mounts;
use super::paths::Places;

/// What a task shares with others, or could share.
#[derive(Clone, Debug)]
pub struct TaskContext {
    /// Its process.
    pub process: ProcessId,
    /// Its descriptors.
    pub files: Rc<RefCell<FileTable>>,
    /// Its working directory and root.
    pub places: Rc<RefCell<Places>>,
    /// Its address space; empty if address spaces are not followed.
    pub space: Rc<RefCell<Space>>,
    /// Its attributes, if they are followed.
    pub(super) attributes: Option<Box<Attributes>>,
}

/// The processes of a log.
#[derive(Debug)]
pub(super) struct Processes {
    pub(super) count: u32,
    /// The number of descriptor tables.
    tables: u64,
    /// Whether address spaces are followed.
    pub(super) maps: bool,
    /// Whether attributes are followed.
    pub(super) attributes: bool,
    /// Whether the log has names of descriptors, and snapshots the descriptors of a process.
    pub(super) names: bool,
    /// Whether the log has the calls that change directories.
    pub(super) directories: bool,
    /// The inode of the PID namespace of the first process.
    pub(super) pid_namespace: Option<u64>,
    pub(super) files: Files,
    pub(super) connections: Connections,
    /// The mount namespace of the first process.
    pub(super) mounts: Rc<RefCell<Mounts>>,
    /// The mount namespaces with a known inode.
    namespaces: Vec<Weak<RefCell<Mounts>>>,
    /// The number of mount namespaces of which the log does not show where their root is.
    unknown: u32,
}

impl Processes {
    pub(super) fn new(maps: bool, attributes: bool) -> Self {
        Self {
            count: 0,
            tables: 0,
            maps,
            attributes,
            names: true,
            directories: true,
            pid_namespace: None,
            files: Files::default(),
            connections: Connections::default(),
            mounts: Rc::new(RefCell::new(Mounts::new(b"", None))),
            namespaces: Vec::new(),
            unknown: 0,
        }
    }

    /// Returns the id of a new descriptor table.
    pub(super) fn new_table(&mut self) -> TableId {
        self.tables = self.tables.saturating_add(1);
        TableId(self.tables)
    }

    /// Returns the mount namespace with an inode. `current` is that of the process, which may not
    /// have a known inode yet.
    pub(super) fn namespace(
        &mut self,
        inode: Option<u64>,
        current: Option<&Rc<RefCell<Mounts>>>,
    ) -> Rc<RefCell<Mounts>> {
        let unnamed = |mounts: &&Rc<RefCell<Mounts>>| {
            inode.is_none() || mounts.borrow().inode.is_none_or(|known| Some(known) == inode)
        };
        if let Some(mounts) = current.filter(unnamed) {
            if inode.is_some() && mounts.borrow().inode.is_none() {
                mounts.borrow_mut().inode = inode;
                self.namespaces.push(Rc::downgrade(mounts));
            }
            return Rc::clone(mounts);
        }
        self.namespaces.retain(|mounts| mounts.strong_count() > 0);
        let mut known = self.namespaces.iter().filter_map(Weak::upgrade);
        if let Some(mounts) = known.find(|mounts| inode.is_some() && mounts.borrow().inode == inode)
        {
            return mounts;
        }
        self.unknown = self.unknown.saturating_add(1);
        // In place of the path to its root, so that its files are not taken for those of the first
        // process.
        let name = match self.unknown {
            1 => "<mounts>".to_owned(),
            nth => format!("<mounts {nth}>"),
        };
        let mounts = Rc::new(RefCell::new(Mounts::new(name.as_bytes(), inode)));
        self.namespaces.push(Rc::downgrade(&mounts));
        mounts
    }
}

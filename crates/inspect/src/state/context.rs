//! What the tasks of a process share: descriptors, directories, address space.

use std::cell::RefCell;
use std::rc::Rc;

use super::files::{FileTable, Files, ProcessId};
use super::maps::Space;
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
}

/// The processes of a log.
#[derive(Debug, Default)]
pub(super) struct Processes {
    pub(super) count: u32,
    /// Whether address spaces are followed.
    pub(super) maps: bool,
    pub(super) files: Files,
    pub(super) scratch: Vec<u8>,
}

impl Processes {
    pub(super) fn new(maps: bool) -> Self {
        Self { maps, ..Self::default() }
    }
}

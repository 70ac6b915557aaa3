//! What the fake kernel has in hand: its script, and the state of its tasks.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Registers, StopKind, Tid};

/// The memory of a task.
pub(super) type Pages = BTreeMap<u64, Page>;

/// A page of memory.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) bytes: [u8; 4096],
    /// The offset in the file that it shows, and the inode of that.
    pub(super) file: Option<(u64, u64)>,
}

impl Page {
    /// Zeros that show this file.
    pub(super) fn of(file: Option<(u64, u64)>) -> Page {
        Page { bytes: [0; 4096], file }
    }
}

/// What a task does once it is resumed.
#[derive(Debug, Clone)]
pub(super) enum Next {
    Stops(Box<State>),
    /// Has used this much CPU time when the tracer is woken, and goes on to what comes next if it
    /// may.
    Uses(Duration),
    /// Ends.
    Gone(i32),
    /// Writes to its memory, then does what comes next.
    Writes(u64, Vec<u8>),
    /// From now on this operation fails. Then does what comes next.
    Fails(&'static str, Fault),
}

/// What a task shows at a stop.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) kind: StopKind,
    pub(super) info: Vec<u8>,
    pub(super) siginfo: Option<[u8; SIGINFO]>,
    pub(super) registers: Registers,
}

/// What goes wrong with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The task has died.
    Died,
    /// The kernel refuses it (EIO).
    Refused,
}

#[derive(Debug, Default)]
pub(super) struct World {
    /// The operations, in order.
    pub(super) done: Vec<String>,
    pub(super) script: VecDeque<Next>,
    /// The last stop is repeated for ever.
    pub(super) repeats: bool,
    /// Operations are not noted.
    pub(super) is_quiet: bool,
    /// How often memory was hashed, if each hash is to be another.
    pub(super) hashes: Option<u32>,
    /// Operations that fail from now on, by their names.
    pub(super) faults: BTreeMap<&'static str, Fault>,
    /// Results of injected calls, each used once, by their names.
    pub(super) results: Vec<(&'static str, i64)>,
    /// clone does not report its child.
    pub(super) hides_children: bool,
    pub(super) extended: Vec<u8>,
    /// The memory of the task that clone has made last.
    pub(super) newborn: Option<Rc<RefCell<Pages>>>,
    pub(super) next_tid: Tid,
}

impl World {
    pub(super) fn note(&mut self, text: String) {
        if !self.is_quiet {
            self.done.push(text);
        }
    }

    pub(super) fn check(&self, operation: &str) -> Result<(), Fault> {
        self.faults.get(operation).map_or(Ok(()), |fault| Err(*fault))
    }
}

//! Which files are written under an exclusive lock. Effects are a set, so a lock that is taken and
//! released before the write would hide that the write is not covered.

use std::collections::{BTreeMap, BTreeSet};

use sysreel_abi::CallKind;
use sysreel_abi::attributes::LockKind;
use sysreel_abi::intent;
use sysreel_format::TaskId;

use super::flags::NO_FLAGS;
use super::names::{NameId, Names, Sort};
use super::operation::{Case, Operation, lock_change};
use super::{Actor, Derived};
use crate::diff::effect::Op;
use crate::state::ProcessId;

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// An open file description.
    Description(u64),
    /// A process, on the file with this device and inode.
    Process(ProcessId, (u64, u64)),
}

/// How a process writes a file.
#[derive(Clone, Debug, Default)]
struct Written {
    /// The first event under a lock, and the first without.
    events: [Option<u64>; 2],
    /// The files that were locked.
    locks: BTreeSet<NameId>,
}

/// An exclusive lock.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// The locked file.
    name: NameId,
    /// The process and the thread that took it.
    by: (ProcessId, TaskId),
}

/// The exclusive locks of a run, and what is written under them.
#[derive(Debug, Default)]
pub(super) struct Locking {
    held: BTreeMap<Owner, Held>,
    written: BTreeMap<(Actor, NameId), Written>,
}

impl Locking {
    /// Takes over an operation that succeeded.
    pub(super) fn add(&mut self, case: &Case<'_>, actor: Actor, operation: &Operation) {
        match operation.op {
            Op::Lock => self.lock(case, actor, operation.first),
            Op::Write | Op::Truncate if !operation.opens => {
                self.write(case, actor, operation.first)
            }
            _ => {}
        }
    }

    fn lock(&mut self, case: &Case<'_>, actor: Actor, name: NameId) {
        let (Some(change), Some(file)) = (lock_change(case), case.file(0)) else { return };
        let owner = match change.kind {
            LockKind::Record => Owner::Process(actor.0, file.id),
            LockKind::Flock | LockKind::OpenFile => Owner::Description(file.serial),
        };
        match change.exclusive {
            Some(true) => {
                let by = (actor.0, case.finished.task);
                self.held.insert(owner, Held { name, by });
            }
            // A part that is unlocked does not unlock the others; which are left is not followed.
            None if change.range != Some((0, u64::MAX)) => {}
            Some(false) | None => _ = self.held.remove(&owner),
        }
    }

    fn write(&mut self, case: &Case<'_>, actor: Actor, name: NameId) {
        let row = case.call.row;
        let fd = match row.kind {
            CallKind::Write => intent::data_fds(row).1,
            _ => row.arg("fd"),
        };
        // A file that another thread has closed meanwhile has no name to tell.
        if fd.is_some_and(|fd| !case.file(fd).is_some_and(|file| intent::is_regular(file.mode))) {
            return;
        }
        let written = self.written.entry((actor, name)).or_default();
        // Whether another thread of the process happens to hold a lock meanwhile is up to the
        // scheduler: the compiler of Rust writes object files beside the lock of its main thread.
        // A child that inherited the lock has it for all of its threads.
        let is_own = |(process, task)| process != actor.0 || task == case.finished.task;
        let held = self
            .held
            .iter()
            .filter(|(owner, held)| is_own(held.by) && holds(case, actor.0, **owner));
        let locks: Vec<NameId> = held.map(|(_, held)| held.name).collect();
        let event = &mut written.events[usize::from(locks.is_empty())];
        written.locks.extend(locks);
        *event = event.or(Some(case.finished.event));
    }

    /// Returns the effects: each file that was written under a lock, with the lock, and whether it
    /// was also written without one.
    pub(super) fn effects(self, names: &mut Names) -> Vec<Derived> {
        let plain = Operation { op: Op::Locked, effect: true, ..Operation::default() };
        let mut effects = Vec::new();
        for ((actor, first), Written { events: [locked, unlocked], locks }) in self.written {
            let Some(event) = locked else { continue };
            for second in locks {
                effects.push((actor, Operation { first, second, ..plain }, event));
            }
            if let Some(event) = unlocked {
                let second = names.id(Sort::Word, NO_FLAGS.as_bytes());
                effects.push((actor, Operation { first, second, ..plain }, event));
            }
        }
        effects
    }
}

/// Whether a process holds the lock of an owner: closing a file releases it.
fn holds(case: &Case<'_>, process: ProcessId, owner: Owner) -> bool {
    let Some(fds) = case.tracker.fds(case.finished.task) else { return false };
    match owner {
        Owner::Description(serial) => fds.any(|file| file.serial == serial),
        Owner::Process(of, file) => of == process && fds.any(|open| open.id == file),
    }
}

//! The tasks of a replay, by their ordinals in the log. No event of a task that is not among them
//! can be replayed.

use super::task::Task;
use std::collections::{BTreeMap, BTreeSet};

/// A task of the recording.
#[derive(Debug)]
enum Member<T> {
    Replayed(Box<Task<T>>),
    /// Its maker was killed before it could say what it made ([`Origin::UNKNOWN`]), so the log
    /// does not have the state in which the task began. It can end, not run.
    ///
    /// [`Origin::UNKNOWN`]: sysreel_format::Origin::UNKNOWN
    Orphan {
        tid: u32,
    },
}

/// The tasks that have begun and are not gone.
#[derive(Debug)]
pub(crate) struct Tasks<T> {
    members: BTreeMap<u32, Member<T>>,
    /// The ordinals of all that have begun.
    begun: BTreeSet<u32>,
    /// The tids that orphans have had.
    orphans: BTreeSet<u32>,
}

/// What the log says of a task that it names.
#[derive(Debug)]
pub(crate) enum Found<T> {
    Replayed(T),
    Orphan,
    /// It has not begun, or is gone.
    Unknown,
}

impl<T> Tasks<T> {
    pub(crate) fn new() -> Tasks<T> {
        Tasks { members: BTreeMap::new(), begun: BTreeSet::new(), orphans: BTreeSet::new() }
    }

    pub(crate) fn find(&mut self, id: u32) -> Found<&mut Task<T>> {
        match self.members.get_mut(&id) {
            Some(Member::Replayed(task)) => Found::Replayed(task),
            Some(Member::Orphan { .. }) => Found::Orphan,
            None => Found::Unknown,
        }
    }

    /// Whether a task with this ordinal has begun; it may be gone.
    pub(crate) fn has_begun(&self, id: u32) -> bool {
        self.begun.contains(&id)
    }

    /// Whether a task that is not gone has this tid in the recording.
    pub(crate) fn has_tid(&self, tid: u32) -> bool {
        self.members.values().any(|member| match member {
            Member::Replayed(task) => task.tid == tid,
            Member::Orphan { tid: of_orphan } => *of_orphan == tid,
        })
    }

    /// Whether an orphan has, or had, this tid.
    pub(crate) fn is_orphan(&self, tid: u32) -> bool {
        self.orphans.contains(&tid)
    }

    /// Returns the ordinal of the first task that is not gone.
    pub(crate) fn first(&self) -> Option<u32> {
        self.members.keys().next().copied()
    }

    /// Whether a process certainly has no other task than this one. An orphan may belong to any.
    pub(crate) fn is_alone(&self, id: u32, tgid: u32) -> bool {
        self.members.values().all(|member| match member {
            Member::Replayed(task) => task.id == id || task.tgid != tgid,
            Member::Orphan { .. } => false,
        })
    }

    /// Whether any task of the process is there, or one of which nothing is known.
    pub(crate) fn has_process(&self, tgid: u32) -> bool {
        self.members.values().any(|member| match member {
            Member::Replayed(task) => task.tgid == tgid,
            Member::Orphan { .. } => true,
        })
    }

    pub(crate) fn insert(&mut self, task: Task<T>) {
        self.begun.insert(task.id);
        self.members.insert(task.id, Member::Replayed(Box::new(task)));
    }

    pub(crate) fn insert_orphan(&mut self, id: u32, tid: u32) {
        self.begun.insert(id);
        self.rename_orphan(id, tid);
    }

    /// Gives an orphan another tid.
    pub(crate) fn rename_orphan(&mut self, id: u32, tid: u32) {
        self.orphans.insert(tid);
        self.members.insert(id, Member::Orphan { tid });
    }

    pub(crate) fn remove(&mut self, id: u32) -> Found<Task<T>> {
        match self.members.remove(&id) {
            Some(Member::Replayed(task)) => Found::Replayed(*task),
            Some(Member::Orphan { .. }) => Found::Orphan,
            None => Found::Unknown,
        }
    }

    /// Returns the replayed tasks in the order of their ordinals.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Task<T>> {
        self.members.values_mut().filter_map(|member| match member {
            Member::Replayed(task) => Some(&mut **task),
            Member::Orphan { .. } => None,
        })
    }

    /// Removes and returns all replayed tasks.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Task<T>> + use<T> {
        std::mem::take(&mut self.members).into_values().filter_map(|member| match member {
            Member::Replayed(task) => Some(*task),
            Member::Orphan { .. } => None,
        })
    }
}

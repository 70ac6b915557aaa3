//! The tasks of a replay, by their ordinals in the log. No event of a task that is not among them
//! can be replayed.

use super::task::Task;
use std::collections::BTreeMap;

/// A task of the recording.
#[derive(Debug)]
enum Member<T> {
    Replayed(Box<Task<T>>),
    /// Its maker was killed before it could say what it made ([`Origin::UNKNOWN`]), so nobody knows
    /// the state in which the task began. It can end, not run.
    ///
    /// [`Origin::UNKNOWN`]: sysreel_format::Origin::UNKNOWN
    Orphan,
}

/// The tasks that have begun and are not gone.
#[derive(Debug)]
pub(crate) struct Tasks<T> {
    members: BTreeMap<u32, Member<T>>,
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
        Tasks { members: BTreeMap::new() }
    }

    pub(crate) fn find(&mut self, id: u32) -> Found<&mut Task<T>> {
        match self.members.get_mut(&id) {
            Some(Member::Replayed(task)) => Found::Replayed(task),
            Some(Member::Orphan) => Found::Orphan,
            None => Found::Unknown,
        }
    }

    /// Whether there is a task with this ordinal.
    pub(crate) fn contains(&self, id: u32) -> bool {
        self.members.contains_key(&id)
    }

    /// Returns the ordinal of the first task that is not gone.
    pub(crate) fn first(&self) -> Option<u32> {
        self.members.keys().next().copied()
    }

    /// Whether a process certainly has no other task than this one. An orphan may belong to any.
    pub(crate) fn is_alone(&self, id: u32, tgid: u32) -> bool {
        self.members.values().all(|member| match member {
            Member::Replayed(task) => task.id == id || task.tgid != tgid,
            Member::Orphan => false,
        })
    }

    pub(crate) fn insert(&mut self, task: Task<T>) {
        self.members.insert(task.id, Member::Replayed(Box::new(task)));
    }

    pub(crate) fn insert_orphan(&mut self, id: u32) {
        self.members.insert(id, Member::Orphan);
    }

    pub(crate) fn remove(&mut self, id: u32) -> Found<Task<T>> {
        match self.members.remove(&id) {
            Some(Member::Replayed(task)) => Found::Replayed(*task),
            Some(Member::Orphan) => Found::Orphan,
            None => Found::Unknown,
        }
    }

    /// Returns the replayed tasks in the order of their ordinals.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Task<T>> {
        self.members.values_mut().filter_map(|member| match member {
            Member::Replayed(task) => Some(&mut **task),
            Member::Orphan => None,
        })
    }

    /// Removes and returns all replayed tasks.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Task<T>> + use<T> {
        std::mem::take(&mut self.members).into_values().filter_map(|member| match member {
            Member::Replayed(task) => Some(*task),
            Member::Orphan => None,
        })
    }
}

//! The engine's state of each living task.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use sysreel_abi::plan::EntryState;
use sysreel_abi::replay::EarlyWrite;
use sysreel_abi::{Abi, CloneFlags, Row};
use sysreel_format::TaskId;
use sysreel_sys::Tid;

/// Identifies an address space. Tasks that share one have the same id; ids are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemoryId(u64);

/// A group of tasks of which one at a time executes instructions, because each can see what the
/// others write to memory. Ids are never reused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TurnGroup(pub(crate) u64);

/// The place of a living task in the tables of the engine and of its hooks. It stays the same when
/// an execve changes the thread id, and is reused after the task's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot(u32);

impl Slot {
    /// The slot of the first task.
    pub(crate) const FIRST: Slot = Slot(0);
}

/// A living tracee.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its ordinal in the log.
    pub(crate) id: TaskId,
    /// Its thread id.
    pub(crate) tid: Tid,
    /// Its thread group.
    pub(crate) tgid: Tid,
    /// The open call: its entry was recorded, its exit not yet.
    pub(crate) call: Option<Call>,
    /// The call that restart_syscall would continue: its exit returned ERESTART_RESTARTBLOCK.
    pub(crate) interrupted: Option<Call>,
    /// User and system time in nanoseconds, read at its exit event.
    pub(crate) cpu_time: (u64, u64),
    /// Whether its initial state was recorded; false until the first stop after an attach.
    pub(crate) captured: bool,
    /// Which stop of it comes next.
    pub(crate) next_stop: NextStop,
    /// Whether it is in a call that makes a task and has not reported that task yet.
    pub(crate) making: bool,
    /// Whether it has reported its exit event.
    pub(crate) ending: bool,
    /// Whether it has called PTRACE_TRACEME while its parent is the recorder.
    pub(crate) asked_to_be_traced: bool,
    /// Whether it was recorded before its maker reported it.
    pub(crate) adopted: bool,
    /// Whether its process is the init of a PID namespace, which the kernel protects from signals.
    pub(crate) namespace_init: bool,
    /// Whether it has the same ids as in the recorder's PID namespace.
    pub(crate) has_our_ids: bool,
    /// Its address space; `None` when it is unknown which tasks share it.
    pub(crate) memory: Option<MemoryId>,
    /// The tasks with which it takes turns, for a scheduler that knows turns.
    pub(crate) group: TurnGroup,
    /// What its open call asks of such a scheduler.
    pub(crate) turn: CallTurn,
    /// Whether it was last resumed into user code, as opposed to into a call.
    pub(crate) in_user_code: bool,
    /// Where it was last preempted in a loop in which it only waits: instruction pointer, stack
    /// pointer and result.
    pub(crate) waits_at: Option<(u64, u64, u64)>,
    /// Whether another tracer can take it over: its process shares nothing with another one that
    /// its tracer follows.
    pub(crate) can_move: bool,
    /// Its stops at this tracer, if there are several.
    pub(crate) stops: u32,
}

/// The next stop of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextStop {
    /// Its first: that of a new task, or the one that was requested when it was attached to.
    First,
    /// The one that was requested to take it over from another tracer.
    Arrival,
    /// One of which nothing is known.
    Any,
}

/// Whether a task keeps the turn of its group during its call. A hook decides it at the entry, a
/// scheduler that knows turns obeys, and the engine resets it at the exit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CallTurn {
    /// Other tasks of the group may run during the call.
    #[default]
    Shared,
    /// No other task of the group may run, unless the call blocks.
    Kept,
    /// As `Kept`. Before the call sleeps it writes memory, which is recorded then.
    KeptForWrite(EarlyWrite),
    /// As `Kept`. Besides, no task of any group may begin another call of this kind meanwhile: the
    /// call writes to the recorder's own output.
    Output,
}

/// An open call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    pub(crate) args: [u64; 6],
    pub(crate) state: EntryState,
    /// When its entry was reported.
    pub(crate) since_ns: u64,
    /// The flags of a call that makes a task.
    pub(crate) clone: Option<CloneFlags>,
}

impl Task {
    fn new(id: TaskId, tid: Tid, tgid: Tid) -> Task {
        Task {
            id,
            tid,
            tgid,
            call: None,
            interrupted: None,
            cpu_time: (0, 0),
            captured: false,
            next_stop: NextStop::First,
            making: false,
            ending: false,
            asked_to_be_traced: false,
            adopted: false,
            namespace_init: false,
            has_our_ids: true,
            memory: None,
            group: TurnGroup::default(),
            turn: CallTurn::Shared,
            in_user_code: false,
            waits_at: None,
            can_move: false,
            stops: 0,
        }
    }

    /// The state of a task that is recorded again after a gap, in which it may have done anything.
    pub(crate) fn after_gap(self, memory: Option<MemoryId>) -> Task {
        Task {
            cpu_time: self.cpu_time,
            namespace_init: self.namespace_init,
            has_our_ids: self.has_our_ids,
            memory,
            group: self.group,
            ..Task::new(self.id, self.tid, self.tgid)
        }
    }

    /// Whether it may still report a task it has made. A task that was attached to and has not
    /// stopped yet may be in any call.
    pub(crate) fn may_report_child(&self) -> bool {
        !self.ending && (self.making || !self.captured)
    }
}

/// The living tasks, by slot and by thread id.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    slots: Vec<Option<Task>>,
    by_tid: HashMap<Tid, Slot, RandomState>,
    free: Vec<Slot>,
    next_memory: u64,
}

impl Tasks {
    /// Adds a task.
    pub(crate) fn add(&mut self, id: TaskId, tid: Tid, tgid: Tid) -> Slot {
        self.insert(Task::new(id, tid, tgid))
    }

    /// Adds a task that was removed before, here or by another tracer. It gets another slot.
    pub(crate) fn put_back(&mut self, task: Task) -> Slot {
        self.insert(task)
    }

    fn insert(&mut self, task: Task) -> Slot {
        let tid = task.tid;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
        });
        if let Some(place) = self.slots.get_mut(slot.0 as usize) {
            *place = Some(task);
        }
        if let Some(before) = self.by_tid.insert(tid, slot) {
            self.vacate(before);
        }
        slot
    }

    fn vacate(&mut self, slot: Slot) -> Option<Task> {
        let task = self.slots.get_mut(slot.0 as usize)?.take()?;
        self.free.push(slot);
        Some(task)
    }

    /// Returns the slot of a thread id.
    pub(crate) fn slot(&self, tid: Tid) -> Option<Slot> {
        self.by_tid.get(&tid).copied()
    }

    /// Returns the task of a slot. `None` when it has ended.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Task> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    pub(crate) fn at_mut(&mut self, slot: Slot) -> Option<&mut Task> {
        self.slots.get_mut(slot.0 as usize)?.as_mut()
    }

    pub(crate) fn get(&self, tid: Tid) -> Option<&Task> {
        self.at(self.slot(tid)?)
    }

    /// Removes a task. Its slot is free from now on.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Task> {
        let task = self.vacate(slot)?;
        self.by_tid.remove(&task.tid);
        Some(task)
    }

    /// Gives a task another thread id.
    pub(crate) fn rename(&mut self, slot: Slot, to: Tid) {
        let Some(task) = self.at_mut(slot) else { return };
        let from = std::mem::replace(&mut task.tid, to);
        self.by_tid.remove(&from);
        self.by_tid.insert(to, slot);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_tid.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_tid.len()
    }

    pub(crate) fn slots(&self) -> Vec<Slot> {
        self.iter().map(|(slot, _)| slot).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Task)> {
        let tasks = self.slots.iter().zip(0..);
        tasks.filter_map(|(task, at)| Some((Slot(at), task.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Task> {
        self.slots.iter_mut().flatten()
    }

    /// Returns a new address space.
    pub(crate) fn new_memory(&mut self) -> Option<MemoryId> {
        self.next_memory += 1;
        Some(MemoryId(self.next_memory))
    }

    /// Returns the address space of an attached process, which all its threads share.
    pub(crate) fn memory_of_process(&mut self, tgid: Tid) -> Option<MemoryId> {
        let known =
            self.iter().find(|(_, task)| task.tgid == tgid).and_then(|(_, task)| task.memory);
        known.or_else(|| self.new_memory())
    }

    /// Whether the task is known to share its address space with no other.
    pub(crate) fn is_alone(&self, slot: Slot) -> bool {
        let Some(memory) = self.at(slot).and_then(|task| task.memory) else { return false };
        self.iter().all(|(other, task)| other == slot || task.memory != Some(memory))
    }

    /// Whether other tasks may see what changes in its memory.
    pub(crate) fn is_watched(&self, slot: Slot) -> bool {
        let group = self.at(slot).map(|task| task.group);
        let is_of_group = |(other, task): (Slot, &Task)| other != slot && Some(task.group) == group;
        self.iter().any(is_of_group) || !self.is_alone(slot)
    }

    /// The other tasks that share its address space, or may share it.
    pub(crate) fn sharing(&self, slot: Slot) -> impl Iterator<Item = (Slot, &Task)> {
        let memory = self.at(slot).and_then(|task| task.memory);
        self.iter().filter(move |(other, task)| {
            *other != slot && (task.memory.is_none() || memory.is_none() || task.memory == memory)
        })
    }

    /// Whether any task of this process is alive.
    pub(crate) fn has_process(&self, tgid: Tid) -> bool {
        self.iter().any(|(_, task)| task.tgid == tgid)
    }
}

/// A hook's state of each task.
#[derive(Debug, Default)]
pub(crate) struct BySlot<T>(Vec<T>);

impl<T: Default> BySlot<T> {
    /// Returns the state of a task: the default, or that of the slot's former task, unless the hook
    /// has [`set`](BySlot::set) it when the task began.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> &mut T {
        let at = slot.0 as usize;
        if self.0.len() <= at {
            self.0.resize_with(at + 1, T::default);
        }
        &mut self.0[at]
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        self.0.get(slot.0 as usize)
    }

    /// Replaces the state of a task.
    pub(crate) fn set(&mut self, slot: Slot, state: T) {
        *self.get_mut(slot) = state;
    }

    /// Returns the state of a task and leaves the default.
    pub(crate) fn take(&mut self, slot: Slot) -> T {
        std::mem::take(self.get_mut(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_survives_a_new_thread_id_and_is_reused_after_the_end() {
        let mut tasks = Tasks::default();
        let leader = tasks.add(TaskId(0), 10, 10);
        let thread = tasks.add(TaskId(1), 11, 10);
        assert!(tasks.remove(leader).is_some_and(|task| task.tid == 10));
        tasks.rename(thread, 10);
        assert_eq!((tasks.slot(10), tasks.slot(11)), (Some(thread), None));
        let next = tasks.add(TaskId(2), 12, 12);
        assert_eq!(next, leader);
        assert_eq!(tasks.get(12).map(|task| task.id), Some(TaskId(2)));
        // A thread id that is seen again belongs to the new task only.
        let again = tasks.add(TaskId(3), 12, 12);
        assert_eq!((tasks.slot(12), tasks.len()), (Some(again), 2));
        assert_eq!(tasks.iter().count(), 2);
    }
}

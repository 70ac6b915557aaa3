//! The recorder's state of each living task.

use crate::call_filter::Calling;
use crate::determinism::StateCheck;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::rc::Rc;
use sysreel_abi::plan::EntryState;
use sysreel_abi::replay::{AddressSpaceOp, TidAddresses};
use sysreel_abi::{Abi, CloneFlags, Row};
use sysreel_format::TaskId;
use sysreel_sys::affinity::Mask;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Signal, Tid};

/// Identifies an address space. Tasks that share one have the same id; ids are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemoryId(u64);

/// A living tracee.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its ordinal in the log.
    pub(crate) id: TaskId,
    /// Its thread group.
    pub(crate) tgid: Tid,
    /// The open call: its entry was recorded, its exit not yet.
    pub(crate) call: Option<Call>,
    /// The call that restart_syscall would continue: its exit returned ERESTART_RESTARTBLOCK.
    pub(crate) interrupted: Option<Call>,
    /// User and system time in nanoseconds, read at its exit event.
    pub(crate) cpu_time: (u64, u64),
    /// The affinity mask it would have without a recorder; `None` when the recorder never changed
    /// it.
    pub(crate) own_mask: Option<Rc<Mask>>,
    /// Whether it was last resumed into user code, as opposed to into a call.
    pub(crate) in_user_code: bool,
    /// Whether its initial state was recorded; false until the first stop after an attach.
    pub(crate) captured: bool,
    /// The call that ends at the current stop.
    pub(crate) ended: Option<Call>,
    /// The errno that answers its call instead of executing it.
    pub(crate) vetoed: Option<u32>,
    /// What its call does to the address space, and with which descriptor.
    pub(crate) address_space_op: Option<(AddressSpaceOp, Option<i32>)>,
    /// Whether its call writes to the recorder's own output.
    pub(crate) writes_to_own_output: bool,
    /// Whether an execve has succeeded whose exit is still to come.
    pub(crate) fresh_image: bool,
    /// Set for a new task: the addresses at which its memory contains its ids.
    pub(crate) newborn: Option<TidAddresses>,
    /// The address that the kernel clears when it ends, if others share its memory.
    pub(crate) cleared: Option<u64>,
    /// The instruction pointer, stack pointer and result it continues with, while it has executed
    /// no instruction since.
    pub(crate) boundary: Option<(u64, u64, u64)>,
    /// Signals that were held back.
    pub(crate) deferred: Vec<Deferred>,
    /// A held-back signal has waited too long and is delivered now, wherever the task is.
    pub(crate) forced: bool,
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
    /// Whether its call returns from a signal handler (sigreturn).
    pub(crate) returns_from_handler: bool,
    /// Decides when its state is recorded, once it has an image that is to be replayed.
    pub(crate) state_check: Option<StateCheck>,
    /// Its address space; `None` when it is unknown which tasks share it.
    pub(crate) memory: Option<MemoryId>,
    /// The progress of its current call, when some calls are left out.
    pub(crate) calling: Calling,
    /// Whether it stops at every call although some are left out.
    pub(crate) trace_all: bool,
}

/// A signal that is held back until a call ends.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) signal: Signal,
    pub(crate) siginfo: [u8; SIGINFO],
    /// It was sent again.
    pub(crate) sent: bool,
    /// When it arrived.
    pub(crate) since_ns: u64,
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
    pub(crate) fn new(id: TaskId, tgid: Tid) -> Task {
        Task {
            id,
            tgid,
            call: None,
            interrupted: None,
            cpu_time: (0, 0),
            own_mask: None,
            in_user_code: false,
            captured: false,
            ended: None,
            vetoed: None,
            address_space_op: None,
            writes_to_own_output: false,
            fresh_image: false,
            newborn: None,
            cleared: None,
            boundary: None,
            deferred: Vec::new(),
            forced: false,
            making: false,
            ending: false,
            adopted: false,
            asked_to_be_traced: false,
            namespace_init: false,
            returns_from_handler: false,
            state_check: None,
            memory: None,
            calling: Calling::Nothing,
            trace_all: false,
        }
    }
}

impl Task {
    /// The state of a task that is recorded again after a gap, in which it may have done anything.
    pub(crate) fn after_gap(self, memory: Option<MemoryId>) -> Task {
        Task {
            cpu_time: self.cpu_time,
            trace_all: self.trace_all,
            namespace_init: self.namespace_init,
            memory,
            ..Task::new(self.id, self.tgid)
        }
    }

    /// Whether it may still report a task it has made. A task that was attached to and has not
    /// stopped yet may be in any call.
    pub(crate) fn may_report_child(&self) -> bool {
        !self.ending && (self.making || !self.captured)
    }
}

/// The living tasks, by thread id.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    living: HashMap<Tid, Task, RandomState>,
    next: u32,
    next_memory: u64,
}

impl Tasks {
    /// Adds a task with the next ordinal.
    pub(crate) fn add(&mut self, tid: Tid, tgid: Tid) -> &mut Task {
        let task = Task::new(TaskId(self.next), tgid);
        self.next += 1;
        self.living.entry(tid).insert_entry(task).into_mut()
    }

    /// Adds a task that was removed before.
    pub(crate) fn put_back(&mut self, tid: Tid, task: Task) {
        self.living.insert(tid, task);
    }

    pub(crate) fn get(&self, tid: Tid) -> Option<&Task> {
        self.living.get(&tid)
    }

    pub(crate) fn get_mut(&mut self, tid: Tid) -> Option<&mut Task> {
        self.living.get_mut(&tid)
    }

    pub(crate) fn remove(&mut self, tid: Tid) -> Option<Task> {
        self.living.remove(&tid)
    }

    /// Moves a task to another thread id.
    pub(crate) fn rename(&mut self, from: Tid, to: Tid) {
        if let Some(task) = self.living.remove(&from) {
            self.living.insert(to, task);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.living.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.living.len()
    }

    pub(crate) fn tids(&self) -> Vec<Tid> {
        self.living.keys().copied().collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Tid, &Task)> {
        self.living.iter().map(|(&tid, task)| (tid, task))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Tid, &mut Task)> {
        self.living.iter_mut().map(|(&tid, task)| (tid, task))
    }

    /// Returns a new address space.
    pub(crate) fn new_memory(&mut self) -> Option<MemoryId> {
        self.next_memory += 1;
        Some(MemoryId(self.next_memory))
    }

    /// Returns the address space of an attached process, which all its threads share.
    pub(crate) fn memory_of_process(&mut self, tgid: Tid) -> Option<MemoryId> {
        let known =
            self.living.values().find(|task| task.tgid == tgid).and_then(|task| task.memory);
        known.or_else(|| self.new_memory())
    }

    /// Whether the task is known to share its address space with no other.
    pub(crate) fn is_alone(&self, tid: Tid) -> bool {
        let Some(memory) = self.get(tid).and_then(|task| task.memory) else { return false };
        self.living.iter().all(|(&other, task)| other == tid || task.memory != Some(memory))
    }

    /// The other tasks that share its address space, or may share it.
    pub(crate) fn sharing(&self, tid: Tid) -> impl Iterator<Item = &Task> {
        let memory = self.get(tid).and_then(|task| task.memory);
        self.living
            .iter()
            .filter(move |(other, task)| {
                **other != tid
                    && (task.memory.is_none() || memory.is_none() || task.memory == memory)
            })
            .map(|(_, task)| task)
    }

    /// Whether any task of this process is alive.
    pub(crate) fn has_process(&self, tgid: Tid) -> bool {
        self.living.values().any(|task| task.tgid == tgid)
    }
}

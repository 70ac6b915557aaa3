//! What the recorder keeps of a task while it lives.

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

/// An address space: tasks that share one have the same number, which is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemoryId(u64);

/// A living tracee.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its ordinal in the log.
    pub(crate) id: TaskId,
    /// Its thread group.
    pub(crate) tgid: Tid,
    /// The call whose entry was seen and whose exit was not.
    pub(crate) call: Option<Call>,
    /// The call that restart_syscall would go on with: its exit said ERESTART_RESTARTBLOCK.
    pub(crate) interrupted: Option<Call>,
    /// User and system time, taken at its exit event.
    pub(crate) cpu_time: (u64, u64),
    /// The affinity mask that it would have without a recorder; `None` when it was never changed.
    pub(crate) own_mask: Option<Rc<Mask>>,
    /// Was it resumed into user code (and not into a call)?
    pub(crate) in_user_code: bool,
    /// Has its state been captured at attach?
    pub(crate) captured: bool,
    /// The call that ends at the stop at hand.
    pub(crate) ended: Option<Call>,
    /// The errno that its call is answered with instead of being made.
    pub(crate) vetoed: Option<u32>,
    /// What its call does to the address space, and with which descriptor.
    pub(crate) address_space_op: Option<(AddressSpaceOp, Option<i32>)>,
    /// The call that it is in writes to the recorder's own output.
    pub(crate) echoes: bool,
    /// An execve has succeeded; its exit is to come.
    pub(crate) fresh_image: bool,
    /// It was just made, and its memory has its id at these places.
    pub(crate) newborn: Option<TidAddresses>,
    /// Where the kernel writes zero when it ends, if others share its memory.
    pub(crate) cleared: Option<u64>,
    /// Where it goes on from, when no instruction of its own was executed since: instruction
    /// pointer, stack pointer, result.
    pub(crate) boundary: Option<(u64, u64, u64)>,
    /// Signals that were held back, as they told of themselves.
    pub(crate) deferred: Vec<Deferred>,
    /// A signal has waited for too long and comes now, wherever the task is.
    pub(crate) hurried: bool,
    /// It is in a call that makes a task, and has not told of that task yet.
    pub(crate) making: bool,
    /// It has reported its exit event.
    pub(crate) ending: bool,
    /// It has called PTRACE_TRACEME, and its parent is the recorder.
    pub(crate) asked_to_be_traced: bool,
    /// It was recorded before its maker told of it.
    pub(crate) adopted: bool,
    /// Its process is the first of a PID namespace, which the kernel protects from signals.
    pub(crate) namespace_init: bool,
    /// Its call restores what a signal handler has interrupted.
    pub(crate) returns_from_handler: bool,
    /// When its state is told, once it has an image that is to be replayed.
    pub(crate) state_check: Option<StateCheck>,
    /// The address space it lives in; `None` where it is not known with whom it shares it.
    pub(crate) memory: Option<MemoryId>,
    /// Where it stands, when some calls are left out.
    pub(crate) calling: Calling,
    /// Is it stopped at every call, although some are left out?
    pub(crate) trace_all: bool,
}

/// A signal that waits for the end of a call.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) signal: Signal,
    pub(crate) siginfo: [u8; SIGINFO],
    /// It was sent again.
    pub(crate) sent: bool,
    /// When it came.
    pub(crate) since_ns: u64,
}

/// An open system call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    pub(crate) args: [u64; 6],
    pub(crate) state: EntryState,
    /// When its entry was reported.
    pub(crate) since_ns: u64,
    /// What a call that makes a task asked for.
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
            echoes: false,
            fresh_image: false,
            newborn: None,
            cleared: None,
            boundary: None,
            deferred: Vec::new(),
            hurried: false,
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
    /// The same task after it was not recorded for a while, in which it may have done anything.
    pub(crate) fn again(self, memory: Option<MemoryId>) -> Task {
        Task {
            cpu_time: self.cpu_time,
            trace_all: self.trace_all,
            namespace_init: self.namespace_init,
            memory,
            ..Task::new(self.id, self.tgid)
        }
    }

    /// May it still report that it has made a task? One that was attached to and has made no stop
    /// yet may be in any call.
    pub(crate) fn may_tell(&self) -> bool {
        !self.ending && (self.making || !self.captured)
    }
}

/// The living tasks by thread id.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    living: HashMap<Tid, Task, RandomState>,
    next: u32,
    next_memory: u64,
}

impl Tasks {
    /// A new task, with the next ordinal.
    pub(crate) fn add(&mut self, tid: Tid, tgid: Tid) -> &mut Task {
        let task = Task::new(TaskId(self.next), tgid);
        self.next += 1;
        self.living.entry(tid).insert_entry(task).into_mut()
    }

    /// A task that was removed is here again.
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

    /// The task that had `from` has `to` now.
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

    /// A new address space.
    pub(crate) fn new_memory(&mut self) -> Option<MemoryId> {
        self.next_memory += 1;
        Some(MemoryId(self.next_memory))
    }

    /// The address space of a process that has been attached to: all its threads share it.
    pub(crate) fn memory_of_process(&mut self, tgid: Tid) -> Option<MemoryId> {
        let known =
            self.living.values().find(|task| task.tgid == tgid).and_then(|task| task.memory);
        known.or_else(|| self.new_memory())
    }

    /// Does the task live alone in its address space, as far as is known?
    pub(crate) fn is_alone(&self, tid: Tid) -> bool {
        let Some(memory) = self.get(tid).and_then(|task| task.memory) else { return false };
        self.living.iter().all(|(&other, task)| other == tid || task.memory != Some(memory))
    }

    /// The other tasks that live in its address space, or may.
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

    /// Is any task of this process alive?
    pub(crate) fn has_process(&self, tgid: Tid) -> bool {
        self.living.values().any(|task| task.tgid == tgid)
    }
}

//! The state of a replayed task.

use super::address_space::AddressSpace;
use std::cell::RefCell;
use std::rc::Rc;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_abi::{Abi, AuditArch, CloneFlags, Row, row};
use sysreel_sys::WaitStatus;

/// An instruction and a stack pointer. The struct of a stop may be too short for them.
pub(crate) type Pointers = (Option<u64>, Option<u64>);

/// A replayed task. Between two events it is always stopped.
#[derive(Debug)]
pub(crate) struct Task<T> {
    /// Its ordinal in the log.
    pub(crate) id: u32,
    /// Its id in the recording, and that of its process.
    pub(crate) tid: u32,
    pub(crate) tgid: u32,
    /// The id that it had until the execve that it is in.
    pub(crate) former_tid: Option<u32>,
    /// It is the leader of its process.
    pub(crate) is_leader: bool,
    pub(crate) tracee: T,
    /// The call that the task is in.
    pub(crate) call: Option<OpenCall>,
    /// The result of its last call was a restart code (ERESTARTSYS and kin): the kernel makes the
    /// call again.
    pub(crate) restart: Option<Restart>,
    /// The kernel may force a SIGSEGV on it where it is: it has just got a signal whose handler, if
    /// any, has not begun, or an execve of it has failed.
    pub(crate) may_be_forced: bool,
    /// The task has executed a program of the recording. The first task starts as a fork of the
    /// recorder, of which only the end is replayed.
    pub(crate) has_image: bool,
    /// Why the task cannot run on. That is no error of a task that only ends.
    pub(crate) lacks: Option<Lack>,
    /// Where the program begins that it executes, once the kernel has said so.
    pub(crate) image_place: Option<Pointers>,
    /// Where it begins, until its first stop.
    pub(crate) begins_at: Option<Pointers>,
    /// The wait status that it had at its exit stop.
    pub(crate) exit_message: Option<u32>,
    /// The exit status that its process must have, once it has asked for one.
    pub(crate) exit_status: Option<i32>,
    /// The time of its last event in the recording, in nanoseconds.
    pub(crate) since_ns: u64,
    /// Shared with the tasks that share its memory.
    pub(crate) space: Rc<RefCell<AddressSpace>>,
    /// It has ended in the replay and was reaped.
    pub(crate) ended: Option<WaitStatus>,
}

impl<T> Task<T> {
    /// Returns the tid of the task that the open call has announced and that has not begun.
    pub(crate) fn announced(&self) -> Option<u32> {
        match self.call.as_ref()?.made {
            Some(Made::Announced(tid)) => Some(tid),
            _ => None,
        }
    }

    /// Returns the name of the open call, for messages.
    pub(crate) fn call_name(&self) -> Option<&'static str> {
        self.call.as_ref().and_then(OpenCall::name)
    }
}

/// What a task lacks to run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// It has begun, or executed another program, and the log did not say with which registers:
    /// the recorder does not get them of a task that is being killed.
    Registers,
    /// The recorder could not ask the kernel, because the task was being killed.
    Answer,
    /// The task has reported its exit.
    Life,
    /// The recorder has detached from it.
    Recorder,
}

impl Lack {
    /// Whether the log may still give the task what it lacks.
    pub(crate) fn is_overcome(self) -> bool {
        self == Lack::Registers
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Lack::Registers => "the log does not have its registers",
            Lack::Answer => "it was being killed at an earlier stop",
            Lack::Life => "it has ended, according to an earlier event",
            Lack::Recorder => "the recorder has detached from it",
        }
    }
}

/// A call whose entry was replayed.
#[derive(Debug, Clone)]
pub(crate) struct OpenCall {
    pub(crate) arch: AuditArch,
    pub(crate) nr: u64,
    pub(crate) args: [u64; 6],
    /// The instruction and stack pointer at the entry. The exit has the same.
    pub(crate) place: Pointers,
    /// What the table says of it; `None` for a call without a row.
    pub(crate) known: Option<Known>,
    /// The result that the recorder gave instead of letting the kernel make the call.
    pub(crate) vetoed: Option<i64>,
    pub(crate) echo: Option<Echo>,
    /// The task that the call has made.
    pub(crate) made: Option<Made>,
}

/// A task that a call has made, by its ids in the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// The event of the call has said its tid.
    Announced(u32),
    /// It has begun. `ids` are those in its PID namespaces, if known.
    Begun { tid: u32, ids: Vec<u32> },
}

impl Made {
    pub(crate) fn tid(&self) -> u32 {
        let (Made::Announced(tid) | Made::Begun { tid, .. }) = self;
        *tid
    }
}

/// What the table says of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    /// What the call does to the address space.
    pub(crate) address_space_op: Option<AddressSpaceOp>,
    /// Whether the call may change a file, which may be mapped.
    pub(crate) changes_file: bool,
    /// The flags of a call that makes a task.
    pub(crate) clone: Option<CloneFlags>,
    /// The address of the `struct user_desc` for the TLS segment of the new task (CLONE_SETTLS on
    /// i386).
    pub(crate) thread_area: Option<u64>,
}

impl OpenCall {
    /// Returns the name of the call, if the table has it.
    pub(crate) fn name(&self) -> Option<&'static str> {
        row(self.arch, self.nr).map(|row| row.name)
    }
}

/// A write to the recorder's own output.
#[derive(Debug, Clone)]
pub(crate) struct Echo {
    /// Standard output (1) or standard error (2).
    pub(crate) to: u32,
    /// The address and length of each buffer.
    pub(crate) buffers: Vec<(u64, u64)>,
}

/// A call that the kernel makes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) arch: AuditArch,
    /// The number of the interrupted call.
    pub(crate) nr: u64,
    /// The kernel makes restart_syscall(2) instead (ERESTART_RESTARTBLOCK).
    pub(crate) by_block: bool,
}

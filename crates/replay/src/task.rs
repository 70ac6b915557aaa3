//! The state of a replayed task.

use crate::memory::Memory;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_abi::{Abi, Row};
use sysreel_sys::{Stop, Tid};

/// A replayed task. Between two events it is always stopped.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) tid: Tid,
    pub(crate) stop: Stop,
    pub(crate) memory: Memory,
    /// The call that the task is in.
    pub(crate) call: Option<Call>,
    /// The result of its last call was a restart code (ERESTARTSYS and kin): the kernel makes the
    /// call again.
    pub(crate) restarts: bool,
    /// The task has executed a program of the recording. The first task starts as a fork of the
    /// recorder, of which only the end is replayed.
    pub(crate) has_image: bool,
    /// The time of its last event in the recording, in nanoseconds.
    pub(crate) since_ns: u64,
    /// Its address space: an index into [`Replay::address_spaces`](crate::engine::Replay).
    pub(crate) space: usize,
}

/// A call whose entry was replayed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    pub(crate) args: [u64; 6],
    /// What the call does to the address space.
    pub(crate) address_space_op: Option<AddressSpaceOp>,
    /// The new task shares the memory of its parent (CLONE_VM).
    pub(crate) shares_memory: bool,
    /// The address of the `struct user_desc` for the TLS segment of the new task (CLONE_SETTLS on
    /// i386).
    pub(crate) thread_area: Option<u64>,
    /// The recorder answered the call instead of letting the kernel make it.
    pub(crate) vetoed: bool,
    /// For a write to the recorder's standard output (1) or standard error (2): which of them, and
    /// the address and length of each buffer.
    pub(crate) echo: Option<(u32, Vec<(u64, u64)>)>,
}

//! What a replay keeps of a task.

use crate::memory::Memory;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_abi::{Abi, Row};
use sysreel_sys::{Stop, Tid};

/// A replayed task, which always stands in a stop between two events.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) tid: Tid,
    pub(crate) stop: Stop,
    pub(crate) memory: Memory,
    /// The call that it stands in.
    pub(crate) call: Option<Call>,
    /// The result of its last call asks for that call to be made again.
    pub(crate) restarts: bool,
    /// It has an image. The first task begins in the recorder's own, of which nothing is replayed
    /// but how it ends.
    pub(crate) has_image: bool,
    /// When the recording had it where it stands.
    pub(crate) since_ns: u64,
    /// Which address space it lives in.
    pub(crate) space: usize,
}

/// A call whose entry was replayed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) abi: Abi,
    pub(crate) row: &'static Row,
    pub(crate) args: [u64; 6],
    /// What it does to the address space.
    pub(crate) address_space_op: Option<AddressSpaceOp>,
    /// The task that it makes shares the memory of its maker.
    pub(crate) shares_memory: bool,
    /// Where the entry of the table of segments stands with which the task that it makes begins.
    pub(crate) thread_area: Option<u64>,
    /// It was answered instead of being made.
    pub(crate) vetoed: bool,
    /// It writes to the recorder's standard output or error: to which, and where what it writes
    /// lies.
    pub(crate) echo: Option<(u32, Vec<(u64, u64)>)>,
}

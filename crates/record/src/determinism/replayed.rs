//! What a replayable recording knows of each task.

use super::robust::RobustLists;
use super::segv_action::SegvAction;
use super::state_check::StateCheck;
use super::unseen::Unseen;
use std::path::PathBuf;
use sysreel_abi::replay::{AddressSpaceOp, FileChange, TidAddresses};
use sysreel_sys::Signal;
use sysreel_sys::stop::SIGINFO;

/// A task that a replay will run again.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// The errno that answers its call instead of executing it.
    pub(super) vetoed: Option<u32>,
    /// What its call does to the address space, and with which descriptor.
    pub(super) address_space_op: Option<(AddressSpaceOp, Option<i32>)>,
    /// Where its scratch memory is, and whether it cannot have any.
    pub(super) scratch: Option<u64>,
    pub(super) lacks_scratch: bool,
    /// Its call writes to scratch memory.
    pub(super) redirected: Option<Redirected>,
    /// What its call changes in a file, and where the file is.
    pub(super) file_change: Option<(FileChange, PathBuf)>,
    /// Memory that its call may write to in a way that the table does not know.
    pub(super) unseen: Option<Unseen>,
    /// Whether an execve has succeeded whose exit is still to come.
    pub(super) fresh_image: bool,
    /// Set for a new task: the addresses at which its memory contains its ids.
    pub(super) newborn: Option<TidAddresses>,
    /// The address that the kernel clears when it ends, if others share its memory.
    pub(super) cleared: Option<u64>,
    /// The futexes of which the kernel changes the words when it ends, or executes a program.
    pub(super) robust: RobustLists,
    /// Its call executes a program while it holds some of those.
    pub(super) gives_up_robust: bool,
    /// The instruction pointer, stack pointer and result it continues with, while it has executed
    /// no instruction since.
    pub(super) boundary: Option<(u64, u64, u64)>,
    /// Signals that were held back.
    pub(super) deferred: Vec<Deferred>,
    /// A held-back signal has waited too long and is delivered now, wherever the task is.
    pub(super) forced: bool,
    /// Whether its call returns from a signal handler (sigreturn).
    pub(super) returns_from_handler: bool,
    /// Whether it blocks SIGSEGV.
    pub(super) blocks_segv: bool,
    /// Whether its program has asked that reading the time-stamp counter raise SIGSEGV.
    pub(super) refuses_time_stamps: bool,
    /// Whether its calls through the vsyscall page stop.
    pub(super) traps_vsyscalls: bool,
    /// The answer to its call, and where it goes.
    pub(super) answer: Option<(u64, u32)>,
    /// The action for SIGSEGV that its call sets.
    pub(super) new_action: Option<SegvAction>,
    /// Decides when its state is recorded, once it has an image that is to be replayed.
    pub(super) state_check: Option<StateCheck>,
}

/// A signal that is held back until a call ends.
#[derive(Debug)]
pub(super) struct Deferred {
    pub(super) signal: Signal,
    pub(super) siginfo: [u8; SIGINFO],
    /// It was sent again.
    pub(super) sent: bool,
    /// When it arrived.
    pub(super) since_ns: u64,
}

/// A file that was mapped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MappedFile {
    /// Whether it was mapped MAP_SHARED, so that its contents can change without its times.
    pub(super) shared: bool,
    /// Its length as the log has it, in bytes.
    pub(super) len: u64,
}

/// A call that writes to scratch memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Redirected {
    /// The program's buffer.
    pub(super) buffer: u64,
    /// What takes its place.
    pub(super) scratch: u64,
}

//! What a plan requests, and the state it keeps between the two stops of a call.

use crate::desc::Dir;

/// Memory to capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionRequest {
    /// Argument that it belongs to, 0 to 5.
    pub arg: u8,
    /// [`Dir::In`] at an entry, [`Dir::Out`] at an exit; never [`Dir::InOut`].
    pub dir: Dir,
    /// 0: what the argument points to. 1: what is pointed to from there. 2: one level further. One
    /// higher for a call made through a multiplexer.
    pub role: u8,
    /// Which element; see the table of [`plan`](crate::plan).
    pub index: u32,
    /// Start address, never 0.
    pub address: u64,
    /// Length in bytes according to the call, before the recorder's limit; for a string, its
    /// maximum length. Not validated: up to 2^64-1.
    pub asked: u64,
    /// Ends with the first NUL byte, which is included.
    pub string: bool,
    /// If not 0, ends with the first zero word of this size (4 or 8), which is included. `asked` is
    /// then a bound; readers may stop at the terminator.
    pub words: u8,
    /// False for bytes that are read only to find other memory, and not stored as a region.
    pub store: bool,
}

/// The memory of a stopped task.
pub trait Memory {
    /// Reads new requests, in order, preferably with one vectored read. A failed request must not
    /// affect later ones.
    fn fetch(&mut self, requests: &[RegionRequest]);

    /// Returns what was read for request `i` of this stop, counted over all fetches. May be short
    /// or empty.
    fn bytes(&self, i: usize) -> &[u8];

    /// Returns a [`Fact`]. With `None` the memory whose length depends on it is not read.
    fn ask(&self, _fact: Fact) -> Option<u64> {
        None
    }
}

/// A length, or what says it, that is neither in registers nor in memory that was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Number of semaphores in the System V set with this id.
    Semaphores(u64),
    /// Size in bytes of a key of the BPF map with this descriptor.
    MapKey(u64),
    /// Size in bytes of a value of that map, as passed between kernel and program.
    MapValue(u64),
    /// The 32-bit word at this address of the task's memory.
    Word(u64),
}

/// Bounds on following pointers. Independent of the recorder's capture limit, which cuts `asked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of elements of an iovec array; the kernel accepts 1024.
    pub iovecs: u32,
    /// Maximum number of strings of an argv or envp.
    pub strings: u32,
    /// Maximum length of a string in bytes; the kernel accepts 4096 for a path and 128 KiB for an
    /// argument.
    pub string_bytes: u32,
    /// Maximum number of messages of sendmmsg and recvmmsg; the kernel accepts 1024.
    pub messages: u32,
    /// Maximum number of requests of one stop.
    pub requests: u32,
}

impl Limits {
    /// The kernel's limits, or generous ones where it has none.
    pub const DEFAULT: Self = Self {
        iovecs: 1024,
        strings: 4096,
        string_bytes: 128 * 1024,
        messages: 1024,
        requests: 16384,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Number of messages per call whose name buffer size is remembered.
pub(super) const NAME_SIZES: usize = 32;

/// What [`at_exit`](crate::plan::at_exit) needs to know of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryState {
    /// The 32-bit word that each argument pointed to, where that is a length.
    pub(super) lengths: [u32; 6],
    /// Sizes of the name buffers of the first messages.
    pub(super) name_sizes: [u8; NAME_SIZES],
    /// Number of elements left out because of [`Limits`].
    pub left_out: u32,
}

impl Default for EntryState {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl EntryState {
    /// State of a call whose entry was not recorded (attach during the call). Lengths in memory are
    /// then those of the exit alone.
    pub const UNKNOWN: Self =
        Self { lengths: [u32::MAX; 6], name_sizes: [u8::MAX; NAME_SIZES], left_out: 0 };
}

/// Role 1 part of a message: its name.
pub const MSG_NAME: u32 = 0;
/// Role 1 part of a message: its iovec array.
pub const MSG_IOV: u32 = 1;
/// Role 1 part of a message: its control data.
pub const MSG_CONTROL: u32 = 2;
/// Role 1 index of a `clone_args`: where the kernel stores the pidfd.
pub const CLONE_PIDFD: u32 = 0;
/// Role 1 index of a `clone_args`: where the kernel stores the tid for the parent.
pub const CLONE_TID: u32 = 1;
/// Role 1 index of a `clone_args`: the requested tids.
pub const CLONE_SET_TID: u32 = 2;
/// Index of the segment that clone3 of i386 gives the new task.
pub const CLONE_TLS: u32 = 3;

/// Returns the index of a part or a buffer of a message.
#[must_use]
pub const fn index(message: u32, part: u32) -> u32 {
    message << 16 | (part & 0xffff)
}

/// Splits an [`index`] into message and part.
#[must_use]
pub const fn index_parts(index: u32) -> (u32, u32) {
    (index >> 16, index & 0xffff)
}

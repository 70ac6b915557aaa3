//! What a plan asks for, and what it remembers between the two stops of a call.

use crate::desc::Dir;

/// Memory that is to be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionRequest {
    /// Which argument it belongs to, 0 to 5.
    pub arg: u8,
    /// [`Dir::In`] at an entry, [`Dir::Out`] at an exit; never [`Dir::InOut`].
    pub dir: Dir,
    /// 0: what the argument points to. 1: what is pointed to from there. 2: one level further. One
    /// more behind a multiplexed call.
    pub role: u8,
    /// Which element, see the module's table.
    pub index: u32,
    /// Where it starts, never 0.
    pub address: u64,
    /// How many bytes the call concerns, before any limit of the recorder; for a string the most it
    /// may have. As absurd as the program says: up to 2^64-1.
    pub asked: u64,
    /// It ends with the first NUL byte, which belongs to it.
    pub string: bool,
    /// When not 0: it ends with the first word of this size (4 or 8) that is zero, which belongs to
    /// it. `asked` is then a bound, and a reader need not go past the terminator.
    pub words: u8,
    /// False for bytes that are only read to find other memory and are no region of their own.
    pub store: bool,
}

/// The memory of the stopped task.
pub trait Memory {
    /// Reads new requests, in order, if possible in one vectored read. A bad one must not hide the
    /// next.
    fn fetch(&mut self, requests: &[RegionRequest]);

    /// What was got for the `i`-th request of this stop, counted over all fetches; maybe short,
    /// maybe empty.
    fn bytes(&self, i: usize) -> &[u8];

    /// A length that stands neither in registers nor in the memory of the task. Who cannot ask the
    /// kernel knows none, and memory of such a length is then not read.
    fn ask(&self, _fact: Fact) -> Option<u64> {
        None
    }
}

/// What only the kernel knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// How many semaphores the System V set with this id has.
    Semaphores(u64),
    /// How many bytes a key of the BPF map behind this descriptor has.
    MapKey(u64),
    /// How many bytes a value of that map has when it is passed to or from a program.
    MapValue(u64),
}

/// Bounds on what is followed. The recorder's capture limit is not one of them: it cuts `asked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most elements of an iovec array; the kernel takes no more than 1024.
    pub iovecs: u32,
    /// The most strings of an argv or envp.
    pub strings: u32,
    /// The most bytes of one string; the kernel takes 4096 for a path and 128 KiB for an argument.
    pub string_bytes: u32,
    /// The most messages of sendmmsg and recvmmsg; the kernel takes no more than 1024.
    pub messages: u32,
    /// The most requests of one stop.
    pub requests: u32,
}

impl Limits {
    /// What the kernel itself would take, within reason.
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

/// How many messages of one call have the size of their name buffer remembered.
pub(super) const NAMES: usize = 32;

/// What the exit must know of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryState {
    /// For each argument the 32-bit word it pointed to, where a length is found that way.
    pub(super) lengths: [u32; 6],
    /// Sizes of the name buffers of a message or the first messages of many.
    pub(super) names: [u8; NAMES],
    /// How many elements were left out because of [`Limits`].
    pub left_out: u32,
}

impl Default for EntryState {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl EntryState {
    /// For a call whose entry was not seen (attach in mid-call): lengths are those of the exit
    /// alone.
    pub const UNKNOWN: Self = Self { lengths: [u32::MAX; 6], names: [u8::MAX; NAMES], left_out: 0 };
}

/// Part of a message: its name. Index part of role 1.
pub const MSG_NAME: u32 = 0;
/// Part of a message: its iovec array. Index part of role 1.
pub const MSG_IOV: u32 = 1;
/// Part of a message: its control data. Index part of role 1.
pub const MSG_CONTROL: u32 = 2;
/// What a `clone_args` points to: where the pidfd goes.
pub const CLONE_PIDFD: u32 = 0;
/// What a `clone_args` points to: where the parent finds the tid.
pub const CLONE_TID: u32 = 1;
/// What a `clone_args` points to: the array of wanted tids.
pub const CLONE_SET_TID: u32 = 2;

/// The index of an element of a message: the message's ordinal and a part of it.
#[must_use]
pub const fn index(message: u32, part: u32) -> u32 {
    message << 16 | (part & 0xffff)
}

/// The message and the part that an [`index`] was made of.
#[must_use]
pub const fn index_parts(index: u32) -> (u32, u32) {
    (index >> 16, index & 0xffff)
}

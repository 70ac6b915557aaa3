//! Which memory a system call concerns: from a row and its arguments to the regions that are worth
//! reading.
//!
//! A total function. Arguments and memory come from a program that may be wrong or hostile, so
//! nothing here panics, allocates beyond the caller's scratch vector or loops without a bound; what
//! cannot be followed is not followed.
//!
//! Pointers are followed level by level: all requests of a level are handed to [`Memory::fetch`] at
//! once, then the requests of the next level are made from the bytes that came back.
//!
//! | what an argument points to | role 0 | role 1, index | role 2, index |
//! |---|---|---|---|
//! | argv, envp | the pointers | a string, its ordinal | |
//! | iovec array | the array | a buffer, its ordinal | |
//! | msghdr, mmsghdr array | the array | [`index`]`(message, MSG_NAME / MSG_IOV / MSG_CONTROL)` | a buffer, [`index`]`(message, ordinal)` |
//! | clone_args | the structure | `CLONE_PIDFD`, `CLONE_TID`, `CLONE_SET_TID` | |
//! | iocb pointers | the pointers | an iocb, its ordinal | its buffer, the same ordinal |
//! | sock_fprog, xattr_args, pselect6's mask | the structure | what it points to, 0 | |
//! | any other structure with pointers | the structure or structures | [`index`]`(ordinal, which pointer)` | |
//!
//! Behind socketcall and ipc of i386 stands another call ([`crate::demultiplex()`]): its memory is
//! that of its own arguments, each role one higher than in the table above. Role 0 is then the
//! array of socketcall.

mod expand;
mod level;
mod pointer_fields;
pub(crate) mod word;

use crate::arch::Abi;
use crate::desc::{CallKind, Dir, Len, Row};

pub use word::index_parts;

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
const NAMES: usize = 32;

/// What the exit must know of the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryState {
    /// For each argument the 32-bit word it pointed to, where a length is found that way.
    lengths: [u32; 6],
    /// Sizes of the name buffers of a message or the first messages of many.
    names: [u8; NAMES],
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

/// The memory that goes in: call it at an entry stop. `requests` is cleared, filled and left for
/// the caller to store; its i-th element belongs to `mem.bytes(i)`.
pub fn at_entry(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    limits: &Limits,
    requests: &mut Vec<RegionRequest>,
    mem: &mut dyn Memory,
) -> EntryState {
    let stop = level::Stop { abi, row, args: abi.args(args), limits, exit: None, base: 0 };
    stop.run(requests, mem)
}

/// The memory that came out: call it at an exit stop with the arguments of the entry. Says how many
/// elements were left out because of `limits`. An exit with -512 to -516 (`ERESTART*`) is an error
/// like any other.
///
/// At the exit of `restart_syscall` ([`crate::CallKind::Restart`]) pass the row, arguments and
/// state of the call that it continues: that call writes its memory now.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a fact of its own, and a struct would only rename them"
)]
pub fn at_exit(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    rval: i64,
    is_error: bool,
    entry: &EntryState,
    limits: &Limits,
    requests: &mut Vec<RegionRequest>,
    mem: &mut dyn Memory,
) -> u32 {
    let exit = Some(level::Exit { rval, is_error: row.failed(rval, is_error), entry });
    let stop = level::Stop { abi, row, args: abi.args(args), limits, exit, base: 0 };
    stop.run(requests, mem).left_out
}

/// The bytes of what argument `arg` itself points to, among the requests of one stop.
pub fn pointed_to<'m>(
    requests: &[RegionRequest],
    mem: &'m dyn Memory,
    arg: u8,
) -> Option<&'m [u8]> {
    let i = requests.iter().position(|w| w.arg == arg && w.role == 0 && w.store)?;
    Some(mem.bytes(i))
}

/// Whether a row can have memory at its exit at all; a recorder may skip [`at_exit`] when not.
#[must_use]
pub fn may_write(row: &Row) -> bool {
    row.kind == CallKind::Multiplexed
        || row.args.iter().any(|a| {
            a.mem.is_some_and(|m| {
                m.dir.comes_out()
                    || matches!(m.len, Len::Msg { many: Some(_) } | Len::CloneArgs(_))
                    || matches!(m.len,
                        Len::PointerFields { links, .. } if links.iter().any(|l| l.dir.comes_out()))
            })
        })
}

#[cfg(test)]
mod tests;

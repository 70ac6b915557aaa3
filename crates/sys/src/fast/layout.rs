//! What the code of the page and the tracer agree on: addresses, and offsets in bytes.

/// Where the page lies in every process: far from what the kernel, compilers and allocators use,
/// and the same for all processes, because a seccomp filter must know it before they exist.
pub const PAGE: u64 = 0x2a6f_5350_0000;
/// The length of the page's mapping: code, programs, commands, a block without magic.
pub const PAGE_LEN: u64 = 0x4000;
/// Where the rings of a process lie, one slot for each thread.
pub const RINGS: u64 = PAGE + 0x10_0000;
/// The size of a slot: block, stack, records.
pub const SLOT: u64 = 0x8_0000;
/// The number of slots. Further threads are traced.
pub const SLOTS: u64 = 64;
/// The length of all rings.
pub const RINGS_LEN: u64 = SLOT * SLOTS;

/// The programs of the calls, 16 bytes each, in the page.
pub const PROGRAMS: u64 = 0x1000;
/// The number of programs.
pub const CALLS: u64 = 512;
/// Sets of commands, two words each.
pub const COMMANDS: u64 = 0x3000;
/// A bit for each errno that proves that a path was read.
pub const PROOFS: u64 = 0x3200;
/// A block without magic: that of threads without a slot.
pub const NO_BLOCK: u64 = 0x3400;
/// The first command of the second word of a set.
pub const HIGH_COMMANDS: u64 = 1024;

/// Flag of a program: the call can be made in the page.
pub const FAST: u8 = 1;
/// Flag of a program: a successful call returns a descriptor, whose name is taken.
pub const NAMED: u8 = 2;
/// Flag of a program: the first copy is a string, and the second is memory that the kernel writes.
pub const NEAR: u8 = 4;
/// A copy of a string.
pub const STRING: u8 = 1;
/// A copy of what the kernel reads.
pub const INPUT: u8 = 2;
/// A copy of a structure.
pub const FIXED: u8 = 3;
/// A copy of as many bytes as the result says.
pub const OUTPUT: u8 = 4;

/// The longest string that is copied.
pub const LONGEST_STRING: u64 = 4096;
/// The most bytes that a call may move in the page.
pub const MOST: u64 = 32768;
/// Where the last record of a slot may start: the longest is a path, that of a descriptor, and the
/// bytes.
pub const LAST_START: u64 = SLOT - 49152;

/// Block: a number, while the thread may make calls in the page. It fits a displacement.
pub const MAGIC: u64 = 0;
/// Block: its own address.
pub const SELF: u64 = 8;
/// Block: the offset of the next record in the slot.
pub const NEXT: u64 = 16;
/// Block: the offset of the record in progress.
pub const START: u64 = 24;
/// Block: how far the call has come.
pub const PHASE: u64 = 32;
/// Block: the stub's description.
pub const DESCRIPTION: u64 = 40;
/// Block: the address after the call site.
pub const RETURN: u64 = 48;
/// Block: the result of the call.
pub const RESULT: u64 = 56;
/// Block: the number of the call.
pub const NR: u64 = 64;
/// Block: the arguments, in order.
pub const ARGS: u64 = 72;
/// Block: the stack pointer.
pub const SP: u64 = 120;
/// Block: the end of a buffer for a path.
pub const PATH_END: u64 = 0x200;
/// Block: the flags, on top of the page's own stack.
pub const FLAGS: u64 = RECORDS - 8;
/// The first record.
pub const RECORDS: u64 = 0x1000;

/// The value of [`MAGIC`].
pub const MAGIC_VALUE: u64 = 0x4641_5354;

/// Phase: the thread is not in the page, or about to leave it.
pub const OUTSIDE: u64 = 0;
/// Phase: the registers are saved, and the call is not made.
pub const BEFORE: u64 = 1;
/// Phase: at the call.
pub const AT_CALL: u64 = 2;
/// Phase: the result is saved.
pub const MADE: u64 = 3;

/// Description of a stub: the address after the call site.
pub const AFTER: u64 = 0;
/// Description of a stub: its own `syscall`.
pub const TRACED: u64 = 8;

/// In place of the address of a copy: the link of the new descriptor.
pub const LINK: u64 = 1;
/// In place of the address of a copy: the stat of the new descriptor.
pub const STAT: u64 = 2;

/// A record, in words.
pub mod record {
    /// Its length in bytes, a multiple of 8.
    pub const LEN: u64 = 0;
    /// The time-stamp counter before the call.
    pub const BEGAN: u64 = 8;
    /// The time-stamp counter after the call.
    pub const ENDED: u64 = 16;
    /// The address after the call site.
    pub const IP: u64 = 24;
    /// The stack pointer.
    pub const SP: u64 = 32;
    /// The number of the call.
    pub const NR: u64 = 40;
    /// The arguments.
    pub const ARGS: u64 = 48;
    /// The result.
    pub const RESULT: u64 = 96;
    /// The copies: address, length, bytes up to a multiple of 8.
    pub const COPIES: u64 = 104;
}

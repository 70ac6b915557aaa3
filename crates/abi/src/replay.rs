//! What a replayable recording must know of a call: whether the program may make it, and what it
//! does to the address space.

use linux_raw_sys::{errno as e, general as g, prctl};

use crate::arch::Abi;
use crate::bytes::word_at;
use crate::clone::CloneFlags;
use crate::consts::unpackaged::{ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_FS, ARCH_SET_GS};
use crate::desc::{CallKind, Replay, Row};

mod changes;
mod time_stamps;
mod unseen;
mod waits;

pub use changes::{Change, ChangedFile, FileChange, file_change};
pub use time_stamps::{TimeStamps, time_stamps};
pub use unseen::{Limit, is_told, may_write_unseen, stack_limit, unseen_output, waited_siginfo};
pub use waits::{Buffer, EarlyWrite, early_write, ends_at_once, filled_buffer};

/// Returns the errno with which to answer a call that cannot be replayed, instead of making it, or
/// `None` if it may be made. Programs know these errors from kernels that lack the call or the
/// feature, and have a fallback.
#[must_use]
pub fn veto(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<u32> {
    let args = abi.args(args);
    let option = low(args[0]);
    match row.kind {
        // The recorder could not distinguish the program's tracees from its own.
        CallKind::Ptrace => Some(e::EPERM),
        // The kernel writes its memory outside of calls.
        CallKind::Rseq => Some(e::ENOSYS),
        // C libraries fall back to clone, whose arguments are in registers, where no other thread
        // can change them during the call.
        CallKind::Clone3 => Some(e::ENOSYS),
        // MADV_FREE pages vanish under memory pressure; only the kernel knows guard pages.
        CallKind::Madvise
            if matches!(
                low(args[2]),
                g::MADV_FREE | g::MADV_GUARD_INSTALL | g::MADV_GUARD_REMOVE
            ) =>
        {
            Some(e::EINVAL)
        }
        CallKind::Mmap if map_args(abi, row, &args, structure)?.flags & g::MAP_HUGETLB != 0 => {
            Some(e::ENOMEM)
        }
        // User dispatch turns calls into signals; PR_SET_MM changes what the kernel knows of the
        // memory layout.
        CallKind::Prctl
            if matches!(option, prctl::PR_SET_SYSCALL_USER_DISPATCH | prctl::PR_SET_MM) =>
        {
            Some(e::EINVAL)
        }
        // Shadow stacks, and CPUID faulting.
        CallKind::ArchState
            if row.arg("option").is_some()
                && ![ARCH_SET_FS, ARCH_SET_GS, ARCH_GET_FS, ARCH_GET_GS]
                    .contains(&u64::from(option)) =>
        {
            Some(e::EINVAL)
        }
        _ if row.replay == Replay::Refuse => Some(e::ENOSYS),
        _ => None,
    }
}

/// Returns the errno with which to answer a call that mounts a file system of a process (FUSE): the
/// recorder reads mapped files, and would wait for a server that waits for the recorder. A kernel
/// without FUSE answers the same (mount(2)). `captured` returns the string that an argument points
/// to.
#[must_use]
pub fn veto_of_served_files<'m>(
    row: &Row,
    captured: impl FnOnce(u8) -> Option<&'m [u8]>,
) -> Option<u32> {
    let kind = if row.kind == CallKind::Mount { row.arg("type") } else { row.arg("_fs_name") };
    let name = captured(u8::try_from(kind?).ok()?)?;
    let name = name.split(|byte| matches!(byte, b'.' | 0)).next()?;
    matches!(name, b"fuse" | b"fuseblk").then_some(e::ENODEV)
}

/// What a call does to the address space or to the thread's state, if it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSpaceOp {
    /// Maps memory at the address that is the result.
    Map {
        /// Length in bytes, as passed.
        len: u64,
        /// `PROT_*`.
        prot: u32,
        /// Whether writes are visible to others that map the same.
        shared: bool,
        /// Whether there is no file.
        anonymous: bool,
        /// Whether it grows down on access.
        grows_down: bool,
        /// Offset in the file in bytes.
        offset: u64,
    },
    /// Unmaps memory.
    Unmap {
        /// Start address.
        start: u64,
        /// Length in bytes.
        len: u64,
    },
    /// Changes the protection of memory.
    Protect {
        /// Start address.
        start: u64,
        /// Length in bytes.
        len: u64,
        /// `PROT_*`.
        prot: u32,
    },
    /// Moves memory to the address that is the result.
    Remap {
        /// Old start address.
        start: u64,
        /// Old length in bytes.
        old_len: u64,
        /// New length in bytes.
        new_len: u64,
        /// Whether the old mapping stays, without its pages.
        keeps: bool,
    },
    /// Gives advice about memory.
    Advise {
        /// Start address.
        start: u64,
        /// Length in bytes.
        len: u64,
        /// `MADV_*`.
        advice: u32,
    },
    /// Moves the program break to the address that is the result.
    Break,
    /// Sets the base of FS or GS.
    Base {
        /// FS if true, else GS.
        fs: bool,
        /// The base address.
        base: u64,
    },
    /// Attaches System V shared memory at the address that is the result.
    Attach {
        /// Where the kernel stores the address instead, for ipc(2).
        stored_at: Option<u64>,
    },
    /// Detaches System V shared memory.
    Detach {
        /// Start address.
        start: u64,
    },
    /// Sets an entry of the thread's segment table (i386).
    ThreadArea {
        /// Address of the `struct user_desc` with the entry. The kernel may choose the entry and
        /// store its number there.
        at: u64,
    },
    /// Maps memory that a replay cannot rebuild, or changes unknown state.
    Unknown,
}

/// Returns what a call with these arguments does to the address space, or `None` if nothing.
/// `structure` is what the first argument points to, as captured at the entry; the old mmap of i386
/// has its arguments there.
#[must_use]
pub fn address_space_op(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: Option<&[u8]>,
) -> Option<AddressSpaceOp> {
    let args = abi.args(args);
    Some(match row.kind {
        CallKind::Mmap => match map_args(abi, row, &args, structure) {
            Some(Mapping { len, prot, flags, offset }) => AddressSpaceOp::Map {
                len,
                offset,
                prot,
                shared: flags & g::MAP_SHARED != 0,
                anonymous: flags & g::MAP_ANONYMOUS != 0,
                grows_down: flags & g::MAP_GROWSDOWN != 0,
            },
            None => AddressSpaceOp::Unknown,
        },
        CallKind::Munmap => AddressSpaceOp::Unmap { start: args[0], len: args[1] },
        CallKind::Mprotect => {
            AddressSpaceOp::Protect { start: args[0], len: args[1], prot: low(args[2]) }
        }
        CallKind::Mremap => AddressSpaceOp::Remap {
            start: args[0],
            old_len: args[1],
            new_len: args[2],
            keeps: low(args[3]) & g::MREMAP_DONTUNMAP != 0,
        },
        CallKind::Madvise if row.args.len() == 3 => {
            AddressSpaceOp::Advise { start: args[0], len: args[1], advice: low(args[2]) }
        }
        CallKind::Brk => AddressSpaceOp::Break,
        CallKind::ArchState => match args[0] & 0xffff_ffff {
            ARCH_SET_FS if row.arg("option").is_some() => {
                AddressSpaceOp::Base { fs: true, base: args[1] }
            }
            ARCH_SET_GS if row.arg("option").is_some() => {
                AddressSpaceOp::Base { fs: false, base: args[1] }
            }
            ARCH_GET_FS | ARCH_GET_GS if row.arg("option").is_some() => return None,
            _ if row.arg("u_info").is_some() => AddressSpaceOp::ThreadArea { at: args[0] },
            _ => AddressSpaceOp::Unknown,
        },
        CallKind::Shmat => AddressSpaceOp::Attach { stored_at: None },
        CallKind::Shmdt => AddressSpaceOp::Detach { start: args[0] },
        // ipc(2). socketcall(2), which has two arguments, maps no memory.
        CallKind::Multiplexed if row.args.len() > 2 => {
            let inner = crate::demultiplex::demultiplex(abi, row, &args, |_| None)?;
            match inner.row.kind {
                CallKind::Shmat => AddressSpaceOp::Attach { stored_at: Some(args[3]) },
                CallKind::Shmdt => AddressSpaceOp::Detach { start: inner.args[0] },
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// Whether this advice changes the contents of memory, or what a later fork copies.
#[must_use]
pub const fn changes_memory(advice: u32) -> bool {
    matches!(
        advice,
        g::MADV_DONTNEED
            | g::MADV_DONTNEED_LOCKED
            | g::MADV_REMOVE
            | g::MADV_DONTFORK
            | g::MADV_DOFORK
            | g::MADV_WIPEONFORK
            | g::MADV_KEEPONFORK
    )
}

/// The arguments of a call that maps memory.
struct Mapping {
    len: u64,
    prot: u32,
    flags: u32,
    offset: u64,
}

fn map_args(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<Mapping> {
    // mmap2 counts its offset in units of 4096 bytes for every page size (mmap2(2)).
    let offset = match (row.arg("off"), row.arg("pgoff")) {
        (Some(at), _) => *args.get(at)?,
        (None, Some(at)) => args.get(at)? << 12,
        (None, None) => {
            // struct mmap_arg_struct: address, length, protection, flags, descriptor, offset.
            let word = |i: usize| word_at(abi, structure?, i * usize::from(abi.word()));
            row.arg("arg")?;
            return Some(Mapping {
                len: word(1)?,
                prot: low(word(2)?),
                flags: low(word(3)?),
                offset: word(5)?,
            });
        }
    };
    row.arg("prot")?;
    Some(Mapping { len: args[1], prot: low(args[2]), flags: low(args[3]), offset })
}

/// A call that writes bytes to a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The descriptor.
    pub fd: i32,
    /// Whether the bytes come from the program's memory rather than from another descriptor.
    pub from_memory: bool,
}

/// Returns where a call writes bytes to, if it does.
#[must_use]
pub fn output(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<Output> {
    if !matches!(row.kind, CallKind::Write | CallKind::Send) {
        return None;
    }
    let elsewhere = ["out_fd", "fd_out", "fdout"].iter().find_map(|name| row.arg(name));
    let fd = low(*abi.args(args).get(elsewhere.unwrap_or(0))?).cast_signed();
    Some(Output { fd, from_memory: elsewhere.is_none() })
}

/// Addresses at which the kernel stores the id of a new task, in that task's address space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TidAddresses {
    /// Written before the task starts. The parent's address counts only if both share memory.
    pub written: [Option<u64>; 2],
    /// Set to zero at the task's exit.
    pub cleared: Option<u64>,
}

/// Returns where the kernel stores the id of a task made by clone.
#[must_use]
pub fn tid_addresses(abi: Abi, row: &Row, args: &[u64; 6], flags: CloneFlags) -> TidAddresses {
    let args = abi.args(args);
    let at = |name: &str| row.arg(name).and_then(|at| args.get(at).copied());
    let (maker, child) = (at("parent_tidptr"), at("child_tidptr"));
    TidAddresses {
        written: [
            maker.filter(|_| flags.sets_parent_tid() && flags.memory()),
            child.filter(|_| flags.sets_child_tid()),
        ],
        cleared: child.filter(|_| flags.clears_child_tid()),
    }
}

/// Returns the address of the `struct user_desc` from which clone of i386 sets the new task's
/// segment table. Other architectures set a register.
#[must_use]
pub fn thread_area_of_child(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    flags: CloneFlags,
) -> Option<u64> {
    let at = row.arg("tls").filter(|_| abi == Abi::I386 && flags.sets_thread_storage())?;
    abi.args(args).get(at).copied()
}

/// Returns the address that a call registers to be cleared at the thread's exit
/// (set_tid_address(2)).
#[must_use]
pub fn clear_tid_address(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<u64> {
    row.arg("tidptr").and_then(|at| abi.args(args).get(at).copied())
}

/// The list of robust futexes of a task (set_robust_list(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RobustList {
    /// The address of its head.
    pub head: u64,
    /// The size of its words. The kernel keeps a list of each size for a task.
    pub word: u8,
}

/// Returns the list of robust futexes that a call registers.
#[must_use]
pub fn robust_list(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<RobustList> {
    let [head, len, ..] = abi.args(args);
    let word = abi.word();
    // With another length the call fails.
    let is_registered = row.name == "set_robust_list" && len == 3 * u64::from(word);
    is_registered.then_some(RobustList { head, word })
}

/// Returns what the kernel makes of the word of a robust futex when the task with this id ends,
/// if that task holds it.
#[must_use]
pub fn word_of_dead_owner(word: u32, id: u32) -> Option<u32> {
    let is_held = word & g::FUTEX_TID_MASK == id;
    is_held.then_some(word & g::FUTEX_WAITERS | g::FUTEX_OWNER_DIED)
}

/// Returns the descriptor that a call maps. See [`address_space_op`] for `structure`.
#[must_use]
pub fn mapped_fd(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<i32> {
    if row.kind != CallKind::Mmap {
        return None;
    }
    let fd = match row.arg("fd") {
        Some(at) => *abi.args(args).get(at)?,
        None => word_at(abi, structure?, 4 * usize::from(abi.word()))?,
    };
    Some(low(fd).cast_signed())
}

/// Returns an argument that the kernel uses as an int.
fn low(word: u64) -> u32 {
    u32::try_from(word & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
mod tests;

//! What a recording that is to be replayed must know of a call: whether it may be made at all, and
//! what it does to the address space.

use linux_raw_sys::{errno as e, general as g, prctl};

use crate::arch::Abi;
use crate::bytes::word_at;
use crate::clone::CloneFlags;
use crate::consts::unpackaged::{ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_FS, ARCH_SET_GS};
use crate::desc::{CallKind, Replay, Row};

/// The errno with which a call is answered, instead of being made, because nobody could replay what
/// it does. It is the one that programs know from kernels without the call or the feature, and have
/// another way for. `None`: it is made.
#[must_use]
pub fn veto(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<u32> {
    let args = abi.args(args);
    let option = low(args[0]);
    match row.kind {
        // Tasks could not be told apart from those of the recorder.
        CallKind::Ptrace => Some(e::EPERM),
        // The kernel writes to memory at moments that nobody sees.
        CallKind::Rseq => Some(e::ENOSYS),
        // C libraries make do with clone, whose arguments no other thread can change meanwhile.
        CallKind::Clone3 => Some(e::ENOSYS),
        // Pages vanish when memory is short; what a guard page is only the kernel knows.
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
        // The recorder has the time-stamp counter; calls that a library makes by itself would be
        // seen as another's.
        CallKind::Prctl
            if matches!(
                option,
                prctl::PR_SET_TSC | prctl::PR_SET_SYSCALL_USER_DISPATCH | prctl::PR_SET_MM
            ) =>
        {
            Some(e::EINVAL)
        }
        // Shadow stacks, and CPUID that stops.
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

/// What a call does to the address space or the thread's state, if it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSpaceOp {
    /// Maps memory at the address that is the result.
    Map {
        /// How much, as the program said it.
        len: u64,
        /// `PROT_*`.
        prot: u32,
        /// Writes are seen by everybody who has mapped the same.
        shared: bool,
        /// There is no file.
        anonymous: bool,
        /// It grows down as it is touched.
        grows_down: bool,
        /// Where in the file it begins.
        offset: u64,
    },
    /// Unmaps memory.
    Unmap {
        /// Where.
        start: u64,
        /// How much.
        len: u64,
    },
    /// Changes its protection.
    Protect {
        /// Where.
        start: u64,
        /// How much.
        len: u64,
        /// `PROT_*`.
        prot: u32,
    },
    /// Moves memory to the address that is the result.
    Remap {
        /// From where.
        start: u64,
        /// How much it was.
        old_len: u64,
        /// How much it is now.
        new_len: u64,
        /// The old mapping stays, empty.
        keeps: bool,
    },
    /// Says how memory is used.
    Advise {
        /// Where.
        start: u64,
        /// How much.
        len: u64,
        /// `MADV_*`.
        advice: u32,
    },
    /// Moves the end of the data segment to the address that is the result.
    Break,
    /// Sets the base of FS, or of GS.
    Base {
        /// FS and not GS.
        fs: bool,
        /// Where it is.
        base: u64,
    },
    /// Attaches a segment of System V shared memory at the address that is the result.
    Attach {
        /// Where the kernel writes that address instead (ipc(2)).
        told_at: Option<u64>,
    },
    /// Detaches one.
    Detach {
        /// Where it begins.
        start: u64,
    },
    /// Sets an entry of the thread's table of segments (i386).
    ThreadArea {
        /// Where the `struct user_desc` stands that says which and how; the kernel may choose
        /// which, and writes it there.
        at: u64,
    },
    /// Maps what no replay can rebuild, or changes state that it does not know.
    Unknown,
}

/// What a call with these arguments does to the address space; `None` for calls that leave it
/// alone. `structure` is what the first argument points to, as captured at the entry (the old mmap
/// of i386 has its arguments there).
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
        CallKind::Shmat => AddressSpaceOp::Attach { told_at: None },
        CallKind::Shmdt => AddressSpaceOp::Detach { start: args[0] },
        // ipc(2); socketcall(2), with its two arguments, shapes no memory.
        CallKind::Multiplexed if row.args.len() > 2 => {
            let inner = crate::demultiplex::demultiplex(abi, row, &args, |_| None)?;
            match inner.row.kind {
                CallKind::Shmat => AddressSpaceOp::Attach { told_at: Some(args[3]) },
                CallKind::Shmdt => AddressSpaceOp::Detach { start: inner.args[0] },
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// Does this advice change what is in memory, or what a later fork copies?
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

/// The arguments of a call that maps.
struct Mapping {
    len: u64,
    prot: u32,
    flags: u32,
    offset: u64,
}

fn map_args(abi: Abi, row: &Row, args: &[u64; 6], structure: Option<&[u8]>) -> Option<Mapping> {
    // mmap2 counts its offset in units of 4096 bytes, whatever the page size (mmap2(2)).
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

/// A call that brings bytes to a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The descriptor.
    pub fd: i32,
    /// The bytes come from the program's memory, and not from another descriptor.
    pub from_memory: bool,
}

/// Where a call brings bytes, if it does.
#[must_use]
pub fn output(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<Output> {
    if !matches!(row.kind, CallKind::Write | CallKind::Send) {
        return None;
    }
    let elsewhere = ["out_fd", "fd_out", "fdout"].iter().find_map(|name| row.arg(name));
    let fd = low(*abi.args(args).get(elsewhere.unwrap_or(0))?).cast_signed();
    Some(Output { fd, from_memory: elsewhere.is_none() })
}

/// Where a call that makes a task has the kernel write the new one's id, as that sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// Before it begins; of the maker's memory only what both share.
    pub written: [Option<u64>; 2],
    /// When it ends: zero.
    pub cleared: Option<u64>,
}

/// Where the ids of a task made by clone stand.
#[must_use]
pub fn ids(abi: Abi, row: &Row, args: &[u64; 6], flags: CloneFlags) -> Ids {
    let args = abi.args(args);
    let at = |name: &str| row.arg(name).and_then(|at| args.get(at).copied());
    let (maker, child) = (at("parent_tidptr"), at("child_tidptr"));
    Ids {
        written: [
            maker.filter(|_| flags.tells_maker() && flags.memory()),
            child.filter(|_| flags.tells_child()),
        ],
        cleared: child.filter(|_| flags.clears()),
    }
}

/// Where the `struct user_desc` stands with which clone of i386 begins the new task's table of
/// segments; other architectures set a register.
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

/// The address that a call gives the kernel to write zero to when the thread ends
/// (set_tid_address(2)).
#[must_use]
pub fn clears_when_ended(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<u64> {
    row.arg("tidptr").and_then(|at| abi.args(args).get(at).copied())
}

/// The descriptor that a call maps, as [`address_space_op`] finds its other arguments.
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

/// An argument that the kernel takes as an int.
fn low(word: u64) -> u32 {
    u32::try_from(word & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consts::unpackaged as u;
    use crate::number::row_named;

    fn vetoed(name: &str, args: [u64; 6]) -> Option<u32> {
        veto(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &args, None)
    }

    #[test]
    fn what_nobody_can_replay_is_answered_as_programs_expect() {
        assert_eq!(vetoed("rseq", [0; 6]), Some(e::ENOSYS));
        assert_eq!(vetoed("clone3", [0; 6]), Some(e::ENOSYS));
        assert_eq!(vetoed("io_uring_setup", [0; 6]), Some(e::ENOSYS));
        assert_eq!(vetoed("userfaultfd", [0; 6]), Some(e::ENOSYS));
        assert_eq!(vetoed("madvise", [0, 0, g::MADV_FREE.into(), 0, 0, 0]), Some(e::EINVAL));
        assert_eq!(vetoed("madvise", [0, 0, g::MADV_DONTNEED.into(), 0, 0, 0]), None);
        assert_eq!(vetoed("prctl", [prctl::PR_SET_TSC.into(), 1, 0, 0, 0, 0]), Some(e::EINVAL));
        assert_eq!(vetoed("prctl", [prctl::PR_SET_NAME.into(), 1, 0, 0, 0, 0]), None);
        assert_eq!(vetoed("arch_prctl", [ARCH_SET_FS, 1, 0, 0, 0, 0]), None);
        assert_eq!(vetoed("arch_prctl", [0x5001, 1, 0, 0, 0, 0]), Some(e::EINVAL));
        assert_eq!(vetoed("read", [0; 6]), None);
    }

    #[test]
    fn bytes_come_from_memory_or_from_a_descriptor() {
        let to =
            |name| output(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &[1, 2, 3, 4, 5, 6]);
        assert_eq!(to("write"), Some(Output { fd: 1, from_memory: true }));
        assert_eq!(to("sendto"), Some(Output { fd: 1, from_memory: true }));
        assert_eq!(to("sendfile"), Some(Output { fd: 1, from_memory: false }));
        assert_eq!(to("splice"), Some(Output { fd: 3, from_memory: false }));
        assert_eq!(to("tee"), Some(Output { fd: 2, from_memory: false }));
        assert_eq!(to("read"), None);
    }

    #[test]
    fn ids_of_new_tasks_are_written_where_both_see_them() {
        let row = row_named(Abi::X86_64, "clone").unwrap();
        let ids =
            |flags: u32| ids(Abi::X86_64, row, &[0, 0, 0x10, 0x20, 0, 0], CloneFlags(flags.into()));
        let thread = ids(g::CLONE_VM | g::CLONE_PARENT_SETTID | g::CLONE_CHILD_CLEARTID);
        assert_eq!(thread, Ids { written: [Some(0x10), None], cleared: Some(0x20) });
        assert_eq!(ids(g::CLONE_PARENT_SETTID | g::CLONE_CHILD_SETTID).written, [None, Some(0x20)]);
    }

    #[test]
    fn the_call_of_i386_for_shared_memory_is_seen_through() {
        let row = row_named(Abi::I386, "ipc").unwrap();
        let op = |call| address_space_op(Abi::I386, row, &[call, 1, 0, 0x20, 0x3000, 0], None);
        assert_eq!(op(u::SHMAT), Some(AddressSpaceOp::Attach { told_at: Some(0x20) }));
        assert_eq!(op(u::SHMDT), Some(AddressSpaceOp::Detach { start: 0x3000 }));
        assert_eq!(op(u::SHMGET), None);
    }

    #[test]
    fn only_i386_has_storage_of_threads_in_a_table() {
        let area = |abi, flags: u32| {
            let row = row_named(abi, "clone").unwrap();
            thread_area_of_child(abi, row, &[0, 0, 0, 0x40, 0x50, 0], CloneFlags(flags.into()))
        };
        assert_eq!(area(Abi::I386, g::CLONE_VM | g::CLONE_SETTLS), Some(0x40));
        assert_eq!(area(Abi::I386, g::CLONE_VM), None);
        assert_eq!(area(Abi::X86_64, g::CLONE_VM | g::CLONE_SETTLS), None);
    }

    #[test]
    fn the_old_mmap_has_its_arguments_in_memory() {
        let words = [0x1000u32, 0x2000, 3, g::MAP_PRIVATE, 7, 0];
        let structure: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let row = row_named(Abi::I386, "mmap").unwrap();
        let expected = AddressSpaceOp::Map {
            len: 0x2000,
            prot: 3,
            shared: false,
            anonymous: false,
            grows_down: false,
            offset: 0,
        };
        assert_eq!(address_space_op(Abi::I386, row, &[0; 6], Some(&structure)), Some(expected));
        assert_eq!(mapped_fd(Abi::I386, row, &[0; 6], Some(&structure)), Some(7));
        assert_eq!(address_space_op(Abi::I386, row, &[0; 6], None), Some(AddressSpaceOp::Unknown));
    }

    #[test]
    fn calls_that_leave_the_address_space_alone_have_no_shape() {
        for (abi, row) in crate::all_rows() {
            let abi = abi.unwrap_or(Abi::X86_64);
            let shaping = address_space_op(abi, row, &[0; 6], None).is_some();
            assert!(!shaping || row.replay != Replay::Emulate, "{} shapes memory", row.name);
        }
    }
}

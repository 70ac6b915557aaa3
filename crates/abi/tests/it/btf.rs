//! Compares structure sizes with the running kernel's BTF, which includes structures that no header
//! exports and those of 32-bit programs.

use std::collections::{BTreeMap, BTreeSet};

use sysreel_abi::{Abi, Layout};

use Layout as L;

/// The kernel's names of the structures that 64-bit programs pass.
#[rustfmt::skip]
const NATIVE: &[(Layout, &str)] = &[
    (L::Stat, "stat"), (L::Statx, "statx"), (L::Statfs, "statfs"), (L::Statfs64, "statfs"),
    (L::Ustat, "ustat"),
    (L::Timespec, "__kernel_timespec"), (L::Itimerspec, "__kernel_itimerspec"),
    (L::Timeval, "__kernel_old_timeval"),
    (L::Itimerval, "__kernel_old_itimerval"), (L::Timex, "__kernel_timex"),
    (L::Timezone, "timezone"), (L::Tms, "tms"),
    (L::Utimbuf, "utimbuf"), (L::Rusage, "rusage"), (L::Rlimit, "rlimit"),
    (L::Rlimit64, "rlimit64"), (L::SigAction, "sigaction"),
    (L::SigStack, "sigaltstack"), (L::SigInfo, "siginfo"), (L::SigEvent, "sigevent"),
    (L::SysInfo, "sysinfo"),
    (L::UtsName, "new_utsname"), (L::OldUtsName, "old_utsname"),
    (L::OldOldUtsName, "oldold_utsname"), (L::PollFd, "pollfd"),
    (L::EpollEvent, "epoll_event"), (L::IoEvent, "io_event"), (L::Iocb, "iocb"),
    (L::IoUringParams, "io_uring_params"),
    (L::Iovec, "iovec"), (L::MsgHdr, "user_msghdr"), (L::MmsgHdr, "mmsghdr"),
    (L::MqAttr, "mq_attr"),
    (L::RobustListHead, "robust_list_head"), (L::SchedParam, "sched_param"),
    (L::SchedAttr, "sched_attr"), (L::OpenHow, "open_how"),
    (L::CloneArgs, "clone_args"), (L::MsqidDs, "msqid64_ds"), (L::ShmidDs, "shmid64_ds"),
    (L::SemidDs, "semid64_ds"),
    (L::SemBuf, "sembuf"), (L::MsgInfo, "msginfo"), (L::ShmInfo, "shm_info"),
    (L::ShmLimits, "shminfo64"), (L::SemInfo, "seminfo"),
    (L::Flock, "flock"), (L::FOwnerEx, "f_owner_ex"), (L::Termios, "termios"),
    (L::Termios2, "termios2"), (L::Termio, "termio"),
    (L::WinSize, "winsize"), (L::FutexWaitv, "futex_waitv"), (L::UserDesc, "user_desc"),
    (L::FileHandle, "file_handle"),
    (L::MountAttr, "mount_attr"), (L::FileAttr, "file_attr"), (L::BlkPg, "blkpg_ioctl_arg"),
    (L::UffdioRange, "uffdio_range"),
    (L::XattrArgs, "xattr_args"), (L::CachestatRange, "cachestat_range"),
    (L::Cachestat, "cachestat"), (L::AioSigSet, "__aio_sigset"),
    (L::SigSetArg, "sigset_argpack"), (L::SockFprog, "sock_fprog"), (L::SockFilter, "sock_filter"),
    (L::DqBlk, "if_dqblk"),
    (L::DqInfo, "if_dqinfo"), (L::PrctlMmMap, "prctl_mm_map"),
    (L::PtraceSyscallInfo, "ptrace_syscall_info"),
    (L::PtracePeekSiginfo, "ptrace_peeksiginfo_args"), (L::CapHeader, "__user_cap_header_struct"),
    (L::CapData, "__user_cap_data_struct"),
];

/// The kernel's names of the structures that 32-bit programs pass.
#[rustfmt::skip]
const COMPAT: &[(Layout, &str)] = &[
    (L::Stat, "compat_stat"), (L::Stat64, "stat64"), (L::OldStat, "__old_kernel_stat"),
    (L::Statfs, "compat_statfs"),
    (L::Statfs64, "compat_statfs64"), (L::Ustat, "compat_ustat"), (L::Timespec, "old_timespec32"),
    (L::Timeval, "old_timeval32"),
    (L::Itimerval, "old_itimerval32"), (L::Itimerspec, "old_itimerspec32"),
    (L::Timex, "old_timex32"), (L::Timex64, "__kernel_timex"),
    (L::Timespec64, "__kernel_timespec"), (L::Itimerspec64, "__kernel_itimerspec"),
    (L::Utimbuf, "old_utimbuf32"),
    (L::Tms, "compat_tms"), (L::Rusage, "compat_rusage"), (L::Rlimit, "compat_rlimit"),
    (L::SigAction, "compat_sigaction"),
    (L::OldSigAction, "compat_old_sigaction"), (L::SigStack, "compat_sigaltstack"),
    (L::SigInfo, "compat_siginfo"),
    (L::SigEvent, "compat_sigevent"), (L::SysInfo, "compat_sysinfo"), (L::Iovec, "compat_iovec"),
    (L::MsgHdr, "compat_msghdr"),
    (L::MmsgHdr, "compat_mmsghdr"), (L::MqAttr, "compat_mq_attr"),
    (L::RobustListHead, "compat_robust_list_head"),
    (L::MsqidDs, "compat_msqid64_ds"), (L::ShmidDs, "compat_shmid64_ds"),
    (L::SemidDs, "compat_semid64_ds"),
    (L::ShmInfo, "compat_shm_info"), (L::ShmLimits, "compat_shminfo64"), (L::Flock, "compat_flock"),
    (L::Flock64, "compat_flock64"),
    (L::BlkPg, "compat_blkpg_ioctl_arg"), (L::AioSigSet, "__compat_aio_sigset"),
    (L::SigSetArg, "compat_sigset_argpack"),
    (L::SockFprog, "compat_sock_fprog"), (L::GetdentsOld, "compat_old_linux_dirent"),
    (L::MmapArgs, "mmap_arg_struct32"),
    (L::SelectArgs, "compat_sel_arg_struct"), (L::DqBlk, "compat_if_dqblk"),
    (L::EpollEvent, "epoll_event"),
];

#[test]
fn sizes_are_those_of_the_running_kernel() {
    let path = "/sys/kernel/btf/vmlinux";
    let Ok(bytes) = std::fs::read(path) else {
        crate::skipped(&format!("this kernel has no {path}"));
        return;
    };
    if !cfg!(target_arch = "x86_64") {
        crate::skipped("the names are those of x86");
        return;
    }
    let kernel = structures(&bytes).expect("the kernel's types are as linux/btf.h says");
    let mut wrong = Vec::new();
    for (abi, list) in [(Abi::X86_64, NATIVE), (Abi::I386, COMPAT)] {
        let mut known = 0;
        for (layout, name) in list {
            // Left out of the kernel's configuration.
            let Some(sizes) = kernel.get(*name) else { continue };
            known += 1;
            if !sizes.contains(&layout.size(abi)) {
                wrong.push(format!(
                    "{abi} {layout:?}: {} bytes, struct {name} has {sizes:?}",
                    layout.size(abi)
                ));
            }
        }
        eprintln!("{abi}: {known} of {} structures found in BTF", list.len());
        assert!(
            known > list.len() / 2,
            "{abi}: the kernel knows only {known} of {} structures",
            list.len()
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the sizes of all structures by name. Some drivers' structures share a name.
fn structures(bytes: &[u8]) -> Option<BTreeMap<&str, BTreeSet<u32>>> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let index = |at: usize| usize::try_from(word(at)?).ok();
    // struct btf_header: magic, version, flags, header size; offset and length of the types and of
    // the strings that follow them.
    if word(0)? & 0xffff != 0xeb9f {
        return None;
    }
    let header = index(4)?;
    let (types, end) = (header + index(8)?, header + index(8)? + index(12)?);
    let strings = bytes.get(header + index(16)?..)?;
    let name = |at: usize| strings.get(at..)?.split(|byte| *byte == 0).next();
    let mut found: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut at = types;
    while at < end {
        // struct btf_type: name; number of members and kind; size or another type.
        let (info, size) = (word(at + 4)?, word(at + 8)?);
        let (members, kind) = (usize::try_from(info & 0xffff).ok()?, info >> 24 & 0x1f);
        if kind == 4 {
            let name = std::str::from_utf8(name(index(at)?)?).ok()?;
            found.entry(name).or_default().insert(size);
        }
        at += 12
            + match kind {
                // Integers, variables, tags.
                1 | 14 | 17 => 4,
                // Arrays.
                3 => 12,
                // Structures, unions, sections, 64-bit enumerations.
                4 | 5 | 15 | 19 => members * 12,
                // Enumerations, prototypes.
                6 | 13 => members * 8,
                // Pointers, forward declarations, typedefs, qualifiers, functions, floating point.
                2 | 7..=12 | 16 | 18 => 0,
                _ => return None,
            };
    }
    Some(found)
}

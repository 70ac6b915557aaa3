//! Sizes that all 64-bit ABIs share, from `linux-raw-sys` on a 64-bit host. Structures that the
//! package lacks, because only the kernel's internal headers define them, are listed with their
//! source; `tests/it/layout.rs` compares them with the C compiler's answer where the headers are
//! installed.

use std::mem::size_of;

use linux_raw_sys::{general as g, landlock, net, prctl, ptrace};

use super::Layout;

// On a 32-bit host the package has other sizes.
const _: () = assert!(size_of::<usize>() == 8, "sysreel-abi builds on 64-bit hosts");

/// Returns the size of a type of the package.
const fn size_of_type<T>() -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked on the line above; `try_from` is not const"
    )]
    {
        assert!(size_of::<T>() < 0x10000);
        size_of::<T>() as u32
    }
}

/// Returns the size in bytes.
pub(super) const fn size(layout: Layout) -> u32 {
    match packaged(layout) {
        Some(size) => size,
        None => stated(layout),
    }
}

// Every layout has a size.
const _: () = {
    let mut i = 0;
    while i < Layout::ALL.len() {
        size(Layout::ALL[i]);
        i += 1;
    }
};

/// Returns the size of a structure that the package has.
const fn packaged(layout: Layout) -> Option<u32> {
    use Layout as L;
    Some(match layout {
        L::Stat | L::Stat64 => size_of_type::<g::stat>(),
        L::Statx => size_of_type::<g::statx>(),
        L::Statfs | L::Statfs64 => size_of_type::<g::statfs>(),
        L::Timespec | L::Timespec64 => size_of_type::<g::__kernel_timespec>(),
        L::Timeval => size_of_type::<g::__kernel_old_timeval>(),
        L::Timezone => size_of_type::<g::timezone>(),
        L::Itimerval => size_of_type::<g::__kernel_old_itimerval>(),
        L::Itimerspec | L::Itimerspec64 => size_of_type::<g::__kernel_itimerspec>(),
        L::Rusage => size_of_type::<g::rusage>(),
        L::Rlimit => size_of_type::<g::rlimit>(),
        L::Rlimit64 => size_of_type::<g::rlimit64>(),
        L::SigAction => size_of_type::<g::kernel_sigaction>(),
        L::SigStack => size_of_type::<g::sigaltstack>(),
        L::SigInfo => size_of_type::<g::siginfo>(),
        L::SigEvent => size_of_type::<g::sigevent>(),
        L::SigSet => size_of_type::<g::kernel_sigset_t>(),
        L::PollFd => size_of_type::<g::pollfd>(),
        L::Iovec | L::SigSetArg | L::AioSigSet => size_of_type::<g::iovec>(),
        L::MsgHdr => size_of_type::<net::msghdr>(),
        L::MmsgHdr => size_of_type::<net::mmsghdr>(),
        L::RobustListHead => size_of_type::<g::robust_list_head>(),
        L::CapHeader => size_of_type::<g::__user_cap_header_struct>(),
        L::CapData => size_of_type::<g::__user_cap_data_struct>(),
        L::OpenHow => size_of_type::<g::open_how>(),
        L::CloneArgs => size_of_type::<g::clone_args>(),
        L::Flock => size_of_type::<g::flock>(),
        L::Flock64 => size_of_type::<g::flock64>(),
        L::FOwnerEx => size_of_type::<g::f_owner_ex>(),
        L::Termios => size_of_type::<g::termios>(),
        L::Termios2 => size_of_type::<g::termios2>(),
        L::Termio => size_of_type::<g::termio>(),
        L::WinSize => size_of_type::<g::winsize>(),
        L::LandlockRuleset => size_of_type::<landlock::landlock_ruleset_attr>(),
        L::LandlockNetPort => size_of_type::<landlock::landlock_net_port_attr>(),
        L::FutexWaitv => size_of_type::<g::futex_waitv>(),
        L::MountAttr => size_of_type::<g::mount_attr>(),
        L::FileAttr => size_of_type::<g::file_attr>(),
        L::XattrArgs => size_of_type::<g::xattr_args>(),
        L::MntIdReq => size_of_type::<g::mnt_id_req>(),
        L::CachestatRange => size_of_type::<g::cachestat_range>(),
        L::Cachestat => size_of_type::<g::cachestat>(),
        L::SockFprog => size_of_type::<ptrace::sock_fprog>(),
        L::SockFilter => size_of_type::<ptrace::sock_filter>(),
        L::PrctlMmMap => size_of_type::<prctl::prctl_mm_map>(),
        L::PtraceSyscallInfo => size_of_type::<ptrace::ptrace_syscall_info>(),
        L::PtracePeekSiginfo => size_of_type::<ptrace::ptrace_peeksiginfo_args>(),
        _ => return None,
    })
}

/// Returns the size of a scalar, or of a structure that the package lacks.
const fn stated(layout: Layout) -> u32 {
    use Layout as L;
    match layout {
        L::Byte => 1,
        L::U16 | L::Uid16 => 2,
        L::Int
        | L::U32
        | L::Uid
        | L::QuotaFormat
        | L::XfsQuotaFlags
        | L::XfsQuotaType
        | L::SeccompAction
        | L::Policy
        | L::FileAttributes
        | L::PageStatus => 4,
        L::U64 | L::Word | L::SizeT | L::Loff | L::OffT | L::TimeT => 8,
        L::OldStat => 32,             // arch/x86/include/uapi/asm/stat.h; i386 only
        L::Ustat => 32, // include/linux/types.h: daddr_t (int), ino_t (long), char[6], char[6]
        L::Timex | L::Timex64 => 208, // linux/timex.h, struct __kernel_timex
        L::Utimbuf => 16, // linux/utime.h
        L::Tms => 32,   // linux/times.h
        L::OldSigAction => 32, // i386 only
        L::WaitInfo => 28, // three ints, padding, three ints
        L::OldSigSet => 8,
        L::SysInfo => 112,            // linux/sysinfo.h
        L::UtsName => 390,            // linux/utsname.h: six names of 65 bytes
        L::OldUtsName => 325,         // the same without the domain name
        L::OldOldUtsName => 45,       // five names of 9 bytes
        L::EpollEvent => 16,          // not packed, unlike x86
        L::IoEvent => 32,             // linux/aio_abi.h
        L::Iocb => 64,                // linux/aio_abi.h
        L::IoUringParams => 120,      // linux/io_uring.h
        L::MqAttr => 64,              // linux/mqueue.h
        L::SchedParam => 4,           // linux/sched/types.h: one int
        L::SchedAttr => 56,           // linux/sched/types.h, SCHED_ATTR_SIZE_VER1
        L::MsqidDs => 120,            // asm-generic/msgbuf.h, struct msqid64_ds
        L::ShmidDs => 112,            // asm-generic/shmbuf.h, struct shmid64_ds
        L::SemidDs => 88,             // asm-generic/sembuf.h, struct semid64_ds; x86 has its own
        L::SemBuf => 6,               // linux/sem.h
        L::MsgInfo => 32,             // linux/msg.h
        L::ShmInfo => 48,             // linux/shm.h
        L::ShmLimits => 72,           // asm-generic/shmbuf.h, struct shminfo64
        L::SemInfo => 40,             // linux/sem.h
        L::Rseq => 32,                // linux/rseq.h, its original size
        L::UserDesc => 16,            // asm/ldt.h
        L::FileHandle => 8,           // include/linux/fs.h: the header before the handle
        L::V4l2Format => 208,         // linux/videodev2.h: a type and a union of 200 bytes
        L::V4l2ExtControls => 32,     // linux/videodev2.h
        L::SysctlArgs => 80,          // linux/sysctl.h: ten words
        L::ConsoleFontOp => 32,       // linux/kd.h
        L::BlkPg => 24,               // linux/blkpg.h
        L::UffdioRange => 16,         // linux/userfaultfd.h: two 64-bit numbers
        L::GetdentsOld => 24,         // fs/readdir.c; i386 only
        L::MmapArgs => 48,            // six longs; i386 only
        L::SelectArgs => 40,          // five longs; i386 only
        L::KcmpEpollSlot => 12,       // linux/kcmp.h
        L::LandlockPathBeneath => 12, // linux/landlock.h, packed
        L::SeccompNotifSizes => 6,    // linux/seccomp.h: three 16-bit numbers
        L::KexecSegment => 32,        // linux/kexec.h: two pairs of pointer and size
        L::NextDqBlk => 72,           // linux/quota.h
        L::FsDiskQuota => 112,        // linux/dqblk_xfs.h
        L::FsQuotaStat => 80,         // linux/dqblk_xfs.h
        L::FsQuotaStatv => 160,       // linux/dqblk_xfs.h
        L::DqBlk => 72,               // linux/quota.h
        L::DqInfo => 24,              // linux/quota.h
        _ => panic!("a layout without a size"),
    }
}

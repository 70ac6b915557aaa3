//! Sizes in the 32-bit x86 ABI, also used by compat calls and `int 0x80`. Sources: the kernel's
//! exported headers compiled for i386 (`asm/stat.h`, `asm/statfs.h`, `linux/time.h`, ...), and
//! `include/linux/compat.h` for what they do not export (sigaction, siginfo, rusage, iovec).
//! `tests/it/layout.rs` compares them with `gcc -m32` where possible. 64-bit integers are aligned
//! to 4 bytes, so flock64 has 24 bytes and epoll_event 12.

use super::Layout;

pub(super) const fn size(layout: Layout) -> Option<u32> {
    use Layout as L;
    Some(match layout {
        L::Word | L::SizeT | L::OffT | L::TimeT | L::OldSigSet => 4,
        L::Stat => 64,
        L::Stat64 => 96,
        L::OldStat => 32,
        L::Statfs => 64,
        L::Statfs64 => 84,
        L::Ustat => 20,
        L::Timespec | L::Timeval | L::Utimbuf => 8,
        L::Itimerval | L::Itimerspec => 16,
        L::Timex => 128,
        L::Tms => 16,
        L::Rusage => 72,
        L::Rlimit => 8,
        L::SigAction => 20,
        L::OldSigAction => 16,
        L::SigStack => 12,
        L::WaitInfo => 24,
        L::SysInfo => 64,
        L::EpollEvent => 12,
        L::Iovec | L::SigSetArg | L::AioSigSet | L::SockFprog => 8,
        L::MsgHdr => 28,
        L::MmsgHdr => 32,
        L::MqAttr => 32,
        L::KexecSegment => 16,
        L::RobustListHead => 12,
        L::MsqidDs => 88,
        L::ShmidDs => 84,
        L::SemidDs => 64,
        L::ShmInfo => 24,
        L::ShmLimits => 36,
        L::Flock => 16,
        L::Flock64 => 24,
        L::GetdentsOld => 12,
        L::BlkPg => 16,
        L::ConsoleFontOp => 24,
        L::SysctlArgs => 40,
        L::V4l2Format => 204,
        L::V4l2ExtControls => 24,
        L::MmapArgs => 24,
        L::SelectArgs => 20,
        L::DqBlk => 68,
        L::FsQuotaStat => 68,
        L::PrctlMmMap => 100,
        _ => return None,
    })
}

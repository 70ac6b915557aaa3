//! Sizes on x32 that differ from those on x86-64. Pointers and `size_t` have 4 bytes, but the
//! kernel's longs have 8, so structures of longs are the same. Calls 512 to 547 use i386's compat
//! layouts. Sources: the kernel's exported headers under `__ILP32__`, and `include/linux/compat.h`
//! for sigaction and stack_t. pselect6 and io_pgetevents are those of x86-64
//! (`arch/x86/entry/syscalls/syscall_64.tbl`: common), so their pairs of pointer and size have 16
//! bytes.

use super::Layout;

pub(super) const fn size(layout: Layout) -> Option<u32> {
    use Layout as L;
    match layout {
        L::Word | L::SizeT => Some(4),
        L::Iovec | L::SockFprog => Some(8),
        L::MsgHdr => Some(28),
        L::MmsgHdr => Some(32),
        L::SigAction => Some(20),
        L::WaitInfo => Some(24),
        L::BlkPg | L::KexecSegment => Some(16),
        L::SigStack | L::RobustListHead => Some(12),
        other => super::x86_64::size(other),
    }
}

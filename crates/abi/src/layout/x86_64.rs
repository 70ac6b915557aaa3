//! What x86-64 has otherwise than the generic 64-bit ABI. Source: the kernel's exported headers,
//! `asm/stat.h`, `linux/eventpoll.h` (EPOLL_PACKED), `asm/sembuf.h`, `asm/signal.h` (with
//! sa_restorer). Stated rather than taken from `linux-raw-sys`, which describes only the host.

use super::Layout;

pub(super) const fn size(layout: Layout) -> Option<u32> {
    match layout {
        Layout::Stat | Layout::Stat64 => Some(144),
        Layout::EpollEvent => Some(12),
        Layout::SemidDs => Some(104),
        Layout::SigAction => Some(32),
        _ => None,
    }
}

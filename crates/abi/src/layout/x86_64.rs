//! Sizes on x86-64 that differ from those of the generic 64-bit ABI. Sources: the kernel's exported
//! headers `asm/stat.h`, `linux/eventpoll.h` (EPOLL_PACKED), `asm/sembuf.h` and `asm/signal.h`
//! (with sa_restorer). Not taken from `linux-raw-sys`, because that describes the host only.

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

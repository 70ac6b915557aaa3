//! Sizes on 64-bit ARM that differ from those of the other 64-bit ABIs. Sources:
//! `asm-generic/stat.h`, which arm64 uses, and `asm-generic/signal.h` with SA_RESTORER, which not
//! all generic architectures have. Not taken from `linux-raw-sys`, because that describes the host
//! only.

use super::Layout;

pub(super) const fn size(layout: Layout) -> Option<u32> {
    match layout {
        Layout::Stat | Layout::Stat64 => Some(128),
        Layout::SigAction => Some(32),
        _ => None,
    }
}

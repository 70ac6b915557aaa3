//! What 64-bit ARM has otherwise than the other 64-bit ABIs. Source: `asm-generic/stat.h`, which
//! arm64 uses, and `asm-generic/signal.h` with SA_RESTORER, which not every generic architecture
//! has. Stated rather than taken from `linux-raw-sys`, which describes only the host.

use super::Layout;

pub(super) const fn size(layout: Layout) -> Option<u32> {
    match layout {
        Layout::Stat | Layout::Stat64 => Some(128),
        Layout::SigAction => Some(32),
        _ => None,
    }
}

//! The recorder's filter for calls through the vsyscall page.

use crate::engine::Context;
use sysreel_sys::seccomp::VSYSCALL_PAGE;

/// What the filter returns besides RET_TRACE. A filter of the program may return the same: the
/// address of the call decides then.
pub(super) const DATA: u16 = 0x7673;

/// Whether the recorder's own filter has caused the current stop.
pub(super) fn is_own_filter(cx: &Context, data: u64) -> bool {
    data == u64::from(DATA) && VSYSCALL_PAGE.contains(&cx.info.place().0)
}

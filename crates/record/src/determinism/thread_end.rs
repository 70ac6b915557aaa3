//! The end of threads of a replayable recording.

use super::hook::Determinism;
use super::state::record_memory;
use crate::engine::Context;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::{Tid, object};

impl Determinism {
    /// At PTRACE_EVENT_EXIT: records the memory that the kernel clears at the end of a thread, and
    /// that others share.
    pub(super) fn thread_ends(&mut self, cx: &mut Context) {
        if cx.tasks.is_alone(cx.at.slot) {
            return;
        }
        let tid = cx.at.tid;
        if holds_robust_futexes(tid) {
            self.not_replayable(cx, "a thread ended while it held robust futexes".into());
        }
        let Some(address) = self.tasks.get_mut(cx.at.slot).cleared else { return };
        let mut before = [0; size_of::<Tid>()];
        let mut transfer = [Transfer { address, len: before.len(), ..Transfer::default() }];
        memory::read(tid, &mut before, &mut transfer);
        if transfer[0].got == before.len() {
            record_memory(cx, address, &[0; size_of::<Tid>()]);
        }
    }
}

/// Whether the list of robust futexes of a task has entries. The list is a ring: an empty head
/// points to itself (set_robust_list(2)).
fn holds_robust_futexes(tid: Tid) -> bool {
    let Some(head) = object::robust_list(tid) else { return false };
    let mut first = [0; 8];
    let mut transfer = [Transfer { address: head, len: first.len(), ..Transfer::default() }];
    memory::read(tid, &mut first, &mut transfer);
    let first = u64::from_le_bytes(first);
    // Pointers of 32-bit programs have only the low half.
    transfer[0].got == 8 && first != head && first & 0xffff_ffff != head
}

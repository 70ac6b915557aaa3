//! The end of tasks of a replayable recording.

use super::hook::Determinism;
use super::state::record_memory;
use crate::engine::Context;
use sysreel_sys::Tid;
use sysreel_sys::memory::{self, Transfer};

impl Determinism {
    /// At PTRACE_EVENT_EXIT: records the memory that the kernel changes at the end of a task, and
    /// that others share. The task keeps its turn until then.
    pub(super) fn thread_ends(&mut self, cx: &mut Context) {
        let tid = cx.at.tid;
        if cx.tasks.is_watched(cx.at.slot) {
            for (address, word) in self.tasks.get_mut(cx.at.slot).robust.changes(tid) {
                record_memory(cx, address, &word.to_le_bytes());
            }
        }
        // The last task of an address space clears nothing.
        if cx.tasks.is_alone(cx.at.slot) {
            return;
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

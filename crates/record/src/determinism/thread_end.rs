//! The end of tasks of a replayable recording.

use super::hook::Determinism;
use super::state::{place, record_memory};
use crate::engine::{Context, Task};
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::{Stop, Tid};

impl Determinism {
    /// At PTRACE_EVENT_EXIT: no replay can find the place of a task that was killed between two
    /// calls. That matters if another process sees how far it came.
    pub(super) fn check_place_of_end(&mut self, cx: &mut Context, stop: &Stop) {
        let Some(task) = cx.task() else { return };
        let waits = task.waits_at.is_some() && task.waits_at == place(stop);
        let is_known = task.call.is_some() || waits || self.is_at_boundary(cx, stop);
        let is_of_group = |other: &Task| other.group == task.group && other.tgid != task.tgid;
        let is_seen = cx.tasks.iter().any(|(_, other)| is_of_group(other));
        if is_seen && !is_known {
            let why = "a task was killed in a computation, and others share its memory";
            self.not_replayable(cx, why.into());
        }
    }

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

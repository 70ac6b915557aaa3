//! Records the state of tasks now and then: registers, and checksums of some pages. A replay
//! compares them, and so finds differences that no call shows.

use super::hook::Determinism;
use crate::engine::Context;
use sysreel_abi::CallKind;
use sysreel_abi::plan::may_write;
use sysreel_format::{Direction, RegionFlags, RegionHead, Role, State};
use sysreel_sys::Stop;
use sysreel_sys::regs::NT_X86_XSTATE;
use sysreel_sys::stop::NT_PRSTATUS;

impl Determinism {
    /// Writes a STATE part at the entry of a call, before the recorder changes anything of the
    /// call.
    pub(super) fn record_state(&mut self, cx: &mut Context, stop: &Stop) {
        let ends = cx
            .call()
            .is_some_and(|call| matches!(call.row.kind, CallKind::Exit | CallKind::ExitGroup));
        let is_quiet = |this: &Self| this.is_memory_quiet(cx);
        let Some(state_check) = &mut self.tasks.get_mut(cx.at.slot).state_check else { return };
        if !state_check.is_due() && !ends {
            return;
        }
        let (Ok(registers), extended) = (stop.general(), stop.extended()) else { return };
        self.buffers.sums.clear();
        if is_quiet(self)
            && let Some(state_check) = &mut self.tasks.get_mut(cx.at.slot).state_check
        {
            // Pages that cannot be read are not compared. Before Linux 6.7 (PAGEMAP_SCAN) the
            // kernel cannot tell which pages are the process's own.
            _ = state_check.sum_pages(cx.at.tid, self.changes, &mut self.buffers);
        }
        let extended = extended.map_or(0, |area| State::extended_sum(&area));
        cx.log.row().state(extended, &registers.to_bytes(), &self.buffers.sums);
    }

    /// Whether nothing writes to the memory of the task of the current stop. The kernel may write
    /// to it for another task that is in a call.
    fn is_memory_quiet(&self, cx: &Context) -> bool {
        cx.tasks.sharing(cx.at.slot).all(|(slot, other)| {
            let replayed = self.tasks.get(slot);
            let is_vetoed = replayed.is_some_and(|task| task.vetoed.is_some());
            let is_newborn = replayed.is_some_and(|task| task.newborn.is_some());
            let writes = other.call.is_some_and(|call| may_write(call.row)) && !is_vetoed;
            !is_newborn && !writes
        })
    }

    /// Marks that the task has not executed an instruction since this point.
    pub(super) fn mark_boundary(&mut self, cx: &Context, stop: &Stop) {
        self.tasks.get_mut(cx.at.slot).boundary = place(stop);
    }
}

/// Returns the instruction pointer, stack pointer and result of a stopped task.
pub(super) fn place(stop: &Stop) -> Option<(u64, u64, u64)> {
    let registers = stop.general().ok()?;
    Some((registers.ip(), registers.sp(), registers.result()))
}

/// Writes memory that belongs to no argument.
pub(super) fn record_memory(cx: &mut Context, address: u64, bytes: &[u8]) {
    let head = RegionHead {
        arg: RegionHead::NO_ARGUMENT,
        dir: Direction::OUT,
        role: Role::DIRECT,
        flags: RegionFlags::default(),
        index: 0,
        address,
        asked: bytes.len() as u64,
        got: bytes.len() as u64,
        errno: 0,
    };
    cx.log.sink.region(&head, bytes);
}

/// Writes the current registers of a task, on request with the extended ones (XSAVE area).
pub(super) fn record_registers(cx: &mut Context, stop: &Stop, extended: bool) {
    if let Ok(registers) = stop.general() {
        cx.log.row().registers(NT_PRSTATUS, &registers.to_bytes());
    }
    if extended && let Ok(state) = stop.extended() {
        cx.log.row().registers(NT_X86_XSTATE, &state);
    }
}

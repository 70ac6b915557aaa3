//! Scratch memory for calls that may block.
//!
//! While a task of a group is in such a call, others run, and could see at any instruction what the
//! kernel writes. So the kernel writes to memory of the recorder in the task, and the recorder
//! copies it when the call ends, while nothing else of the group runs.

use super::hook::Determinism;
use super::replayed::Redirected;
use super::writable::is_writable;
use crate::engine::{Call, Context, Flow, Undriven};
use sysreel_abi::replay::{Buffer, filled_buffer};
use sysreel_format::Altering;
use sysreel_sys::info::Op;
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::{Call as Injected, InjectionPoint, Stop, StopKind, process, signals};

/// The scratch memory of a task, in bytes. Longer buffers are not redirected.
const AREA: u64 = 64 << 10;

impl Determinism {
    /// At the entry of a call that others of the group do not wait for: lets the kernel write to
    /// scratch memory instead of the program's buffer.
    pub(super) fn redirect(&mut self, cx: &mut Context, stop: &Stop, call: &Call) {
        let task = self.tasks.get_mut(cx.at.slot);
        let Some(scratch) = task.scratch else { return };
        let Some(Buffer { arg, at, len }) = filled_buffer(call.abi, call.row, &call.args) else {
            return;
        };
        // A buffer that the kernel cannot write to makes the call fail, or end early.
        if len == 0 || len > AREA || !is_writable(cx.at.tid, at, len) {
            return;
        }
        let set = stop.general().and_then(|mut registers| {
            registers.set_second_argument(scratch);
            stop.set_general(&registers)
        });
        if set.is_ok() {
            task.redirected = Some(Redirected { buffer: at, scratch });
            let (kernel, given) = (at.to_le_bytes(), scratch.to_le_bytes());
            cx.log.altered(Altering::REGISTER, arg, &kernel, &given);
        }
    }

    /// At the exit of such a call, before its memory is captured: gives the program what the kernel
    /// wrote, and its register.
    pub(super) fn copy_back(&mut self, cx: &mut Context, stop: &Stop) {
        if stop.kind() != StopKind::Syscall || cx.info.op() != Some(Op::EXIT) {
            return;
        }
        let Some(Redirected { buffer, scratch }) = self.tasks.get_mut(cx.at.slot).redirected.take()
        else {
            return;
        };
        // If one of these fails, the task has died.
        _ = stop.general().and_then(|mut registers| {
            registers.set_second_argument(buffer);
            stop.set_general(&registers)
        });
        let len = cx.info.result().map_or(0, |(rval, _)| usize::try_from(rval).unwrap_or(0));
        let mut bytes = vec![0; len.min(usize::try_from(AREA).unwrap_or(0))];
        let mut transfer = [Transfer { address: scratch, len: bytes.len(), ..Transfer::default() }];
        memory::read(cx.at.tid, &mut bytes, &mut transfer);
        if transfer[0].got != bytes.len()
            || !bytes.is_empty() && memory::write(cx.at.tid, buffer, &bytes).is_err()
        {
            let why = "the buffer of a call that blocked was unmapped meanwhile";
            self.not_replayable(cx, why.into());
        }
    }

    /// A thread ends: another one of its process may have its scratch memory.
    pub(super) fn leave_scratch(&mut self, cx: &Context) {
        if let Some(area) = self.tasks.get_mut(cx.at.slot).scratch.take()
            && let Some(task) = cx.task()
        {
            self.free_scratch.entry(task.tgid).or_default().push(area);
        }
    }

    /// At the exit of a call: gives a task that is no longer alone in its group scratch memory.
    pub(super) fn prepare_scratch(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        let Some(group) = cx.task().map(|task| task.group) else { return Flow::Stays };
        let is_alone = {
            let mut others = cx.tasks.iter().filter(|(slot, _)| *slot != cx.at.slot);
            !others.any(|(_, task)| task.group == group)
        };
        let task = self.tasks.get_mut(cx.at.slot);
        if is_alone || task.scratch.is_some() || task.lacks_scratch {
            return Flow::Stays;
        }
        let free = cx.task().and_then(|task| self.free_scratch.get_mut(&task.tgid));
        if let Some(area) = free.and_then(Vec::pop) {
            self.tasks.get_mut(cx.at.slot).scratch = Some(area);
            return Flow::Stays;
        }
        match map_area(cx, stop) {
            Ok(Some(area)) => self.tasks.get_mut(cx.at.slot).scratch = Some(area),
            Ok(None) | Err(Undriven::Late(_) | Undriven::Failed(_)) => {
                self.tasks.get_mut(cx.at.slot).lacks_scratch = true;
            }
            Err(Undriven::Ended) => return Flow::Left,
            Err(Undriven::Ending) => return Flow::Moved,
        }
        Flow::Stays
    }
}

/// Makes the task map an area, by the instruction of the call that ends.
fn map_area(cx: &mut Context, stop: &mut Stop) -> Result<Option<u64>, Undriven> {
    let tid = stop.tid();
    let point = stop.general()?.ip().wrapping_sub(SYSCALL.len() as u64);
    let mut code = [0; SYSCALL.len()];
    let mut transfer = [Transfer { address: point, len: code.len(), ..Transfer::default() }];
    memory::read(tid, &mut code, &mut transfer);
    // A filter of the program may kill it for the call.
    if code != SYSCALL || process::Status::read(tid).is_ok_and(|status| status.seccomp != 0) {
        return Ok(None);
    }
    let mask = stop.swap_signal_mask(u64::MAX).unwrap_or(0);
    let called = cx.call_in(stop, InjectionPoint(point), Injected::map_anywhere(AREA))?;
    _ = stop.swap_signal_mask(mask);
    for &signal in &called.signals {
        signals::send_to_task(tid, signal);
    }
    Ok(called.value("mmap").ok())
}

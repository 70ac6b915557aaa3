//! What programs have set for SIGSEGV, which the recorder uses for the time-stamp counter.
//!
//! The kernel forces this SIGSEGV on the task: if the program blocks or ignores the signal, it is
//! unblocked and its action reset before the recorder is told (kernel/signal.c,
//! `force_sig_info_to_task`). So the recorder follows both, and puts them back.

use super::hook::Determinism;
use super::inject::call_with_memory;
use super::segv_action::SegvAction;
use crate::engine::{self, Context, Exit, Flow, Slot, Undriven};
use sysreel_abi::{Abi, CallKind};
use sysreel_sys::process::Status;
use sysreel_sys::signals::SIGSEGV;
use sysreel_sys::{Call, Signal, Stop, Tid};

/// The bit of SIGSEGV in a set of signals.
const BIT: u64 = 1 << (SIGSEGV.0 - 1);
impl Determinism {
    /// At the entry of a call, after its memory was captured: keeps the action that it sets.
    pub(super) fn keep_new_action(&mut self, cx: &Context, call: &engine::Call) {
        let is_segv = |signal: u64| signal & 0xffff_ffff == u64::from(SIGSEGV.0.cast_unsigned());
        let sets = call.row.kind == CallKind::SigAction && is_segv(call.abi.args(&call.args)[0]);
        let action = cx.capture.captured(1, 0, 0).filter(|_| sets).map(|bytes| match call.abi {
            Abi::I386 => SegvAction::Set32,
            _ => bytes.first_chunk().map_or(SegvAction::Default, |bytes| SegvAction::Set(*bytes)),
        });
        self.tasks.get_mut(cx.at.slot).new_action = action;
    }

    /// At the exit of a call: follows what it has set for SIGSEGV.
    pub(super) fn follow_segv(&mut self, cx: &Context, stop: &Stop, exit: &Exit) {
        let kind = exit.call.map(|call| call.row.kind);
        if matches!(kind, Some(CallKind::SigMask | CallKind::SigReturn)) {
            self.read_segv_mask(cx, stop);
        }
        let action = self.tasks.get_mut(cx.at.slot).new_action.take();
        if let Some(action) = action.filter(|_| exit.rval == 0)
            && let Some(tgid) = cx.task().map(|task| task.tgid)
        {
            self.set_action(tgid, action);
        }
    }

    /// Reads whether the task of the current stop blocks SIGSEGV.
    pub(super) fn read_segv_mask(&mut self, cx: &Context, stop: &Stop) {
        if let Ok(mask) = stop.signal_mask() {
            self.tasks.get_mut(cx.at.slot).blocks_segv = mask & BIT != 0;
        }
    }

    /// A new program: actions are the default or to ignore the signal.
    pub(super) fn read_segv_state(&mut self, cx: &Context) {
        let Some(tgid) = cx.task().map(|task| task.tgid) else { return };
        let Ok(Status { signals: [_, blocked, ignored, _], .. }) = Status::read(cx.at.tid) else {
            return;
        };
        self.tasks.get_mut(cx.at.slot).blocks_segv = blocked & BIT != 0;
        let is_ignored = ignored & BIT != 0;
        self.set_action(tgid, if is_ignored { SegvAction::IGNORED } else { SegvAction::Default });
    }

    /// A new process has the actions of its maker.
    pub(super) fn inherit_action(&mut self, cx: &Context, by: Slot, task: Slot) {
        let process = |slot: Slot| cx.tasks.at(slot).map(|task| task.tgid);
        if let (Some(maker), Some(child)) = (process(by), process(task))
            && maker != child
        {
            self.set_action(child, self.action(maker));
        }
    }

    /// A handler has been called.
    pub(super) fn handler_called(&mut self, cx: &Context, stop: &Stop, signal: Signal) {
        self.read_segv_mask(cx, stop);
        if let Some(tgid) = cx.task().map(|task| task.tgid).filter(|_| signal == SIGSEGV)
            && self.action(tgid).is_for_once()
        {
            self.set_action(tgid, SegvAction::Default);
        }
    }

    fn action(&self, tgid: Tid) -> SegvAction {
        self.segv_actions.get(&tgid).copied().unwrap_or(SegvAction::Default)
    }

    fn set_action(&mut self, tgid: Tid, action: SegvAction) {
        match action {
            SegvAction::Default => _ = self.segv_actions.remove(&tgid),
            action => _ = self.segv_actions.insert(tgid, action),
        }
    }

    /// After a SIGSEGV that the kernel has forced on the task for an instruction of `len` bytes,
    /// which is done: restores what the program had set.
    pub(super) fn restore_segv(&mut self, cx: &mut Context, stop: &mut Stop, len: u64) -> Flow {
        let blocks = self.tasks.get_mut(cx.at.slot).blocks_segv;
        let action = cx.task().map_or(SegvAction::Default, |task| self.action(task.tgid));
        if !blocks && !action.is_ignored() {
            return Flow::Stays;
        }
        let restored = match action {
            SegvAction::Default => Ok(()),
            SegvAction::Set(action) => set_action_again(cx, stop, len, &action),
            SegvAction::Set32 => Err(Undriven::Failed(sysreel_sys::Error::Unsupported(
                "not done for 32-bit programs".into(),
            ))),
        };
        let why = match restored {
            Ok(()) => None,
            Err(Undriven::Ended) => return Flow::Left,
            Err(Undriven::Ending) => return Flow::Moved,
            Err(Undriven::Late(time)) => Some(format!("it did not stop in {} s", time.as_secs())),
            Err(Undriven::Failed(error)) => Some(error.to_string()),
        };
        if let Some(why) = why {
            self.not_replayable(
                cx,
                format!(
                    "the program read the time-stamp counter while it blocked or ignored SIGSEGV, \
                     and its action for SIGSEGV could not be restored: {why}"
                ),
            );
        }
        if blocks && let Ok(mask) = stop.signal_mask() {
            // If this fails, the task has died.
            _ = stop.swap_signal_mask(mask | BIT);
        }
        Flow::Stays
    }
}

/// Makes the task call rt_sigaction(2), in the place of the instruction that raised the signal.
fn set_action_again(
    cx: &mut Context,
    stop: &mut Stop,
    len: u64,
    action: &[u8; 32],
) -> Result<(), Undriven> {
    let point = stop.general()?.ip().wrapping_sub(len);
    let call = |at| Call::set_signal_action(SIGSEGV, at);
    let what = "restore the action of SIGSEGV";
    call_with_memory(cx, stop, point, |_| action.to_vec(), call, what)?.value("rt_sigaction")?;
    Ok(())
}

//! Results of calls that the recorder lets the kernel skip.

use super::context::Context;
use super::hook::{Detach, StopHook};
use sysreel_format::{Altering, NoteCode, Severity, TaskId};
use sysreel_sys::Stop;
use sysreel_sys::memory::EPERM;

/// The results of skipped calls, until their exits.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    results: Vec<(TaskId, i64)>,
    /// Whether the log says that children with CLONE_UNTRACED are refused.
    refusal_noted: bool,
}

impl Answers {
    /// Notes the result of the call that a task has just been made to skip. If the task is killed
    /// before the exit, the result stays: another task may get its tid, but never its ordinal.
    pub(crate) fn add(&mut self, task: TaskId, result: i64) {
        self.results.push((task, result));
    }

    /// Sets the result of a skipped call at its exit.
    pub(crate) fn give(&mut self, cx: &mut Context, stop: &Stop) {
        let of_task = |(task, _): &(TaskId, i64)| *task == cx.at.id;
        let Some(at) = self.results.iter().position(of_task) else { return };
        let Some((rval, _)) = cx.info.result() else { return };
        let (_, given) = self.results.swap_remove(at);
        if stop.set_result(given.cast_unsigned()).is_ok() {
            let (kernel, given) = (rval.to_le_bytes(), given.to_le_bytes());
            cx.log.altered(Altering::RETURN_VALUE, 0, &kernel, &given);
        }
    }

    /// Lets the call that begins at the current stop fail with EPERM if it makes a task that could
    /// not run: without a tracer, all calls for which the recorder's filter returns RET_TRACE fail
    /// with ENOSYS (seccomp(2)). Noted once in the log.
    pub(crate) fn refuse_untraced_child(
        &mut self,
        cx: &mut Context,
        hooks: &mut impl StopHook,
        stop: &Stop,
    ) {
        let flags = cx.call().and_then(|call| call.clone);
        if !flags.is_some_and(|flags| flags.untraced()) {
            return;
        }
        let Detach::Nowhere(why) = hooks.can_detach() else { return };
        if stop.skip_call().is_ok() {
            self.add(cx.at.id, -i64::from(EPERM));
        }
        if !std::mem::replace(&mut self.refusal_noted, true) {
            let text = format!(
                "the program makes a child with CLONE_UNTRACED, which is refused with EPERM: {why}"
            );
            cx.log.note(cx.at.id, NoteCode::OTHER, Severity::WARNING, &text);
        }
    }
}

//! Follows the calls of tasks: finds the row of a call, and reads the memory that the row names.

use super::context::Context;
use super::hook::{Exit, StopHook};
use super::snapshot;
use super::task::{Call, CallTurn};
use crate::options::RowSource;
use std::collections::HashSet;
use sysreel_abi::errno::is_restart_block;
use sysreel_abi::plan::{self, EntryState, Limits};
use sysreel_abi::{Abi, AuditArch, CallKind, clone_flags};
use sysreel_format::{Completeness, NoteCode, Severity, TaskId};

/// The table of calls, and what was already noted about it.
#[derive(Debug)]
pub(crate) struct Calls {
    rows: RowSource,
    /// Calls without a row that were already noted.
    rowless: HashSet<(u32, u64)>,
    /// The call that ended last. Kept here because copying a call costs as much as other steps of
    /// a stop.
    ended: Option<Exit>,
}

impl Calls {
    pub(crate) fn new(rows: RowSource) -> Calls {
        Calls { rows, rowless: HashSet::new(), ended: None }
    }

    /// Handles the call that begins at the current stop: it becomes the open call of its task, and
    /// what it reads is in `cx.capture`.
    pub(crate) fn begin(&mut self, cx: &mut Context) {
        cx.missing = Completeness::default();
        let Some((nr, args)) = cx.info.call() else { return };
        let arch = AuditArch(cx.info.arch());
        let (Some(abi), Some(row)) = (Abi::from_call(arch, nr), (self.rows)(arch, nr)) else {
            self.note_rowless(cx, arch, nr);
            if let Some(task) = cx.tasks.at_mut(cx.at.slot) {
                task.call = None;
                cx.snapshots.unknown_call(task.tgid);
            }
            return;
        };
        let (state, since_ns) = (EntryState::UNKNOWN, cx.at.t_ns);
        let mut call = Call { abi, row, args, state, since_ns, clone: None };
        cx.capture.begin(cx.at.tid);
        if cx.capture.is_on() || row.kind == CallKind::Clone3 {
            let (_, sp) = cx.info.place();
            call.state = cx.capture.plan(|requests, memory| {
                let state = plan::at_entry(abi, row, &args, &Limits::DEFAULT, requests, memory);
                plan::signal_mask(abi, row, sp, requests, memory);
                state
            });
            cx.missing = cx.capture.store(&mut cx.log.sink);
            note_left_out(cx, call.state.left_out);
        }
        call.clone = clone_flags(abi, row, &args, cx.capture.captured(0, 0, 0));
        let Some(task) = cx.tasks.at_mut(cx.at.slot) else { return };
        cx.snapshots.call_begins(task.tgid, &call, &cx.capture);
        task.making = row.kind.makes_task();
        // restart_syscall continues the interrupted call, whose memory is written at the coming
        // exit.
        match row.kind {
            CallKind::Restart if task.interrupted.is_some() => task.call = task.interrupted.take(),
            _ => task.call = Some(call),
        }
    }

    /// Returns how the call ended that [`Calls::end`] has handled last.
    pub(super) fn ended(&self) -> Option<&Exit> {
        self.ended.as_ref()
    }

    /// Handles the call that ends at the current stop: what it wrote is in `cx.capture`. `None` for
    /// a stop that says nothing of a result.
    pub(crate) fn end(&mut self, cx: &mut Context, hooks: &mut impl StopHook) -> Option<&Exit> {
        cx.missing = Completeness::default();
        let (rval, is_error) = cx.info.result()?;
        let task = cx.tasks.at_mut(cx.at.slot)?;
        task.making = false;
        task.turn = CallTurn::Shared;
        let exit = self.ended.insert(Exit { call: task.call.take(), rval, is_error });
        let Some(call) = &exit.call else { return Some(exit) };
        let Call { abi, row, args, state, .. } = call;
        let (abi, row) = (*abi, *row);
        if is_error && is_restart_block(rval) {
            task.interrupted = Some(*call);
        }
        let tgid = task.tgid;
        cx.capture.begin(cx.at.tid);
        if plan::may_write(row) && (cx.capture.is_on() || hooks.needs_memory(row)) {
            let left_out = cx.capture.plan(|requests, memory| {
                let limits = &Limits::DEFAULT;
                plan::at_exit(abi, row, args, rval, is_error, state, limits, requests, memory)
            });
            cx.missing = cx.capture.store(&mut cx.log.sink);
            note_left_out(cx, left_out);
        }
        let incomplete = !cx.capture.is_on() || cx.missing != Completeness::default();
        let capture = &cx.capture;
        let ends = snapshot::Exit { call, rval, is_error, capture, incomplete };
        cx.snapshots.call_ends(tgid, &ends);
        if !is_error {
            note_unseen(cx, call, rval);
        }
        Some(exit)
    }

    fn note_rowless(&mut self, cx: &mut Context, arch: AuditArch, nr: u64) {
        cx.log.completeness.insert(Completeness::ROWLESS);
        if self.rowless.insert((arch.0, nr)) {
            let text = format!(
                "no row for call {nr:#x} of arch {:#x}: only its raw arguments are recorded, no \
                 memory",
                arch.0
            );
            cx.log.note_after_event(cx.at.id, NoteCode::NO_ROW, Severity::INFO, text);
        }
    }
}

/// Adds to the log what it lacks of the memory of the current stop.
fn note_left_out(cx: &mut Context, elements: u32) {
    if elements > 0 && cx.capture.is_on() {
        cx.missing.insert(Completeness::CAPTURE_LIMIT);
        let text = format!(
            "the previous event has more elements than can be captured: at least {elements} are \
             missing"
        );
        cx.log.note_after_event(TaskId::NONE, NoteCode::OTHER, Severity::WARNING, text);
    }
    cx.log.completeness.insert(cx.missing);
}

/// Notes that a call has made something whose doings make no stops.
fn note_unseen(cx: &mut Context, call: &Call, rval: i64) {
    let (what, code, text) = match call.row.kind {
        CallKind::IoUringSetup if !cx.log.completeness.contains(Completeness::IO_URING) => (
            Completeness::IO_URING,
            NoteCode::IO_URING,
            "the program uses io_uring: operations submitted through its rings make no stops and \
             are not in this log"
                .to_owned(),
        ),
        CallKind::Clone | CallKind::Clone3 if call.clone.is_some_and(|flags| flags.untraced()) => (
            Completeness::UNTRACED_CLONE,
            NoteCode::UNTRACED_CLONE,
            format!("task {rval} was made with CLONE_UNTRACED and is not recorded"),
        ),
        _ => return,
    };
    cx.log.completeness.insert(what);
    cx.log.note_after_event(cx.at.id, code, Severity::WARNING, text);
}

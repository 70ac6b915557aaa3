//! The audit as a hook of the engine.

use super::check::{Change, Changes};
use super::report::{self, Call, Place};
use super::shadow::{Map, Shadow};
use super::tally::Skipped;
use super::{Audit, OpenCall, outputs};
use crate::engine::{Birth, Context, End, Exit, Flow, Slot, StopHook};
use sysreel_abi::desc::{CallKind, Dir};
use sysreel_abi::plan::RegionRequest;
use sysreel_abi::{
    AuditArch, async_read_buffers, demultiplex, mapped_len, named_ranges, syscall_name,
};
use sysreel_format::{NoteCode, Severity, TaskId};
use sysreel_sys::{Stop, Tid, memory};

/// A finding: the argument it is about, and its text.
type Finding = (Option<u8>, String);

/// How a call ended.
#[derive(Debug, Clone, Copy)]
struct Ending {
    id: TaskId,
    rval: i64,
    is_error: bool,
}

impl StopHook for Audit {
    fn entry(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        self.call_begins(cx, stop);
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, stop: &mut Stop, exit: &Exit) -> Flow {
        self.call_ends(cx, stop, exit);
        Flow::Stays
    }

    fn task_begins(&mut self, _cx: &mut Context, task: Slot, birth: Birth) {
        self.open.set(task, None);
        if let Birth::Made { by, shares_memory: true, .. } = birth {
            self.memory_is_shared(by);
        }
    }

    /// Forgets a task that has ended.
    fn task_ends(&mut self, _cx: &mut Context, task: Slot, _how: End) {
        if let Some(open) = self.open.take(task) {
            self.count_unreturned(open);
        }
    }

    /// Counts the calls that have not returned, and notes the summary.
    fn end(&mut self, cx: &mut Context) {
        for slot in cx.tasks.slots() {
            self.task_ends(cx, slot, End::LetGo);
        }
        let figures = self.figures();
        let severity = if figures.findings > 0 { Severity::ERROR } else { Severity::INFO };
        cx.log.note(TaskId::NONE, NoteCode::AUDIT, severity, &figures.to_string());
    }
}

impl Audit {
    fn call_begins(&mut self, cx: &mut Context, stop: &Stop) {
        let (tid, slot) = (cx.at.tid, cx.at.slot);
        let (Some((nr, _)), Some(task)) = (cx.info.call(), cx.task()) else { return };
        let (alone, memory) = (cx.tasks.is_alone(slot), task.memory);
        let mut open = OpenCall {
            call: Call { name: name(AuditArch(cx.info.arch()), nr), known: None, inner: None },
            memory,
            before: Err(Skipped::Unreadable),
            incoming: Vec::new(),
            short: Vec::new(),
            maps: None,
            excepted: stop.rseq_area().into_iter().collect(),
        };
        let mut kind = CallKind::Other;
        // Without a row nothing was planned, and the capture still holds the previous stop.
        if let Some(call) = &task.call {
            kind = call.row.kind;
            open.call.name = call.row.name.to_owned();
            open.call.known = Some(*call);
            let captured = |arg| cx.capture.captured(arg, 0, 0);
            open.excepted.extend(named_ranges(call.abi, call.row, &call.args, captured));
            let later = async_read_buffers(call.row, |arg, i| cx.capture.captured(arg, 1, i));
            if let Some(memory) = memory.filter(|_| !later.is_empty()) {
                self.handed_over.entry(memory).or_default().extend(later);
            }
            open.call.inner = demultiplex(call.abi, call.row, &call.args, captured);
            open.maps = mapped_len(call.abi, call.row, &call.args, captured(0));
            open.incoming.extend(cx.capture.requests.iter().filter(|request| request.store));
            open.short.extend(cx.capture.cut_short().map(|(request, got)| (*request, got)));
        }
        open.excepted.extend(
            memory.and_then(|memory| self.handed_over.get(&memory)).into_iter().flatten().cloned(),
        );
        open.before = self.copy_memory(tid, alone, memory, kind);
        if let Some(before) = self.open.get_mut(slot).replace(open) {
            self.count_unreturned(before);
        }
    }

    fn call_ends(&mut self, cx: &mut Context, stop: &Stop, exit: &Exit) {
        let &Exit { rval, is_error, .. } = exit;
        let Some(open) = self.open.take(cx.at.slot) else {
            self.tally.count_skipped(Skipped::NoEntry);
            return;
        };
        let (id, memory) = (cx.at.id, cx.task().and_then(|task| task.memory));
        let checked = match &open.before {
            Err(why) => Err(*why),
            Ok(_) if memory != open.memory => Err(Skipped::Replaced),
            Ok(_) if !cx.tasks.is_alone(cx.at.slot) => Err(Skipped::Shared),
            Ok(shadow) => self.check_memory(cx, stop, &open, shadow, Ending { id, rval, is_error }),
        };
        match checked {
            Ok(()) => self.tally.count_checked(&open.call.name),
            Err(why) => self.tally.count_skipped(why),
        }
        if let Some(call) = open.call.known
            && !is_error
        {
            match call.row.kind {
                CallKind::IoUringSetup => self.mark_written_by_others(memory, Skipped::IoUring),
                _ if open.call.makes_untraced() => {
                    self.mark_written_by_others(memory, Skipped::Shared)
                }
                _ => {}
            }
        }
        if let Ok(shadow) = open.before {
            self.spare.push(shadow);
        }
    }

    /// Compares the memory of a call that has returned, and notes the findings.
    fn check_memory(
        &mut self,
        cx: &mut Context,
        stop: &Stop,
        open: &OpenCall,
        shadow: &Shadow,
        Ending { id, rval, is_error }: Ending,
    ) -> Result<(), Skipped> {
        let tid = cx.at.tid;
        let known = open.call.known.is_some();
        let is_error = open.call.known.map_or(is_error, |call| call.row.failed(rval, is_error));
        if let Some(call) = &open.call.known
            && is_error
            && rval == -i64::from(memory::EFAULT)
        {
            cx.plan_success(call);
        }
        let outgoing = |request: &&RegionRequest| known && request.store && request.dir == Dir::Out;
        let announced: Vec<RegionRequest> =
            cx.capture.requests.iter().filter(outgoing).copied().collect();
        let compared = self.compare_memory(stop, open, shadow, &announced, rval);
        let (changes, map) = compared.ok_or(Skipped::Unreadable)?;
        let succeeded = !is_error && known;
        if succeeded {
            count_outputs(self, tid, open, shadow, &map, &announced, rval);
        }
        let mut findings = unannounced(open, &changes, &map, &announced);
        if succeeded {
            findings.extend(too_long(cx, open, rval));
        }
        self.tally.findings += findings.len() as u64 + changes.more;
        let event = cx.log.sink.next_event();
        findings.retain(|(argument, _)| self.should_note(&open.call.name, *argument));
        // Notes are committed last first.
        for (_, finding) in findings.into_iter().rev() {
            let text = format!("{} (event {event}): {finding}", open.call.name);
            cx.log.note_after_event(id, NoteCode::AUDIT, Severity::ERROR, text);
        }
        Ok(())
    }
}

/// Describes the announced regions of a successful call that do not exist in full.
fn too_long(cx: &Context, open: &OpenCall, rval: i64) -> Vec<Finding> {
    let leaving = cx.capture.cut_short().map(|(request, got)| (*request, got));
    let short: Vec<(RegionRequest, u64)> =
        leaving.filter(|(request, _)| request.dir == Dir::Out).collect();
    let again =
        |request: &RegionRequest| short.iter().any(|(out, _)| out.address == request.address);
    let entering = open.short.iter().filter(|(request, _)| !again(request));
    entering
        .filter(|(request, _)| !report::may_be_short(&open.call, request, rval))
        .chain(&short)
        .map(|(request, got)| {
            (Some(request.arg), report::describe_short(&open.call, request, *got))
        })
        .collect()
}

/// Describes the changes of a call that its row did not announce.
fn unannounced(
    open: &OpenCall,
    changes: &Changes,
    map: &Map,
    announced: &[RegionRequest],
) -> Vec<Finding> {
    let describe = |change: &Change| {
        let place = Place::locate(&open.call, change.range.start, &open.incoming, announced);
        let text = report::describe_change(&open.call, change, &place, map, announced);
        (place.argument(), text)
    };
    changes.found.iter().map(describe).collect()
}

/// Counts how much of the announced memory of a successful call changed.
fn count_outputs(
    audit: &mut Audit,
    tid: Tid,
    open: &OpenCall,
    shadow: &Shadow,
    map: &Map,
    announced: &[RegionRequest],
    rval: i64,
) {
    // Memory that also went in may keep its old content.
    let went_in = |request: &&RegionRequest| {
        open.incoming.iter().any(|other| other.address == request.address)
    };
    for request in announced.iter().filter(|request| !went_in(request)) {
        if let Some(changed) = outputs::changed_len(tid, shadow, map, request, &mut audit.buffer) {
            audit.tally.outputs.count(&open.call.name, request, rval, changed);
        }
    }
}

fn name(arch: AuditArch, nr: u64) -> String {
    syscall_name(arch, nr)
        .map_or_else(|| format!("call {nr:#x} of arch {:#x}", arch.0), str::to_owned)
}

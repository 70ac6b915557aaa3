//! The hooks of the audit at syscall stops.

use super::check::{Change, Changes};
use super::report::{self, Call, Place};
use super::shadow::{Map, Shadow};
use super::tally::{Audited, Skipped};
use super::{Audit, OpenCall, outputs};
use crate::session::Session;
use crate::task;
use sysreel_abi::desc::{CallKind, Dir};
use sysreel_abi::plan::{self, Limits, RegionRequest};
use sysreel_abi::{
    AuditArch, async_read_buffers, demultiplex, mapped_len, named_ranges, syscall_name,
};
use sysreel_format::{NoteCode, Severity, TaskId};
use sysreel_sys::info::Op;
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

impl Session {
    /// Audits a syscall stop that is recorded and not yet committed.
    pub(crate) fn audit_stop(&mut self, stop: &Stop) {
        let Some(mut audit) = self.audit.take() else { return };
        match self.info.op() {
            Some(Op::ENTRY) => self.audit_entry(&mut audit, stop),
            Some(Op::EXIT) => self.audit_exit(&mut audit, stop),
            _ => {}
        }
        self.audit = Some(audit);
    }

    fn audit_entry(&mut self, audit: &mut Audit, stop: &Stop) {
        let tid = stop.tid();
        let (Some((nr, _)), Some(task)) = (self.info.call(), self.tasks.get(tid)) else { return };
        let (alone, memory) = (self.tasks.is_alone(tid), task.memory);
        let mut open = OpenCall {
            call: Call { name: name(AuditArch(self.info.arch()), nr), known: None, inner: None },
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
            let captured = |arg| self.capture.captured(arg, 0, 0);
            open.excepted.extend(named_ranges(call.abi, call.row, &call.args, captured));
            let later = async_read_buffers(call.row, |arg, i| self.capture.captured(arg, 1, i));
            if let Some(memory) = memory.filter(|_| !later.is_empty()) {
                audit.handed_over.entry(memory).or_default().extend(later);
            }
            open.call.inner = demultiplex(call.abi, call.row, &call.args, captured);
            open.maps = mapped_len(call.abi, call.row, &call.args, captured(0));
            open.incoming.extend(self.capture.requests.iter().filter(|request| request.store));
            open.short.extend(self.capture.cut_short().map(|(request, got)| (*request, got)));
        }
        open.excepted.extend(
            memory.and_then(|memory| audit.handed_over.get(&memory)).into_iter().flatten().cloned(),
        );
        open.before = audit.copy_memory(tid, alone, memory, kind);
        if let Some(before) = audit.open.insert(tid, open) {
            audit.count_unreturned(before);
        }
    }

    fn audit_exit(&mut self, audit: &mut Audit, stop: &Stop) {
        let tid = stop.tid();
        let (Some((rval, is_error)), Some(task)) = (self.info.result(), self.tasks.get(tid)) else {
            return;
        };
        let Some(open) = audit.open.remove(&tid) else {
            audit.tally.count_skipped(Skipped::NoEntry);
            return;
        };
        let (id, memory) = (task.id, task.memory);
        let checked = match &open.before {
            Err(why) => Err(*why),
            Ok(_) if memory != open.memory => Err(Skipped::Replaced),
            Ok(_) if !self.tasks.is_alone(tid) => Err(Skipped::Shared),
            Ok(shadow) => {
                self.audit_memory(audit, stop, &open, shadow, Ending { id, rval, is_error })
            }
        };
        match checked {
            Ok(()) => audit.tally.count_checked(&open.call.name),
            Err(why) => audit.tally.count_skipped(why),
        }
        if let Some(call) = open.call.known
            && !is_error
        {
            match call.row.kind {
                CallKind::IoUringSetup => audit.mark_written_by_others(memory, Skipped::IoUring),
                _ if open.call.makes_untraced() => {
                    audit.mark_written_by_others(memory, Skipped::Shared)
                }
                _ => {}
            }
        }
        if let Ok(shadow) = open.before {
            audit.spare.push(shadow);
        }
    }

    /// Plans the regions that would have come out if the call had succeeded, at their maximum
    /// lengths.
    fn plan_success(&mut self, tid: Tid, call: &task::Call) {
        let task::Call { abi, row, args, state, .. } = call;
        self.capture.begin(tid);
        let mut requests = std::mem::take(&mut self.capture.requests);
        let (limits, memory) = (&Limits::DEFAULT, &mut self.capture);
        plan::at_exit(*abi, row, args, i64::MAX, false, state, limits, &mut requests, memory);
        self.capture.requests = requests;
    }

    /// Compares the memory of a call that has returned, and notes the findings.
    fn audit_memory(
        &mut self,
        audit: &mut Audit,
        stop: &Stop,
        open: &OpenCall,
        shadow: &Shadow,
        Ending { id, rval, is_error }: Ending,
    ) -> Result<(), Skipped> {
        let tid = stop.tid();
        let known = open.call.known.is_some();
        let is_error = open.call.known.map_or(is_error, |call| call.row.failed(rval, is_error));
        if let Some(call) = &open.call.known
            && is_error
            && rval == -i64::from(memory::EFAULT)
        {
            self.plan_success(tid, call);
        }
        let outgoing = |request: &&RegionRequest| known && request.store && request.dir == Dir::Out;
        let announced: Vec<RegionRequest> =
            self.capture.requests.iter().filter(outgoing).copied().collect();
        let compared = audit.compare_memory(stop, open, shadow, &announced, rval);
        let (changes, map) = compared.ok_or(Skipped::Unreadable)?;
        let succeeded = !is_error && known;
        if succeeded {
            count_outputs(audit, tid, open, shadow, &map, &announced, rval);
        }
        let mut findings = unannounced(open, &changes, &map, &announced);
        if succeeded {
            findings.extend(self.too_long(open, rval));
        }
        audit.tally.findings += findings.len() as u64 + changes.more;
        let event = self.sink.next_event();
        findings.retain(|(argument, _)| audit.should_note(&open.call.name, *argument));
        // Notes are committed last first.
        for (_, finding) in findings.into_iter().rev() {
            let text = format!("{} (event {event}): {finding}", open.call.name);
            self.note_after_event(id, NoteCode::AUDIT, Severity::ERROR, text);
        }
        Ok(())
    }

    /// Describes the announced regions of a successful call that do not exist in full.
    fn too_long(&self, open: &OpenCall, rval: i64) -> Vec<Finding> {
        let leaving = self.capture.cut_short().map(|(request, got)| (*request, got));
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

    /// Ends the audit: notes its summary and returns the figures.
    pub(crate) fn end_audit(&mut self) -> Option<Audited> {
        let mut audit = self.audit.take()?;
        for (_, open) in std::mem::take(&mut audit.open) {
            audit.count_unreturned(open);
        }
        let audited = audit.tally.finish();
        let severity = if audited.findings > 0 { Severity::ERROR } else { Severity::INFO };
        self.note(TaskId::NONE, NoteCode::AUDIT, severity, &audited.to_string());
        Some(audited)
    }
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

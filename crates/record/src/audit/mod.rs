//! Proves the table: whatever a call changes in a program's private memory must be what its row
//! announced.
//!
//! At the entry of a call all writable private memory of the task is copied, at the exit it is
//! compared. The rules:
//!
//! - A byte that changed must lie in `[address, address + asked)` of a region that the plan says
//!   comes out at this exit.
//! - A region of a call that succeeded must exist in full, or its length is wrong
//!   ([`report::is_fair`] says where it may not).
//! - Memory is compared where the same mapping lies before and after. Where the call maps something
//!   anew ([`sysreel_abi::mapped_len`]) its bytes were not written; a page that is given back (munmap,
//!   MADV_DONTNEED) is not written either.
//! - The area of rseq(2) is excepted: the kernel writes to it on every return to user code. Shared
//!   mappings, and the vvar, which is read-only, are not looked at.
//! - So are ranges of addresses that a call names in memory ([`sysreel_abi::named_ranges`]):
//!   process_vm_writev to the caller itself.
//! - So is, from then on, memory that io_submit hands over to be read into
//!   ([`sysreel_abi::async_read_buffers`]).
//! - A call that fails with EFAULT may have written part of what it would have written: what comes
//!   out on success is excepted then.
//! - A call is not judged when others could have written meanwhile (threads, vfork, `io_uring`),
//!   and is counted with the reason.
//!
//! Signal frames need no rule: the kernel pushes them behind the exit stop. Neither do the futexes
//! and tids that it writes when a task ends: an address space with one task left is judged only
//! until that one ends.

mod check;
mod outputs;
mod ranges;
mod report;
mod shadow;
mod tally;

use self::check::Changes;
use self::ranges::Ranges;
use self::report::{Call, Place};
use self::shadow::{Map, NoShadow, Shadow};
use self::tally::{Skipped, Tally};
use crate::session::Session;
use crate::task::{self, MemoryId};
use std::collections::HashMap;
use std::ops::Range;
use sysreel_abi::desc::{CallKind, Dir};
use sysreel_abi::plan::{self, Limits, RegionRequest};
use sysreel_abi::{
    AuditArch, async_read_buffers, demultiplex, mapped_len, named_ranges, syscall_name,
};
use sysreel_format::{NoteCode, Severity, TaskId};
use sysreel_sys::info::Op;
use sysreel_sys::{Stop, Tid, memory, pages};

pub use self::outputs::Output;
pub use self::tally::Audited;

/// The most findings that are noted of one argument of the calls of one name; the rest is counted.
const MOST_NOTES: u32 = 50;

/// What an audit knows between the stops.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    open: HashMap<Tid, Open>,
    /// Address spaces in which something writes that makes no stop, and what.
    written_by_others: HashMap<MemoryId, Skipped>,
    /// Memory that the kernel was asked to write when it likes.
    handed_over: HashMap<MemoryId, Vec<Range<u64>>>,
    tally: Tally,
    noted: HashMap<(String, Option<u8>), u32>,
    /// Copies whose memory can be used again.
    spare: Vec<Shadow>,
    arena: Vec<u8>,
}

/// A call between its entry and its exit.
#[derive(Debug)]
struct Open {
    call: Call,
    memory: Option<MemoryId>,
    before: Result<Shadow, Skipped>,
    /// The regions that went in.
    incoming: Vec<RegionRequest>,
    /// Those of them that do not exist in full, with what there is.
    short: Vec<(RegionRequest, u64)>,
    /// How much the call maps anew where its result says.
    maps: Option<u64>,
    /// Memory that may change whatever the row says.
    excepted: Vec<Range<u64>>,
}

impl Open {
    /// The addresses that the arguments point to, and those behind them that were followed.
    fn starts(&self) -> Vec<u64> {
        let args = self.call.known.map_or([0; 6], |call| call.abi.args(&call.args));
        let mut starts: Vec<u64> =
            self.incoming.iter().map(|request| request.address).chain(args).collect();
        starts.sort_unstable();
        starts
    }
}

impl Audit {
    /// Checks that this kernel can tell what an audit must know.
    pub(crate) fn new() -> sysreel_sys::Result<Box<Audit>> {
        pages::check()?;
        Ok(Box::default())
    }

    /// The task's call has made another that shares its memory.
    pub(crate) fn memory_is_shared(&mut self, tid: Tid) {
        if let Some(open) = self.open.get_mut(&tid) {
            open.before = Err(Skipped::Shared);
        }
    }

    /// The task has ended.
    pub(crate) fn gone(&mut self, tid: Tid) {
        if let Some(open) = self.open.remove(&tid) {
            self.never_returned(open);
        }
    }

    fn never_returned(&mut self, open: Open) {
        match open.before {
            Ok(shadow) => {
                self.spare.push(shadow);
                self.tally.skipped(Skipped::NoReturn);
            }
            Err(why) => self.tally.skipped(why),
        }
    }

    /// Copies the memory of a task, unless its call is not to be judged.
    fn copy(
        &mut self,
        tid: Tid,
        alone: bool,
        memory: Option<MemoryId>,
        kind: CallKind,
    ) -> Result<Shadow, Skipped> {
        match kind {
            CallKind::Exit | CallKind::ExitGroup => return Err(Skipped::NoReturn),
            CallKind::IoUringEnter => self.others_write(memory, Skipped::IoUring),
            _ => {}
        }
        if let Some(why) = memory.and_then(|memory| self.written_by_others.get(&memory)) {
            return Err(*why);
        }
        if !alone {
            return Err(Skipped::Shared);
        }
        let mut shadow = self.spare.pop().unwrap_or_default();
        match shadow.take(tid) {
            Ok(()) => Ok(shadow),
            Err(why) => {
                self.spare.push(shadow);
                Err(match why {
                    NoShadow::Unreadable => Skipped::Unreadable,
                    NoShadow::TooLarge => Skipped::TooLarge,
                })
            }
        }
    }

    /// Has too little been said of this argument yet?
    fn is_to_be_noted(&mut self, name: &str, argument: Option<u8>) -> bool {
        let noted = self.noted.entry((name.to_owned(), argument)).or_default();
        *noted = noted.saturating_add(1);
        *noted <= MOST_NOTES
    }

    fn others_write(&mut self, memory: Option<MemoryId>, why: Skipped) {
        if let Some(memory) = memory {
            self.written_by_others.insert(memory, why);
        }
    }

    /// What became of the copy when its call has returned.
    fn compared(
        &mut self,
        stop: &Stop,
        open: &Open,
        shadow: &Shadow,
        announced: &[RegionRequest],
        rval: i64,
    ) -> Option<(Changes, Map)> {
        let tid = stop.tid();
        let map = Map::of(tid).ok()?;
        let span = |request: &RegionRequest| {
            request.address..request.address.saturating_add(request.asked)
        };
        let anew = open.maps.map(|len| {
            let start = rval.cast_unsigned();
            start..start.saturating_add(len.saturating_add(PAGE - 1) & !(PAGE - 1))
        });
        let excepted = announced
            .iter()
            .map(span)
            .chain(anew)
            .chain(open.excepted.iter().cloned())
            .chain(stop.rseq_area());
        let wanted = map.own.and(&shadow::same(&shadow.map, &map)).without(&Ranges::of(excepted));
        let pieces = shadow.pieces(&map, &wanted);
        let mut changes = Changes { starts: open.starts(), ..Changes::default() };
        let unread = shadow
            .compare(tid, &map, &pieces, &mut self.arena, |at, was, is| changes.look(at, was, is));
        let compared: u64 = pieces.iter().map(|piece| piece.range.end - piece.range.start).sum();
        self.tally.not_compared += wanted.len() - compared + unread;
        Some((changes, map))
    }
}

/// What the kernel rounds lengths of mappings to, at least; a larger page only hides less.
const PAGE: u64 = 4096;

impl Session {
    /// Audits a syscall stop that has been recorded and not yet been committed.
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
        let mut open = Open {
            call: Call { name: name(AuditArch(self.info.arch()), nr), known: None, inner: None },
            memory,
            before: Err(Skipped::Unreadable),
            incoming: Vec::new(),
            short: Vec::new(),
            maps: None,
            excepted: stop.rseq_area().into_iter().collect(),
        };
        let mut kind = CallKind::Other;
        // Without a row nothing was planned, and the capture still holds the stop before.
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
        open.before = audit.copy(tid, alone, memory, kind);
        if let Some(before) = audit.open.insert(tid, open) {
            audit.never_returned(before);
        }
    }

    fn audit_exit(&mut self, audit: &mut Audit, stop: &Stop) {
        let tid = stop.tid();
        let (Some((rval, is_error)), Some(task)) = (self.info.result(), self.tasks.get(tid)) else {
            return;
        };
        let Some(open) = audit.open.remove(&tid) else {
            audit.tally.skipped(Skipped::NoEntry);
            return;
        };
        let (id, memory) = (task.id, task.memory);
        let judged = match &open.before {
            Err(why) => Err(*why),
            Ok(_) if memory != open.memory => Err(Skipped::Replaced),
            Ok(_) if !self.tasks.is_alone(tid) => Err(Skipped::Shared),
            Ok(shadow) => self.audit_memory(audit, stop, &open, shadow, id, rval, is_error),
        };
        match judged {
            Ok(()) => audit.tally.judged(&open.call.name),
            Err(why) => audit.tally.skipped(why),
        }
        if let Some(call) = open.call.known
            && !is_error
        {
            match call.row.kind {
                CallKind::IoUringSetup => audit.others_write(memory, Skipped::IoUring),
                _ if open.call.makes_untraced() => audit.others_write(memory, Skipped::Shared),
                _ => {}
            }
        }
        if let Ok(shadow) = open.before {
            audit.spare.push(shadow);
        }
    }

    /// The regions that would have come out if the call had succeeded, with as much as it has room
    /// for.
    fn plan_success(&mut self, tid: Tid, call: &task::Call) {
        let task::Call { abi, row, args, state, .. } = call;
        self.capture.begin(tid);
        let mut requests = std::mem::take(&mut self.capture.requests);
        let (limits, memory) = (&Limits::DEFAULT, &mut self.capture);
        plan::at_exit(*abi, row, args, i64::MAX, false, state, limits, &mut requests, memory);
        self.capture.requests = requests;
    }

    #[expect(clippy::too_many_arguments, reason = "they are the call, and how it ended")]
    fn audit_memory(
        &mut self,
        audit: &mut Audit,
        stop: &Stop,
        open: &Open,
        shadow: &Shadow,
        id: TaskId,
        rval: i64,
        is_error: bool,
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
        let compared = audit.compared(stop, open, shadow, &announced, rval);
        let (changes, map) = compared.ok_or(Skipped::Unreadable)?;
        if !is_error && known {
            // What went in too holds what it held before, whoever wrote it.
            let went_in = |request: &&RegionRequest| {
                open.incoming.iter().any(|other| other.address == request.address)
            };
            for request in announced.iter().filter(|request| !went_in(request)) {
                if let Some(changed) =
                    outputs::changed(tid, shadow, &map, request, &mut audit.arena)
                {
                    audit.tally.outputs.count(&open.call.name, request, rval, changed);
                }
            }
        }
        let mut findings = Vec::new();
        for change in &changes.found {
            let place = Place::of(&open.call, change.range.start, &open.incoming, &announced);
            findings.push((
                place.argument(),
                report::changed(&open.call, change, &place, &map, &announced),
            ));
        }
        if !is_error && known {
            let leaving = self.capture.cut_short().map(|(request, got)| (*request, got));
            let short: Vec<(RegionRequest, u64)> =
                leaving.filter(|(request, _)| request.dir == Dir::Out).collect();
            let again = |request: &RegionRequest| {
                short.iter().any(|(out, _)| out.address == request.address)
            };
            let entering = open.short.iter().filter(|(request, _)| !again(request));
            let unfair = entering
                .filter(|(request, _)| !report::is_fair(&open.call, request, rval))
                .chain(&short);
            let said = |(request, got): &(RegionRequest, u64)| {
                (Some(request.arg), report::too_long(&open.call, request, *got))
            };
            findings.extend(unfair.map(said));
        }
        audit.tally.findings += findings.len() as u64 + changes.more;
        let event = self.sink.next_event();
        findings.retain(|(argument, _)| audit.is_to_be_noted(&open.call.name, *argument));
        // Notes are committed last first.
        for (_, finding) in findings.into_iter().rev() {
            let text = format!("{} (event {event}): {finding}", open.call.name);
            self.later(id, NoteCode::AUDIT, Severity::ERROR, text);
        }
        Ok(())
    }

    /// The last word of an audit: a note, and the figures.
    pub(crate) fn end_audit(&mut self) -> Option<Audited> {
        let mut audit = self.audit.take()?;
        for (_, open) in std::mem::take(&mut audit.open) {
            audit.never_returned(open);
        }
        let audited = audit.tally.end();
        let severity = if audited.findings > 0 { Severity::ERROR } else { Severity::INFO };
        self.note(TaskId::NONE, NoteCode::AUDIT, severity, &audited.to_string());
        Some(audited)
    }
}

fn name(arch: AuditArch, nr: u64) -> String {
    syscall_name(arch, nr)
        .map_or_else(|| format!("call {nr:#x} of arch {:#x}", arch.0), str::to_owned)
}

//! Checks the table: every byte of a program's private memory that a call changes must lie in a
//! region that the call's row announced.
//!
//! At the entry of a call the audit copies all writable private memory of the task (`shadow`), and
//! compares it at the exit (`check`). The rules:
//!
//! - A changed byte must lie in `[address, address + asked)` of a region that the plan says comes
//!   out at this exit.
//! - A region of a successful call must exist in full, or its length is wrong
//!   ([`report::may_be_short`] has the exceptions).
//! - Memory is compared where the same mapping exists before and after. What the call maps anew
//!   ([`sysreel_abi::mapped_len`]) was not written, nor were pages that it gives back (munmap,
//!   MADV_DONTNEED).
//! - The rseq(2) area is excepted: the kernel writes to it on every return to user code. Shared
//!   mappings are not compared, nor is the vvar, which is read-only.
//! - Address ranges that a call names in memory ([`sysreel_abi::named_ranges`]) are excepted:
//!   process_vm_writev to the caller itself.
//! - Memory that io_submit hands over to be read into is excepted from then on
//!   ([`sysreel_abi::async_read_buffers`]).
//! - A call that fails with EFAULT may have written part of its output: the output that it has on
//!   success is excepted then.
//! - A call is skipped, and counted with the reason, when something else could have written
//!   meanwhile (threads, vfork, `io_uring`).
//!
//! Signal frames need no rule: the kernel pushes them after the exit stop. Nor do the futexes and
//! tids that the kernel writes at the end of a task: once one task is left in an address space, its
//! calls are checked only until it ends.
//!
//! `outputs` counts the opposite: memory that was announced and never changes. `report` words the
//! findings, and `tally` has the figures. `stops` is the hook.

mod check;
mod outputs;
mod ranges;
mod report;
mod shadow;
mod stops;
mod tally;

use self::check::Changes;
use self::ranges::Ranges;
use self::report::Call;
use self::shadow::{CopyError, Map, Shadow};
use self::tally::{Skipped, Tally};
use crate::engine::{BySlot, MemoryId, Slot};
use std::collections::HashMap;
use std::ops::Range;
use sysreel_abi::desc::CallKind;
use sysreel_abi::plan::RegionRequest;
use sysreel_sys::{Stop, Tid, pages};

pub use self::outputs::Output;
pub use self::tally::Audited;

/// The kernel rounds lengths of mappings up to its page size, which is at least this. A larger page
/// only hides less.
const PAGE: u64 = 4096;

/// The most findings that are noted per call name and argument; the rest is only counted.
const MAX_NOTES: u32 = 50;

/// State of an audit.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    open: BySlot<Option<OpenCall>>,
    /// Address spaces in which something writes outside of traced calls, and what.
    written_by_others: HashMap<MemoryId, Skipped>,
    /// Memory that the kernel may write at any time (io_submit).
    handed_over: HashMap<MemoryId, Vec<Range<u64>>>,
    tally: Tally,
    note_counts: HashMap<(String, Option<u8>), u32>,
    /// Copies whose buffers can be reused.
    spare: Vec<Shadow>,
    buffer: Vec<u8>,
}

/// A call between its entry and its exit.
#[derive(Debug)]
struct OpenCall {
    call: Call,
    memory: Option<MemoryId>,
    before: Result<Shadow, Skipped>,
    /// The regions that went in.
    incoming: Vec<RegionRequest>,
    /// Those of them that do not exist in full, with the number of bytes that exist.
    short: Vec<(RegionRequest, u64)>,
    /// The length of what the call maps, at the address that it returns.
    maps: Option<u64>,
    /// Memory that may change without being announced.
    excepted: Vec<Range<u64>>,
}

impl OpenCall {
    /// Returns the addresses that the arguments point to, directly or through followed pointers;
    /// ascending.
    fn starts(&self) -> Vec<u64> {
        let args = self.call.known.map_or([0; 6], |call| call.abi.args(&call.args));
        let mut starts: Vec<u64> =
            self.incoming.iter().map(|request| request.address).chain(args).collect();
        starts.sort_unstable();
        starts
    }
}

impl Audit {
    /// Starts an audit.
    ///
    /// # Errors
    /// When the kernel has no PAGEMAP_SCAN (before Linux 6.7).
    pub(crate) fn new() -> sysreel_sys::Result<Audit> {
        pages::check()?;
        Ok(Audit::default())
    }

    /// Returns the figures.
    pub(crate) fn figures(&self) -> Audited {
        self.tally.finish()
    }

    /// Notes that the open call of a task has made another task that shares its memory.
    fn memory_is_shared(&mut self, task: Slot) {
        if let Some(open) = self.open.get_mut(task) {
            open.before = Err(Skipped::Shared);
        }
    }

    fn count_unreturned(&mut self, open: OpenCall) {
        match open.before {
            Ok(shadow) => {
                self.spare.push(shadow);
                self.tally.count_skipped(Skipped::NoReturn);
            }
            Err(why) => self.tally.count_skipped(why),
        }
    }

    /// Copies the memory of a task, unless its call must be skipped.
    fn copy_memory(
        &mut self,
        tid: Tid,
        alone: bool,
        memory: Option<MemoryId>,
        kind: CallKind,
    ) -> Result<Shadow, Skipped> {
        match kind {
            CallKind::Exit | CallKind::ExitGroup => return Err(Skipped::NoReturn),
            CallKind::IoUringEnter => self.mark_written_by_others(memory, Skipped::IoUring),
            _ => {}
        }
        if let Some(why) = memory.and_then(|memory| self.written_by_others.get(&memory)) {
            return Err(*why);
        }
        if !alone {
            return Err(Skipped::Shared);
        }
        let mut shadow = self.spare.pop().unwrap_or_default();
        match shadow.copy_from(tid) {
            Ok(()) => Ok(shadow),
            Err(why) => {
                self.spare.push(shadow);
                Err(match why {
                    CopyError::Unreadable => Skipped::Unreadable,
                    CopyError::TooLarge => Skipped::TooLarge,
                })
            }
        }
    }

    /// Counts a finding, and returns whether it should still be noted.
    fn should_note(&mut self, name: &str, argument: Option<u8>) -> bool {
        let count = self.note_counts.entry((name.to_owned(), argument)).or_default();
        *count = count.saturating_add(1);
        *count <= MAX_NOTES
    }

    fn mark_written_by_others(&mut self, memory: Option<MemoryId>, why: Skipped) {
        if let Some(memory) = memory {
            self.written_by_others.insert(memory, why);
        }
    }

    /// Compares the copy with the memory after the call, apart from what may change. `None` when
    /// the memory cannot be read.
    fn compare_memory(
        &mut self,
        stop: &Stop,
        open: &OpenCall,
        shadow: &Shadow,
        announced: &[RegionRequest],
        rval: i64,
    ) -> Option<(Changes, Map)> {
        let tid = stop.tid();
        let map = Map::read(tid).ok()?;
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
        let wanted = map
            .own
            .intersection(&shadow::same_mappings(&shadow.map, &map))
            .difference(&Ranges::from_ranges(excepted));
        let spans = shadow.spans(&map, &wanted);
        let mut changes = Changes { starts: open.starts(), ..Changes::default() };
        let unread = shadow.compare(tid, &map, &spans, &mut self.buffer, |at, before, after| {
            changes.compare(at, before, after)
        });
        let compared: u64 = spans.iter().map(|span| span.range.end - span.range.start).sum();
        self.tally.not_compared += wanted.len() - compared + unread;
        Some((changes, map))
    }
}

//! Records the state of tasks now and then: registers, and checksums of some pages. A replay
//! compares them, and so finds differences that no call shows.
//!
//! When that happens depends only on the number of calls of the task; which pages are summed is
//! part of the log.
//!
//! Stacks are left out, and so is other anonymous memory that may be a stack: the dynamic loader
//! stores registers there with XSAVEC, and whether the CPU counts one as in use depends on how
//! often the kernel has switched tasks (Intel SDM, "Processor tracking of XSAVE-managed state").
//! Programs never read that.

use crate::session::Session;
use std::ops::Range;
use sysreel_abi::CallKind;
use sysreel_abi::plan::may_write;
use sysreel_format::{PageSums, State};
use sysreel_sys::memory::Window;
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::{Stop, Tid, pages};

/// How many entries come before the first record, and the longest distance between two; it doubles.
const FIRST_DISTANCE: u32 = 8;
const MAX_DISTANCE: u32 = 128;
/// How many pages are summed each time.
const PAGES: u64 = 32;

/// Decides when the state of a task is recorded, and which pages.
#[derive(Debug)]
pub(crate) struct StateCheck {
    left: u32,
    distance: u32,
    /// Its data and heap, as of a change of the address space.
    areas: Vec<Range<u64>>,
    as_of: Option<u64>,
    /// The address at which the next record starts to look for pages.
    cursor: u64,
}

impl StateCheck {
    /// Starts for a new task or a new program.
    pub(crate) fn new() -> StateCheck {
        StateCheck {
            left: FIRST_DISTANCE,
            distance: FIRST_DISTANCE,
            areas: Vec::new(),
            as_of: None,
            cursor: 0,
        }
    }

    /// Counts an entry, and returns whether to record the state at it.
    fn is_due(&mut self) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        self.distance = (2 * self.distance).min(MAX_DISTANCE);
        self.left = self.distance;
        true
    }

    /// Sums the next pages.
    fn sum_pages(
        &mut self,
        tid: Tid,
        changes: u64,
        buffers: &mut StateBuffers,
    ) -> std::io::Result<()> {
        if self.as_of != Some(changes) {
            self.areas.clear();
            let areas = process::mappings(tid)?;
            self.areas.extend(data_areas(&areas));
            self.as_of = Some(changes);
        }
        let from = self.cursor;
        let rest = self.areas.iter().map(|area| area.start.max(from)..area.end);
        pages::some_own(tid, rest, PAGES, &mut buffers.runs)?;
        self.cursor = buffers.runs.last().map_or(0, |run| run.end);
        let window = Window::open(tid)?;
        for run in buffers.runs.drain(..) {
            buffers.bytes.resize(usize::try_from(run.end - run.start).unwrap_or(0), 0);
            let got = window.read(run.start, &mut buffers.bytes);
            buffers.sums.run(run.start, &buffers.bytes[..got]);
        }
        Ok(())
    }
}

/// Returns the heap, private file mappings, and anonymous memory directly after those (.bss). None
/// of it is a stack, which has a guard gap below.
fn data_areas(areas: &[Mapping]) -> impl Iterator<Item = Range<u64>> {
    let mut end_of_file = 0;
    areas.iter().filter(|area| area.permissions[3] == b'p').filter_map(move |area| {
        if area.inode != 0 {
            end_of_file = area.end;
        }
        let is_bss = area.path.is_empty() && area.start == end_of_file;
        (area.inode != 0 || area.path == b"[heap]" || is_bss).then_some(area.start..area.end)
    })
}

/// Buffers that are reused.
#[derive(Debug, Default)]
pub(crate) struct StateBuffers {
    runs: Vec<Range<u64>>,
    bytes: Vec<u8>,
    sums: PageSums,
}

impl Session {
    /// Writes a STATE part at the entry of a call, before the recorder changes anything of the
    /// call.
    pub(super) fn record_state(&mut self, stop: &Stop) {
        let tid = stop.tid();
        let Some(task) = self.tasks.get(tid) else { return };
        let ends = task
            .call
            .is_some_and(|call| matches!(call.row.kind, CallKind::Exit | CallKind::ExitGroup));
        let Some(state_check) = self.tasks.get_mut(tid).and_then(|task| task.state_check.as_mut())
        else {
            return;
        };
        if !state_check.is_due() && !ends {
            return;
        }
        let (Ok(registers), extended) = (stop.general(), stop.extended()) else { return };
        let is_quiet = self.is_memory_quiet(tid);
        let Some(determinism) = &mut self.determinism else { return };
        determinism.buffers.sums.clear();
        if let Some(state_check) =
            self.tasks.get_mut(tid).and_then(|task| task.state_check.as_mut())
            && is_quiet
        {
            // Pages that cannot be read are not compared. Before Linux 6.7 (PAGEMAP_SCAN) the
            // kernel cannot tell which pages are the process's own.
            _ = state_check.sum_pages(tid, determinism.changes, &mut determinism.buffers);
        }
        let extended = extended.map_or(0, |area| State::extended_sum(&area));
        self.sink.row.state(extended, &registers.to_bytes(), &determinism.buffers.sums);
    }

    /// Whether nothing writes to the memory of a stopped task. The kernel may write to it for
    /// another task that is in a call.
    fn is_memory_quiet(&self, tid: Tid) -> bool {
        self.tasks.sharing(tid).all(|other| {
            let writes =
                other.call.is_some_and(|call| may_write(call.row)) && other.vetoed.is_none();
            other.newborn.is_none() && !writes
        })
    }
}

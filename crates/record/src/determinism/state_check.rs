//! Decides when the state of a task is recorded, and of which pages.
//!
//! When that happens depends only on the number of calls of the task; which pages are summed is
//! part of the log.
//!
//! Stacks are left out, and so is other anonymous memory that may be a stack: the dynamic loader
//! stores registers there with XSAVEC, and whether the CPU counts one as in use depends on how
//! often the kernel has switched tasks (Intel SDM, "Processor tracking of XSAVE-managed state").
//! Programs never read that.

use std::ops::Range;
use sysreel_format::PageSums;
use sysreel_sys::memory::Window;
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::{Tid, pages};

/// How many entries come before the first record, and the longest distance between two; it doubles.
const FIRST_DISTANCE: u32 = 8;
const MAX_DISTANCE: u32 = 128;
/// How many mappings may be read for each entry: a line of /proc/PID/maps takes the kernel about as
/// long as a tenth of a stop, and a program may have 65,530 of them.
const MAPPINGS_A_CALL: usize = 4;
/// How many pages are summed each time.
const PAGES: u64 = 32;

/// Decides when the state of a task is recorded, and which pages.
#[derive(Debug)]
pub(super) struct StateCheck {
    left: u32,
    distance: u32,
    /// Its data and heap, as of a change of the address space.
    areas: Vec<Range<u64>>,
    as_of: Option<u64>,
    /// How many mappings there were then, and how many may be read now.
    mappings: usize,
    affordable: usize,
    /// The address at which the next record starts to look for pages.
    cursor: u64,
}

impl StateCheck {
    /// Starts for a new task or a new program.
    pub(super) fn new() -> StateCheck {
        StateCheck {
            left: FIRST_DISTANCE,
            distance: FIRST_DISTANCE,
            areas: Vec::new(),
            as_of: None,
            mappings: 0,
            affordable: 0,
            cursor: 0,
        }
    }

    /// Counts an entry, and returns whether to record the state at it.
    pub(super) fn is_due(&mut self) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        let calls = usize::try_from(self.distance).unwrap_or(0);
        self.affordable = self.affordable.saturating_add(calls * MAPPINGS_A_CALL);
        self.distance = (2 * self.distance).min(MAX_DISTANCE);
        self.left = self.distance;
        true
    }

    /// Sums the next pages.
    pub(super) fn sum_pages(
        &mut self,
        tid: Tid,
        changes: u64,
        buffers: &mut StateBuffers,
    ) -> std::io::Result<()> {
        if self.as_of != Some(changes) {
            // Of what is no longer as it was nothing is summed.
            if self.mappings > self.affordable {
                return Ok(());
            }
            self.areas.clear();
            let areas = process::mappings(tid)?;
            self.areas.extend(data_areas(&areas));
            self.as_of = Some(changes);
            (self.mappings, self.affordable) = (areas.len(), 0);
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
pub(super) struct StateBuffers {
    runs: Vec<Range<u64>>,
    bytes: Vec<u8>,
    pub(super) sums: PageSums,
}

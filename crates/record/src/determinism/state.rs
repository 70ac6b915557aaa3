//! What a task is, told now and then: a difference that no call shows is found there.
//!
//! When it is told depends on nothing but how many calls the task has made; which pages of memory
//! are looked at is part of the log.
//!
//! Stacks are not looked at, nor other memory of no file that may be one: the loader puts there
//! what XSAVEC makes of the registers of the CPU, and whether one of them counts as used depends on
//! how often the kernel has switched tasks (Intel SDM, "Processor tracking of XSAVE-managed
//! state"). A program never reads that.

use crate::session::Session;
use std::ops::Range;
use sysreel_abi::CallKind;
use sysreel_abi::plan::may_write;
use sysreel_format::{PageSums, State};
use sysreel_sys::memory::Window;
use sysreel_sys::process::{self, Mapping};
use sysreel_sys::{Stop, Tid, pages};

/// How many entries come before the first, and how far the distance grows.
const FIRST: u32 = 8;
const FARTHEST: u32 = 128;
/// How many pages are looked at each time.
const PAGES: u64 = 32;

/// When the state of a task is told next, and what of its memory.
#[derive(Debug)]
pub(crate) struct StateCheck {
    left: u32,
    distance: u32,
    /// Its data and its heap, as of a change of the address space.
    areas: Vec<Range<u64>>,
    as_of: Option<u64>,
    /// From where on pages are looked for.
    cursor: u64,
}

impl StateCheck {
    /// Of a task that begins, or has a new image.
    pub(crate) fn begin() -> StateCheck {
        StateCheck { left: FIRST, distance: FIRST, areas: Vec::new(), as_of: None, cursor: 0 }
    }

    /// Is it told at this entry?
    fn is_due(&mut self) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        self.distance = (2 * self.distance).min(FARTHEST);
        self.left = self.distance;
        true
    }

    /// Sums the pages whose turn it is.
    fn look(&mut self, tid: Tid, changes: u64, room: &mut Room) -> std::io::Result<()> {
        if self.as_of != Some(changes) {
            self.areas.clear();
            let areas = process::mappings(tid)?;
            self.areas.extend(data(&areas));
            self.as_of = Some(changes);
        }
        let from = self.cursor;
        let rest = self.areas.iter().map(|area| area.start.max(from)..area.end);
        pages::some_own(tid, rest, PAGES, &mut room.runs)?;
        self.cursor = room.runs.last().map_or(0, |run| run.end);
        let window = Window::open(tid)?;
        for run in room.runs.drain(..) {
            room.bytes.resize(usize::try_from(run.end - run.start).unwrap_or(0), 0);
            let got = window.read(run.start, &mut room.bytes);
            room.sums.run(run.start, &room.bytes[..got]);
        }
        Ok(())
    }
}

/// The heap, private memory of files, and what lies directly behind that: data that no file has. No
/// stack is there, for below a stack is its guard.
fn data(areas: &[Mapping]) -> impl Iterator<Item = Range<u64>> {
    let mut end_of_file = 0;
    areas.iter().filter(|area| area.permissions[3] == b'p').filter_map(move |area| {
        if area.inode != 0 {
            end_of_file = area.end;
        }
        let is_behind = area.path.is_empty() && area.start == end_of_file;
        (area.inode != 0 || area.path == b"[heap]" || is_behind).then_some(area.start..area.end)
    })
}

/// Room that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Room {
    runs: Vec<Range<u64>>,
    bytes: Vec<u8>,
    sums: PageSums,
}

impl Session {
    /// At the entry of a call, before anything of it is changed.
    pub(super) fn tell_state(&mut self, stop: &Stop) {
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
        determinism.room.sums.clear();
        if let Some(state_check) =
            self.tasks.get_mut(tid).and_then(|task| task.state_check.as_mut())
            && is_quiet
        {
            // What cannot be read is not compared. An old kernel cannot tell which pages are the
            // process's own.
            _ = state_check.look(tid, determinism.changes, &mut determinism.room);
        }
        let extended = extended.map_or(0, |area| State::extended_sum(&area));
        self.sink.row.state(extended, &registers.to_bytes(), &determinism.room.sums);
    }

    /// Does nobody write to the memory of a task while it stands still? The kernel may, for another
    /// task that is in a call.
    fn is_memory_quiet(&self, tid: Tid) -> bool {
        self.tasks.sharing(tid).all(|other| {
            let writes =
                other.call.is_some_and(|call| may_write(call.row)) && other.vetoed.is_none();
            other.newborn.is_none() && !writes
        })
    }
}

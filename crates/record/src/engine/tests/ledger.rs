//! A hook that sees every task.

use crate::engine::context::Context;
use crate::engine::drive::{Deadline, Undriven};
use crate::engine::hook::{Admit, Birth, End, Exit, Flow, StopHook};
use crate::engine::task::Slot;
use std::collections::BTreeMap;
use sysreel_sys::signals::{SIGTERM, Termination};
use sysreel_sys::{Event, Resume, Signal, Stop, StopKind};

/// The most stops of a task from a request to end until it is let go: those that were due already,
/// the entry of a call, at which no task is detached, and the end of that call.
const MOST_LATE: u32 = 4;

/// What the hook does.
#[derive(Debug, Clone, Default)]
pub(super) struct Does {
    /// Requests the end of the recording after so many stops.
    pub(super) stops_left: Option<u32>,
    /// Drives each task from the end of a call to its next stop.
    pub(super) drives: bool,
    /// Leaves one of so many signals out of the log, and swallows another.
    pub(super) leaves_out: Option<usize>,
}

/// A hook that keeps the books: which tasks began, and how often each has ended.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) by_slot: BTreeMap<String, u32>,
    pub(super) ends: BTreeMap<u32, u32>,
    pub(super) does: Does,
    pub(super) termination: Option<Termination>,
    pub(super) signals: usize,
    /// How many signals it swallowed.
    pub(super) swallowed: usize,
    /// The stops of each task since the end of the recording was requested.
    pub(super) late: BTreeMap<u32, u32>,
    /// The stops that it left out, by their status.
    pub(super) left_out: BTreeMap<i32, usize>,
    /// How many programs it was told of.
    pub(super) images: usize,
    /// How many exit events it was shown.
    pub(super) exits: usize,
    pub(super) problems: Vec<String>,
}

impl StopHook for Ledger {
    fn stopped(&mut self, cx: &mut Context, _stop: &Stop) {
        let is_requested = self.does.stops_left == Some(0) && self.termination.is_none();
        self.does.stops_left = self.does.stops_left.map(|left| left.saturating_sub(1));
        let id = cx.at.id.0;
        let late = self.late.entry(id).or_default();
        *late += u32::from(is_requested);
        if *late > MOST_LATE {
            self.problems.push(format!("task {id} still stops after a request to end"));
        }
    }

    fn admit(&mut self, _cx: &mut Context, stop: &Stop) -> Admit {
        let Some(every) = self.does.leaves_out else { return Admit::Record };
        let StopKind::Signal(_) = stop.kind() else { return Admit::Record };
        self.signals += 1;
        let admit = match self.signals % every {
            0 => Admit::Skip,
            1 => {
                self.swallowed += 1;
                Admit::Swallow
            }
            _ => return Admit::Record,
        };
        *self.left_out.entry(stop.status().0).or_default() += 1;
        admit
    }

    fn exit(&mut self, cx: &mut Context, stop: &mut Stop, _exit: &Exit) -> Flow {
        if !self.does.drives {
            return Flow::Stays;
        }
        match cx.drive(stop, Resume::ToNextSyscall, Signal::NONE, &Deadline::watched()) {
            Ok(()) | Err(Undriven::Ending) => Flow::Moved,
            Err(_) => Flow::Left,
        }
    }

    fn event(&mut self, _cx: &mut Context, _stop: &Stop, event: Event) {
        self.exits += usize::from(event == Event::EXIT);
    }

    fn new_image(&mut self, _cx: &mut Context, _task: Slot) {
        self.images += 1;
    }

    fn task_begins(&mut self, cx: &mut Context, task: Slot, _birth: Birth) {
        let id = cx.tasks.at(task).map_or(u32::MAX, |task| task.id.0);
        if self.ends.insert(id, 0).is_some() {
            self.problems.push(format!("task {id} began twice"));
        }
        if let Some(before) = self.by_slot.insert(format!("{task:?}"), id) {
            self.problems.push(format!("task {id} has the slot of task {before}"));
        }
    }

    fn task_ends(&mut self, _cx: &mut Context, task: Slot, _how: End) {
        match self.by_slot.remove(&format!("{task:?}")) {
            Some(id) => *self.ends.entry(id).or_default() += 1,
            None => self.problems.push(format!("{task:?} ended and was empty")),
        }
    }

    fn tick(&mut self, _cx: &mut Context) {
        if self.does.stops_left == Some(0)
            && let Some(termination) = self.termination.take()
        {
            termination.request(SIGTERM);
        }
    }
}

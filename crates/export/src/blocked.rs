//! Where time was spent waiting: stacks of process, call and object, with their times. `folded` and
//! `speedscope` write them.

use std::collections::BTreeMap;

use sysreel_views::Bounded;
use sysreel_views::waits::Cause;

use crate::row::{CallRow, Row};

/// The most stacks. Viewers become slow with more.
const MAX_STACKS: usize = 100_000;

/// What has no room is in this process.
const OTHERS: &str = "(others)";

/// A stack, from the outermost frame: process, call, and object if the call waits for one.
pub(crate) type Stack = Vec<String>;

/// Adds up the time of calls that can wait.
pub(crate) struct Blocked {
    stacks: Bounded<Stack, u64>,
    others_ns: u64,
    /// The latest time of a row of the log.
    latest_ns: u64,
}

impl Blocked {
    pub(crate) fn new() -> Self {
        Self { stacks: Bounded::with_limit(MAX_STACKS), others_ns: 0, latest_ns: 0 }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: &Row<'_>) {
        match row {
            Row::Log(_) => self.latest_ns = 0,
            Row::Call(row) => self.call(row),
            Row::Signal(row) => self.latest_ns = self.latest_ns.max(row.start_ns),
            Row::TaskStart(row) => self.latest_ns = self.latest_ns.max(row.start_ns),
            Row::TaskEnd(row) => self.latest_ns = self.latest_ns.max(row.start_ns),
            Row::Exec(row) => self.latest_ns = self.latest_ns.max(row.start_ns),
            _ => {}
        }
    }

    fn call(&mut self, row: &CallRow<'_>) {
        // One that was open at the end of the log has waited until then.
        let end_ns = row.end_ns().unwrap_or(self.latest_ns);
        self.latest_ns = self.latest_ns.max(end_ns);
        let Some(cause) = Cause::of(&row.source) else { return };
        let took = end_ns.saturating_sub(row.start_ns);
        let name = row.exe.as_deref().and_then(|exe| exe.rsplit('/').next()).unwrap_or("?");
        let mut stack = vec![format!("{name}[{}]", row.who.pid), row.call.to_string()];
        stack.extend(object(row, cause));
        match self.stacks.entry(&stack) {
            Some(total) => *total = total.saturating_add(took),
            None => self.others_ns = self.others_ns.saturating_add(took),
        }
    }

    /// Returns the stacks with their times in nanoseconds, in the order of their frames, and what
    /// the user should know of them.
    pub(crate) fn finish(&mut self) -> (BTreeMap<Stack, u64>, Vec<String>) {
        let stacks = std::mem::replace(&mut self.stacks, Bounded::with_limit(0));
        let left_out = stacks.left_out();
        let mut stacks: BTreeMap<_, _> = stacks.into_entries().filter(|(_, ns)| *ns > 0).collect();
        if left_out == 0 {
            return (stacks, Vec::new());
        }
        stacks.insert(vec![OTHERS.to_owned()], self.others_ns);
        let remark =
            format!("{left_out} calls are in {OTHERS}: there is room for {MAX_STACKS} stacks");
        (stacks, vec![remark])
    }
}

/// Returns the name of what a call waits for, if it waits for one thing that has a name.
fn object(row: &CallRow<'_>, cause: Cause) -> Option<String> {
    match cause {
        Cause::Child | Cause::Timer | Cause::Signal | Cause::Poll => None,
        Cause::Futex => row.source.args().raw(0).map(|at| format!("futex {at:#x}")),
        _ => row.file.clone().filter(|name| !name.is_empty()),
    }
}

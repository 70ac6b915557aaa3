//! Applies what an event changes, once the driver of calls (`calls/driver.rs`) has found out what
//! it means.

use sysreel_abi::{CallKind, Makes};
use sysreel_format::{Event, Parts, ProcessSnapshot};

use super::open_call::OpenCall;
use super::resolved_call::ResolvedCall;
use super::tracker::Tracker;
use crate::regions::Buffers;
use sysreel_format::syscall_info::Outcome;

impl OpenCall {
    /// Whether the call is seen with the descriptors that it makes. All others are seen with the
    /// state before it: close(2) with the descriptor that it closes.
    pub(crate) fn makes_descriptors(&self) -> bool {
        ResolvedCall::resolve(self)
            .is_some_and(|call| call.row.makes != Makes::None || call.row.kind == CallKind::Receive)
    }
}

impl Tracker {
    /// Applies a call that has ended with this event. `parts` are those of its exit stop.
    pub(crate) fn apply_ended(
        &mut self,
        event: &Event<'_>,
        open: &OpenCall,
        outcome: Outcome,
        parts: Parts<'_>,
        buffers: &dyn Buffers,
    ) {
        self.apply_to_names(event.task, open, outcome);
        if self.follows_processes() {
            self.apply_call(event.task, event.number, open, outcome, parts, buffers);
        }
    }

    /// Applies the state in which the recorder found a process: after execve(2), or at attach.
    pub(crate) fn apply_found(&mut self, event: &Event<'_>, snapshot: &ProcessSnapshot) {
        self.apply_snapshot(event.task, event.number, snapshot);
        if self.follows_names() {
            let (cwd, fds) = (snapshot.cwd.clone(), snapshot.fds.clone());
            let named = ProcessSnapshot { cwd, fds, ..ProcessSnapshot::default() };
            self.set_names(event.task, named);
        }
        self.set_program(event.task, &snapshot.exe);
    }
}

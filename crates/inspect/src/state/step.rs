//! Applies whole events to the state, and reports the calls that they end.

use sysreel_abi::AuditArch;
use sysreel_format::{Body, Event, MetaCodec, Part, Parts, ProcessSnapshot, SnapshotKind, TaskId};

use super::open_call::OpenCall;
use super::resolved_call::ResolvedCall;
use super::tracker::Tracker;
use crate::regions::Buffers;
use crate::syscall_info::{self, Outcome, What};

/// A call that has ended.
#[derive(Debug)]
pub struct Finished<'a> {
    /// The task that made it.
    pub task: TaskId,
    /// The number of its exit event.
    pub event: u64,
    /// The time of its exit stop, in nanoseconds (CLOCK_MONOTONIC).
    pub t_ns: u64,
    /// The call as it began.
    pub open: &'a OpenCall,
    /// How it ended.
    pub outcome: Outcome,
    /// The parts of its exit stop.
    pub parts: Parts<'a>,
}

impl Tracker {
    /// Applies an event. If it ends a call, `on_call` gets the call with the state in which it did
    /// its work: with the descriptors it closes, and with those it creates.
    pub(crate) fn step(
        &mut self,
        event: &Event<'_>,
        body: &Body<'_>,
        buffers: &dyn Buffers,
        on_call: &mut dyn FnMut(&Self, &Finished<'_>),
    ) {
        match body {
            Body::Stop(stop) => {
                for part in stop.parts.flatten() {
                    if let Part::Name(name) = part {
                        self.set_name(event.task, &name);
                    }
                }
                let info = syscall_info::decode(stop.layout, stop.info);
                match info.what {
                    What::Entry(call) => {
                        self.begin_call(event, info.arch.map(AuditArch), call, stop.parts)
                    }
                    What::Seccomp(call, _)
                        if self.task(event.task).is_none_or(|task| task.open.is_none()) =>
                    {
                        self.begin_call(event, info.arch.map(AuditArch), call, stop.parts);
                    }
                    What::Exit(outcome) => {
                        self.end_call(event, outcome, stop.parts, buffers, on_call)
                    }
                    _ => {}
                }
            }
            Body::Task(task) => self.appear(event.task, &task.head),
            Body::Gone(_) => _ = self.gone(event.task),
            Body::Renamed(renamed) => self.renamed(event.task, renamed),
            Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. } => {
                if let Ok(snapshot) = ProcessSnapshot::from_bytes(bytes) {
                    self.apply_snapshot(event.task, event.number, &snapshot);
                    self.set_names(event.task, snapshot);
                }
            }
            _ => {}
        }
    }

    fn begin_call(
        &mut self,
        event: &Event<'_>,
        arch: Option<AuditArch>,
        call: syscall_info::Call,
        parts: Parts<'_>,
    ) {
        let Some(arch) = arch else { return };
        if let Some(old) = self.enter(event.task, event.number, event.t_ns, arch, call, parts) {
            self.recycle(old);
        }
    }

    fn end_call(
        &mut self,
        event: &Event<'_>,
        outcome: Outcome,
        parts: Parts<'_>,
        buffers: &dyn Buffers,
        on_call: &mut dyn FnMut(&Self, &Finished<'_>),
    ) {
        let Some(open) = self.leave(event.task, outcome) else { return };
        let makes = ResolvedCall::resolve(&open).is_some_and(|call| {
            call.row.makes != sysreel_abi::Makes::None
                || call.row.kind == sysreel_abi::CallKind::Receive
        });
        let finished = Finished {
            task: event.task,
            event: event.number,
            t_ns: event.t_ns,
            open: &open,
            outcome,
            parts,
        };
        if !makes {
            on_call(self, &finished);
        }
        self.apply_to_names(event.task, &open, outcome);
        self.apply_call(event.task, event.number, &open, outcome, parts, buffers);
        if makes {
            on_call(self, &finished);
        }
        self.recycle(open);
    }
}

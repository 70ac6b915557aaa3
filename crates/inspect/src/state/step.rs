//! Applies whole events to the state, and reports the calls that they end.

use std::ops::ControlFlow;

use sysreel_abi::AuditArch;
use sysreel_format::{
    Body, Event, Item, MetaCodec, Part, Parts, ProcessSnapshot, ReadAt, SnapshotKind, Stop, TaskId,
};

use super::open_call::OpenCall;
use super::resolved_call::ResolvedCall;
use super::tracker::{Follow, Tracker};
use crate::regions::{Buffers, CountingBuffers};
use crate::syscall_info::{self, Outcome, What};
use crate::{Error, Findings, LogFile};

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
                    _ => {
                        if let Some(signal) = delivered(stop) {
                            self.apply_signal(event.task, signal);
                        }
                    }
                }
            }
            Body::Task(task) => self.appear(event.task, &task.head),
            Body::Gone(_) => _ = self.gone(event.task),
            Body::Renamed(renamed) => self.renamed(event.task, renamed),
            Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. } => {
                if let Ok(snapshot) = ProcessSnapshot::from_bytes(bytes) {
                    self.apply_snapshot(event.task, event.number, &snapshot, buffers);
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
        let makes = ResolvedCall::resolve(&open).is_some_and(|call| call.makes_fds());
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
        self.apply_call(event.task, event.number, &open, outcome, parts, buffers);
        if makes {
            on_call(self, &finished);
        }
        self.recycle(open);
    }
}

/// Returns the signal that is delivered at a stop.
fn delivered(stop: &Stop<'_>) -> Option<u32> {
    // Bits 8 to 15 are the signal and those above the event (ptrace(2)); a syscall stop has bit 7
    // of the signal set, and the stop at a delivery a siginfo.
    let (signal, event) = (stop.wait_status >> 8 & 0xff, stop.wait_status >> 16);
    let has_siginfo = || stop.parts.flatten().any(|part| matches!(part, Part::Siginfo(_)));
    (signal & 0x80 == 0 && event == 0 && has_siginfo()).then_some(signal)
}

/// Follows a whole log. `on_call` gets each call that ends, with the state in which it did its
/// work. Returns what is missing or damaged.
///
/// # Errors
/// When the log cannot be read.
pub fn follow(
    file: &LogFile,
    what: Follow,
    on_call: &mut dyn FnMut(&Tracker, &Finished<'_>),
) -> Result<Findings, Error> {
    let mut tracker = Tracker::new(what);
    let log = file.log();
    let buffers = CountingBuffers::new(log, log.source().len().unwrap_or(0));
    let mut findings = file.walk(0, |item| {
        if let Item::Event(event) = item
            && let Ok(body) = event.decode()
        {
            tracker.step(event, &body, &buffers, on_call);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    findings.lost_buffers = buffers.lost();
    Ok(findings)
}

impl<'a> Finished<'a> {
    /// Returns what an argument pointed to at the entry; `None` if it is not stored in the event.
    #[must_use]
    pub fn read(&self, argument: u8) -> Option<&'a [u8]> {
        self.open.memory.find(argument, 0, 0)?.inline()
    }

    /// Returns what the call wrote where an argument points to; `None` if it is not stored in the
    /// event.
    #[must_use]
    pub fn written(&self, argument: u8) -> Option<&'a [u8]> {
        super::region(self.parts, argument, 0, 0)
    }
}

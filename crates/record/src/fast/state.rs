//! What the hook knows: of the recording, and of each task.

use super::clock::Clock;
use super::fault::Fault;
use super::figures::FastFigures;
use super::memory::Shared;
use super::programs::Programs;
use crate::engine::{BySlot, Slot};
use std::collections::VecDeque;
use sysreel_sys::fast::Record;
use sysreel_sys::{Event, StopKind, seccomp};

/// The hook.
#[derive(Debug)]
pub(crate) struct Fast {
    pub(super) filter: seccomp::Filter,
    /// The data of RET_TRACE: random, as a filter of the program may use the same.
    pub(super) data: u16,
    pub(super) no_new_privs: bool,
    pub(super) verify: bool,
    /// Whether names of descriptors are recorded.
    pub(super) names: bool,
    /// Whether the page can take them: every task has the recorder's root.
    pub(super) names_in_page: bool,
    pub(super) after_calls: u32,
    pub(super) programs: Programs,
    pub(super) clock: Clock,
    pub(super) tasks: BySlot<FastTask>,
    pub(super) walk: Option<Walk>,
    pub(super) spare: Vec<Slot>,
    pub(super) fault: Fault,
    pub(super) figures: FastFigures,
}

/// A task, as the hook knows it.
#[derive(Debug, Default)]
pub(super) struct FastTask {
    pub(super) calling: Calling,
    /// Whether it stops at every call before the filter is asked.
    pub(super) trace_all: bool,
    pub(super) memory: Option<Shared>,
    /// Its slot of the rings.
    pub(super) block: Option<u64>,
    /// Whether GS refers to a block.
    pub(super) has_block: bool,
    /// The offset up to which its ring was read.
    pub(super) drained: u64,
    pub(super) taken: Taken,
    pub(super) finish: Option<Finish>,
    /// Of how many coming stops one may be that of an interrupt of the recorder.
    interrupts: u8,
    /// Whether it was killed in the page's call.
    pub(super) killed: bool,
    pub(super) last_ns: u64,
    pub(super) expected: VecDeque<Expected>,
}

impl FastTask {
    /// Notes that the task is being interrupted. Its next stop shows the interrupt, or, if it has
    /// stopped already and was not waited for yet, the one after that: every stop ends an
    /// interrupt that was requested before (`ptrace_stop` in kernel/signal.c, Linux 3.4).
    pub(super) fn asked_to_stop(&mut self) {
        self.interrupts = 2;
    }

    /// Whether a stop is that of an interrupt. `is_first`: it is the task's first stop, which a new
    /// task makes by itself. Otherwise only the end of a group-stop looks the same (ptrace(2)).
    pub(super) fn is_interrupt(&mut self, kind: StopKind, is_first: bool) -> bool {
        let before = self.interrupts;
        self.interrupts = match kind {
            StopKind::Group(_) => 0,
            _ => before.saturating_sub(1),
        };
        kind == StopKind::Event(Event::STOP) && !is_first && before > 0
    }
}

/// Which call a task is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Calling {
    /// In none that has stopped.
    #[default]
    Nothing,
    /// In one of the program.
    Recorded,
    /// In the page's call for the program.
    PageCall,
    /// In a call of the page's own.
    Page,
}

/// The records of a task that were taken out of its ring and are not in the log yet.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) bytes: Vec<u8>,
    pub(super) at: usize,
    /// The first of them, and its length.
    pub(super) first: Option<(Record, usize)>,
    /// Whether its entry is committed.
    pub(super) begun: bool,
}

/// A walk through the records of all tasks that share memory with that of the current stop.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) here: Slot,
    /// When the current stop was reported.
    pub(super) t_ns: u64,
    /// The tasks that have records.
    pub(super) tasks: Vec<Slot>,
}

impl Taken {
    /// Looks at the next record. Returns false if there is something else.
    pub(super) fn advance(&mut self) -> bool {
        if self.first.is_none() && self.at < self.bytes.len() {
            self.first = Record::first(&self.bytes[self.at..]);
            return self.first.is_some();
        }
        true
    }

    /// The counter at the next half.
    pub(super) fn next_stamp(&self) -> Option<u64> {
        self.first.map(|(record, _)| if self.begun { record.ended } else { record.began })
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.at, self.first, self.begun) = (0, None, false);
    }
}

/// A call that the tracer records because the page could not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finish {
    pub(super) record: Record,
    /// `None` if the call did not return.
    pub(super) result: Option<u64>,
    /// Whether the entry is committed.
    pub(super) begun: bool,
}

/// What the kernel has said of a call.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) nr: u64,
    pub(super) args: [u64; 6],
    /// The address after the call site.
    pub(super) ip: u64,
    pub(super) entry: Vec<u8>,
    pub(super) exit: Option<Vec<u8>>,
}

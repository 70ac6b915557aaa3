//! What a log tells, item by item.

use std::fmt;
use std::time::Duration;

use sysreel_abi::CallKind;
use sysreel_format::{
    Altered, Clock, Event, Gone, GoneHow, Loss, Missing, Note, Part, Parts, ProcessSnapshot,
    Renamed, TaskHead, Unrecorded,
};

use super::call::Call;
use super::ended::Ended;
use super::task::Task;
use super::time::Time;
use crate::regions::{Buffers, LazyRegions};
use sysreel_format::syscall_info::{self, Info, Outcome};

/// One thing that a log tells.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A call begins. Only with [`Calls::with_entries`](super::Calls::with_entries); the same call
    /// comes again as [`Item::Call`].
    Entered(Call<'a>),
    /// A call has ended, or its task, or the log: [`Call::ended`] says which.
    Call(Call<'a>),
    /// The exit of a call whose entry is not in the log: the recorder attached during it, or events
    /// are missing. A new task begins with the exit of the call that made it.
    ExitOnly(At<'a, Outcome>),
    /// A signal is about to be delivered.
    Signal(At<'a, Signal<'a>>),
    /// A stop that belongs to no call and delivers no signal: a group stop, a ptrace event, or one
    /// of a form that is unknown. Other items tell what most of these mean.
    Stop(At<'a, Stop<'a>>),
    /// A task appears.
    TaskStart(At<'a, TaskHead>),
    /// A task has another tid: an execve(2) in a thread that does not lead its group.
    Renamed(At<'a, Renamed>),
    /// A task runs another program, or the recorder has attached to it: the state in which it was
    /// found. The call comes later; it has not returned yet.
    Exec(Exec<'a>),
    /// A task ends. Its call, if one is open, comes first.
    TaskEnd(At<'a, Gone>),
    /// The recorder changed something in a task.
    Altered(At<'a, Alterations<'a>>),
    /// Recording of a task pauses or goes on.
    Unrecorded(At<'a, Unrecorded>),
    /// Events are missing.
    Lost(Lost<'a>),
    /// A message of the recorder.
    Note(At<'a, Note<'a>>),
    /// The program set a mark with this name.
    Mark(At<'a, &'a [u8]>),
    /// The clocks of the recording machine, read together.
    Clock(At<'a, Clock>),
    /// An event, or a part of it, could not be decoded.
    Damage(Damage<'a>),
    /// An event of a kind that this version does not know.
    Other(At<'a, ()>),
}

impl<'a> Item<'a> {
    /// Returns the event that the item comes from. `None` for events that are missing, and for a
    /// call that is open at the end of the log.
    #[must_use]
    pub fn event(&self) -> Option<Event<'a>> {
        Some(match self {
            Self::Entered(call) | Self::Call(call) => return call.event(),
            Self::ExitOnly(at) => at.event,
            Self::Signal(at) => at.event,
            Self::Stop(at) => at.event,
            Self::TaskStart(at) => at.event,
            Self::Renamed(at) => at.event,
            Self::Exec(exec) => exec.event,
            Self::TaskEnd(at) => at.event,
            Self::Altered(at) => at.event,
            Self::Unrecorded(at) => at.event,
            Self::Lost(Lost::Recorder(at)) => at.event,
            Self::Lost(Lost::Hole(_)) => return None,
            Self::Note(at) => at.event,
            Self::Mark(at) => at.event,
            Self::Clock(at) => at.event,
            Self::Damage(damage) => damage.event,
            Self::Other(at) => at.event,
        })
    }
}

/// Something that happened, with its event and its task.
#[derive(Clone, Copy, Debug)]
pub struct At<'a, T> {
    /// The event as it is stored: number, time, source, bytes.
    pub event: Event<'a>,
    /// The task that it concerns.
    pub task: Task<'a>,
    /// What happened.
    pub what: T,
}

impl<T> At<'_, T> {
    /// Returns the number of the event.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.event.number
    }

    /// Returns the time of the event.
    #[must_use]
    pub fn time(&self) -> Time {
        Time::from_nanos(self.event.t_ns)
    }
}

/// A signal at its delivery.
#[derive(Clone, Copy, Debug)]
pub struct Signal<'a> {
    /// Its number.
    pub number: u32,
    /// Its `siginfo_t` in the layout of a 64-bit program; `None` if the log does not have it.
    pub siginfo: Option<&'a [u8]>,
    /// The stop.
    pub stop: Stop<'a>,
}

/// The low byte of the wait status of a stop (ptrace(2)).
pub(super) const STOPPED: u32 = 0x7f;
/// The bit that PTRACE_O_TRACESYSGOOD sets in the signal of a syscall stop.
const SYSGOOD: u32 = 0x80;

impl<'a> Signal<'a> {
    /// Returns the signal that a stop delivers, if it does.
    pub(super) fn of(stop: &sysreel_format::Stop<'a>) -> Option<Self> {
        let (low, number, event) =
            (stop.wait_status & 0xff, stop.wait_status >> 8 & 0xff, stop.wait_status >> 16);
        if low != STOPPED || event != 0 || number & SYSGOOD != 0 {
            return None;
        }
        let siginfo = stop.parts.flatten().find_map(|part| match part {
            Part::Siginfo(bytes) => Some(bytes),
            _ => None,
        });
        Some(Self { number, siginfo, stop: Stop { stop: *stop } })
    }

    /// Returns its name, such as `SIGTERM`; `None` if it has none.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        i32::try_from(self.number).ok().and_then(sysreel_abi::signal_name)
    }
}

/// A stop of a task.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a> {
    /// The stop as it is stored: wait status, the kernel's struct, parts.
    pub stop: sysreel_format::Stop<'a>,
}

impl Stop<'_> {
    /// Decodes the kernel's struct.
    #[must_use]
    pub fn info(&self) -> Info {
        syscall_info::decode(self.stop.layout, self.stop.info)
    }
}

/// The state in which the recorder found a process: after execve(2), or at attach.
#[derive(Clone, Copy)]
pub struct Exec<'a> {
    /// The event.
    pub event: Event<'a>,
    /// The task.
    pub task: Task<'a>,
    /// The state: program, arguments, descriptors, mappings.
    pub found: &'a ProcessSnapshot,
    pub(super) exit: &'a LazyRegions,
    pub(super) buffers: &'a dyn Buffers,
}

impl<'a> Exec<'a> {
    /// Returns the call of execve(2) that began the program, which has not returned yet. `None` if
    /// the recorder attached to the task.
    #[must_use]
    pub fn call(&self) -> Option<Call<'a>> {
        let open = self.task.known()?.open.as_ref()?;
        let Self { exit, buffers, task: Task { id, state }, .. } = *self;
        open.row.filter(|row| row.kind == CallKind::Exec)?;
        let (event, outcome, ended) = (None, None, Ended::Unfinished);
        Some(Call { task: id, open, event, outcome, ended, exit, state, buffers })
    }
}

impl fmt::Debug for Exec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec")
            .field("event", &self.event)
            .field("task", &self.task)
            .field("found", &self.found)
            .field("call", &self.call())
            .finish()
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It exited with this status.
    Exited(u8),
    /// A signal killed it.
    Killed {
        /// The signal.
        signal: u32,
        /// Whether the kernel dumped core.
        core: bool,
    },
    /// Another thread of its process made an execve(2) and took its tid.
    Superseded,
    /// It was gone without a report.
    Vanished,
    /// The recorder detached from it.
    Detached,
    /// It ended in a way that this version does not know.
    Unknown,
}

impl At<'_, Gone> {
    /// Returns how the task ended.
    #[must_use]
    pub fn end(&self) -> End {
        let status = self.what.wait_status;
        match self.what.how {
            // A wait status (wait(2)): the signal in the low 7 bits, then the core flag, and the
            // exit status above.
            GoneHow::REAPED if status & 0x7f == 0 => End::Exited((status >> 8 & 0xff) as u8),
            GoneHow::REAPED => End::Killed { signal: status & 0x7f, core: status & 0x80 != 0 },
            GoneHow::SUPERSEDED => End::Superseded,
            GoneHow::VANISHED => End::Vanished,
            GoneHow::DETACHED => End::Detached,
            _ => End::Unknown,
        }
    }

    /// Returns the CPU time that the task used, in user mode and in the kernel.
    #[must_use]
    pub fn cpu_time(&self) -> (Duration, Duration) {
        (Duration::from_nanos(self.what.utime_ns), Duration::from_nanos(self.what.stime_ns))
    }
}

/// What the recorder changed at one event.
#[derive(Clone, Copy, Debug)]
pub struct Alterations<'a> {
    pub(super) one: Option<Altered<'a>>,
    pub(super) parts: Option<Parts<'a>>,
}

impl<'a> IntoIterator for Alterations<'a> {
    type Item = Altered<'a>;
    type IntoIter = AlterationsIter<'a>;

    fn into_iter(self) -> AlterationsIter<'a> {
        AlterationsIter(self)
    }
}

/// An iterator over [`Alterations`].
#[derive(Clone, Debug)]
pub struct AlterationsIter<'a>(Alterations<'a>);

impl<'a> Iterator for AlterationsIter<'a> {
    type Item = Altered<'a>;

    fn next(&mut self) -> Option<Altered<'a>> {
        self.0.one.take().or_else(|| {
            self.0.parts.as_mut()?.find_map(|part| match part {
                Ok(Part::Altered(altered)) => Some(altered),
                _ => None,
            })
        })
    }
}

/// Events that are missing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Lost<'a> {
    /// The recorder lost them and counted them.
    Recorder(At<'a, Loss>),
    /// They are missing from the file.
    Hole(Missing),
}

impl Lost<'_> {
    /// Returns how many are missing, if known.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Recorder(at) => Some(at.what.count),
            Self::Hole(missing) => missing.count,
        }
    }
}

/// An event that could not be decoded, in full or in part.
#[derive(Clone, Copy, Debug)]
pub struct Damage<'a> {
    /// The event.
    pub event: Event<'a>,
    /// Its task.
    pub task: Task<'a>,
    /// What of it could not be decoded.
    pub what: Damaged,
    /// Why.
    pub error: &'a sysreel_format::Error,
}

/// What of an event could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damaged {
    /// All of it: no other item comes of it.
    Event,
    /// One of its parts, and those after it.
    Part,
    /// The state of a process.
    Snapshot,
}

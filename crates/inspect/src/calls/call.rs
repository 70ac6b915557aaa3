//! A call, with all that the log knows of it.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use sysreel_abi::{Abi, AuditArch, Row, intent, syscall_name};
use sysreel_format::{Body, Event, Parts, SourceId, Stop, TaskId};

use super::ended::Ended;
use super::task::Task;
use super::time::Time;
use crate::regions::{Buffers, LazyRegions, Regions};
use crate::state::{OpenCall, OpenFile, ProcessId, ResolvedCall, Tracker};
use sysreel_format::syscall_info::{self, Outcome};

/// A call that the driver yields: borrowed from its state and from the event.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub(super) task: TaskId,
    pub(super) open: &'a OpenCall,
    /// The event at which the call is yielded; `None` at the end of the log.
    pub(super) event: Option<Event<'a>>,
    /// The result, if its exit is in the log.
    pub(super) outcome: Option<Outcome>,
    pub(super) ended: Ended,
    pub(super) exit: &'a LazyRegions,
    pub(super) state: &'a Tracker,
    pub(super) buffers: &'a dyn Buffers,
}

impl<'a> Call<'a> {
    /// Returns the number of the event at which it began.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.open.number
    }

    /// Returns the number of the event at which it returned; `None` if it did not, or has not yet.
    #[must_use]
    pub fn exit_number(&self) -> Option<u64> {
        self.outcome.and(self.event).map(|event| event.number)
    }

    /// Returns the event at which it comes: its entry in [`Item::Entered`](super::Item::Entered),
    /// otherwise its exit or the end of its task. `None` at the end of the log.
    #[must_use]
    pub fn event(&self) -> Option<Event<'a>> {
        self.event
    }

    /// Returns the stop of [`Self::event`], as it is stored.
    #[must_use]
    pub fn stop(&self) -> Option<Stop<'a>> {
        match self.event?.decode() {
            Ok(Body::Stop(stop)) => Some(stop),
            _ => None,
        }
    }

    /// Returns where the report of its end comes from, or that of its entry if it has none: from
    /// the kernel, or from code in the process.
    #[must_use]
    pub fn source(&self) -> SourceId {
        self.event.map_or(self.open.source, |event| event.source)
    }

    /// Returns the task that made it.
    #[must_use]
    pub fn task(&self) -> Task<'a> {
        Task { id: self.task, state: self.state }
    }

    /// Returns the process that made it, as [`Task::process`].
    #[must_use]
    pub fn process(&self) -> ProcessId {
        self.task().process()
    }

    /// Returns the state of the recorded system when the call ended: with the descriptors that it
    /// closes, and with those that it makes. What other threads changed while it went on is in it
    /// too, so its arguments are asked of [`Self::fd`], [`Self::file`] and [`Self::paths`].
    #[must_use]
    pub fn state(&self) -> &'a Tracker {
        self.state
    }

    /// Returns its name, such as `openat`. Calls that socketcall(2) and ipc(2) multiplex have their
    /// own names. One that this version does not know is called by its number: `syscall_0x1f4`.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self.known_name() {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("syscall_{:#x}", self.open.call.nr)),
        }
    }

    pub(crate) fn known_name(&self) -> Option<&'static str> {
        self.row().map(|row| row.name).or_else(|| syscall_name(self.open.arch, self.open.call.nr))
    }

    /// Returns its row in the table of system calls: prototype, classes, kind. `None` if the table
    /// does not have it.
    #[must_use]
    pub fn row(&self) -> Option<&'static Row> {
        self.resolved().map(|call| call.row)
    }

    /// Returns its number as the kernel reported it, all 64 bits.
    #[must_use]
    pub fn nr(&self) -> u64 {
        self.open.call.nr
    }

    /// Returns the architecture that its entry stop reported.
    #[must_use]
    pub fn arch(&self) -> AuditArch {
        self.open.arch
    }

    /// Returns its ABI; `None` if this version does not know it.
    #[must_use]
    pub fn abi(&self) -> Option<Abi> {
        self.open.abi
    }

    /// Returns what the descriptor in an argument referred to when the call began: its name, mode,
    /// addresses, and how it was made. Other threads may have closed or replaced it since. `None`
    /// if there is no such argument, or it is not an open descriptor, or processes are not followed
    /// ([`Follow::processes`](crate::state::Follow)).
    #[must_use]
    pub fn fd(&self, arg: &str) -> Option<Rc<OpenFile>> {
        self.file_at(self.row()?.arg(arg))
    }

    /// Returns the file from which it takes data: that of read(2), the source of sendfile(2), the
    /// socket of recvmsg(2), the directory of getdents64(2). `None` for other kinds of calls, and
    /// where [`Self::fd`] is `None`.
    #[must_use]
    pub fn reads(&self) -> Option<Rc<OpenFile>> {
        self.file_at(intent::data_fds(self.row()?).0)
    }

    /// Returns the file to which it passes data: that of write(2), the destination of
    /// copy_file_range(2), the socket of sendmsg(2). `None` for other kinds of calls, and as for
    /// [`Self::fd`]. [`Ended::value`] is how many bytes it wrote. Writes to mapped memory are no
    /// calls.
    #[must_use]
    pub fn writes(&self) -> Option<Rc<OpenFile>> {
        self.file_at(intent::data_fds(self.row()?).1)
    }

    fn file_at(&self, arg: Option<usize>) -> Option<Rc<OpenFile>> {
        self.file(self.resolved()?.fd(arg?)?)
    }

    /// Returns what a descriptor of its task referred to when the call began, as [`Self::fd`]: for
    /// descriptors in memory, such as those of poll(2).
    #[must_use]
    pub fn file(&self, fd: i32) -> Option<Rc<OpenFile>> {
        self.state.argument_file(self.task, self.open, fd)
    }

    /// Returns the time of its entry stop.
    #[must_use]
    pub fn start(&self) -> Time {
        Time::from_nanos(self.open.t_ns)
    }

    /// Returns the time from its entry stop to its exit stop, the recorder's own work included;
    /// `None` if it did not return.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let end = self.outcome.and(self.event)?.t_ns;
        Some(Time::from_nanos(end).since(self.start()))
    }

    /// Returns how it ended.
    #[must_use]
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// Returns the result as the kernel reported it, if its exit is in the log.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Returns the instruction pointer at [`Self::stop`].
    #[must_use]
    pub fn ip(&self) -> Option<u64> {
        self.stop().and_then(|stop| syscall_info::decode(stop.layout, stop.info).ip)
    }

    /// Returns the row of the call that a restart_syscall(2) continues; `None` for other calls, and
    /// if the log does not show it, as when the recorder attached meanwhile.
    #[must_use]
    pub fn continues(&self) -> Option<&'static Row> {
        self.open.continues
    }

    /// Returns how it opens a file; `None` for a call that opens none, and if the log does not have
    /// the flags.
    #[must_use]
    pub fn opening(&self) -> Option<intent::Opening> {
        let call = self.resolved()?;
        let structure = |arg| self.open.memory.find(arg, call.role, 0)?.inline();
        intent::opening(call.abi, call.row, &call.args, structure)
    }

    pub(crate) fn resolved(&self) -> Option<ResolvedCall> {
        ResolvedCall::resolve(self.open)
    }

    pub(crate) fn open(&self) -> &'a OpenCall {
        self.open
    }

    pub(crate) fn buffers(&self) -> &'a dyn Buffers {
        self.buffers
    }

    /// Returns the memory that it wrote, if its exit is in the log.
    pub(crate) fn exit_regions(&self) -> Option<&'a Regions> {
        self.exit_parts().map(|parts| self.exit.get(parts))
    }

    /// Returns the parts of its exit stop, if its exit is in the log.
    pub(crate) fn exit_parts(&self) -> Option<Parts<'a>> {
        self.outcome.and(self.stop()).map(|stop| stop.parts)
    }

    /// Returns the call if its exit is in the log.
    pub(crate) fn returned(&self) -> Option<Returned<'a>> {
        let (outcome, event) = (self.outcome?, self.event?);
        Some(Returned {
            task: self.task,
            event: event.number,
            t_ns: event.t_ns,
            open: self.open,
            outcome,
            parts: self.exit_parts()?,
        })
    }
}

/// A call that has returned, with its parts at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned<'a> {
    /// The task that made it.
    pub(crate) task: TaskId,
    /// The number of its exit event.
    pub(crate) event: u64,
    /// The time of its exit stop, in nanoseconds (CLOCK_MONOTONIC).
    pub(crate) t_ns: u64,
    /// The call as it began.
    pub(crate) open: &'a OpenCall,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// The parts of its exit stop.
    pub(crate) parts: Parts<'a>,
}

//! An event as it stands in the log: a head, and a body that is decoded when somebody asks.

use crate::kind::{
    EventFlags, EventKind, Gap, GapReason, GoneHow, Layout, NoteCode, Origin, Severity,
    SnapshotKind, SourceId, TaskId,
};
use crate::part::{Altered, Parts};
use crate::wire::Wire;
use crate::{Error, limits};

/// The length of a row's head.
pub(crate) const ROW_HEAD: usize = 20;

/// One event, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its ordinal in the log, from 0.
    pub number: u64,
    /// What it reports.
    pub kind: EventKind,
    /// Who says so.
    pub source: SourceId,
    /// Its properties.
    pub flags: EventFlags,
    /// Which task it is about.
    pub task: TaskId,
    /// CLOCK_MONOTONIC in nanoseconds, taken when the wait that brought it returned.
    pub t_ns: u64,
    /// What the kind says it is: see [`Event::decode`].
    pub body: &'a [u8],
    row: &'a [u8],
}

/// The body of an event, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// One wait report of a stopped task.
    Stop(Stop<'a>),
    /// A task appears.
    Task(Task<'a>),
    /// A task is gone.
    Gone(Gone),
    /// A task has another tid.
    Renamed(Renamed),
    /// State that cannot be derived later.
    Snapshot {
        /// Which struct it is.
        what: SnapshotKind,
        /// Which version of it.
        version: u16,
        /// The struct; [`crate::MetaCodec::from_bytes`] decodes it.
        bytes: &'a [u8],
    },
    /// The clocks, read together.
    Clock(Clock),
    /// Events are missing.
    Loss(Loss),
    /// The recorder says something.
    Note(Note<'a>),
    /// The recorder changed something.
    Altered(Altered<'a>),
    /// A task is not recorded from here on, or is again.
    Unrecorded(Unrecorded),
    /// The name of a mark, UTF-8 if the writer kept its word.
    Mark(&'a [u8]),
    /// A kind that this version does not know.
    Unknown(&'a [u8]),
}

/// What a STOP begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopHead<'a> {
    /// The status that wait gave.
    pub wait_status: u32,
    /// What `PTRACE_GET_SYSCALL_INFO` returned: the length the kernel has, or minus errno. 0
    /// without bytes: not asked.
    pub info_ret: i32,
    /// The form of the bytes.
    pub layout: Layout,
    /// The bytes the kernel wrote, no more and no less.
    pub info: &'a [u8],
}

/// One wait report of a stopped task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop<'a> {
    /// The status that wait gave.
    pub wait_status: u32,
    /// What `PTRACE_GET_SYSCALL_INFO` returned: the length the kernel has, or minus errno. 0
    /// without bytes: not asked.
    pub info_ret: i32,
    /// The form of the bytes.
    pub layout: Layout,
    /// The bytes the kernel wrote, no more and no less.
    pub info: &'a [u8],
    /// What was captured at the stop.
    pub parts: Parts<'a>,
}

/// One end of a part of a task's life that is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// Which end.
    pub gap: Gap,
    /// Why it is not recorded.
    pub reason: GapReason,
    /// The tid of the task that traces it, in the recorder's pid namespace; 0 where that is not
    /// known or there is none.
    pub tracer: u32,
}

/// What a TASK begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskHead {
    /// The kernel's id of the thread, in the recorder's pid namespace.
    pub tid: u32,
    /// The kernel's id of its process.
    pub tgid: u32,
    /// Which task made it, or [`TaskId::NONE`].
    pub parent: TaskId,
    /// How it came to be in the log.
    pub origin: Origin,
}

/// A task appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task<'a> {
    /// Who it is.
    pub head: TaskHead,
    /// Its ids in other pid namespaces, if known.
    pub parts: Parts<'a>,
}

/// A task is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The status that wait gave, or 0.
    pub wait_status: u32,
    /// How it went.
    pub how: GoneHow,
    /// Its CPU time in user mode, in nanoseconds.
    pub utime_ns: u64,
    /// Its CPU time in the kernel, in nanoseconds.
    pub stime_ns: u64,
    /// The most memory it had, in KiB.
    pub maxrss_kib: u64,
}

/// A task has another tid: an execve from a thread that is not the leader takes over the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Its tid before.
    pub old_tid: u32,
    /// Its tid from now on.
    pub new_tid: u32,
    /// Its process.
    pub tgid: u32,
}

/// The clocks, read together; all in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// CLOCK_MONOTONIC.
    pub monotonic: u64,
    /// CLOCK_REALTIME.
    pub realtime: u64,
    /// CLOCK_BOOTTIME.
    pub boottime: u64,
}

/// Events that the recorder knows it did not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// How many.
    pub count: u64,
    /// Why.
    pub reasons: crate::DropReasons,
}

/// Something the recorder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// What it is about.
    pub code: NoteCode,
    /// How much it matters.
    pub severity: Severity,
    /// In words; UTF-8 if the writer kept its word.
    pub text: &'a [u8],
}

impl<'a> Event<'a> {
    /// Takes a row apart. The row must be exactly as long as its head says.
    ///
    /// # Errors
    /// When it is not, or when it is above the limit.
    pub fn from_row(number: u64, row: &'a [u8]) -> Result<Self, Error> {
        if row.len() > limits::MAX_ROW {
            let (size, limit) = (row.len() as u64, limits::MAX_ROW as u64);
            return Err(Error::TooLarge { what: "event row", size, limit });
        }
        let mut wire = Wire::new("event row", row);
        let len = wire.len32()?;
        let event = Event {
            number,
            kind: EventKind(wire.u16()?),
            source: SourceId(wire.u8()?),
            flags: EventFlags(wire.u8()?),
            task: TaskId(wire.u32()?),
            t_ns: wire.u64()?,
            body: wire.rest(),
            row,
        };
        if event.body.len() == len { Ok(event) } else { Err(wire.malformed()) }
    }

    /// The whole row, head and body, for whoever writes it to another log.
    pub fn row(&self) -> &'a [u8] {
        self.row
    }

    /// Decodes the body. Bytes after the fields that this version knows are left alone.
    ///
    /// # Errors
    /// When the body is too short for its kind, or when an unknown kind must be understood.
    pub fn decode(&self) -> Result<Body<'a>, Error> {
        Ok(match self.kind {
            EventKind::STOP => Body::Stop(stop(self.body)?),
            EventKind::TASK => Body::Task(task(self.body)?),
            EventKind::GONE => Body::Gone(gone(self.body)?),
            EventKind::RENAMED => Body::Renamed(renamed(self.body)?),
            EventKind::SNAPSHOT => {
                let mut wire = Wire::new("snapshot", self.body);
                Body::Snapshot {
                    what: SnapshotKind(wire.u16()?),
                    version: wire.u16()?,
                    bytes: wire.rest(),
                }
            }
            EventKind::CLOCK => {
                let mut wire = Wire::new("clock", self.body);
                Body::Clock(Clock {
                    monotonic: wire.u64()?,
                    realtime: wire.u64()?,
                    boottime: wire.u64()?,
                })
            }
            EventKind::LOSS => {
                let mut wire = Wire::new("loss", self.body);
                Body::Loss(Loss { count: wire.u64()?, reasons: crate::DropReasons(wire.u32()?) })
            }
            EventKind::NOTE => {
                let mut wire = Wire::new("note", self.body);
                let (code, severity) = (NoteCode(wire.u16()?), Severity(wire.u16()?));
                Body::Note(Note { code, severity, text: wire.rest() })
            }
            EventKind::ALTERED => Body::Altered(Altered::decode(self.body)?),
            EventKind::MARK => Body::Mark(self.body),
            EventKind::UNRECORDED => {
                let mut wire = Wire::new("unrecorded", self.body);
                let (gap, reason) = (Gap(wire.u16()?), GapReason(wire.u16()?));
                Body::Unrecorded(Unrecorded { gap, reason, tracer: wire.u32()? })
            }
            EventKind(kind) if self.flags.contains(EventFlags::MUST_UNDERSTAND) => {
                return Err(Error::MustUnderstand { what: "event", kind, offset: self.number });
            }
            _ => Body::Unknown(self.body),
        })
    }
}

fn stop(body: &[u8]) -> Result<Stop<'_>, Error> {
    let mut wire = Wire::new("stop", body);
    let (wait_status, info_ret) = (wire.u32()?, wire.i32()?);
    let info_len = usize::from(wire.u16()?);
    let layout = Layout(wire.u8()?);
    wire.u8()?;
    if info_len > limits::MAX_INFO {
        return Err(wire.malformed());
    }
    let info = wire.take(info_len)?;
    Ok(Stop { wait_status, info_ret, layout, info, parts: Parts::new(wire.rest()) })
}

fn task(body: &[u8]) -> Result<Task<'_>, Error> {
    let mut wire = Wire::new("task", body);
    let head = TaskHead {
        tid: wire.u32()?,
        tgid: wire.u32()?,
        parent: TaskId(wire.u32()?),
        origin: Origin(wire.u16()?),
    };
    wire.u16()?;
    Ok(Task { head, parts: Parts::new(wire.rest()) })
}

fn gone(body: &[u8]) -> Result<Gone, Error> {
    let mut wire = Wire::new("gone", body);
    let (wait_status, how) = (wire.u32()?, GoneHow(wire.u16()?));
    wire.u16()?;
    let (utime_ns, stime_ns, maxrss_kib) = (wire.u64()?, wire.u64()?, wire.u64()?);
    Ok(Gone { wait_status, how, utime_ns, stime_ns, maxrss_kib })
}

fn renamed(body: &[u8]) -> Result<Renamed, Error> {
    let mut wire = Wire::new("renamed", body);
    Ok(Renamed { old_tid: wire.u32()?, new_tid: wire.u32()?, tgid: wire.u32()? })
}

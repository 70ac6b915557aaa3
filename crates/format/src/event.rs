//! Events as they are stored: a head, and a body that is decoded on request.

use crate::kind::{
    EventFlags, EventKind, Gap, GapReason, GoneHow, Layout, NoteCode, Origin, Severity,
    SnapshotKind, SourceId, TaskId,
};
use crate::part::{Altered, Parts};
use crate::wire::Wire;
use crate::{Error, limits};

/// The length of a row's head, in bytes.
pub(crate) const ROW_HEAD: usize = 20;

/// One event, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its ordinal in the log, from 0.
    pub number: u64,
    /// What it reports.
    pub kind: EventKind,
    /// Where the report comes from.
    pub source: SourceId,
    /// Its properties.
    pub flags: EventFlags,
    /// The task it is about.
    pub task: TaskId,
    /// CLOCK_MONOTONIC in nanoseconds, read when the wait that reported the event returned.
    pub t_ns: u64,
    /// The body, in the form of its kind: see [`Event::decode`].
    pub body: &'a [u8],
    row: &'a [u8],
}

/// The decoded body of an event.
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
    /// State of a process that cannot be derived later.
    Snapshot {
        /// The struct that `bytes` encode.
        what: SnapshotKind,
        /// The version of the struct.
        version: u16,
        /// The encoded struct, for [`crate::MetaCodec::from_bytes`].
        bytes: &'a [u8],
    },
    /// The clocks, read together.
    Clock(Clock),
    /// Events are missing.
    Loss(Loss),
    /// A message of the recorder.
    Note(Note<'a>),
    /// A change by the recorder.
    Altered(Altered<'a>),
    /// A gap in the recording of a task begins or ends.
    Unrecorded(Unrecorded),
    /// The name of a mark, normally UTF-8.
    Mark(&'a [u8]),
    /// The body of an event of an unknown kind.
    Unknown(&'a [u8]),
}

/// The fields of a STOP before its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopHead<'a> {
    /// The wait status.
    pub wait_status: u32,
    /// The return value of `PTRACE_GET_SYSCALL_INFO`: the length of the kernel's struct, or a
    /// negative errno. 0 without bytes if the request was not made.
    pub info_ret: i32,
    /// The layout of `info`.
    pub layout: Layout,
    /// The bytes that the kernel wrote.
    pub info: &'a [u8],
}

/// One wait report of a stopped task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop<'a> {
    /// The wait status.
    pub wait_status: u32,
    /// The return value of `PTRACE_GET_SYSCALL_INFO`: the length of the kernel's struct, or a
    /// negative errno. 0 without bytes if the request was not made.
    pub info_ret: i32,
    /// The layout of `info`.
    pub layout: Layout,
    /// The bytes that the kernel wrote.
    pub info: &'a [u8],
    /// What was captured at the stop.
    pub parts: Parts<'a>,
}

/// The beginning or end of a gap in the recording of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// Whether the gap begins or ends.
    pub gap: Gap,
    /// Why the task is not recorded.
    pub reason: GapReason,
    /// The tid of the task's other tracer, in the recorder's pid namespace; 0 if unknown or none.
    pub tracer: u32,
}

/// The fields of a TASK before its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskHead {
    /// The tid in the recorder's pid namespace.
    pub tid: u32,
    /// The tid of the thread group leader.
    pub tgid: u32,
    /// The task that created it, or [`TaskId::NONE`].
    pub parent: TaskId,
    /// How it entered the log.
    pub origin: Origin,
}

/// A task appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task<'a> {
    /// Its ids and origin.
    pub head: TaskHead,
    /// Its ids in other pid namespaces, if known.
    pub parts: Parts<'a>,
}

/// A task is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The wait status, or 0.
    pub wait_status: u32,
    /// How it left the log.
    pub how: GoneHow,
    /// Its CPU time in user mode, in nanoseconds.
    pub utime_ns: u64,
    /// Its CPU time in the kernel, in nanoseconds.
    pub stime_ns: u64,
    /// Its peak resident set size in KiB.
    pub maxrss_kib: u64,
}

/// A task changed its tid: an execve from a thread that is not the leader takes over the leader's
/// tid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The tid before.
    pub old_tid: u32,
    /// The tid from now on.
    pub new_tid: u32,
    /// The tid of the thread group leader.
    pub tgid: u32,
}

/// The clocks, read together, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// CLOCK_MONOTONIC.
    pub monotonic: u64,
    /// CLOCK_REALTIME.
    pub realtime: u64,
    /// CLOCK_BOOTTIME.
    pub boottime: u64,
}

/// Events that are missing from the log and that the recorder counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The number of events.
    pub count: u64,
    /// Why they are missing.
    pub reasons: crate::DropReasons,
}

/// A message of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The subject.
    pub code: NoteCode,
    /// The severity.
    pub severity: Severity,
    /// The text, normally UTF-8.
    pub text: &'a [u8],
}

impl<'a> Event<'a> {
    /// Decodes the head of a row. The row must be exactly as long as its head says.
    ///
    /// # Errors
    /// If the row has another length than its head says, or exceeds [`limits::MAX_ROW`].
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

    /// Returns the whole row, head and body, for copying to another log.
    pub fn row(&self) -> &'a [u8] {
        self.row
    }

    /// Decodes the body. Bytes after the known fields are ignored.
    ///
    /// # Errors
    /// If the body is too short for its kind, or if the kind is unknown and must not be skipped.
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

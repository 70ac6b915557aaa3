//! A cursor over event outlines, without most fields: several times faster than decoding whole
//! events.

use super::source::ReadAt;
use super::store::Depth;
use super::{Events, Item, Log, Missing};
use crate::Error;
use crate::event::Event;
use crate::kind::{EventKind, Layout, TaskId};
use crate::sites;
use crate::syscall_info::{ARCH, MERGED};
use crate::wire::{u32_at, u64_at};

/// A cursor over the outlines of all events, in order. For blocks in columns it decompresses only
/// the frames it needs.
#[derive(Debug)]
pub struct Outlines<'a, S>(pub(super) Events<'a, S>);

/// An item that an outline cursor yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutlineItem<'a> {
    /// An event.
    Event(Outline<'a>),
    /// Missing events.
    Missing(Missing),
}

/// The outline of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline<'a> {
    /// Its number.
    pub number: u64,
    /// Its kind.
    pub kind: EventKind,
    /// Its task.
    pub task: TaskId,
    /// The fields that depend on the kind.
    pub what: What<'a>,
}

/// The fields of an outline that depend on the kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// The entry of a call, with a struct of the usual length.
    Entry {
        /// `AUDIT_ARCH_*`.
        arch: u32,
        /// The instruction pointer.
        ip: u64,
        /// The number of the call.
        nr: u64,
    },
    /// The exit of a call, with a struct of the usual length.
    Exit {
        /// `AUDIT_ARCH_*`.
        arch: u32,
        /// Not 0 if the call failed.
        is_error: u8,
    },
    /// Another stop, with its struct but without its parts.
    Stop {
        /// The wait status.
        wait_status: u32,
        /// The layout of `info`.
        layout: Layout,
        /// The bytes of the syscall info struct.
        info: &'a [u8],
    },
    /// An event other than a stop, complete except for its time.
    Other(Event<'a>),
}

impl<S: ReadAt> Log<S> {
    /// Returns a cursor over the outlines of all events: their tasks, call sites, and whether calls
    /// failed.
    pub fn outlines(&self) -> Outlines<'_, S> {
        let mut events = self.events();
        events.depth = Depth::Outlines;
        Outlines(events)
    }
}

impl<S: ReadAt> Outlines<'_, S> {
    /// Returns the next event or hole; `None` at the end.
    ///
    /// # Errors
    /// As [`Events::next`].
    #[expect(clippy::should_implement_trait, reason = "as Events::next")]
    pub fn next(&mut self) -> Result<Option<OutlineItem<'_>>, Error> {
        Ok(self.0.next()?.map(|item| match item {
            Item::Event(event) => OutlineItem::Event(Outline::from_event(event)),
            Item::Missing(missing) => OutlineItem::Missing(missing),
        }))
    }

    /// Returns the bytes of rows in the blocks and tail records reached so far.
    pub fn row_bytes(&self) -> u64 {
        self.0.row_bytes
    }

    /// Returns the latest event time in nanoseconds in the blocks and tail records reached so far.
    pub fn latest(&self) -> u64 {
        self.0.latest
    }
}

impl<'a> Outline<'a> {
    fn from_event(event: Event<'a>) -> Self {
        let Event { number, kind, task, body, .. } = event;
        Outline { number, kind, task, what: What::from_event(event, body) }
    }
}

impl<'a> What<'a> {
    fn from_event(event: Event<'a>, body: &'a [u8]) -> Self {
        if event.kind != EventKind::STOP {
            return What::Other(event);
        }
        let at = sites::STOP_HEAD_LEN;
        let whole = |head: &[u8], len| body.len() >= len && body.starts_with(head);
        let stop = || {
            if whole(&sites::ENTRY_HEAD, sites::ENTRY_LEN) {
                let (arch, ip, nr) = (
                    u32_at(body, at + ARCH)?,
                    u64_at(body, at + MERGED.ip)?,
                    u64_at(body, at + MERGED.nr)?,
                );
                return Some(What::Entry { arch, ip, nr });
            }
            if whole(&sites::EXIT_HEAD, sites::EXIT_LEN) {
                let (arch, is_error) = (u32_at(body, at + ARCH)?, *body.get(at + MERGED.is_error)?);
                return Some(What::Exit { arch, is_error });
            }
            let len = usize::from(u16::from_le_bytes([*body.get(8)?, *body.get(9)?]));
            let (wait_status, layout) = (u32_at(body, 0)?, Layout(*body.get(10)?));
            Some(What::Stop { wait_status, layout, info: body.get(at..at.checked_add(len)?)? })
        };
        // A truncated stop: its reader reports the error.
        stop().unwrap_or(What::Other(event))
    }
}

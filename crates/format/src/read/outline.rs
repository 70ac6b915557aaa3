//! A cursor that tells which events there are, without what is in most of them: several times
//! faster than the whole.

use super::source::ReadAt;
use super::{Events, Item, Missing};
use crate::Error;
use crate::event::Event;
use crate::kind::{EventKind, Layout, TaskId};
use crate::sites;
use crate::syscall_info::{ARCH, MERGED};
use crate::wire::{u32_at, u64_at};

/// A cursor over the outlines of all events, in order. Of blocks in columns it decompresses no more
/// frames than it needs.
#[derive(Debug)]
pub struct Outlines<'a, S>(pub(super) Events<'a, S>);

/// What an outline cursor finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutlineItem<'a> {
    /// An event.
    Event(Outline<'a>),
    /// Events that should be there, and are not.
    Missing(Missing),
}

/// An event in outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline<'a> {
    /// Its number.
    pub number: u64,
    /// Its kind.
    pub kind: EventKind,
    /// Its task.
    pub task: TaskId,
    /// What more is known.
    pub what: What<'a>,
}

/// What is known of an event in outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// The entry of a call, in a struct of today's length.
    Entry {
        /// The architecture, as the kernel numbers it.
        arch: u32,
        /// From where.
        ip: u64,
        /// Which call.
        nr: u64,
    },
    /// The exit of a call, in a struct of today's length.
    Exit {
        /// The architecture.
        arch: u32,
        /// The kernel's own word for failure.
        is_error: u8,
    },
    /// Another stop: with its struct, but without its parts.
    Stop {
        /// The status that wait gave.
        wait_status: u32,
        /// Which layout the struct has.
        layout: Layout,
        /// The struct.
        info: &'a [u8],
    },
    /// An event that is no stop, whole but for its time.
    Other(Event<'a>),
}

impl<S: ReadAt> Outlines<'_, S> {
    /// The next event or hole; `None` at the end.
    ///
    /// # Errors
    /// As [`Events::next`].
    #[expect(clippy::should_implement_trait, reason = "as Events::next")]
    pub fn next(&mut self) -> Result<Option<OutlineItem<'_>>, Error> {
        Ok(self.0.next()?.map(|item| match item {
            Item::Event(event) => OutlineItem::Event(Outline::of(event)),
            Item::Missing(missing) => OutlineItem::Missing(missing),
        }))
    }

    /// How many bytes of rows the events stand for that were given so far, whole blocks at a time.
    pub fn row_bytes(&self) -> u64 {
        self.0.row_bytes
    }

    /// The latest time of an event in what was given so far, whole blocks at a time.
    pub fn latest(&self) -> u64 {
        self.0.latest
    }
}

impl<'a> Outline<'a> {
    fn of(event: Event<'a>) -> Self {
        let Event { number, kind, task, body, .. } = event;
        Outline { number, kind, task, what: What::of(event, body) }
    }
}

impl<'a> What<'a> {
    fn of(event: Event<'a>, body: &'a [u8]) -> Self {
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
        // A stop too short to be one is for its reader to refuse.
        stop().unwrap_or(What::Other(event))
    }
}

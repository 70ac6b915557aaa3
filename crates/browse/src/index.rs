//! The index of a log: its rows, and what rows have in common. Threads share it.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use sysreel_inspect::print::Spot;

use crate::row::{NEVER, Row};

/// The rows of a piece: lists that grow by copying would need twice the memory.
const PIECE: usize = 1 << 14;

/// A task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
    pub(crate) tid: u32,
    pub(crate) pid: u32,
    /// The nodes that its process was in, each with the event from which on it was.
    pub(crate) nodes: Vec<(u64, u32)>,
}

impl Task {
    /// The node in which one of its rows ended.
    pub(crate) fn node(&self, row: &Row) -> Option<u32> {
        let after = self.nodes.partition_point(|(from, _)| *from <= row.last());
        self.nodes.get(after.checked_sub(1)?).map(|(_, node)| *node)
    }
}

/// A process, from its beginning or an execve(2) to its end or the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) parent: Option<u32>,
    pub(crate) pid: u32,
    /// Its program and arguments.
    pub(crate) title: String,
    /// How it ended; empty while it has not.
    pub(crate) end: String,
    pub(crate) calls: u64,
    pub(crate) failed: u64,
}

/// An open file description.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Object {
    /// Its name, by its number in [`Index::files`].
    pub(crate) name: u32,
    /// The event at which it appeared.
    pub(crate) event: u64,
}

/// How far a log was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Still being read.
    #[default]
    On,
    /// All of it was read, with what is missing or damaged; empty if nothing is.
    Done(String),
    /// It cannot be read on.
    Failed(String),
}

/// The number of the row of a call that goes on is this and the event at which it began: it has a
/// place among the others when it has returned.
const OPEN: usize = 1 << 48;

/// Returns the number of the row of a call that goes on.
pub(crate) fn open_number(row: &Row) -> Option<usize> {
    usize::try_from(row.first()).ok()?.checked_add(OPEN)
}

/// Returns the event at which a call began that went on when the row had this number.
pub(crate) fn open_event(number: usize) -> Option<u64> {
    u64::try_from(number.checked_sub(OPEN)?).ok()
}

/// What is known of a log. All lists but `open` only grow.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pieces: Vec<Vec<Row>>,
    len: usize,
    /// The calls that go on while the log is being written, in the order in which they began.
    pub(crate) open: Vec<Row>,
    /// The names of calls.
    pub(crate) names: Vec<String>,
    pub(crate) tasks: HashMap<u32, Task, RandomState>,
    pub(crate) nodes: Vec<Node>,
    objects: Vec<Object>,
    /// The later names of objects, by their numbers in `files`, each with the event from which on
    /// it was seen.
    pub(crate) renamed: HashMap<u32, Vec<(u64, u32)>, RandomState>,
    /// The names of files.
    pub(crate) files: Vec<Box<[u8]>>,
    pub(crate) reading: Reading,
    /// The number of events that were read, and that the log has, if it says so.
    pub(crate) events: (u64, Option<u64>),
    /// The time of the start of the recording (CLOCK_MONOTONIC), in nanoseconds.
    pub(crate) start_ns: u64,
    /// Whether more comes when the recorder goes on.
    pub(crate) is_growing: bool,
}

impl Index {
    /// An empty one. `is_growing`: whether more comes when the recorder goes on.
    pub(crate) fn new(is_growing: bool) -> Self {
        Self { is_growing, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, row: Row) {
        if self.len.is_multiple_of(PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(row);
            self.len = self.len.saturating_add(1);
        }
    }

    pub(crate) fn row(&self, number: usize) -> Option<&Row> {
        if let Some(event) = open_event(number) {
            let at = self.open.binary_search_by_key(&event, Row::first).ok()?;
            return self.open.get(at);
        }
        self.pieces.get(number / PIECE)?.get(number % PIECE)
    }

    /// The rows from one on, with their numbers.
    pub(crate) fn rows_from(&self, number: usize) -> impl Iterator<Item = (usize, &Row)> {
        let pieces = self.pieces.iter().enumerate().skip(number / PIECE);
        pieces.flat_map(move |(piece, rows)| {
            let start = piece.saturating_mul(PIECE);
            let skip = number.saturating_sub(start);
            rows.iter().enumerate().skip(skip).map(move |(at, row)| (start.saturating_add(at), row))
        })
    }

    /// The rows before one, the nearest first, with their numbers.
    pub(crate) fn rows_before(&self, number: usize) -> impl Iterator<Item = (usize, &Row)> {
        let end = number.min(self.len);
        let pieces = self.pieces.iter().enumerate().take(end.div_ceil(PIECE)).rev();
        pieces.flat_map(move |(piece, rows)| {
            let start = piece.saturating_mul(PIECE);
            let count = end.saturating_sub(start).min(rows.len());
            let rows = rows.iter().enumerate().take(count).rev();
            rows.map(move |(at, row)| (start.saturating_add(at), row))
        })
    }

    /// The first row that ends at an event or later, by binary search: rows are in the order of
    /// their ends.
    pub(crate) fn first_ending(&self, event: u64) -> usize {
        let piece =
            self.pieces.partition_point(|piece| piece.last().is_some_and(|row| row.last() < event));
        let within =
            self.pieces.get(piece).map_or(0, |rows| rows.partition_point(|row| row.last() < event));
        piece.saturating_mul(PIECE).saturating_add(within).min(self.len)
    }

    /// The row that an event belongs to: the call that began or ended there, or else the next row.
    /// `None` if the log is not read so far.
    pub(crate) fn row_at(&self, event: u64) -> Option<usize> {
        let next = self.first_ending(event);
        if self.row(next).is_none_or(|row| row.last() != event) {
            let began = self.rows_from(next).find(|(_, row)| row.first() == event);
            if let Some((at, _)) = began {
                return Some(at);
            }
            if self.reading == Reading::On {
                return (self.events.0 > event && next < self.len).then_some(next);
            }
        }
        self.len.checked_sub(1).map(|last| next.min(last))
    }

    pub(crate) fn object(&self, number: u32) -> Option<&Object> {
        self.objects.get(usize::try_from(number).ok()?).filter(|_| number != 0)
    }

    /// Adds an object unless it is known. Ordinals are given in turn, so the list has no holes to
    /// speak of.
    pub(crate) fn set_object(&mut self, number: u32, object: Object) {
        let Ok(at) = usize::try_from(number) else { return };
        if at >= self.objects.len() {
            self.objects.resize(at.saturating_add(1), Object { name: 0, event: NEVER });
        }
        if let Some(old) = self.objects.get_mut(at) {
            *old = object;
        }
    }

    /// The name under which an object appeared; empty if the log does not name it.
    pub(crate) fn file(&self, number: u32) -> &[u8] {
        self.file_at(number, 0)
    }

    /// The name of an object at an event.
    pub(crate) fn file_at(&self, number: u32, event: u64) -> &[u8] {
        let later = self.renamed.get(&number).and_then(|names| {
            let after = names.partition_point(|(from, _)| *from <= event);
            names.get(after.checked_sub(1)?).map(|(_, name)| *name)
        });
        let first = || self.object(number).map(|object| object.name);
        let name = later.or_else(first).and_then(|name| usize::try_from(name).ok());
        name.and_then(|name| self.files.get(name)).map_or(&[], |name| name)
    }

    pub(crate) fn name(&self, row: &Row) -> &str {
        self.names.get(usize::from(row.name)).map_or("", String::as_str)
    }

    /// Whether the program that the recording began with has ended, while others may go on.
    pub(crate) fn has_first_ended(&self) -> bool {
        let Some(first) = self.nodes.first().filter(|_| self.reading == Reading::On) else {
            return false;
        };
        let mut all = self.nodes.iter().filter(|node| node.pid == first.pid);
        all.all(|node| !node.end.is_empty())
    }

    /// The number of the last event that was read.
    pub(crate) fn last_event(&self) -> Option<u64> {
        self.events.0.checked_sub(1)
    }

    /// The node in which a row ended.
    pub(crate) fn node(&self, row: &Row) -> Option<u32> {
        self.tasks.get(&row.task)?.node(row)
    }

    /// Whether a node is another one or below it.
    pub(crate) fn is_under(&self, node: u32, above: u32) -> bool {
        let mut at = Some(node);
        // Parents come before their children.
        while let Some(node) = at.filter(|node| *node >= above) {
            if node == above {
                return true;
            }
            at = usize::try_from(node).ok().and_then(|node| self.nodes.get(node)?.parent);
        }
        false
    }

    /// Where a row is in the log.
    pub(crate) fn place(&self, row: &Row) -> Place {
        let task = self.tasks.get(&row.task);
        let (tid, pid) = task.map_or((0, 0), |task| (task.tid, task.pid));
        let file = self.file_at(row.object, row.last());
        Place {
            kind: row.kind(),
            first: row.first(),
            last: row.last(),
            tid,
            pid,
            file: (!file.is_empty()).then(|| file.to_vec()),
        }
    }
}

/// Where a row is in the log, without what it borrows from the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: sysreel_inspect::print::LineKind,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) tid: u32,
    pub(crate) pid: u32,
    pub(crate) file: Option<Vec<u8>>,
}

impl Place {
    pub(crate) fn spot(&self) -> Spot<'_> {
        Spot {
            kind: self.kind,
            first: self.first,
            last: self.last,
            tid: self.tid,
            tgid: self.pid,
            file: self.file.as_deref(),
        }
    }
}

//! The cursor over events: file first, then tail; every number comes exactly once, as an event or
//! as missing.

use super::ahead::{Ahead, Answer};
use super::blob_count::BlobCount;
use super::source::ReadAt;
use super::store::{Found, Loader};
use super::tail::TailCursor;
use super::walk::{Step, Walk};
use super::{Item, Log, Missing, Why};
use crate::Error;
use crate::block::MUST_UNDERSTAND;
use crate::event::{Event, ROW_HEAD};
use crate::kind::BlockKind;
use crate::limits::{MAX_ITEMS, MAX_ROW};
use crate::sites;
use crate::wire::u32_at;
use crate::zframe::hash128;

/// A cursor over the events of a log, in order.
#[derive(Debug)]
pub struct Events<'a, S> {
    log: &'a Log<S>,
    walk: Walk,
    loader: Loader,
    /// The rows of the current block.
    rows: Vec<u8>,
    at: usize,
    /// The number of the row at `at`.
    row_number: u64,
    /// The number that comes next: all before it were given, as events or as missing.
    next: u64,
    /// Numbers below this are not wanted.
    from: u64,
    dropped: u64,
    /// Where and why something could not be read since the last good block.
    trouble: Option<(u64, Why)>,
    tail: TailCursor,
    /// A row of the tail that comes after a hole which is told first.
    pending: Option<(u64, std::ops::Range<usize>)>,
    place: Place,
    deep: bool,
    /// Blocks that other threads decode.
    ahead: Option<Ahead>,
    /// Only the outlines of rows are wanted.
    pub(super) outline: bool,
    blobs: BlobCount,
    /// Bytes of rows in the blocks and records that the cursor came to, and the latest time in
    /// them.
    pub(super) row_bytes: u64,
    pub(super) latest: u64,
}

/// Where a cursor is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Blocks,
    /// In the tail; the file ended at that offset, for that reason.
    Tail(u64, Why),
    End,
}

/// What one move of the cursor gave.
enum Moved {
    /// Rows, or another place: look again.
    On,
    Missing(Missing),
    /// A row in the tail, and its number.
    TailRow(u64, std::ops::Range<usize>),
}

impl<'a, S: ReadAt> Events<'a, S> {
    /// Begins at a block before which all events up to `next` lie, `dropped` of them lost.
    pub(super) fn new(log: &'a Log<S>, at: u64, next: u64, dropped: u64, from: u64) -> Self {
        Events {
            log,
            walk: Walk::new(&log.store, at),
            loader: Loader::default(),
            rows: Vec::new(),
            at: 0,
            row_number: 0,
            next,
            from,
            dropped,
            trouble: None,
            tail: TailCursor::default(),
            pending: None,
            place: Place::Blocks,
            deep: false,
            ahead: None,
            outline: false,
            blobs: BlobCount::new(at == log.start),
            row_bytes: 0,
            latest: 0,
        }
    }

    /// Also compares each block with the hash in its header. zstd's own checksum is always
    /// compared.
    pub fn check_hashes(&mut self, yes: bool) {
        self.deep = yes;
    }

    /// Also reads each block of buffers and compares it with its checksum, so that
    /// [`Events::missing_blobs`] counts those of a damaged block too.
    pub fn check_blobs(&mut self, yes: bool) {
        self.blobs.check = yes;
    }

    /// How many blobs are missing between those that the file has, as far as the cursor came. Which
    /// there are is told by the headers of blocks, and at the end by the footer.
    pub fn missing_blobs(&self) -> u64 {
        self.blobs.missing
    }

    /// How many bytes of rows there are in what the cursor came to, whole blocks at a time.
    pub fn row_bytes(&self) -> u64 {
        self.row_bytes
    }

    /// The latest time of an event in what the cursor came to, whole blocks at a time.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// Lets others decode blocks from here on.
    pub(super) fn decode_ahead(&mut self, ahead: impl FnOnce(Walk, bool) -> Ahead) {
        self.ahead = Some(ahead(self.walk, self.outline));
    }

    /// The number that comes next: all before it were given, as events or as missing.
    pub fn next_number(&self) -> u64 {
        self.next.max(self.from)
    }

    /// The next event or hole; `None` at the end. What it gives lives until the next call.
    ///
    /// # Errors
    /// When reading fails, or an unknown block must be understood. Damage is no error: it is an
    /// [`Item::Missing`].
    #[expect(
        clippy::should_implement_trait,
        reason = "an item borrows the cursor's buffer: no Iterator can say that"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        loop {
            if let Some((number, range)) = self.row() {
                let row = self.rows.get(range).unwrap_or_default();
                return Ok(Some(Item::Event(Event::from_row(number, row)?)));
            }
            let moved = match self.place {
                Place::Blocks => self.move_in_blocks()?,
                Place::Tail(offset, why) => self.move_in_tail(offset, why)?,
                Place::End => return Ok(None),
            };
            match moved {
                Moved::On => {}
                Moved::Missing(missing) => {
                    if let Some(missing) = self.wanted(missing) {
                        return Ok(Some(Item::Missing(missing)));
                    }
                }
                Moved::TailRow(number, range) => {
                    if number >= self.from {
                        let event = Event::from_row(number, self.tail.row(range))?;
                        self.row_bytes = self.row_bytes.saturating_add(event.row().len() as u64);
                        self.latest = self.latest.max(event.t_ns);
                        return Ok(Some(Item::Event(event)));
                    }
                }
            }
        }
    }

    /// The next row of the block that is wanted and was not given yet.
    fn row(&mut self) -> Option<(u64, std::ops::Range<usize>)> {
        while self.at < self.rows.len() {
            let end = row_end(&self.rows, self.at)?;
            let (number, range) = (self.row_number, self.at..end);
            (self.at, self.row_number) = (end, self.row_number.saturating_add(1));
            if number >= self.next {
                self.next = number.saturating_add(1);
                if number >= self.from {
                    return Some((number, range));
                }
            }
        }
        None
    }

    /// The part of a hole that is wanted.
    fn wanted(&self, missing: Missing) -> Option<Missing> {
        let first = missing.first.max(self.from);
        let skipped = first.saturating_sub(missing.first);
        match missing.count {
            Some(count) if count <= skipped => None,
            Some(count) => {
                Some(Missing { first, count: Some(count.saturating_sub(skipped)), ..missing })
            }
            None => Some(Missing { first, ..missing }),
        }
    }

    fn move_in_blocks(&mut self) -> Result<Moved, Error> {
        let found = match self.walk.step(&self.log.store)? {
            Step::Block { found, damage } => {
                if let Some(from) = damage {
                    self.note_trouble(from, Why::Damaged);
                }
                found
            }
            Step::End { offset, torn } => return Ok(self.end_of_blocks(offset, torn)),
        };
        let header = &found.header;
        match header.kind {
            BlockKind::EVENTS => self.event_block(&found),
            BlockKind::FOOTER => {
                self.place = Place::End;
                if let Some(summary) = &self.log.summary {
                    self.blobs.comes(summary.blobs);
                }
                Ok(self.gap(
                    header.first_item,
                    header.dropped,
                    header.self_offset,
                    found.header.drop_reasons,
                ))
            }
            BlockKind::BLOBS => self.blob_block(&found),
            BlockKind::META | BlockKind::CHECKPOINT => Ok(Moved::On),
            BlockKind(kind) if header.flags & MUST_UNDERSTAND != 0 => {
                Err(Error::MustUnderstand { what: "block", kind, offset: header.self_offset })
            }
            _ => Ok(Moved::On),
        }
    }

    /// A damaged block of blobs may have been written again behind itself: its blobs are missing
    /// only if not.
    fn blob_block(&mut self, found: &Found) -> Result<Moved, Error> {
        if self.blobs.check && self.log.store.packed(found, &mut self.blobs.packed)?.is_err() {
            self.walk.distrust();
            return Ok(Moved::On);
        }
        if self.blobs.check {
            self.walk.trust();
        }
        self.blobs.block(&found.header);
        Ok(Moved::On)
    }

    fn event_block(&mut self, found: &Found) -> Result<Moved, Error> {
        let header = &found.header;
        let offset = header.self_offset;
        let Some(end) = header.first_item.checked_add(u64::from(header.n_items)) else {
            self.note_trouble(offset, Why::Damaged);
            return Ok(Moved::On);
        };
        if end <= self.from {
            // Not wanted, so not read: a block that is torn shows when the walk goes on.
            self.next = self.next.max(end);
            self.dropped = header.dropped;
            return Ok(Moved::On);
        }
        if header.codec > sites::CODEC {
            self.note_trouble(offset, Why::Codec(header.codec));
            return Ok(Moved::On);
        }
        let loaded = self.load(found)?;
        let whole = loaded.is_ok()
            && count_rows(&self.rows) == Some(header.n_items)
            && (!self.deep || self.outline || hash128(&self.rows) == header.logical_hash);
        if !whole {
            self.rows.clear();
            self.at = 0;
            self.walk.distrust();
            self.note_trouble(offset, Why::Damaged);
            return Ok(Moved::On);
        }
        self.walk.trust();
        self.row_bytes = self.row_bytes.saturating_add(header.raw_len);
        self.latest = self.latest.max(header.t_last);
        (self.at, self.row_number) = (0, header.first_item);
        Ok(self.gap(header.first_item, header.dropped, offset, header.drop_reasons))
    }

    /// Fills the rows from a block.
    fn load(&mut self, found: &Found) -> Result<Result<(), &'static str>, Error> {
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(ahead) = &mut self.ahead {
            match ahead.take(&self.log.store, found, rows) {
                Ok(Answer { rows, loaded }) => {
                    self.rows = rows;
                    return loaded;
                }
                Err(empty) => rows = empty,
            }
        }
        let loaded = self.loader.load_rows(&self.log.store, found, self.outline, &mut rows);
        self.rows = rows;
        loaded
    }

    /// A block says that the next event is `first`: what lies before it and was not given is
    /// missing.
    fn gap(&mut self, first: u64, dropped: u64, offset: u64, reasons: crate::DropReasons) -> Moved {
        let newly = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        let trouble = self.trouble.take();
        let Some(count) = first.checked_sub(self.next).filter(|count| *count != 0) else {
            return Moved::On;
        };
        let missing = if newly >= count {
            Missing { first: self.next, count: Some(count), offset, why: Why::Dropped(reasons) }
        } else {
            let (offset, why) = trouble.unwrap_or((offset, Why::Damaged));
            Missing { first: self.next, count: Some(count), offset, why }
        };
        self.next = first;
        Moved::Missing(missing)
    }

    fn note_trouble(&mut self, offset: u64, why: Why) {
        self.trouble.get_or_insert((offset, why));
    }

    fn end_of_blocks(&mut self, offset: u64, torn: bool) -> Moved {
        let trouble = self.trouble;
        if let Some(total) = self.log.total {
            // The trailer is there, but the footer was not found.
            self.place = Place::End;
            return self.gap(total, self.dropped, offset, crate::DropReasons::default());
        }
        let why = if torn { Why::Truncated } else { Why::Unfinished };
        let (offset, why) = trouble.unwrap_or((offset, why));
        self.place = Place::Tail(offset, why);
        Moved::On
    }

    fn move_in_tail(&mut self, offset: u64, why: Why) -> Result<Moved, Error> {
        let everything_else = Missing { first: self.next, count: None, offset, why };
        let Some(tail) = self.log.tail.as_ref().filter(|tail| tail.known.is_some()) else {
            self.place = Place::End;
            return Ok(Moved::Missing(everything_else));
        };
        if let Some((number, range)) = self.pending.take() {
            self.next = number.saturating_add(1);
            return Ok(Moved::TailRow(number, range));
        }
        while let Some((number, range)) = tail.next(&mut self.tail)? {
            if number < self.next {
                continue;
            }
            if number > self.next {
                let count = number.checked_sub(self.next);
                (self.next, self.pending) = (number, Some((number, range)));
                return Ok(Moved::Missing(Missing { count, ..everything_else }));
            }
            self.next = number.saturating_add(1);
            return Ok(Moved::TailRow(number, range));
        }
        self.place = Place::End;
        // A segment that is free again had events that should be in the file.
        let gone =
            tail.known.and_then(|known| known.checked_sub(self.next)).filter(|count| *count != 0);
        if tail.damaged {
            return Ok(Moved::Missing(Missing { why: Why::Damaged, ..everything_else }));
        }
        Ok(gone.map_or(Moved::On, |count| {
            Moved::Missing(Missing { count: Some(count), ..everything_else })
        }))
    }
}

/// Where the row that begins at `at` ends.
fn row_end(rows: &[u8], at: usize) -> Option<usize> {
    let len = usize::try_from(u32_at(rows, at)?).ok()?.checked_add(ROW_HEAD)?;
    let end = at.checked_add(len)?;
    (len <= MAX_ROW && end <= rows.len()).then_some(end)
}

/// How many rows there are, if they fill the bytes exactly and are not too many.
fn count_rows(rows: &[u8]) -> Option<u32> {
    let (mut at, mut count) = (0, 0);
    while at < rows.len() {
        at = row_end(rows, at)?;
        count = u32::saturating_add(count, 1);
        if count > MAX_ITEMS {
            return None;
        }
    }
    Some(count)
}

//! The cursor over events: the file first, then the tail. Every number is yielded exactly once, as
//! an event or as missing.

mod in_tail;

use super::ahead::{Ahead, Answer};
use super::blob_count::BlobCount;
use super::rows::row_end;
use super::source::ReadAt;
use super::store::{Depth, Found, Loader};
use super::tail::TailCursor;
use super::walk::{Step, Walk};
use super::{Item, Log, Missing, Why};
use crate::Error;
use crate::block::MUST_UNDERSTAND;
use crate::event::Event;
use crate::kind::BlockKind;
use crate::sites::{self, NeedsParts};
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
    /// The next number: all before it were yielded, as events or as missing.
    next: u64,
    /// Smaller numbers are skipped.
    from: u64,
    current: Current,
    dropped: u64,
    /// The offset and reason of the first problem since the last good block.
    problem: Option<(u64, Why)>,
    tail: TailCursor,
    /// A row of the tail after a hole, which is yielded first.
    pending: Option<(u64, std::ops::Range<usize>)>,
    place: Place,
    check_hashes: bool,
    /// Blocks being decoded on other threads.
    ahead: Option<Ahead>,
    /// How much of each row is decoded.
    pub(super) depth: Depth,
    blobs: BlobCount,
    /// Bytes of rows in the blocks and tail records reached so far, and the latest time in them.
    pub(super) row_bytes: u64,
    pub(super) latest: u64,
}

/// The part of the log that a cursor is in.
#[derive(Clone, Copy, Debug)]
enum Place {
    Blocks,
    /// In the tail, with the offset at which the file ended and why.
    Tail(u64, Why),
    End,
}

/// The event that a cursor has yielded last: its number, and where its row is.
#[derive(Clone, Debug)]
enum Current {
    /// It has yielded none, a hole, or the end.
    None,
    Block(u64, std::ops::Range<usize>),
    Tail(u64, std::ops::Range<usize>),
}

/// The result of moving the cursor once.
enum Progress {
    /// Rows are available or the place has changed: try again.
    Continue,
    Missing(Missing),
    /// A row in the tail and its number.
    TailRow(u64, std::ops::Range<usize>),
}

impl<S: ReadAt> Log<S> {
    /// Returns a cursor over all events.
    pub fn events(&self) -> Events<'_, S> {
        Events::new(self, self.start, 0, 0, 0)
    }

    /// Returns a cursor that starts at the given event.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn events_from(&self, number: u64) -> Result<Events<'_, S>, Error> {
        let (at, next, dropped) =
            self.blobs.borrow_mut().directory.before_event(&self.store, number)?;
        Ok(Events::new(self, at, next, dropped, number))
    }
}

impl<'a, S: ReadAt> Events<'a, S> {
    /// Starts at a block with all events up to `next` before it, `dropped` of them lost.
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
            current: Current::None,
            dropped,
            problem: None,
            tail: TailCursor::default(),
            pending: None,
            place: Place::Blocks,
            check_hashes: false,
            ahead: None,
            depth: Depth::Whole,
            blobs: BlobCount::new(at == log.start),
            row_bytes: 0,
            latest: 0,
        }
    }

    /// Sets whether each block is also compared with the hash in its header. zstd's checksum is
    /// always compared.
    pub fn check_hashes(&mut self, enabled: bool) {
        self.check_hashes = enabled;
    }

    /// Leaves out the parts of stops: captured memory, names, siginfo, what the recorder altered.
    /// Faster where they are in columns, which need not be decompressed then; elsewhere they are
    /// there. A block keeps them if one of its calls needs them. Set it before the first event.
    /// Damage within parts that are left out goes unnoticed.
    pub fn without_parts(&mut self, needs_parts: NeedsParts) {
        self.depth = Depth::Structs(needs_parts);
    }

    /// Sets whether each BLOBS block is also read and compared with its checksum, so that
    /// [`Events::missing_blobs`] counts the blobs of damaged blocks.
    pub fn check_blobs(&mut self, enabled: bool) {
        self.blobs.check = enabled;
    }

    /// Returns the number of blobs missing so far, according to block headers and, at the end, the
    /// footer.
    pub fn missing_blobs(&self) -> u64 {
        self.blobs.missing
    }

    /// Returns the bytes of rows in the blocks and tail records reached so far.
    pub fn row_bytes(&self) -> u64 {
        self.row_bytes
    }

    /// Returns the latest event time in nanoseconds in the blocks and tail records reached so far.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// Has blocks decoded on other threads from here on.
    pub(super) fn decode_ahead(&mut self, ahead: impl FnOnce(Walk, Depth) -> Ahead) {
        self.ahead = Some(ahead(self.walk, self.depth));
    }

    /// The next number: all before it were yielded, as events or as missing.
    pub fn next_number(&self) -> u64 {
        self.next.max(self.from)
    }

    /// Returns the next event or hole; `None` at the end. The item borrows the cursor until the
    /// next call.
    ///
    /// # Errors
    /// If reading fails, or an unknown block must not be skipped. Damage is not an error but an
    /// [`Item::Missing`].
    #[expect(
        clippy::should_implement_trait,
        reason = "an item borrows the cursor's buffer: no Iterator can say that"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        self.current = Current::None;
        loop {
            if let Some((number, range)) = self.next_row() {
                self.current = Current::Block(number, range.clone());
                let row = self.rows.get(range).unwrap_or_default();
                return Ok(Some(Item::Event(Event::from_row(number, row)?)));
            }
            let progress = match self.place {
                Place::Blocks => self.advance_in_blocks()?,
                Place::Tail(offset, why) => self.advance_in_tail(offset, why)?,
                Place::End => return Ok(None),
            };
            match progress {
                Progress::Continue => {}
                Progress::Missing(missing) => {
                    if let Some(missing) = self.clip(missing) {
                        return Ok(Some(Item::Missing(missing)));
                    }
                }
                Progress::TailRow(number, range) => {
                    if number >= self.from {
                        self.current = Current::Tail(number, range.clone());
                        let event = Event::from_row(number, self.tail.row(range))?;
                        self.row_bytes = self.row_bytes.saturating_add(event.row().len() as u64);
                        self.latest = self.latest.max(event.t_ns);
                        return Ok(Some(Item::Event(event)));
                    }
                }
            }
        }
    }

    /// Returns the event that [`Self::next`] has just returned, again. `None` if that was a hole or
    /// the end. A caller that cannot hold the item, because it borrows the cursor mutably, gets it
    /// back without a copy.
    #[must_use]
    pub fn current(&self) -> Option<Event<'_>> {
        let (number, row) = match &self.current {
            Current::None => return None,
            Current::Block(number, range) => (*number, self.rows.get(range.clone())?),
            Current::Tail(number, range) => (*number, self.tail.row(range.clone())),
        };
        Event::from_row(number, row).ok()
    }

    /// Returns the next row of the block that is wanted and not yet yielded.
    fn next_row(&mut self) -> Option<(u64, std::ops::Range<usize>)> {
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

    /// Returns the part of a hole that is wanted.
    fn clip(&self, missing: Missing) -> Option<Missing> {
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

    fn advance_in_blocks(&mut self) -> Result<Progress, Error> {
        let found = match self.walk.step(&self.log.store)? {
            Step::Block { found, damage } => {
                if let Some(from) = damage {
                    self.note_problem(from, Why::Damaged);
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
                    self.blobs.skip_to(summary.blobs);
                }
                Ok(self.hole(
                    header.first_item,
                    header.dropped,
                    header.self_offset,
                    found.header.drop_reasons,
                ))
            }
            BlockKind::BLOBS => self.blob_block(&found),
            BlockKind::META | BlockKind::CHECKPOINT => Ok(Progress::Continue),
            BlockKind(kind) if header.flags & MUST_UNDERSTAND != 0 => {
                Err(Error::MustUnderstand { what: "block", kind, offset: header.self_offset })
            }
            _ => Ok(Progress::Continue),
        }
    }

    /// A damaged BLOBS block may be followed by a second copy of itself: its blobs are missing only
    /// if not.
    fn blob_block(&mut self, found: &Found) -> Result<Progress, Error> {
        if self.blobs.check && self.log.store.read_payload(found, &mut self.blobs.payload)?.is_err()
        {
            self.walk.reject_payload();
            return Ok(Progress::Continue);
        }
        if self.blobs.check {
            self.walk.accept_payload();
        }
        self.blobs.add_block(&found.header);
        Ok(Progress::Continue)
    }

    fn event_block(&mut self, found: &Found) -> Result<Progress, Error> {
        let header = &found.header;
        let offset = header.self_offset;
        let Some(end) = header.first_item.checked_add(u64::from(header.n_items)) else {
            self.note_problem(offset, Why::Damaged);
            return Ok(Progress::Continue);
        };
        if end <= self.from {
            // Skipped without reading it: if it is truncated, the walk will notice.
            self.next = self.next.max(end);
            self.dropped = header.dropped;
            return Ok(Progress::Continue);
        }
        if header.codec > sites::CODEC {
            self.note_problem(offset, Why::Codec(header.codec));
            return Ok(Progress::Continue);
        }
        let loaded = self.load(found)?;
        let compares = self.check_hashes && matches!(self.depth, Depth::Whole);
        let whole = loaded == Ok(header.n_items)
            && (!compares || hash128(&self.rows) == header.logical_hash);
        if !whole {
            self.rows.clear();
            self.at = 0;
            self.walk.reject_payload();
            self.note_problem(offset, Why::Damaged);
            return Ok(Progress::Continue);
        }
        self.walk.accept_payload();
        self.row_bytes = self.row_bytes.saturating_add(header.raw_len);
        self.latest = self.latest.max(header.t_last);
        (self.at, self.row_number) = (0, header.first_item);
        Ok(self.hole(header.first_item, header.dropped, offset, header.drop_reasons))
    }

    /// Loads the rows of a block. Returns their number.
    fn load(&mut self, found: &Found) -> Result<Result<u32, &'static str>, Error> {
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
        let loaded = self.loader.load_rows(&self.log.store, found, self.depth, &mut rows);
        self.rows = rows;
        loaded
    }

    /// Handles a block that begins with event `first`: the numbers before it that were not yielded
    /// are missing.
    fn hole(
        &mut self,
        first: u64,
        dropped: u64,
        offset: u64,
        reasons: crate::DropReasons,
    ) -> Progress {
        let newly = dropped.saturating_sub(self.dropped);
        self.dropped = dropped;
        let problem = self.problem.take();
        let Some(count) = first.checked_sub(self.next).filter(|count| *count != 0) else {
            return Progress::Continue;
        };
        let missing = if newly >= count {
            Missing { first: self.next, count: Some(count), offset, why: Why::Dropped(reasons) }
        } else {
            let (offset, why) = problem.unwrap_or((offset, Why::Damaged));
            Missing { first: self.next, count: Some(count), offset, why }
        };
        self.next = first;
        Progress::Missing(missing)
    }

    fn note_problem(&mut self, offset: u64, why: Why) {
        self.problem.get_or_insert((offset, why));
    }

    fn end_of_blocks(&mut self, offset: u64, torn: bool) -> Progress {
        let problem = self.problem;
        if let Some(total) = self.log.total_events {
            // There is a trailer, but the footer was not found.
            self.place = Place::End;
            return self.hole(total, self.dropped, offset, crate::DropReasons::default());
        }
        let why = if torn { Why::Truncated } else { Why::Unfinished };
        let (offset, why) = problem.unwrap_or((offset, why));
        self.place = Place::Tail(offset, why);
        Progress::Continue
    }
}

//! Opens a log and the tail beside it, and reads their events.

#![deny(clippy::arithmetic_side_effects)]

mod pages;

use std::ffi::OsString;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sysreel_format::{Ending, Events, Item, Limits, Log, NeedsParts, ReadAt, TAIL_SUFFIX};

use crate::error::Error;
use crate::event_range::{Bound, Bounds, EventRange};
use crate::findings::Findings;
use crate::source::{FileSource, STDIN};
pub(crate) use pages::Pages;

/// An open log, with its tail if there is one.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    log: Log<FileSource>,
    has_tail: bool,
    is_being_written: bool,
    progress: Progress,
}

/// How far a log was read. Clones are of the same log, so that another thread can show it.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    read: Arc<AtomicU64>,
    events: Option<u64>,
}

impl Progress {
    /// Returns how many events were read in the latest pass over the log.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Returns how many events the log has, if it has an end that says so.
    #[must_use]
    pub fn events(&self) -> Option<u64> {
        self.events
    }
}

/// Opens a log, and FILE.tail beside it if it exists. `-` is standard input.
///
/// # Errors
/// When the file cannot be opened, is not a log or needs a newer reader; when its tail belongs to
/// another recording or is not a regular file.
pub fn open(path: &Path) -> Result<LogFile, Error> {
    open_between(path, &mut |_| {})
}

/// How far a log is opened. A recorder may begin or end between any two of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    Nothing,
    /// A part of the tail was copied.
    PartOfTail,
    Tail,
    Log,
    /// Whether a recorder is running was asked.
    Asked,
}

/// Opens a log. Calls `between` after each step, for tests.
fn open_between(path: &Path, between: &mut dyn FnMut(Opened)) -> Result<LogFile, Error> {
    /// A recorder begins once and ends once. More often, somebody writes one log after another.
    const TRIES: u32 = 4;
    /// A recorder writes the beginning of a log in much less.
    const PAUSE: Duration = Duration::from_millis(10);
    let mut opened = try_open(path, between)?;
    for _ in 1..TRIES {
        if opened.is_consistent()? {
            break;
        }
        if opened.is_being_begun() {
            std::thread::sleep(PAUSE);
        }
        opened = try_open(path, between)?;
    }
    Ok(opened)
}

fn try_open(path: &Path, between: &mut dyn FnMut(Opened)) -> Result<LogFile, Error> {
    let cannot_open = |path: &Path, source| Error::Open { path: path.to_path_buf(), source };
    let tail_path = tail_path(path);
    between(Opened::Nothing);
    // Copy the tail before opening the log: what a live recorder moves from the tail to the log in
    // between is then read twice rather than missed.
    let tail = match path == Path::new(STDIN) {
        true => None,
        false => FileSource::tail(&tail_path, &mut || between(Opened::PartOfTail))
            .map_err(|e| cannot_open(&tail_path, e))?,
    };
    between(Opened::Tail);
    let source = FileSource::open(path).map_err(|e| cannot_open(path, e))?;
    between(Opened::Log);
    // Test the lock before reading the log: a recorder that ends in between leaves a finished log.
    let is_locked = source.is_locked();
    between(Opened::Asked);
    let bad_log = |source| Error::Log { path: path.to_path_buf(), source };
    let mut log = Log::open(source, Limits::default()).map_err(bad_log)?;
    let has_tail = tail.is_some();
    if let Some(tail) = tail {
        log = log.with_tail(tail).map_err(|source| Error::Log { path: tail_path, source })?;
    }
    let is_being_written = is_locked && matches!(log.ending(), Ending::Unfinished { .. });
    let events = log.summary().map(|summary| summary.events);
    let progress = Progress { events, ..Progress::default() };
    Ok(LogFile { path: path.to_path_buf(), log, has_tail, is_being_written, progress })
}

fn tail_path(path: &Path) -> PathBuf {
    let mut tail_path = OsString::from(path);
    tail_path.push(TAIL_SUFFIX);
    PathBuf::from(tail_path)
}

/// The result of reading a log.
#[derive(Debug, Default)]
pub(crate) struct ReadResult {
    pub(crate) findings: Findings,
    /// Whether the log ends without a footer and no hole has reported that.
    pub(crate) open_end_unreported: bool,
    /// The bytes of event rows in all blocks that were read.
    pub(crate) row_bytes: u64,
    /// The latest time of an event in all blocks that were read.
    pub(crate) latest: u64,
}

/// What a scan reads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    /// The number of the first event.
    pub(crate) from: u64,
    /// Whether all buffers are read too, to find damaged ones.
    pub(crate) check_buffers: bool,
    /// Which calls need the parts of their stops; `None`: all do.
    pub(crate) needs_parts: Option<NeedsParts>,
}

impl LogFile {
    /// Returns the log.
    #[must_use]
    pub fn log(&self) -> &Log<FileSource> {
        &self.log
    }

    /// Returns the path it was opened with.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its parts belong together. If it has no end, a recorder may have begun while it was
    /// opened: then it is locked now, or has a tail by now.
    fn is_consistent(&self) -> Result<bool, Error> {
        if self.path == Path::new(STDIN) || !matches!(self.log.ending(), Ending::Unfinished { .. })
        {
            return Ok(true);
        }
        let is_locked = self.log.source().is_locked();
        let tail_path = tail_path(&self.path);
        let has_tail = tail_path
            .try_exists()
            .map_err(|source| Error::Open { path: tail_path.clone(), source })?;
        let is_same = self.is_being_written == is_locked && self.has_tail == has_tail;
        Ok(is_same && !self.is_being_begun())
    }

    /// Whether a recorder has written a part of the metadata.
    fn is_being_begun(&self) -> bool {
        self.is_being_written && self.log.meta_error().is_some()
    }

    /// Whether a tail was found beside it: the recorder is running, or it died.
    #[must_use]
    pub fn has_tail(&self) -> bool {
        self.has_tail
    }

    /// Whether the log has no end yet because its recorder is running.
    #[must_use]
    pub fn is_being_written(&self) -> bool {
        self.is_being_written
    }

    /// Returns how far the log was read.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Calls `each` for every event and hole from event `from` on, in order. Returns what is
    /// missing or damaged. Other threads decode ahead if the log is long and the machine has
    /// several CPUs.
    ///
    /// # Errors
    /// When the log cannot be read, or when `each` fails.
    pub fn walk(
        &self,
        from: u64,
        mut each: impl FnMut(&Item<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Findings, Error> {
        self.read(from, self.bounds(&EventRange::default())?, |item, _| each(item))
            .map(|read| read.findings)
    }

    /// Returns the number of the first event that is at a place or after it; that after the last
    /// event if there is none.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn event_at(&self, place: Bound) -> Result<u64, Error> {
        let range = EventRange { from: Some(place), to: None };
        let mut bounds = self.bounds(&range)?;
        let mut events = self.log.events_from(bounds.first).map_err(|e| self.error(e))?;
        while let Some(item) = events.next().map_err(|e| self.error(e))? {
            if bounds.has_begun(&item) {
                return Ok(match item {
                    Item::Event(event) => event.number,
                    Item::Missing(missing) => missing.first,
                });
            }
        }
        Ok(events.next_number())
    }

    /// Resolves a range: with the index of the log, or by reading the headers of its blocks if it
    /// has none.
    pub(crate) fn bounds(&self, range: &EventRange) -> Result<Bounds, Error> {
        let meta = self.log.meta();
        let realtime_offset = meta.realtime_ns.saturating_sub(meta.monotonic_ns);
        let time = |bound| match bound {
            Bound::Event(_) => None,
            Bound::SinceStart(ns) => Some(meta.monotonic_ns.saturating_add(ns)),
            Bound::Unix(ns) => Some(ns.saturating_sub(realtime_offset)),
        };
        let number = |bound| match bound {
            Bound::Event(number) => Some(number),
            _ => None,
        };
        let from_ns = range.from.and_then(time).unwrap_or(0);
        let from = range.from.and_then(number);
        let last = range.to.and_then(number).unwrap_or(u64::MAX);
        let to_ns = range.to.and_then(time).unwrap_or(u64::MAX);
        if from.is_some_and(|from| from > last) || from_ns > to_ns {
            return Err(Error::EmptyRange);
        }
        let first = match from {
            Some(number) => number,
            None if from_ns > 0 => self.event_since(from_ns)?,
            None => 0,
        };
        Ok(Bounds::new((first, last), (from_ns, to_ns)))
    }

    /// Calls `each` for every event and hole from event `from` to the end of the range, in order,
    /// and says whether the range has begun. Damage before the range is not reported.
    pub(crate) fn read(
        &self,
        from: u64,
        range: Bounds,
        mut each: impl FnMut(&Item<'_>, bool) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ReadResult, Error> {
        let scan = Scan { from, ..Scan::default() };
        self.scan(&scan, range, |item, begun, findings| {
            if begun {
                findings.item(item);
            }
            each(item, begun)
        })
    }

    /// As [`Self::read`], but `each` counts the items.
    pub(crate) fn scan(
        &self,
        scan: &Scan,
        mut range: Bounds,
        mut each: impl FnMut(&Item<'_>, bool, &mut Findings) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ReadResult, Error> {
        let mut read =
            ReadResult { findings: Findings::from_open(&self.log), ..ReadResult::default() };
        let mut begun = false;
        let mut all = |events: &mut Events<'_, FileSource>| {
            events.check_blobs(scan.check_buffers);
            let mut flow = ControlFlow::Continue(());
            while flow.is_continue()
                && let Some(item) = events.next().map_err(|e| self.error(e))?
            {
                if let Item::Event(event) = &item {
                    self.progress.read.store(event.number.saturating_add(1), Ordering::Relaxed);
                }
                if range.is_over(&item) {
                    flow = ControlFlow::Break(());
                } else {
                    begun = begun || range.has_begun(&item);
                    flow = each(&item, begun, &mut read.findings)?;
                }
            }
            read.findings.missing_buffers = events.missing_blobs();
            (read.row_bytes, read.latest) = (events.row_bytes(), events.latest());
            Ok(flow)
        };
        let (threads, from) = (self.threads(), scan.from);
        let done = match scan.needs_parts {
            None => self.log.read_ahead(threads, from, &mut all),
            Some(which) => self.log.read_ahead_without_parts(threads, from, which, &mut all),
        };
        if done.map_err(|e| self.error(e))??.is_continue() {
            read.open_end_unreported = !read.findings.open_end;
            read.findings.ending(self.log.ending());
            read.findings.is_being_written = self.is_being_written;
            read.open_end_unreported &= read.findings.open_end;
        }
        Ok(read)
    }

    /// Returns how many threads may decode ahead.
    fn threads(&self) -> usize {
        /// For shorter logs, threads take longer to start than they save.
        const MIN_LEN: u64 = 1 << 20;
        /// More threads would only wait for the reader.
        const MAX_THREADS: usize = 4;
        let is_long = self.log.source().len().is_ok_and(|len| len >= MIN_LEN);
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        if is_long { cpus.saturating_sub(1).min(MAX_THREADS) } else { 0 }
    }

    /// Returns an event number before which all events are earlier than `t_ns` (CLOCK_MONOTONIC).
    fn event_since(&self, t_ns: u64) -> Result<u64, Error> {
        self.log.event_since(t_ns).map_err(|e| self.error(e))
    }

    pub(crate) fn error(&self, source: sysreel_format::Error) -> Error {
        Error::Log { path: self.path.clone(), source }
    }
}

#[cfg(all(test, unix))]
mod tests;

//! Opens a log and the tail beside it.

#![deny(clippy::arithmetic_side_effects)]

use std::ffi::OsString;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sysreel_format::{Ending, Item, Limits, Log, ReadAt, TAIL_SUFFIX};

use crate::event_range::Bounds;
use crate::source::{FileSource, STDIN};
use crate::{Error, EventRange, Findings};

/// An open log, with its tail when there is one.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    log: Log<FileSource>,
    has_tail: bool,
    is_being_written: bool,
}

/// Opens a log, and FILE.tail beside it when there is one. `-` is standard input.
///
/// # Errors
/// When the file cannot be opened, is no log, or is a newer one than this reader knows; when its
/// tail belongs to another recording or is no regular file.
pub fn open(path: &Path) -> Result<LogFile, Error> {
    let refused = |path: &Path, source| Error::Open { path: path.to_path_buf(), source };
    let mut tail_path = OsString::from(path);
    tail_path.push(TAIL_SUFFIX);
    let tail_path = PathBuf::from(tail_path);
    // The tail first, and all of it: what a live recorder moves from it to the file meanwhile is
    // then seen twice, not missed.
    let tail = match path == Path::new(STDIN) {
        true => None,
        false => FileSource::tail(&tail_path).map_err(|e| refused(&tail_path, e))?,
    };
    let source = FileSource::open(path).map_err(|e| refused(path, e))?;
    // Before the file is read: a recorder that ends meanwhile leaves a log with an end.
    let is_locked = tail.is_some() && source.is_locked();
    let wrong = |source| Error::Log { path: path.to_path_buf(), source };
    let mut log = Log::open(source, Limits::default()).map_err(wrong)?;
    let has_tail = tail.is_some();
    if let Some(tail) = tail {
        log = log.with_tail(tail).map_err(|source| Error::Log { path: tail_path, source })?;
    }
    let is_being_written = is_locked && matches!(log.ending(), Ending::Unfinished { .. });
    Ok(LogFile { path: path.to_path_buf(), log, has_tail, is_being_written })
}

/// What reading a log came to.
#[derive(Debug, Default)]
pub(crate) struct WasRead {
    pub(crate) findings: Findings,
    /// The log ends without a footer, and no hole has said so.
    pub(crate) open_end_is_news: bool,
    /// How many bytes of event rows were read, whole blocks at a time.
    pub(crate) row_bytes: u64,
    /// The latest time of an event, of whole blocks.
    pub(crate) latest: u64,
}

impl LogFile {
    /// The log itself.
    #[must_use]
    pub fn log(&self) -> &Log<FileSource> {
        &self.log
    }

    /// Where it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a tail file was found beside it: the recorder is at work, or died.
    #[must_use]
    pub fn has_tail(&self) -> bool {
        self.has_tail
    }

    /// Whether the log has no end because its recorder is still at work.
    #[must_use]
    pub fn is_being_written(&self) -> bool {
        self.is_being_written
    }

    /// Calls `each` for every event and hole from event number `from` on, in order, and answers
    /// what is missing or damaged. Other threads decode ahead where the log is long and the machine
    /// has CPUs for it.
    ///
    /// # Errors
    /// When the log cannot be read, or when `each` fails.
    pub fn walk(
        &self,
        from: u64,
        mut each: impl FnMut(&Item<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Findings, Error> {
        self.read(from, EventRange::default().of(self)?, |item, _| each(item))
            .map(|read| read.findings)
    }

    /// Calls `each` for every event and hole, in order, and reads all buffers too, to see whether
    /// they are sound.
    pub(crate) fn read_all(&self, mut each: impl FnMut(&Item<'_>)) -> Result<WasRead, Error> {
        let bounds = EventRange::default().of(self)?;
        self.read_checked(true, 0, bounds, |item, _| {
            each(item);
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Calls `each` for every event and hole from event number `from` to the end of a range, in
    /// order, and says whether the stretch has begun. What is missing before that does not count.
    pub(crate) fn read(
        &self,
        from: u64,
        range: Bounds,
        each: impl FnMut(&Item<'_>, bool) -> Result<ControlFlow<()>, Error>,
    ) -> Result<WasRead, Error> {
        self.read_checked(false, from, range, each)
    }

    fn read_checked(
        &self,
        buffers_too: bool,
        from: u64,
        mut range: Bounds,
        mut each: impl FnMut(&Item<'_>, bool) -> Result<ControlFlow<()>, Error>,
    ) -> Result<WasRead, Error> {
        let mut read = WasRead { findings: Findings::of_opening(&self.log), ..WasRead::default() };
        let mut begun = false;
        let done = self.log.read_ahead(self.threads(), from, |events| {
            events.check_blobs(buffers_too);
            let mut flow = ControlFlow::Continue(());
            while flow.is_continue()
                && let Some(item) = events.next().map_err(|e| self.error(e))?
            {
                if range.is_over(&item) {
                    flow = ControlFlow::Break(());
                } else {
                    begun = begun || range.has_begun(&item);
                    if begun {
                        read.findings.item(&item);
                    }
                    flow = each(&item, begun)?;
                }
            }
            read.findings.missing_buffers = events.missing_blobs();
            (read.row_bytes, read.latest) = (events.row_bytes(), events.latest());
            Ok(flow)
        });
        if done.map_err(|e| self.error(e))??.is_continue() {
            read.open_end_is_news = !read.findings.open_end;
            read.findings.ending(self.log.ending());
            read.open_end_is_news &= read.findings.open_end;
        }
        Ok(read)
    }

    /// How many threads may decode ahead.
    fn threads(&self) -> usize {
        /// Below this threads take longer to start than they save.
        const LONG: u64 = 1 << 20;
        /// More would wait for the one that takes what they decode.
        const MOST: usize = 4;
        let is_long = self.log.source().len().is_ok_and(|len| len >= LONG);
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        if is_long { cpus.saturating_sub(1).min(MOST) } else { 0 }
    }

    /// The number of an event before which all are earlier than that time (CLOCK_MONOTONIC).
    pub(crate) fn event_since(&self, t_ns: u64) -> Result<u64, Error> {
        self.log.event_since(t_ns).map_err(|e| self.error(e))
    }

    pub(crate) fn error(&self, source: sysreel_format::Error) -> Error {
        Error::Log { path: self.path.clone(), source }
    }
}

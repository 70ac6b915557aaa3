//! Opens a log and the tail beside it.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sysreel_format::limits::MAX_TAIL;
use sysreel_format::{Ending, Item, Limits, Log, OutlineItem, ReadAt, TAIL_SUFFIX};

use crate::Error;

/// What a log is read from.
#[derive(Debug)]
pub enum FileSource {
    /// A file, read where it is asked for.
    #[cfg(unix)]
    File(File),
    /// A file, read where it is asked for.
    #[cfg(not(unix))]
    File(sysreel_format::SeekReader<File>),
    /// A copy of one that may change under the reader's hands: a tail.
    Copy(Vec<u8>),
}

impl FileSource {
    fn of(file: File) -> Self {
        #[cfg(unix)]
        return Self::File(file);
        #[cfg(not(unix))]
        return Self::File(sysreel_format::SeekReader::new(file));
    }

    /// All of a file as it is now, if it is no longer than a tail may be.
    fn copy_of(mut file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        if len > MAX_TAIL {
            // Too long for a tail: the reader will say so.
            return Ok(Self::of(file));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(Self::Copy(bytes))
    }
}

impl ReadAt for FileSource {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Self::File(file) => loop {
                match std::os::unix::fs::FileExt::read_at(file, buf, offset) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    done => return done,
                }
            },
            #[cfg(not(unix))]
            Self::File(file) => file.read_at(buf, offset),
            Self::Copy(bytes) => bytes.read_at(buf, offset),
        }
    }

    fn len(&self) -> io::Result<u64> {
        match self {
            #[cfg(unix)]
            Self::File(file) => Ok(file.metadata()?.len()),
            #[cfg(not(unix))]
            Self::File(file) => file.len(),
            Self::Copy(bytes) => ReadAt::len(bytes),
        }
    }
}

/// An open log, with its tail when there is one.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    log: Log<FileSource>,
    has_tail: bool,
    is_being_written: bool,
}

/// Opens a log file, and FILE.tail beside it when there is one.
///
/// # Errors
/// When the file cannot be opened, is no log, or is a newer one than this reader knows; when its tail belongs to
/// another recording.
pub fn open(path: &Path) -> Result<LogFile, Error> {
    let refused = |path: &Path, source| Error::Open { path: path.to_path_buf(), source };
    let mut tail_path = OsString::from(path);
    tail_path.push(TAIL_SUFFIX);
    let tail_path = PathBuf::from(tail_path);
    // The tail first, and all of it: what a live recorder moves from it to the file meanwhile is then seen twice, not missed.
    let tail = match File::open(&tail_path) {
        Ok(file) => Some(FileSource::copy_of(file).map_err(|e| refused(&tail_path, e))?),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(refused(&tail_path, e)),
    };
    let file = File::open(path).map_err(|e| refused(path, e))?;
    if file.metadata().map_err(|e| refused(path, e))?.is_dir() {
        return Err(refused(path, io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")));
    }
    // Before the file is read: a recorder that ends meanwhile leaves a log with an end.
    let is_locked = tail.is_some() && is_locked(&file);
    let wrong = |source| Error::Log { path: path.to_path_buf(), source };
    let mut log = Log::open(FileSource::of(file), Limits::default()).map_err(wrong)?;
    let has_tail = tail.is_some();
    if let Some(tail) = tail {
        log = log.with_tail(tail).map_err(|source| Error::Log { path: tail_path, source })?;
    }
    let is_being_written = is_locked && matches!(log.ending(), Ending::Unfinished { .. });
    Ok(LogFile { path: path.to_path_buf(), log, has_tail, is_being_written })
}

/// Whether a recorder is at work on the file: it holds a lock on it (flock(2)) as long as it lives.
fn is_locked(file: &File) -> bool {
    match file.try_lock_shared() {
        // It is let go at once, and only a recorder that begins at this moment could be in its way.
        Ok(()) => file.unlock().is_err(),
        Err(error) => matches!(error, TryLockError::WouldBlock),
    }
}

/// What a walk over outlines came to.
pub(crate) struct Passed {
    pub(crate) row_bytes: u64,
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

    /// Calls `each` for every event and hole from event number `from` on, in order. Other threads decode ahead where the log is long and the
    /// machine has CPUs for it.
    ///
    /// # Errors
    /// When the log cannot be read, or when `each` fails.
    pub fn walk(
        &self,
        from: u64,
        mut each: impl FnMut(&Item<'_>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let read = self.log.read_ahead(self.threads(), from, |events| {
            while let Some(item) = events.next().map_err(|e| self.error(e))? {
                if each(&item)?.is_break() {
                    break;
                }
            }
            Ok(())
        });
        read.map_err(|e| self.error(e))?
    }

    /// Calls `each` for the outline of every event and for every hole, in order, in the same way. Answers what the cursor came to.
    pub(crate) fn outlines(&self, mut each: impl FnMut(&OutlineItem<'_>)) -> Result<Passed, Error> {
        self.log.outline_ahead(self.threads(), |outlines| {
            while let Some(item) = outlines.next().map_err(|e| self.error(e))? {
                each(&item);
            }
            Ok(Passed { row_bytes: outlines.row_bytes(), latest: outlines.latest() })
        })
    }

    /// How many threads may decode ahead.
    fn threads(&self) -> usize {
        /// Below this threads take longer to start than they save.
        const LONG: u64 = 1 << 20;
        /// More would wait for the one that takes what they decode.
        const MOST: usize = 4;
        let is_long = self.log.source().len().is_ok_and(|len| len >= LONG);
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        if is_long { (cpus - 1).min(MOST) } else { 0 }
    }

    /// The number of an event before which all are earlier than that time (CLOCK_MONOTONIC).
    pub(crate) fn event_since(&self, t_ns: u64) -> Result<u64, Error> {
        self.log.event_since(t_ns).map_err(|e| self.error(e))
    }

    pub(crate) fn error(&self, source: sysreel_format::Error) -> Error {
        Error::Log { path: self.path.clone(), source }
    }
}

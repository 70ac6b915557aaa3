//! The bytes of a log: a file, a temporary copy of a pipe, or a copy of a tail.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sysreel_format::limits::{MAX_HEADER, MAX_TAIL};
use sysreel_format::{Limits, Log, ReadAt, tail_generations};

/// What a log is read from.
#[derive(Debug)]
pub enum FileSource {
    /// A file, read at any offset.
    #[cfg(unix)]
    File(File),
    /// A file, read at any offset.
    #[cfg(not(unix))]
    File(sysreel_format::SeekReader<File>),
    /// A copy of a tail, which a recorder may be changing.
    Copy(Vec<u8>),
}

/// The path that means standard input.
pub(crate) const STDIN: &str = "-";
/// The most bytes that are read from a pipe.
const MAX_PIPE: u64 = 64 << 30;
/// A longer tail is copied to a temporary file instead of memory.
const MAX_IN_MEMORY: u64 = 32 << 20;

/// How much of a tail is read at once.
pub(crate) const PART: usize = 1 << 20;

/// Copies of pipes, by path. A pipe can be read only once, and commands reopen a log to show the
/// context of an event.
static PIPES: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());

impl FileSource {
    /// Opens a log. Readers seek, so anything but a regular file is first copied to an unlinked
    /// temporary file.
    ///
    /// # Errors
    /// When the file cannot be opened or copied, or is a directory.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut pipes = PIPES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(copy) = pipes.get(path) {
            return Ok(Self::from_file(copy.try_clone()?));
        }
        let file = if path == Path::new(STDIN) { stdin()? } else { File::open(path)? };
        let file_type = file.metadata()?.file_type();
        if file_type.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        if file_type.is_file() {
            return Ok(Self::from_file(file));
        }
        let copy = copy_stream(file)?;
        pipes.insert(path.to_path_buf(), copy.try_clone()?);
        Ok(Self::from_file(copy))
    }

    /// Copies the tail of a log as it is now; `None` if it does not exist. Other users may be able
    /// to write to the directory of the log, so opening it follows no symbolic link and does not
    /// block on a FIFO. Calls `between` after each part, for tests.
    pub(crate) fn tail(path: &Path, between: &mut dyn FnMut()) -> io::Result<Option<Self>> {
        let file = match nofollow_options().open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // ELOOP (O_NOFOLLOW, open(2)), or ENXIO for a socket.
            Err(error) => {
                let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
                return Err(if is_file { error } else { not_a_tail() });
            }
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(not_a_tail());
        }
        let live = Self::from_file(file);
        if metadata.len() > MAX_TAIL {
            // [`Log::with_tail`] rejects it by its length.
            return Ok(Some(live));
        }
        live.copy_tail(between).map(Some)
    }

    /// Copies a tail that a recorder may be changing: when a segment was begun or freed while it
    /// was copied, events may be missing in the middle, so it is copied again.
    fn copy_tail(&self, between: &mut dyn FnMut()) -> io::Result<Self> {
        /// A copy takes milliseconds. Only a recorder that fills a segment in that time, again and
        /// again, needs all: then the reader reports the events as missing.
        const TRIES: u32 = 16;
        let generations = || tail_generations(self).map_err(io_error);
        let mut before = generations()?;
        for _ in 1..TRIES {
            let copy = self.copy_once(between)?;
            let after = generations()?;
            if after == before {
                return Ok(copy);
            }
            before = after;
        }
        self.copy_once(between)
    }

    fn copy_once(&self, between: &mut dyn FnMut()) -> io::Result<Self> {
        // A live recorder may extend it in the meantime.
        let len = ReadAt::len(self)?;
        let mut file = if len > MAX_IN_MEMORY { Some(tempfile::tempfile()?) } else { None };
        let mut bytes = Vec::new();
        let mut at = 0;
        while at < len {
            let from = bytes.len();
            bytes.resize(from + usize::try_from(len - at).map_or(PART, |left| left.min(PART)), 0);
            let got = self.read_at(bytes.get_mut(from..).unwrap_or_default(), at)?;
            bytes.truncate(from + got);
            if got == 0 {
                break;
            }
            at += got as u64;
            if let Some(file) = &mut file {
                file.write_all(&bytes)?;
                bytes.clear();
            }
            between();
        }
        Ok(file.map_or(Self::Copy(bytes), Self::from_file))
    }

    /// Whether a recorder is running: it holds a lock on the log (flock(2)) as long as it lives.
    #[cfg(unix)]
    pub(crate) fn is_locked(&self) -> bool {
        let Self::File(file) = self else { return false };
        match file.try_lock_shared() {
            // Unlock at once: only a recorder that starts at this very moment could notice.
            Ok(()) => file.unlock().is_err(),
            Err(error) => matches!(error, TryLockError::WouldBlock),
        }
    }

    /// Recorders run only on Linux.
    #[cfg(not(unix))]
    pub(crate) fn is_locked(&self) -> bool {
        false
    }

    fn from_file(file: File) -> Self {
        #[cfg(unix)]
        return Self::File(file);
        #[cfg(not(unix))]
        return Self::File(sysreel_format::SeekReader::new(file));
    }
}

fn io_error(error: sysreel_format::Error) -> io::Error {
    match error {
        sysreel_format::Error::Io { source, .. } => source,
        error => io::Error::other(error),
    }
}

fn not_a_tail() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "not a regular file, so not the tail of a recording: remove it to read the log without it",
    )
}

#[cfg(unix)]
fn nofollow_options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
}

#[cfg(not(unix))]
fn nofollow_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

#[cfg(unix)]
fn stdin() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn stdin() -> io::Result<File> {
    copy_stream(io::stdin())
}

/// Copies a stream to an unnamed temporary file. If it does not begin like a log, only its head:
/// the stream may be endless.
fn copy_stream(mut stream: impl Read) -> io::Result<File> {
    let mut head = Vec::new();
    (&mut stream).take(MAX_HEADER as u64).read_to_end(&mut head)?;
    let mut copy = tempfile::tempfile()?;
    copy.write_all(&head)?;
    // If the header is wrong, opening the copy reports that.
    if Log::open(head.as_slice(), Limits::default()).is_ok() {
        let copied = io::copy(&mut (&mut stream).take(MAX_PIPE), &mut copy)?;
        if copied == MAX_PIPE {
            let why = "the input is longer than 64 GiB: write it to a file first";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
    }
    copy.seek(SeekFrom::Start(0))?;
    Ok(copy)
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

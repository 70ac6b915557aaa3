//! Opens a log and the tail beside it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sysreel_format::{Limits, Log, ReadAt, TAIL_SUFFIX};

use crate::Error;

/// A file that can be read at any offset.
#[cfg(unix)]
#[derive(Debug)]
pub struct FileSource(File);

/// A file that can be read at any offset.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct FileSource(sysreel_format::SeekReader<File>);

#[cfg(unix)]
impl FileSource {
    fn new(file: File) -> Self {
        Self(file)
    }
}

#[cfg(not(unix))]
impl FileSource {
    fn new(file: File) -> Self {
        Self(sysreel_format::SeekReader::new(file))
    }
}

#[cfg(unix)]
impl ReadAt for FileSource {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match std::os::unix::fs::FileExt::read_at(&self.0, buf, offset) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

#[cfg(not(unix))]
impl ReadAt for FileSource {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

/// An open log, with its tail when there is one.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    log: Log<FileSource>,
    has_tail: bool,
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
    // The tail first: what a live recorder moves from it to the file in between is then seen twice, not missed.
    let tail = match File::open(&tail_path) {
        Ok(file) => Some(file),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(refused(&tail_path, e)),
    };
    let file = File::open(path).map_err(|e| refused(path, e))?;
    if file.metadata().map_err(|e| refused(path, e))?.is_dir() {
        return Err(refused(path, io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")));
    }
    let wrong = |source| Error::Log { path: path.to_path_buf(), source };
    let mut log = Log::open(FileSource::new(file), Limits::default()).map_err(wrong)?;
    let has_tail = tail.is_some();
    if let Some(tail) = tail {
        log =
            log.with_tail(FileSource::new(tail)).map_err(|source| Error::Log { path: tail_path, source })?;
    }
    Ok(LogFile { path: path.to_path_buf(), log, has_tail })
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

    pub(crate) fn error(&self, source: sysreel_format::Error) -> Error {
        Error::Log { path: self.path.clone(), source }
    }
}

//! The log's files: the log itself and its tail, which lives as long as the recording.

use crate::error::Error;
use crate::sink::{FIRST_STEP, TailMemory};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use sysreel_format::limits::{SEGMENT_COUNT, SEGMENT_SIZE};
use sysreel_format::{EXTENSION, TAIL_SUFFIX};
use sysreel_sys::mapping;

/// Everything opened for a recording.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) log: File,
    pub(crate) path: PathBuf,
    pub(crate) regular: bool,
    pub(crate) tail: Option<(Arc<File>, PathBuf)>,
    pub(crate) segments: Vec<TailMemory>,
}

/// Logs hold what programs read and wrote, secrets included: only the owner may read them.
const MODE: u32 = 0o600;

impl Files {
    /// Opens the file that was asked for, or one named after the program that does not exist yet.
    pub(crate) fn open(output: Option<&Path>, program: Option<&OsStr>) -> Result<Files, Error> {
        let (log, path, is_new) = match output {
            Some(path) => {
                let is_new = !path.exists();
                (open(path)?, path.to_owned(), is_new)
            }
            None => {
                let (log, path) = open_numbered(program)?;
                (log, path, true)
            }
        };
        let failed = |source| Error::Open { path: path.clone(), source };
        let regular = log.metadata().map_err(failed)?.is_file();
        if !regular {
            let segments = (0..SEGMENT_COUNT).map(|_| TailMemory::anonymous(SEGMENT_SIZE));
            return Ok(Files {
                log,
                path: path.clone(),
                regular,
                tail: None,
                segments: segments.collect::<Result<_, _>>()?,
            });
        }
        if !mapping::lock(&log) {
            return Err(Error::Busy(path));
        }
        // A file that was there keeps its mode when it is opened; what is put into it now is for its owner alone.
        log.set_permissions(fs::Permissions::from_mode(MODE)).map_err(failed)?;
        let tail_path = with_suffix(&path);
        let (tail, segments) = new_tail(&tail_path, &log).map_err(|source| {
            if is_new {
                _ = fs::remove_file(&path);
            }
            Error::Open { path: tail_path.clone(), source }
        })?;
        Ok(Files { log, path, regular, tail: Some((tail, tail_path)), segments })
    }
}

/// The tail's name: the log's with `.tail` behind it.
pub(crate) fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TAIL_SUFFIX);
    PathBuf::from(name)
}

/// As any tool's -o: what was there is overwritten, unless it is being recorded.
fn open(path: &Path) -> Result<File, Error> {
    let is_file = fs::metadata(path).map_or(true, |data| data.is_file());
    OpenOptions::new()
        // A pipe that the recorder could read from too would never tell that its reader is gone (fifo(7)).
        .read(is_file)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(MODE)
        .open(path)
        .map_err(|source| Error::Open { path: path.to_owned(), source })
}

/// `ls.reel`, or `ls.1.reel`, `ls.2.reel`: the first that does not exist.
fn open_numbered(program: Option<&OsStr>) -> Result<(File, PathBuf), Error> {
    let base = program
        .and_then(|program| Path::new(program).file_name())
        .map_or_else(|| OsString::from("attached"), OsStr::to_owned);
    let mut number = 0;
    loop {
        let mut name = base.clone();
        if number > 0 {
            name.push(format!(".{number}"));
        }
        name.push(EXTENSION);
        let path = PathBuf::from(name);
        match OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(Error::Open { path, source }),
        }
    }
}

/// Makes the tail, and only when there is room for it empties the log: one that was there before may have a tail of its own, which a
/// recorder that died has left.
fn new_tail(path: &Path, log: &File) -> io::Result<(Arc<File>, Vec<TailMemory>)> {
    let mut unnamed = path.as_os_str().to_owned();
    unnamed.push(".new");
    let unnamed = Path::new(&unnamed);
    let made = open_tail(unnamed).and_then(|made| {
        log.set_len(0)?;
        fs::rename(unnamed, path)?;
        Ok(made)
    });
    if made.is_err() {
        _ = fs::remove_file(unnamed);
    }
    made
}

fn open_tail(path: &Path) -> io::Result<(Arc<File>, Vec<TailMemory>)> {
    // The log is locked, so nobody else makes one: it is a dead recorder's.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(path)?;
    file.set_len((SEGMENT_COUNT * SEGMENT_SIZE) as u64)?;
    let file = Arc::new(file);
    let mut segments = (0..SEGMENT_COUNT)
        .map(|i| TailMemory::of_file(&file, (i * SEGMENT_SIZE) as u64, SEGMENT_SIZE))
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    // The others get their blocks when they are needed; without those of one there can be no recording.
    if let Some(first) = segments.first_mut() {
        first.grow(FIRST_STEP)?;
    }
    Ok((file, segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_being_recorded_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.reel");
        let first = Files::open(Some(&path), None).unwrap();
        assert!(matches!(Files::open(Some(&path), None), Err(Error::Busy(_))));
        drop(first);
        Files::open(Some(&path), None).unwrap();
    }

    #[test]
    fn logs_and_tails_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.reel");
        fs::write(&path, "an old file").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let files = Files::open(Some(&path), None).unwrap();
        for path in [&path, &files.tail.unwrap().1] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

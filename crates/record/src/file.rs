//! The log's files: the log, and its tail, which exists as long as the recording.

use crate::error::Error;
use crate::output::{self, MODE, Output};
use crate::tail::{Tail, TailMemory};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use sysreel_format::limits::SEGMENT_COUNT;
use sysreel_format::{EXTENSION, TAIL_SUFFIX, is_tail};
use sysreel_sys::mapping;

/// The open files of a recording.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) log: File,
    pub(crate) path: PathBuf,
    pub(crate) regular: bool,
    pub(crate) tail: Option<(Tail, PathBuf)>,
    pub(crate) segments: Vec<TailMemory>,
    /// Open for the whole recording.
    pub(crate) lock: Option<UnixDatagram>,
}

impl Files {
    /// Opens the file at `output`, or a new one named after the program.
    pub(crate) fn open(
        output: Option<&Path>,
        program: Option<&OsStr>,
        force: bool,
    ) -> Result<Files, Error> {
        match output {
            Some(path) => {
                // Taken before the file is created: the recorder of a removed log still holds its
                // name.
                let lock = lock_name(path)?;
                Files::from_output(output::open(path, force)?, lock, force)
            }
            None => {
                let (log, path) = open_numbered(&default_name(program))?;
                let lock = lock_name(&path)?;
                Files::from_output(Output::Regular { log, path, is_new: true }, lock, force)
            }
        }
    }

    /// Creates the tail and the segments of a log.
    pub(crate) fn from_output(
        output: Output,
        lock: Option<UnixDatagram>,
        force: bool,
    ) -> Result<Files, Error> {
        let (log, path, is_new) = match output {
            Output::Stream { log, path } => {
                let segments = (0..SEGMENT_COUNT).map(|_| TailMemory::anonymous());
                let segments = segments.collect::<Result<_, _>>()?;
                return Ok(Files { log, path, regular: false, tail: None, segments, lock: None });
            }
            Output::Regular { log, path, is_new } => (log, path, is_new),
        };
        if !mapping::lock(&log) {
            return Err(Error::Busy(path));
        }
        let failed = |source| Error::Open { path: path.clone(), source };
        // An existing file keeps its mode when it is opened, but the log is for its owner alone.
        log.set_permissions(fs::Permissions::from_mode(MODE)).map_err(failed)?;
        let tail_path = with_suffix(&path);
        let made = new_tail(&tail_path, &log, force);
        if made.is_err() && is_new {
            _ = fs::remove_file(&path);
        }
        let (tail, segments) = made?;
        Ok(Files { log, path, regular: true, tail: Some((tail, tail_path)), segments, lock })
    }
}

/// Returns the path of the tail: that of the log with `.tail` appended.
pub(crate) fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TAIL_SUFFIX);
    PathBuf::from(name)
}

/// Reserves the log's name for this recorder. A lock on the file (flock(2)) disappears with the
/// file, which the recorded program may remove or rename. A socket in the abstract namespace
/// (unix(7)) has no file and is closed with its process. Where such sockets or the directory do not
/// exist, the file's lock must suffice.
fn lock_name(path: &Path) -> Result<Option<UnixDatagram>, Error> {
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(folder), Some(name)) = (fs::metadata(parent), path.file_name()) else {
        return Ok(None);
    };
    let name = blake3::hash(name.as_encoded_bytes()).to_hex();
    let (user, device, inode) = (mapping::user(), folder.dev(), folder.ino());
    // An address has at most 107 bytes (unix(7)).
    let address =
        format!("sysreel-{user}-{device:x}-{inode:x}-{}", name.get(..32).unwrap_or_default());
    let bound = SocketAddr::from_abstract_name(address)
        .and_then(|address| UnixDatagram::bind_addr(&address));
    match bound {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Error::Busy(path.to_owned())),
        Err(_) => Ok(None),
    }
}

/// The name of a log without `-o`.
fn default_name(program: Option<&OsStr>) -> PathBuf {
    program
        .and_then(|program| Path::new(program).file_name())
        .map_or_else(|| "attached".into(), PathBuf::from)
}

/// Creates `ls.reel`, `ls.1.reel` or `ls.2.reel`: the first that does not exist.
pub(crate) fn open_numbered(base: &Path) -> Result<(File, PathBuf), Error> {
    let mut number = 0;
    loop {
        let mut name = OsString::from(base);
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

/// Creates the tail, and empties the log only when that succeeded: an existing log may have a tail
/// left by a recorder that died.
fn new_tail(path: &Path, log: &File, force: bool) -> Result<(Tail, Vec<TailMemory>), Error> {
    let mut unnamed = path.as_os_str().to_owned();
    unnamed.push(".new");
    let unnamed = Path::new(&unnamed);
    for path in [path, unnamed] {
        if !force
            && !is_left_by_a_recorder(path)
                .map_err(|source| Error::Open { path: path.into(), source })?
        {
            return Err(Error::InTheWay(path.to_owned()));
        }
    }
    let made = remove(unnamed).and_then(|()| Tail::create(unnamed, MODE)).and_then(|made| {
        log.set_len(0)?;
        fs::rename(unnamed, path)?;
        Ok(made)
    });
    made.map_err(|source| {
        _ = fs::remove_file(unnamed);
        Error::Open { path: path.to_owned(), source }
    })
}

/// Whether the file may be removed without loss. The log is locked, so an existing tail belongs to
/// a dead recorder; an unused one contains zeros.
fn is_left_by_a_recorder(path: &Path) -> io::Result<bool> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        there => there?,
    };
    if !there.is_file() || there.uid() != mapping::user() {
        return Ok(false);
    }
    let start = output::read_start(&File::open(path)?)?;
    Ok(is_tail(&start) || start.iter().all(|&byte| byte == 0))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn open(path: &Path, force: bool) -> Result<Files, Error> {
        Files::open(Some(path), None, force)
    }

    #[test]
    fn a_log_that_is_being_recorded_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["x.reel", "y.reel"].map(|name| folder.path().join(name));
        let first = open(&path, false).unwrap();
        assert!(matches!(open(&path, true), Err(Error::Busy(_))));
        // Neither under its old name nor under its new one.
        fs::rename(&path, &other).unwrap();
        for path in [&path, &other] {
            assert!(matches!(open(path, true), Err(Error::Busy(_))), "renamed: {}", path.display());
        }
        fs::remove_file(&other).unwrap();
        assert!(matches!(open(&path, true), Err(Error::Busy(_))), "removed");
        assert!(!path.exists());
        drop(first);
        open(&path, false).unwrap();
    }

    #[test]
    fn only_the_owner_can_read_logs_and_tails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.reel");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let files = open(&path, false).unwrap();
        for path in [&path, &files.tail.as_ref().unwrap().1] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn other_files_are_overwritten_with_force_only() {
        let folder = tempfile::tempdir().unwrap();
        let [path, tail, link] = ["x.c", "x.c.tail", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "int main;").unwrap();
        assert!(matches!(open(&path, false), Err(Error::Exists(_))));
        fs::write(&tail, "a story").unwrap();
        fs::remove_file(&path).unwrap();
        assert!(matches!(open(&path, false), Err(Error::InTheWay(_))));
        assert_eq!(fs::read(&tail).unwrap(), b"a story");
        assert!(!path.exists(), "an empty log is left behind");
        fs::write(&path, "int main;").unwrap();
        drop(open(&path, true).unwrap());
        // A hard link to a file that would be lost.
        fs::write(&path, "").unwrap();
        fs::hard_link(&path, &link).unwrap();
        assert!(matches!(open(&path, false), Err(Error::Exists(_))));
        fs::remove_file(&link).unwrap();
        // A symbolic link of this user, also to a missing file.
        symlink("y.reel", &link).unwrap();
        let opened = open(&link, false);
        match mapping::user() {
            0 => assert!(matches!(opened, Err(Error::Link { .. }))),
            _ => assert_eq!(opened.unwrap().path, folder.path().join("y.reel")),
        }
        assert_eq!(folder.path().join("y.reel").exists(), mapping::user() != 0);
    }
}

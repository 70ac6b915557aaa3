//! Opens the destination of the log, `-o`, and decides whether a log may be written there.
//!
//! A log contains what programs read and wrote, and root's recordings contain the most. So nothing
//! is written to a file that another user has placed there. The rules are Linux's for sticky
//! directories (protected_symlinks, protected_regular and protected_fifos in sysctl(8)), applied
//! everywhere. An existing file is overwritten without `--force` only if nothing is lost.

use crate::error::Error;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use sysreel_sys::mapping;

/// Logs contain what programs read and wrote, including secrets, so only their owner may read them.
pub(crate) const MODE: u32 = 0o600;

/// The most symbolic links followed before they count as a loop (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// The destination of the log.
#[derive(Debug)]
pub(crate) enum Output {
    /// A file for the log alone.
    Regular { log: File, path: PathBuf, is_new: bool },
    /// A pipe, a device or an open descriptor: bytes are written in order, and there is no tail.
    Stream { log: File, path: PathBuf },
}

/// Takes over standard output if the path is `-`. Call it before the program is started: the
/// program's output must not get into the log, so standard error becomes its standard output, as
/// under `perf record -o -`.
pub(crate) fn take_standard(path: Option<&Path>, force: bool) -> Result<Option<Output>, Error> {
    let Some(path) = path.filter(|path| *path == Path::new("-")) else { return Ok(None) };
    if io::stdout().is_terminal() && !force {
        return Err(Error::Terminal(path.to_owned()));
    }
    let log = mapping::take_standard_output().map_err(failed(path))?;
    Ok(Some(Output::Stream { log, path: path.to_owned() }))
}

/// Whether the destination is a FIFO, whose opening waits for a reader (fifo(7)).
pub(crate) fn is_fifo(path: Option<&Path>) -> bool {
    path.and_then(|path| path.metadata().ok()).is_some_and(|there| there.file_type().is_fifo())
}

/// Opens the destination. An existing file is not changed yet.
pub(crate) fn open(path: &Path, force: bool) -> Result<Output, Error> {
    let log = if let Some(fd) = own_descriptor(path) {
        mapping::duplicate(fd)
    } else if is_foreign_descriptor(path) {
        OpenOptions::new().write(true).open(path)
    } else {
        return open_named(path, force);
    };
    let log = log.map_err(failed(path))?;
    let data = log.metadata().map_err(failed(path))?;
    if !force && log.is_terminal() {
        return Err(Error::Terminal(path.to_owned()));
    }
    if !force && is_device(&data) {
        return Err(Error::Exists(path.to_owned()));
    }
    Ok(Output::Stream { log, path: path.to_owned() })
}

/// Returns the descriptor of this process that a path names. Reopening it would start a file at its
/// beginning, and is not possible for a socket.
fn own_descriptor(path: &Path) -> Option<i32> {
    let path = path.to_str()?;
    match path {
        "/dev/stdout" => return Some(1),
        "/dev/stderr" => return Some(2),
        _ => {}
    }
    let folders = ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"];
    folders.iter().find_map(|folder| path.strip_prefix(folder)?.parse().ok())
}

/// Whether the path is `/proc/PID/fd/N`, a descriptor of another process.
fn is_foreign_descriptor(path: &Path) -> bool {
    let Some(rest) = path.to_str().and_then(|path| path.strip_prefix("/proc/")) else {
        return false;
    };
    let number = |word: &str| word.parse::<u32>().is_ok();
    matches!(rest.split('/').collect::<Vec<_>>()[..], [pid, "fd", fd] if number(pid) && number(fd))
}

fn open_named(path: &Path, force: bool) -> Result<Output, Error> {
    let path = follow_links(path)?;
    let there = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let new =
                OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(&path);
            let log = new.map_err(failed(&path))?;
            return Ok(Output::Regular { log, path, is_new: true });
        }
        there => there.map_err(failed(&path))?,
    };
    let is_file = there.is_file();
    if is_foreign(&path, &there) {
        return Err(Error::Foreign { path, owner: there.uid() });
    }
    // Checked before the open, because opening some devices has effects.
    if !is_file && !there.file_type().is_fifo() && !there.is_dir() && !is_null(&there) && !force {
        return Err(Error::Exists(path));
    }
    let log = OpenOptions::new()
        // If the recorder could read from the pipe, it would not notice that the reader has ended
        // (fifo(7)).
        .read(is_file)
        .write(true)
        .custom_flags(mapping::NOFOLLOW)
        .open(&path)
        .map_err(failed(&path))?;
    let data = log.metadata().map_err(failed(&path))?;
    if (data.dev(), data.ino()) != (there.dev(), there.ino()) {
        let source = io::Error::other("the file was replaced while it was opened");
        return Err(Error::Open { path, source });
    }
    if !is_file {
        return Ok(Output::Stream { log, path });
    }
    // A hard link may be a trap of another user (protected_hardlinks) or be the user's own:
    // overwriting loses the contents in both cases.
    if !force && (data.nlink() > 1 || !is_empty_or_log(&log).map_err(failed(&path))?) {
        return Err(Error::Exists(path));
    }
    Ok(Output::Regular { log, path, is_new: false })
}

/// Follows symbolic links of this user. Root follows none: links of root in directories of root
/// would be harmless, but each exception is a risk and none is needed.
fn follow_links(path: &Path) -> Result<PathBuf, Error> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(there) = fs::symlink_metadata(&path) else { return Ok(path) };
        if !there.is_symlink() {
            return Ok(path);
        }
        let target = fs::read_link(&path).map_err(failed(&path))?;
        if mapping::user() == 0 || there.uid() != mapping::user() {
            return Err(Error::Link { path, target });
        }
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(failed(&path)(io::Error::from(io::ErrorKind::InvalidInput)))
}

/// Whether another user could read or remove what is written there. A FIFO in a directory in which
/// not every user may create files was created for its users.
fn is_foreign(path: &Path, there: &Metadata) -> bool {
    let user = mapping::user();
    if there.uid() == user || there.is_dir() {
        return false;
    }
    if there.is_file() || user == 0 {
        // Devices belong to root or, as terminals do, to their user.
        return !is_device(there);
    }
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = fs::metadata(parent) else { return true };
    const STICKY_AND_OPEN: u32 = 0o1002;
    there.file_type().is_fifo()
        && folder.mode() & STICKY_AND_OPEN == STICKY_AND_OPEN
        && there.uid() != folder.uid()
}

fn is_device(data: &Metadata) -> bool {
    let kind = data.file_type();
    (kind.is_char_device() || kind.is_block_device()) && !is_null(data)
}

fn is_null(data: &Metadata) -> bool {
    data.file_type().is_char_device() && data.rdev() == mapping::null_device()
}

/// Whether a file is empty or a log.
fn is_empty_or_log(file: &File) -> io::Result<bool> {
    let start = read_start(file)?;
    Ok(start.is_empty() || sysreel_format::is_log(&start))
}

/// Returns the first bytes of a file.
pub(crate) fn read_start(file: &File) -> io::Result<Vec<u8>> {
    let mut start = vec![0; 64];
    let len = file.read_at(&mut start, 0)?;
    start.truncate(len);
    Ok(start)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Open { path, source }
}

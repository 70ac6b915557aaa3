//! What `-o` names, and whether a log may be written there.
//!
//! A log holds what programs read and wrote, and root's recordings hold the most. So nothing that
//! another user has laid in the way is written to: the rules are those that Linux has for sticky
//! directories (protected_symlinks, protected_regular and protected_fifos in sysctl(8)), held
//! everywhere. And what is there is overwritten without a question only if nothing is lost by it.

use crate::error::Error;
use crate::file::MODE;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use sysreel_sys::mapping;

/// How many symbolic links lead to one another before it is a loop (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// Where the blocks go.
#[derive(Debug)]
pub(crate) enum Output {
    /// A file that is the log's alone.
    Regular { log: File, path: PathBuf, is_new: bool },
    /// A pipe, a device, a descriptor that was open before: bytes go there in order, and there is
    /// no tail.
    Stream { log: File, path: PathBuf },
}

/// Takes standard output, if that was asked for with `-`. To be called before the program is
/// started: what it writes to its standard output would lie in the midst of the log, so it has this
/// process's standard error instead, as under `perf record -o -`.
pub(crate) fn standard(path: Option<&Path>, force: bool) -> Result<Option<Output>, Error> {
    let Some(path) = path.filter(|path| *path == Path::new("-")) else { return Ok(None) };
    if io::stdout().is_terminal() && !force {
        return Err(Error::Terminal(path.to_owned()));
    }
    let log = mapping::take_standard_output().map_err(failed(path))?;
    Ok(Some(Output::Stream { log, path: path.to_owned() }))
}

/// Opens what was asked for. Nothing is changed yet of a file that was there.
pub(crate) fn open(path: &Path, force: bool) -> Result<Output, Error> {
    let log = if let Some(fd) = descriptor_of_ours(path) {
        mapping::duplicate(fd)
    } else if is_descriptor_of_another(path) {
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

/// A descriptor of this process by one of its names. To open it anew would begin a file at its
/// start, and cannot be done with a socket.
fn descriptor_of_ours(path: &Path) -> Option<i32> {
    let path = path.to_str()?;
    match path {
        "/dev/stdout" => return Some(1),
        "/dev/stderr" => return Some(2),
        _ => {}
    }
    let folders = ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"];
    folders.iter().find_map(|folder| path.strip_prefix(folder)?.parse().ok())
}

/// `/proc/PID/fd/N`: whoever types this means what is open there.
fn is_descriptor_of_another(path: &Path) -> bool {
    let Some(rest) = path.to_str().and_then(|path| path.strip_prefix("/proc/")) else {
        return false;
    };
    let number = |word: &str| word.parse::<u32>().is_ok();
    matches!(rest.split('/').collect::<Vec<_>>()[..], [pid, "fd", fd] if number(pid) && number(fd))
}

fn open_named(path: &Path, force: bool) -> Result<Output, Error> {
    let path = followed(path)?;
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
    // To ask before it is opened: to open some devices does something.
    if !is_file && !there.file_type().is_fifo() && !there.is_dir() && !is_null(&there) && !force {
        return Err(Error::Exists(path));
    }
    let log = OpenOptions::new()
        // A pipe that the recorder could read from too would never tell that its reader is gone
        // (fifo(7)).
        .read(is_file)
        .write(true)
        .custom_flags(mapping::NOFOLLOW)
        .open(&path)
        .map_err(failed(&path))?;
    let data = log.metadata().map_err(failed(&path))?;
    if (data.dev(), data.ino()) != (there.dev(), there.ino()) {
        let source = io::Error::other("something else came to be there meanwhile");
        return Err(Error::Open { path, source });
    }
    if !is_file {
        return Ok(Output::Stream { log, path });
    }
    // A second name of a file may be another's trap (protected_hardlinks), or the user's: both
    // would lose what it holds.
    if !force && (data.nlink() > 1 || !is_free(&log).map_err(failed(&path))?) {
        return Err(Error::Exists(path));
    }
    Ok(Output::Regular { log, path, is_new: false })
}

/// Goes from symbolic link to symbolic link, as far as they are this user's. Root follows none: one
/// that is root's own in a folder of root's is harmless, but nobody needs it, and each exception is
/// one to get wrong.
fn followed(path: &Path) -> Result<PathBuf, Error> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
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

/// Whether somebody else can read what is written there, or takes it away. A FIFO in a folder where
/// not everybody may make files was put there for its users.
fn is_foreign(path: &Path, there: &Metadata) -> bool {
    let user = mapping::user();
    if there.uid() == user || there.is_dir() {
        return false;
    }
    if there.is_file() || user == 0 {
        // Devices belong to root, and to those who use them: a terminal to its user.
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

/// Whether a file holds nothing, or a log.
fn is_free(file: &File) -> io::Result<bool> {
    let start = start_of(file)?;
    Ok(start.is_empty() || sysreel_format::is_log(&start))
}

/// The first bytes of a file.
pub(crate) fn start_of(file: &File) -> io::Result<Vec<u8>> {
    let mut start = vec![0; 64];
    let len = file.read_at(&mut start, 0)?;
    start.truncate(len);
    Ok(start)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Open { path, source }
}

//! Writes files that appear, or replace older ones, when they are complete.

use crate::exit::Exit;
use crate::results::check_is_no_log;
use crate::say::{self, Out, say};
use crate::views::failed;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use sysreel_browse::Contents;
use sysreel_export::Parts;
use sysreel_inspect::Error;
use sysreel_sys::Signal;
use sysreel_sys::signals::is_ignored;
use tempfile::{NamedTempFile, TempPath};

/// The name of standard output on the command line.
const STDOUT: &str = "-";
/// Large enough to avoid a write(2) for each row.
const BUFFER: usize = 256 << 10;
/// How many symbolic links are followed, as in the kernel (include/linux/namei.h, MAXSYMLINKS).
const MAX_LINKS: usize = 40;

/// Writes a result to the file `path`, or to standard output if it is `-`. The file gets its name
/// when it is complete; after an error or a signal there is nothing of it.
///
/// # Errors
/// With the exit status, after a message that names the file.
pub(crate) fn write_whole<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Error>,
) -> Result<T, Exit> {
    if path == Path::new(STDOUT) {
        let mut out = Out::lock().map_err(|error| say::unwritten(&error).0)?;
        let written = write(&mut out).map_err(|error| match error {
            Error::Write(error) => say::unwritten(&error).0,
            error => failed(&error),
        })?;
        out.finish().map_err(|error| say::unwritten(&error).0)?;
        return Ok(written);
    }
    let write_to = |file: File| {
        let mut out = BufWriter::with_capacity(BUFFER, file);
        let written = write(&mut out)?;
        out.flush().map_err(Error::Write)?;
        Ok(written)
    };
    replace(path, |file| match file {
        Replacement::Direct(file) => write_to(file),
        Replacement::Whole(temporary) => {
            let file = File::create(temporary.path()).map_err(Error::Write)?;
            let written = write_to(file)?;
            temporary.keep().map_err(Error::Write)?;
            Ok(written)
        }
    })
}

/// The same for a result that a library writes to a file by its name.
///
/// # Errors
/// As [`write_whole`]; also if `path` is a pipe or a device.
pub(crate) fn write_whole_file<T>(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Exit> {
    replace(path, |file| match file {
        Replacement::Direct(_) => {
            let why = "it is not a regular file, which this format needs";
            Err(Error::Write(io::Error::other(why)))
        }
        Replacement::Whole(temporary) => {
            let written = write(temporary.path())?;
            temporary.keep().map_err(Error::Write)?;
            Ok(written)
        }
    })
}

/// Writes a new file, which only its owner may read, and which gets its name when it is complete.
/// For a process that handles signals itself: before one ends it, call [`discard`].
///
/// # Errors
/// If the name is taken, or the file cannot be written.
pub(crate) fn write_new(path: &Path, contents: Contents<'_>) -> io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let temporary = Temporary::beside(path.to_owned(), 0o600, &mut partial())?;
    let mut out = BufWriter::with_capacity(BUFFER, File::create(temporary.path())?);
    contents(&mut out)?;
    out.flush()?;
    temporary.keep_new()
}

/// Removes the temporary files. None is created or gets its name any more: the process ends.
pub(crate) fn discard() {
    let partial = partial();
    for file in &partial.files {
        if let Err(error) = std::fs::remove_file(file)
            && error.kind() != io::ErrorKind::NotFound
        {
            say!("cannot remove {}: {error}", file.display());
        }
    }
    // The list stays locked.
    std::mem::forget(partial);
}

/// The same for a result of several files, each with the name `path`, a dot, and that of a part.
///
/// # Errors
/// As [`write_whole_file`].
pub(crate) fn write_parts<T>(
    path: &Path,
    write: impl FnOnce(Parts<'_>) -> Result<T, Error>,
) -> Result<T, Exit> {
    let mut files = BTreeMap::<String, Temporary>::new();
    let mut append = |part: &str, bytes: &[u8]| {
        if !files.contains_key(part) {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{part}"));
            let Replacement::Whole(file) = Replacement::begin(Path::new(&name))? else {
                let why = format!("{} is not a regular file", Path::new(&name).display());
                return Err(io::Error::other(why));
            };
            files.insert(part.to_owned(), file);
        }
        let Some(file) = files.get(part) else { return Ok(()) };
        OpenOptions::new().append(true).open(file.path())?.write_all(bytes)
    };
    let written = write(&mut append);
    let kept = written.and_then(|written| {
        files.into_values().try_for_each(Temporary::keep).map_err(Error::Write)?;
        Ok(written)
    });
    kept.map_err(|error| unwritten(path, error))
}

fn replace<T>(path: &Path, write: impl FnOnce(Replacement) -> Result<T, Error>) -> Result<T, Exit> {
    let begun = Replacement::begin(path).map_err(Error::Write);
    begun.and_then(write).map_err(|error| unwritten(path, error))
}

fn unwritten(path: &Path, error: Error) -> Exit {
    match error {
        Error::Write(error) => {
            say!("cannot write {}: {error}", path.display());
            Exit::FAILURE
        }
        error => failed(&error),
    }
}

/// A file that is to replace another one, or to be new.
enum Replacement {
    /// A temporary file beside it, which takes its name when it is complete.
    Whole(Temporary),
    /// A pipe or a device, which has no place for another file.
    Direct(File),
}

/// A file without its name. Unless it is kept, it is removed.
struct Temporary {
    file: TempPath,
    path: PathBuf,
    _listed: Listed,
}

impl Replacement {
    /// Creates the file beside `path`.
    ///
    /// # Errors
    /// If `path` is a log, or no file can be created there.
    fn begin(path: &Path) -> io::Result<Self> {
        check_is_no_log(path)?;
        let path = followed(path)?;
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Direct(OpenOptions::new().write(true).open(path)?));
        }
        let mut partial = partial();
        partial.watch_signals()?;
        // As for any new file; the umask applies.
        Ok(Self::Whole(Temporary::beside(path, 0o666, &mut partial)?))
    }
}

/// Returns what a path refers to: what a symbolic link points to is replaced, not the link, also if
/// it is not there yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match path.read_link() {
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

impl Temporary {
    /// Creates a file beside `path`.
    ///
    /// # Errors
    /// If it cannot be created.
    fn beside(path: PathBuf, mode: u32, partial: &mut Partial) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        // Opened here, because the error of the kernel says enough: the name of the temporary file
        // would only confuse.
        let file = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            .make_in(folder, |path| {
                OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
            })?;
        let file = NamedTempFile::into_temp_path(file);
        partial.files.insert(file.to_path_buf());
        let _listed = Listed(file.to_path_buf());
        Ok(Self { file, path, _listed })
    }

    /// Returns the temporary name.
    fn path(&self) -> &Path {
        &self.file
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If it cannot be renamed.
    fn keep(self) -> io::Result<()> {
        // Either a signal removes the temporary file, or the file gets its name.
        let _partial = partial();
        self.file.persist(&self.path).map_err(|error| error.error)
    }

    /// Gives the file its name unless that is taken.
    ///
    /// # Errors
    /// If it is, or the file cannot be renamed.
    fn keep_new(self) -> io::Result<()> {
        let _partial = partial();
        self.file.persist_noclobber(&self.path).map_err(|error| error.error)
    }
}

/// The temporary files of this process. A signal that ends it removes them first.
struct Partial {
    files: BTreeSet<PathBuf>,
    watches: bool,
}

static PARTIAL: Mutex<Partial> = Mutex::new(Partial { files: BTreeSet::new(), watches: false });

/// Returns the list, which is locked while a file is created or gets its name.
fn partial() -> MutexGuard<'static, Partial> {
    PARTIAL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Partial {
    /// Starts to handle SIGHUP, SIGINT, SIGQUIT and SIGTERM, except those that this process
    /// ignores, as under nohup(1).
    fn watch_signals(&mut self) -> io::Result<()> {
        if self.watches {
            return Ok(());
        }
        let handled =
            [SIGHUP, SIGINT, SIGQUIT, SIGTERM].into_iter().filter(|n| !is_ignored(Signal(*n)));
        let mut signals = Signals::new(handled)?;
        let watch = move || signals.forever().for_each(end);
        std::thread::Builder::new().name("signals".into()).spawn(watch)?;
        self.watches = true;
        Ok(())
    }
}

/// Removes the temporary files, then ends this process as the signal would have.
fn end(signal: i32) {
    discard();
    if emulate_default_handler(signal).is_err() {
        std::process::exit(128 + signal);
    }
}

/// An entry of the list.
struct Listed(PathBuf);

impl Drop for Listed {
    fn drop(&mut self) {
        partial().files.remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Replacement, partial};
    use std::fs;

    #[test]
    fn a_file_is_replaced_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        let begin = || match Replacement::begin(&path).unwrap() {
            Replacement::Whole(temporary) => temporary,
            Replacement::Direct(_) => panic!("a regular file"),
        };
        let count = || fs::read_dir(folder.path()).unwrap().count();
        let dropped = begin();
        let name = dropped.path().to_owned();
        fs::write(&name, "half").unwrap();
        assert_eq!((fs::read(&path).unwrap(), count()), (b"old".to_vec(), 2));
        assert!(partial().files.contains(&name));
        drop(dropped);
        assert!(!partial().files.contains(&name));
        assert_eq!((fs::read(&path).unwrap(), count()), (b"old".to_vec(), 1));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("out", &link).unwrap();
        let Replacement::Whole(kept) = Replacement::begin(&link).unwrap() else { panic!("link") };
        let name = kept.path().to_owned();
        fs::write(&name, "new").unwrap();
        kept.keep().unwrap();
        assert!(!partial().files.contains(&name));
        assert_eq!((fs::read(&path).unwrap(), count()), (b"new".to_vec(), 2));
        assert!(link.is_symlink());
        // A link to what is not there yet.
        fs::remove_file(&path).unwrap();
        let Replacement::Whole(kept) = Replacement::begin(&link).unwrap() else { panic!("link") };
        kept.keep().unwrap();
        assert!(link.is_symlink() && path.is_file());
        let circle = folder.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert!(Replacement::begin(&circle).is_err());
        assert!(matches!(
            Replacement::begin("/dev/null".as_ref()).unwrap(),
            Replacement::Direct(_)
        ));
    }
}

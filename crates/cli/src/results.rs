//! Creates the files that results are written to.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// How many bytes of a file are enough to recognize a log.
const START: u64 = 64;

/// Creates or truncates a file for a result, or appends to it if `append` is set, unless the file
/// is a log: it may be the log that the result is about, under another name, and a recording cannot
/// be repeated.
///
/// # Errors
/// If the file is a log or cannot be opened.
pub(crate) fn create(path: &Path, append: bool) -> io::Result<File> {
    check_is_no_log(path)?;
    OpenOptions::new().write(true).create(true).append(append).truncate(!append).open(path)
}

/// # Errors
/// If the file is a log or cannot be read.
fn check_is_no_log(path: &Path) -> io::Result<()> {
    if path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        let mut start = Vec::new();
        File::open(path)?.take(START).read_to_end(&mut start)?;
        if sysreel_format::is_log(&start) {
            let why = "it is a log and will not be overwritten; choose another file or remove it";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
    }
    Ok(())
}

/// A file that is to replace another one, or to be new.
pub(crate) enum Replacement {
    /// A temporary file beside it, which takes its name when it is complete.
    Whole(Temporary),
    /// A pipe or a device, which has no place for another file.
    Direct(File),
}

/// A file without its name. Unless it is kept, it is removed.
pub(crate) struct Temporary {
    file: TempPath,
    path: PathBuf,
}

impl Replacement {
    /// Creates the file beside `path`.
    ///
    /// # Errors
    /// If `path` is a log, or no file can be created there.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        check_is_no_log(path)?;
        // What a symbolic link refers to is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Direct(OpenOptions::new().write(true).open(path)?));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(path.file_name().unwrap_or_default());
        let file = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            // As for any new file; the umask applies.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)?;
        let file = NamedTempFile::into_temp_path(file);
        Ok(Self::Whole(Temporary { file, path }))
    }
}

impl Temporary {
    /// Returns the temporary name.
    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If it cannot be renamed.
    pub(crate) fn keep(self) -> io::Result<()> {
        self.file.persist(&self.path).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use super::{Replacement, create};
    use std::fs;

    #[test]
    fn results_are_overwritten_and_logs_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "an older result, longer than a head of a log would be, by some words")
            .unwrap();
        create(&path, false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        fs::write(&path, "one,").unwrap();
        std::io::Write::write_all(&mut create(&path, true).unwrap(), b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one,two");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1");
        let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let log = files
            .find(|path| path.extension().is_some_and(|extension| extension == "reel"))
            .unwrap();
        fs::copy(&log, &path).unwrap();
        assert_eq!(create(&path, false).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), fs::read(&log).unwrap());
    }

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
        fs::write(dropped.path(), "half").unwrap();
        assert_eq!((fs::read(&path).unwrap(), count()), (b"old".to_vec(), 2));
        drop(dropped);
        assert_eq!((fs::read(&path).unwrap(), count()), (b"old".to_vec(), 1));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("out", &link).unwrap();
        let Replacement::Whole(kept) = Replacement::begin(&link).unwrap() else { panic!("link") };
        fs::write(kept.path(), "new").unwrap();
        kept.keep().unwrap();
        assert_eq!((fs::read(&path).unwrap(), count()), (b"new".to_vec(), 2));
        assert!(link.is_symlink());
        assert!(matches!(
            Replacement::begin("/dev/null".as_ref()).unwrap(),
            Replacement::Direct(_)
        ));
    }
}

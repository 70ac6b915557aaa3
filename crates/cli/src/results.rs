//! Creates the files that results are written to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

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

/// Refuses a file that is a log.
///
/// # Errors
/// If the file is a log or cannot be read.
pub(crate) fn check_is_no_log(path: &Path) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::create;
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
}

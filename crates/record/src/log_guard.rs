//! Guards the log's files while they are written. The recorded program, or any other, may remove,
//! rename, replace or truncate them. The writer checks once a second and at the end, repairs what
//! it can, and reports all of it.

use crate::file::{open_numbered, with_suffix};
use crate::log_file::{Disturbance, LogFile};
use crate::output::MODE;
use crate::tail::{Tail, TailMemory};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use sysreel_sys::mapping;

/// The paths of the log's files, and what happened to them.
#[derive(Debug)]
pub(crate) struct LogGuard {
    /// The path of the log.
    path: PathBuf,
    /// The path of the tail. `None` when there is none, or it could not be restored.
    tail: Option<PathBuf>,
    /// What was found, as sentences.
    findings: Vec<String>,
    /// Why the log has no name at present, if it has none.
    nameless: Option<String>,
}

impl LogGuard {
    /// Returns `None` where paths do not identify the log: it is not a regular file, or its file
    /// system changes inode numbers.
    pub(crate) fn new(log: &LogFile, path: &Path, tail: Option<&Path>) -> Option<LogGuard> {
        let tail = tail.map(Path::to_owned);
        let guard = LogGuard { path: path.to_owned(), tail, findings: Vec::new(), nameless: None };
        (log.is_regular() && is_at(log.file(), path)).then_some(guard)
    }

    /// Checks both files. If the tail has to be replaced, passes the tracer new segments.
    pub(crate) fn check(
        &mut self,
        log: &mut LogFile,
        tail: &mut Option<Tail>,
        give_segment: impl FnMut(TailMemory),
    ) {
        // If the file cannot be examined it may be intact; if not, writing to it will fail.
        _ = self.check_log(log);
        self.check_contents(log);
        // Readers find a tail by the name of its log.
        let (Some(path), Some(tail), None) = (self.tail.clone(), tail, &self.nameless) else {
            return;
        };
        if let Err(error) = self.check_tail(&path, tail, give_segment) {
            let path = path.display();
            self.findings.push(format!(
                "{path} was removed or damaged and cannot be recreated: {error}; if the recorder \
                 is killed now, events are lost"
            ));
            self.tail = None;
        }
    }

    /// Returns the paths of the log and its tail, and what happened to them.
    pub(crate) fn end(mut self, tail: Option<&Tail>) -> (PathBuf, Option<PathBuf>, Vec<String>) {
        self.findings.extend(self.nameless.take());
        let path = self.tail.filter(|path| tail.is_some_and(|tail| is_at(&tail.file, path)));
        (self.path, path, self.findings)
    }

    fn check_log(&mut self, log: &mut LogFile) -> io::Result<()> {
        if is_at(log.file(), &self.path) {
            return Ok(());
        }
        if let Some(elsewhere) = current_path(log.file())? {
            let finding = format!(
                "{} was renamed while it was recorded; the log is {}",
                self.path.display(),
                elsewhere.display()
            );
            self.findings.push(finding);
            self.path = elsewhere;
            return Ok(());
        }
        let old_path = self.path.display().to_string();
        match recreate(log, &self.path) {
            Ok(path) => {
                let finding = if path == self.path {
                    format!(
                        "{old_path} was removed while it was recorded; it was recreated with all \
                         of its contents"
                    )
                } else {
                    format!(
                        "{old_path} was replaced while it was recorded; the log is {}",
                        path.display()
                    )
                };
                self.findings.push(finding);
                (self.path, self.nameless) = (path, None);
            }
            // Tried again at the next check.
            Err(error) => {
                self.nameless = Some(format!(
                    "{old_path} was removed while it was recorded and cannot be recreated: {error}"
                ));
            }
        }
        Ok(())
    }

    fn check_contents(&mut self, log: &mut LogFile) {
        let failed = log.check(true).err();
        let path = self.path.display();
        let what = match log.take_disturbance() {
            Some(Disturbance::Length { found, written }) if found < written => format!(
                "{path} was cut to {found} bytes while it was recorded: its contents up to byte \
                 {written} are lost"
            ),
            Some(Disturbance::Length { .. }) => {
                format!(
                    "another program appended to {path} while it was recorded; the addition was \
                     removed"
                )
            }
            Some(Disturbance::Head) => format!(
                "{path} was cut or written over while it was recorded: its header was restored, \
                 other contents may be lost"
            ),
            None => return,
        };
        self.findings.push(
            failed.map_or(what.clone(), |error| format!("{what}; repairing it failed: {error}")),
        );
    }

    /// Checks that the tail is next to the log, where readers look for it.
    fn check_tail(
        &mut self,
        path: &Path,
        tail: &mut Tail,
        give_segment: impl FnMut(TailMemory),
    ) -> io::Result<()> {
        let wanted = with_suffix(&self.path);
        let data = tail.file.metadata()?;
        let removed = data.nlink() == 0;
        if !removed && data.len() >= tail.len() {
            if is_at(&tail.file, &wanted) {
                self.tail = Some(wanted);
                return Ok(());
            }
            if let Some(elsewhere) = current_path(&tail.file)? {
                mapping::rename_to_free(&elsewhere, &wanted)?;
                // After a rename of the log its tail is only moved along.
                if elsewhere != path && !is_same_name(&elsewhere, path) {
                    self.findings
                        .push(format!("{} was renamed while it was recorded", path.display()));
                }
                self.tail = Some(wanted);
                return Ok(());
            }
        }
        replace(tail, &wanted, give_segment)?;
        let what = if removed { "removed" } else { "cut short" };
        self.findings.push(format!(
            "{} was {what} while it was recorded; it was replaced by a new one",
            path.display()
        ));
        self.tail = Some(wanted);
        Ok(())
    }
}

/// Creates another tail at that path. It is complete when it gets its name: first the tracer
/// switches to its segments, then the segments of the old tail, which no longer change, are copied.
fn replace(tail: &mut Tail, wanted: &Path, give_segment: impl FnMut(TailMemory)) -> io::Result<()> {
    let ours = is_at(&tail.file, wanted);
    let mut unnamed = wanted.as_os_str().to_owned();
    unnamed.push(".new");
    let unnamed = Path::new(&unnamed);
    let (other, segments) = tail.successor(unnamed, MODE)?;
    segments.into_iter().for_each(give_segment);
    other.switch();
    let before = std::mem::replace(tail, other);
    let named = tail.copy_from(&before).and_then(|()| match ours {
        true => fs::rename(unnamed, wanted),
        false => mapping::rename_to_free(unnamed, wanted),
    });
    if named.is_err() {
        _ = fs::remove_file(unnamed);
    }
    named
}

/// Copies a log without a name to a new file and continues there. If the path is taken, chooses a
/// similar one.
fn recreate(log: &mut LogFile, path: &Path) -> io::Result<PathBuf> {
    let new = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(path);
    let (new, path) = match new {
        Ok(new) => (new, path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            open_numbered(&path.with_extension("")).map_err(io::Error::other)?
        }
        Err(error) => return Err(error),
    };
    // The file is new, so no other process can hold the lock.
    mapping::lock(&new);
    match log.continue_in(new) {
        Ok(()) => Ok(path),
        Err(error) => {
            _ = fs::remove_file(&path);
            Err(error)
        }
    }
}

/// Whether a path leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |data: fs::Metadata| (data.dev(), data.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => identity(file) == identity(there),
        _ => false,
    }
}

/// Returns a path of the file, as the kernel knows it. `None` when the file was removed or its path
/// is not known.
fn current_path(file: &File) -> io::Result<Option<PathBuf>> {
    if file.metadata()?.nlink() == 0 {
        return Ok(None);
    }
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    // NFS keeps a removed file that is open under such a name and removes it when it is closed.
    let is_removed =
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".nfs"));
    Ok((!is_removed && is_at(file, &path)).then_some(path))
}

/// Whether two paths are the same; one of them may be relative.
fn is_same_name(one: &Path, other: &Path) -> bool {
    matches!((std::path::absolute(one), std::path::absolute(other)),
        (Ok(one), Ok(other)) if one == other)
}

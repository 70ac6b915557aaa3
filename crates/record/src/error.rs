//! The errors of a recording.

use std::io;
use std::path::{Path, PathBuf};

/// Why a recording could not start or be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request to the kernel failed.
    #[error(transparent)]
    System(#[from] sysreel_sys::Error),
    /// The log cannot be created or opened.
    #[error("cannot write the log {}: {source}{}", .path.display(), hint(.source))]
    Open {
        /// The path of the log.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The log is being written by another recorder.
    #[error("{} is being recorded by another sysreel; choose another file with -o", .0.display())]
    Busy(PathBuf),
    /// A file exists that would be lost.
    #[error("{} exists and is not a log of sysreel; choose another file with -o, or overwrite it \
        with --force", .0.display())]
    Exists(PathBuf),
    /// A file exists at the path of the tail.
    #[error(
        "{} exists and is not the tail of a log, but the tail of this recording must be there; \
         choose another file with -o, or overwrite it with --force", .0.display()
    )]
    InTheWay(PathBuf),
    /// Another user could read or change the log.
    #[error(
        "{} belongs to another user (uid {owner}), who could read or change the log; remove it, or \
         choose another file with -o",
        .path.display()
    )]
    Foreign {
        /// The existing file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The path is a symbolic link that another user may control.
    #[error(
        "{} is a symbolic link to {}, and sysreel follows only links of the user who runs it, and \
         none as root; name the file itself with -o",
        .path.display(), .target.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
    },
    /// The output is a terminal.
    #[error(
        "{} is a terminal, and a log is not text; redirect it to a file or a pipe, or use --force",
        name_of_output(.0)
    )]
    Terminal(PathBuf),
    /// `--cpu poll` lacks privileges.
    #[error(
        "--cpu poll cannot open /dev/cpu_dma_latency: {0}; it affects the whole machine and needs \
         root (use --cpu auto)"
    )]
    Poll(io::Error),
    /// A running process cannot be given a filter.
    #[error(
        "--only works for a program that sysreel starts: a running process cannot be given a \
         seccomp filter; leave out --only, or start the program under sysreel"
    )]
    OnlyAttached,
    /// The filter exceeds the kernel's limit.
    #[error(
        "the filter of --only is too long for the kernel; use classes (%file) instead of names"
    )]
    OnlyTooLong,
    /// Calls cannot be recorded from inside the process.
    #[error("--fast is not possible here: {0}; leave it out")]
    NotFast(&'static str),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// Encoding the log failed.
    #[error(transparent)]
    Format(#[from] sysreel_format::Error),
}

fn name_of_output(path: &Path) -> std::borrow::Cow<'_, str> {
    if path == Path::new("-") { "standard output".into() } else { path.to_string_lossy() }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a writable place with -o FILE"
        }
        io::ErrorKind::StorageFull => {
            "; the disk is full: free some space, or choose another place with -o FILE"
        }
        io::ErrorKind::FileTooLarge => {
            "; the limit on file sizes is below what a recording needs (ulimit -f): raise it"
        }
        io::ErrorKind::NotFound => "; the directory does not exist",
        _ => "",
    }
}

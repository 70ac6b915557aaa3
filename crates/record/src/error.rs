//! What can keep a program from being recorded.

use std::io;
use std::path::{Path, PathBuf};

/// A recording that could not begin, or could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused something.
    #[error(transparent)]
    System(#[from] sysreel_sys::Error),
    /// The log file cannot be made.
    #[error("cannot write the log {}: {source}{}", .path.display(), hint(.source))]
    Open {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log file belongs to a recording that runs.
    #[error("{} is being recorded by another sysreel; choose another file with -o", .0.display())]
    Busy(PathBuf),
    /// Something is there that would be lost.
    #[error("{} exists and is not a log of sysreel; choose another file with -o, or overwrite it \
        with --force", .0.display())]
    Exists(PathBuf),
    /// A file of that name is in the way of the tail.
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
        /// What is there.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// A symbolic link that may lead where its maker wants.
    #[error(
        "{} is a symbolic link to {}, and sysreel follows only links of the user who runs it, and \
         none as root; name the file itself with -o",
        .path.display(), .target.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
        /// What it holds.
        target: PathBuf,
    },
    /// A log would be garbage on a screen.
    #[error(
        "{} is a terminal, and a log is not text; redirect it to a file or a pipe, or use --force",
        name_of_output(.0)
    )]
    Terminal(PathBuf),
    /// `--cpu poll` needs what this user does not have.
    #[error(
        "--cpu poll needs to open /dev/cpu_dma_latency: {0} (it concerns the whole machine, so \
         only root may; use --cpu auto)"
    )]
    Poll(io::Error),
    /// A process that runs already cannot be given a filter.
    #[error(
        "only a program that is started can be recorded with --only: a process that runs already \
         cannot be given a seccomp filter; record all of its calls (leave out --only), or start it \
         under sysreel"
    )]
    OnlyAttached,
    /// The kernel takes no filter as long as this one.
    #[error(
        "the filter of --only is too long for the kernel; use classes (%file) instead of names"
    )]
    OnlyTooLong,
    /// The log's own encoding failed.
    #[error(transparent)]
    Format(#[from] sysreel_format::Error),
}

fn name_of_output(path: &Path) -> std::borrow::Cow<'_, str> {
    if path == Path::new("-") { "standard output".into() } else { path.to_string_lossy() }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a place you may write to with -o FILE"
        }
        io::ErrorKind::StorageFull => {
            "; the disk has no room for it: free some, or choose another place with -o FILE"
        }
        io::ErrorKind::FileTooLarge => {
            "; the limit on file sizes is below what a recording needs (ulimit -f): raise it"
        }
        io::ErrorKind::NotFound => "; the folder does not exist",
        _ => "",
    }
}

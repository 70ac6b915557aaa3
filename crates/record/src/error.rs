//! What can keep a program from being recorded.

use std::io;
use std::path::PathBuf;

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
    /// `--cpu poll` needs what this user does not have.
    #[error(
        "--cpu poll needs to open /dev/cpu_dma_latency: {0} (it concerns the whole machine, so only root may; use --cpu auto)"
    )]
    Poll(io::Error),
    /// A process that runs already cannot be given a filter.
    #[error(
        "only a program that is started can be recorded with --only: a process that runs already cannot be given a seccomp filter; record all of its calls (leave out --only), or start it under sysreel"
    )]
    OnlyAttached,
    /// The kernel takes no filter as long as this one.
    #[error("the filter of --only is too long for the kernel; use classes (%file) instead of names")]
    OnlyTooLong,
    /// The log's own encoding failed.
    #[error(transparent)]
    Format(#[from] sysreel_format::Error),
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

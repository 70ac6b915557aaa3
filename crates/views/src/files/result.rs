//! What `files` returns.

use serde::Serialize;

use super::counts::{Errors, UseNames, Uses};
use crate::pool::Bytes;
use crate::select::Select;

/// What to return.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log.
    pub select: Select,
    /// Which paths.
    pub which: Which,
    /// Only paths that are not below any of these directories.
    pub outside: Vec<Vec<u8>>,
}

/// Which paths to return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All that were used or looked for.
    #[default]
    All,
    /// Those that were looked for and not found.
    Missing,
    /// Those that were changed.
    Writes,
}

/// The paths of a log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Files {
    /// The paths, sorted.
    pub files: Vec<File>,
    /// Searches for names that were not found at the first place, the most frequent first. Empty
    /// if only changed paths are wanted.
    pub searches: Vec<Search>,
    /// How often a path was used that had no room.
    pub left_out: u64,
    #[serde(skip)]
    pub(super) which: Which,
}

/// A path, and what was done with it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct File {
    /// The path, from the root of the first process. Symbolic links on the way to an opened file
    /// and to a changed one are resolved; other paths are as the program wrote them.
    pub path: Bytes,
    /// Whether the log has only its beginning, so that it means other paths which begin like that.
    pub is_cut: bool,
    /// How often each use succeeded.
    pub uses: Uses,
    /// How often it was looked for and did not exist.
    pub not_found: u64,
    /// How often its use failed otherwise, by the name of the error.
    pub errors: Errors,
    /// The bytes that calls of the kind of read(2) read.
    pub bytes_read: u64,
    /// The bytes that calls of the kind of write(2) wrote. What programs read and write through
    /// mapped memory is not counted.
    pub bytes_written: u64,
    /// Where it led at last as a symbolic link, or through one.
    pub leads_to: Option<Bytes>,
    /// The name that it got at last.
    pub renamed_to: Option<Bytes>,
    /// The name that it had before.
    pub renamed_from: Option<Bytes>,
    /// Whether it, its contents or its attributes were changed, or may have been (`maybe_create`).
    pub changed: bool,
    /// The number of the call with which its first use began.
    pub first_event: u64,
    /// The number of the call with which its last use began.
    pub last_event: u64,
    /// When its first use began, on CLOCK_MONOTONIC. JSON has the event.
    #[serde(skip)]
    pub first_ns: u64,
    /// When its last use began, likewise.
    #[serde(skip)]
    pub last_ns: u64,
    /// The programs that used it, the first ones.
    pub by: Vec<By>,
    /// How often other programs used it.
    pub more_by: u64,
}

/// A program that used a path.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct By {
    /// The number of its node in `sysreel tree`.
    pub node: u32,
    /// The process.
    pub pid: u32,
    /// How many programs the process had executed.
    pub exec: u32,
    /// The path of the program; `null` if it is not in the log.
    pub exe: Option<Bytes>,
    /// How it used the path.
    pub uses: UseNames,
}

/// A search: lookups of one name by one task, in one directory after another, until it was found.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Search {
    /// The name: the last component of the paths.
    pub name: Bytes,
    /// The directories where it was not found, in order.
    pub tried: Vec<Tried>,
    /// The number of further directories, which had no room.
    pub more_tried: u64,
    /// The directory where it was found at last; `null` if it was not.
    pub found: Option<Bytes>,
    /// How often the same search was made.
    pub times: u64,
    /// The number of the call with which the first of them began.
    pub first_event: u64,
    /// The programs that made it, the first ones.
    pub by: Vec<By>,
    /// How often other programs made it.
    pub more_by: u64,
}

/// A directory where a name was not found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tried {
    /// The directory.
    pub directory: Bytes,
    /// The error: mostly `ENOENT`.
    pub error: String,
}

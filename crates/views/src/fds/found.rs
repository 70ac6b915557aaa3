//! What `fds` finds.

use serde::Serialize;
use sysreel_inspect::state::DescriptorOrigin;

/// The descriptors of a log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fds {
    /// The descriptors, in the order in which they were opened.
    pub fds: Vec<Fd>,
    /// Descriptors from 3 on that a new program got from the one before it over execve(2), without
    /// close-on-exec. Each is a leak, unless the program expects it.
    pub inherited: Vec<Inherited>,
    /// How many descriptors are not shown, because there were too many.
    pub left_out: u64,
    #[serde(skip)]
    pub(super) leaked: bool,
    /// How many descriptors from 3 on that calls opened are open at the end of the log.
    #[serde(skip)]
    pub(super) still_open: usize,
}

/// A descriptor that a process opened.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fd {
    /// The process. Processes that share their descriptors (`CLONE_FILES`) have one row for each:
    /// that of the one that opened it.
    pub pid: u32,
    /// The program that opened it; `null` if the log does not name it.
    pub exe: Option<String>,
    /// The descriptor.
    pub fd: i32,
    /// What it refers to: a path, `pipe:[123]`, the ends of a socket.
    pub name: String,
    /// How the process got it.
    pub origin: Origin,
    /// The number of the event at which it got it.
    pub opened: u64,
    /// The name of the call that made it; `null` if no call of the log did.
    pub by: Option<String>,
    /// The number of the event at which it was closed; `null` if the log does not show that.
    pub closed: Option<u64>,
    /// What closed it.
    pub end: FdEnd,
    /// How long it was open, in nanoseconds; until the end of the log, if it was not closed.
    pub lived_ns: u64,
    /// Whether execve(2) closes it; `null` if unknown.
    pub close_on_exec: Option<bool>,
}

/// How a process got a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A call made what it refers to.
    Made,
    /// It is a duplicate.
    Duplicated,
    /// It came in a message of a unix socket.
    Received,
    /// It was taken from another process.
    Taken,
    /// It is a copy that fork(2) made, or the end of sharing.
    Inherited,
    /// It was open before the recording.
    Before,
}

/// What closed a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FdEnd {
    /// A call closed it.
    Closed,
    /// dup2(2) or another call put another file in its place.
    Replaced,
    /// execve(2) closed it.
    Exec,
    /// It was open when the process ended.
    Exit,
    /// It is open at the end of the log.
    Open,
}

/// A descriptor that a new program inherited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Inherited {
    /// The process that runs the new program.
    pub pid: u32,
    /// The new program; `null` if the log does not name it.
    pub exe: Option<String>,
    /// The descriptor.
    pub fd: i32,
    /// What it refers to.
    pub name: String,
    /// The event of the execve(2).
    pub event: u64,
    /// The event at which the process that opened it got it. Where it was inherited from before
    /// the recording, that at which the recorder found it.
    pub opened: u64,
    /// The process that opened it; `null` if the log does not show it.
    pub opened_by: Option<u32>,
}

impl Origin {
    pub(super) fn of(origin: DescriptorOrigin) -> Self {
        match origin {
            DescriptorOrigin::Duplicated { .. } => Self::Duplicated,
            DescriptorOrigin::Received => Self::Received,
            DescriptorOrigin::Taken { .. } => Self::Taken,
            DescriptorOrigin::Before => Self::Before,
            _ => Self::Made,
        }
    }
}

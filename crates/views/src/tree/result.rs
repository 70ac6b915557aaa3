//! What `tree` and `ps` return.

use serde::Serialize;

use super::env::EnvChanges;
use crate::pool::{Bytes, BytesList};
use crate::select::Select;

/// What of the nodes to return.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log. With a filter, only nodes with calls or signals that match are
    /// returned; a tree has the nodes above them too.
    pub select: Select,
    /// Whether threads have nodes of their own. Their calls count at their process all the same.
    pub threads: bool,
    /// The most processes from the top of a tree to a node, the node included.
    pub depth: Option<usize>,
    /// Whether to compare environments.
    pub env: bool,
    /// Whether the values of secret variables are shown.
    pub show_secrets: bool,
}

/// The nodes of a log as trees. A node is a process from its beginning, or from an execve(2), to
/// the next execve(2) or its end.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tree {
    /// The nodes, each followed by those below it.
    pub nodes: Vec<Node>,
    /// The number of nodes that are left out because of the depth.
    pub too_deep: u64,
    /// How many lines these would have as text.
    #[serde(skip)]
    pub(super) lines_below: u64,
    /// The number of nodes that had no room.
    pub left_out: u64,
    /// The number of calls whose node had no room.
    pub uncounted: u64,
    /// The number of texts (arguments, variables) that had no room, and are `null`.
    pub texts_left_out: u64,
}

/// The nodes of a log as a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ps {
    /// The nodes, in the requested order.
    pub nodes: Vec<Node>,
    /// The number of nodes that are not shown because of the limit.
    pub more_nodes: u64,
    /// The number of nodes that had no room.
    pub left_out: u64,
    /// The number of calls whose node had no room.
    pub uncounted: u64,
    /// The number of texts (arguments, variables) that had no room, and are `null`.
    pub texts_left_out: u64,
}

/// The order of [`Ps`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The first to start comes first.
    #[default]
    Start,
    /// The longest comes first.
    Time,
    /// The most CPU time comes first.
    Cpu,
    /// The most calls come first.
    Calls,
    /// The most failed calls come first.
    Failed,
    /// The most changed files come first.
    Files,
    /// By pid.
    Pid,
    /// By the path of the program.
    Name,
}

/// A process from its beginning, or from an execve(2), to the next execve(2) or its end; or a
/// thread.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Node {
    /// Its number in the log, from 0, in the order of beginnings.
    pub node: u32,
    /// The node above: the one that made the process; the one before in the same process if
    /// `origin` is `exec`; for a thread that of its process. `null` if it is not in the log.
    pub parent: Option<u32>,
    /// How it began: `exec`, or how the process came into the log (`spawned` by the recorder,
    /// `attached`, `fork`, `vfork`, `clone`, `thread`, `unknown`).
    pub origin: &'static str,
    /// Whether the log does not have who made the process. Of the first process that is the
    /// recorder, and it is no orphan.
    pub orphan: bool,
    /// The number of processes above it.
    pub depth: usize,
    /// The process.
    pub pid: u32,
    /// The thread, if it is one that does not lead its process.
    pub tid: Option<u32>,
    /// How many programs the process had executed: 0 before the first execve(2) in the log.
    pub exec: u32,
    /// The path of the program; `null` if it is not in the log.
    pub exe: Option<Bytes>,
    /// The arguments of the program; `null` if they are not in the log.
    pub argv: Option<BytesList>,
    /// Whether the process executed the program itself; otherwise it has it from its maker.
    pub executed: bool,
    /// The number of the event at which it began.
    pub start_event: u64,
    /// The time at which it began, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// The number of the event at which it ended; `null` if its end is not in the log.
    pub end_event: Option<u64>,
    /// How long it lasted, in nanoseconds; `null` if its end is not in the log.
    pub duration_ns: Option<u64>,
    /// How it ended; `null` if its end is not in the log.
    pub end: Option<End>,
    /// The CPU time of the process in user mode, in nanoseconds, all its programs and threads
    /// together; `null` before its end, and where the kernel counts in ticks and none fell into
    /// it.
    pub utime_ns: Option<u64>,
    /// The CPU time of the process in the kernel, as `utime_ns`.
    pub stime_ns: Option<u64>,
    /// The number of its threads, the first included.
    pub threads: u32,
    /// The number of its calls that were selected, unfinished ones included.
    pub calls: u64,
    /// The number of these that failed.
    pub failed: u64,
    /// The number of paths that these changed: created, written, truncated, deleted, renamed, or
    /// with other attributes.
    pub files_changed: u64,
    /// How its environment differs from that of `parent`; `null` without `--env`, or if one of
    /// them is not in the log.
    pub env: Option<EnvChanges>,
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct End {
    /// `exited`, `killed`, `exec` (the process went on with another program), `superseded` (a
    /// thread, by an execve(2) of another one), `vanished` (without a report), `detached` (the
    /// recorder let it go), or `unknown`.
    pub how: &'static str,
    /// The exit status, if it exited.
    pub status: Option<u8>,
    /// The name of the signal that killed it.
    pub signal: Option<String>,
    /// Whether the kernel dumped core.
    pub core: bool,
}

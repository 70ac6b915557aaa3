//! The options of a recording.

use std::ffi::OsString;
use std::path::PathBuf;
use sysreel_abi::{AuditArch, Filter, Row};
use sysreel_sys::front::Front;

/// How a recording is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The path of the log; `None` derives it from the program's name. `-` is standard output,
    /// which the program then does not have: see [`Recorder::prepare`](crate::Recorder::prepare).
    pub output: Option<PathBuf>,
    /// Overwrite existing files.
    pub force: bool,
    /// The program and its arguments; may be empty if there are `pids`.
    pub argv: Vec<OsString>,
    /// The program's environment, as `NAME=VALUE` entries; `None` for that of the recorder.
    pub environment: Option<Vec<OsString>>,
    /// The processes to attach to.
    pub pids: Vec<i32>,
    /// Attach to the descendants of `pids` too.
    pub tree: bool,
    /// The most bytes captured of one buffer. 0: structs only; `u64::MAX`: no limit.
    pub capture_limit: u64,
    /// Resolve the names of new descriptors.
    pub names: bool,
    /// The CPUs on which tracer and tracees run.
    pub cpu: CpuPolicy,
    /// The most tracer threads. More than one only for a spawned program, and not with
    /// `replayable`, `only` or `audit`.
    pub tracers: usize,
    /// For tests: move every new process to another tracer.
    pub move_processes: bool,
    /// Verify the table: compare all writable private memory of single-threaded tracees before and
    /// after each call. Needs captured memory, with any limit.
    pub audit: bool,
    /// Record these calls only, and those without which the log would be wrong. Not for running
    /// processes.
    pub only: Option<Filter>,
    /// Record calls from inside the process where that is possible. Only for a spawned program, by
    /// one tracer, and not with `replayable`, `only` or `audit`.
    pub fast: Option<FastMode>,
    /// Make a log that can be replayed: apply the determinism changes, capture every buffer
    /// completely.
    pub replayable: bool,
    /// Store the contents of the files that a replayable program maps; otherwise only their hashes,
    /// and a replay needs the files.
    pub file_contents: bool,
    /// Let programs that trace others fail with EPERM, instead of handing tasks over to them.
    pub refuse_tracers: bool,
    /// End the recording with the program and detach from processes it leaves running.
    pub until_exit: bool,
    /// Shows the user a warning while the recording runs.
    pub warn: fn(&str),
    /// For tests: read everything at each snapshot, also what the recorder knows, and report
    /// differences in [`Outcome::wrong_snapshots`](crate::Outcome::wrong_snapshots).
    pub check_snapshots: bool,
    /// The source of the table's rows: [`sysreel_abi::row`]. Tests pass wrong rows, to check that
    /// an audit finds them.
    pub rows: RowSource,
    /// The process that the shell waits for, if it is another one.
    pub front: Option<Front>,
    /// The version of sysreel, for the log's header.
    pub tool_version: String,
}

impl Default for Options {
    /// No program or process yet; buffers up to 64 KiB, names, no audit.
    fn default() -> Options {
        Options {
            output: None,
            force: false,
            argv: Vec::new(),
            environment: None,
            pids: Vec::new(),
            tree: false,
            capture_limit: 64 << 10,
            names: true,
            cpu: CpuPolicy::Auto,
            tracers: 1,
            move_processes: false,
            audit: false,
            only: None,
            fast: None,
            replayable: false,
            file_contents: true,
            until_exit: false,
            refuse_tracers: false,
            warn: |_| {},
            check_snapshots: false,
            rows: sysreel_abi::row,
            front: None,
            tool_version: String::new(),
        }
    }
}

impl Options {
    /// The effective capture limit: a replay needs all of every buffer.
    pub(crate) fn whole_limit(&self) -> u64 {
        if self.replayable { u64::MAX } else { self.capture_limit }
    }
}

/// Returns the row of a call, by architecture and number.
pub type RowSource = fn(AuditArch, u64) -> Option<&'static Row>;

/// How calls are recorded from inside the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastMode {
    /// Without stops.
    On,
    /// With stops, at which each record is compared with what the kernel says. Tests have a record
    /// lost or changed, to check that this is found.
    Verify(Option<FastFault>),
}

/// What is done to a record, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastFault {
    /// It is lost.
    Lose,
    /// A bit of its first argument is changed.
    Change,
}

/// The CPUs on which tracer and tracees run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuPolicy {
    /// A spawned program shares one CPU with the tracer while that is faster. Attaching changes
    /// nothing.
    Auto,
    /// Affinity is not changed.
    Free,
    /// Affinity is not changed, and the CPUs are kept out of idle states (root only).
    Poll,
}

impl CpuPolicy {
    /// The name on the command line and in the log.
    pub fn name(self) -> &'static str {
        match self {
            CpuPolicy::Auto => "auto",
            CpuPolicy::Free => "free",
            CpuPolicy::Poll => "poll",
        }
    }
}

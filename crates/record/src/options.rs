//! What the user may choose.

use std::ffi::OsString;
use std::path::PathBuf;
use sysreel_abi::{AuditArch, Filter, Row};
use sysreel_sys::front::Front;

/// How a recording is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The log; `None` makes a name from the program's. `-` is standard output, which the program
    /// does not have then: see [`Recorder::prepare`](crate::Recorder::prepare).
    pub output: Option<PathBuf>,
    /// Write the log over whatever is there.
    pub force: bool,
    /// The program and its arguments; may be empty when there are `pids`.
    pub argv: Vec<OsString>,
    /// Its environment, entry by entry; `None`: that of the recorder.
    pub environment: Option<Vec<OsString>>,
    /// Processes to attach to.
    pub pids: Vec<i32>,
    /// Attach to the descendants of `pids` as well.
    pub tree: bool,
    /// The most bytes of one captured buffer. 0: structs only; `u64::MAX`: all.
    pub capture_limit: u64,
    /// Resolve the names of new descriptors.
    pub names: bool,
    /// Where tracer and tracee run.
    pub cpu: CpuPolicy,
    /// Prove the table: compare all writable private memory of single-threaded tracees before and
    /// after each call. Needs captured memory, whatever the limit.
    pub audit: bool,
    /// Stop for these calls only, and for those without which the log would not be true. Not for
    /// processes that run already.
    pub only: Option<Filter>,
    /// Make a log that can be replayed: in the determinism determinism, with every buffer whole.
    pub replayable: bool,
    /// Keep the contents of the files that a replayable program maps; else only their hashes, and a
    /// replay needs the files.
    pub file_contents: bool,
    /// Let programs that trace others fail with EPERM, instead of handing tasks over to them.
    pub refuse_tracers: bool,
    /// End the recording with the program, and let go of what it has left behind.
    pub until_exit: bool,
    /// Told what the user should know while the recording runs.
    pub warn: fn(&str),
    /// Where the rows of calls come from: [`sysreel_abi::row`]. Tests give a table with wrong rows,
    /// to see that an audit finds them.
    pub rows: RowSource,
    /// The process that the shell waits for, if it is not this one.
    pub front: Option<Front>,
    /// The version of the tool, for the log's header.
    pub tool_version: String,
}

impl Default for Options {
    /// Of nothing yet: every buffer up to 64 KiB, names, no audit.
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
            audit: false,
            only: None,
            replayable: false,
            file_contents: true,
            until_exit: false,
            refuse_tracers: false,
            warn: |_| {},
            rows: sysreel_abi::row,
            front: None,
            tool_version: String::new(),
        }
    }
}

impl Options {
    /// The most bytes of one captured buffer: of what is to be replayed nothing may be left out.
    pub(crate) fn whole_limit(&self) -> u64 {
        if self.replayable { u64::MAX } else { self.capture_limit }
    }
}

/// The row of a call, by architecture and number.
pub type RowSource = fn(AuditArch, u64) -> Option<&'static Row>;

/// Where tracer and tracee run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuPolicy {
    /// A spawned program shares one CPU with the tracer while that is faster. Attaching changes
    /// nothing.
    Auto,
    /// Affinity is left alone.
    Free,
    /// Affinity is left alone, and the CPUs are kept from sleeping (root).
    Poll,
}

impl CpuPolicy {
    /// Its name on the command line and in the log.
    pub fn name(self) -> &'static str {
        match self {
            CpuPolicy::Auto => "auto",
            CpuPolicy::Free => "free",
            CpuPolicy::Poll => "poll",
        }
    }
}

//! A summary of a log, for people ([`std::fmt::Display`]) and for programs (serde).

mod gather;
mod words;

pub use crate::completeness::left_out;

use serde::Serialize;

use crate::Findings;

/// A summary of a log. Text from the recorded program is converted to UTF-8 with losses; `print
/// --format raw` has the bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Info {
    /// The path of the file.
    pub file: String,
    /// The version of the format, as text.
    pub format: String,
    /// Whether that version is a draft: later versions need not read its logs.
    pub draft: bool,
    /// The id of the recording: 32 hexadecimal digits.
    pub file_id: String,
    /// The version of the recorder.
    pub tool_version: String,
    /// The recorded command; empty if the recorder attached to running tasks.
    pub command: Vec<String>,
    /// The working directory of the recorder.
    pub cwd: String,
    /// The machine it was recorded on.
    pub host: Host,
    /// The time of the recording.
    pub time: Time,
    /// The options of the recorder, as pairs of name and value.
    pub options: Vec<(String, String)>,
    /// The most bytes captured of one buffer; 0 for no limit.
    pub capture_limit: u64,
    /// The size of the kernel's `ptrace_syscall_info` in bytes; 0 if unknown.
    pub syscall_info_size: u32,
    /// How the log ends.
    pub ending: Ending,
    /// What the log cannot show, as sentences.
    pub incomplete: Vec<String>,
    /// Sizes in bytes.
    pub sizes: Sizes,
    /// The number of events.
    pub events: u64,
    /// The number of events of each kind.
    pub kinds: Vec<(String, u64)>,
    /// The number of events of each source: the kernel, the recorder, code in the process.
    pub sources: Vec<(String, u64)>,
    /// The number of system calls that begin in the log.
    pub syscalls: u64,
    /// The number of failed calls.
    pub errors: u64,
    /// The number of stops of each architecture.
    pub architectures: Vec<(String, u64)>,
    /// All tasks.
    pub tasks: Vec<TaskInfo>,
    /// The programs that the processes ran, by the snapshots.
    pub processes: Vec<ProcessInfo>,
    /// Notes and losses that the recorder reported.
    pub notes: Vec<String>,
    /// The missing or damaged events and other parts, with reasons.
    pub missing: Vec<String>,
    /// The same as counts.
    #[serde(skip)]
    pub findings: Findings,
    /// The number of tasks, programs, notes and holes that were left out of the lists because there
    /// are too many.
    pub left_out: u64,
}

impl Info {
    /// Whether nothing is missing or damaged; of a log that is still being written, so far.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_whole() && [CLEAN, BEING_WRITTEN].contains(&&*self.ending.state)
    }
}

/// The state of a log that its recorder finished.
pub(crate) const CLEAN: &str = "clean";
/// The state of a log that is being recorded.
pub(crate) const BEING_WRITTEN: &str = "being written";

/// The machine on which a log was recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// The host name.
    pub name: String,
    /// The name of the kernel.
    pub system: String,
    /// The release of the kernel.
    pub release: String,
    /// The version of the kernel.
    pub version: String,
    /// The architecture.
    pub machine: String,
    /// The size of a page in bytes.
    pub page_size: u64,
    /// The number of CPUs that were online.
    pub cpus: u32,
}

/// The time of a recording.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Time {
    /// The start, in UTC.
    pub start: String,
    /// The start, in nanoseconds since 1970.
    pub start_ns: u64,
    /// The time from the start to the last event, in nanoseconds.
    pub duration_ns: u64,
}

/// How a log ends.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ending {
    /// `clean`, `being written`, `unfinished` or `damaged`.
    pub state: String,
    /// The same as a sentence.
    pub text: String,
    /// Whether a tail file was read too.
    pub tail: bool,
    /// How the first task ended: `exited with 0`, `killed by SIGKILL`; `None` if the log does not
    /// show it.
    pub exit: Option<String>,
}

/// Sizes in bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sizes {
    /// The file.
    pub file: u64,
    /// The rows of all events before compression.
    pub events: u64,
    /// The buffers before compression, if the log has a footer.
    pub buffers: Option<u64>,
    /// The buffers that were not stored because they were duplicates.
    pub duplicates: Option<u64>,
    /// The number of buffers stored as blobs, not a size.
    pub blobs: Option<u64>,
}

/// A task.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TaskInfo {
    /// Its ordinal in the log.
    pub task: u32,
    /// The tid at its first event.
    pub tid: u32,
    /// The tgid.
    pub tgid: u32,
    /// The task that created it.
    pub parent: Option<u32>,
    /// How it came into the log.
    pub origin: String,
    /// How it ended; `None` if it was still alive at the end of the log.
    pub end: Option<String>,
    /// The number of system calls it made.
    pub syscalls: u64,
}

/// A program that a process ran.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProcessInfo {
    /// The task of the snapshot.
    pub task: u32,
    /// The event of the snapshot.
    pub event: u64,
    /// The path of the program.
    pub exe: String,
    /// Its working directory.
    pub cwd: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

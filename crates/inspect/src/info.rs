//! What a log holds, in short: for people ([`std::fmt::Display`]) and for machines (serde).

mod gather;
mod words;

use serde::Serialize;

use crate::Findings;

/// What a log holds. Texts that a program made are lossy UTF-8 here; `print --format raw` has their
/// bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Info {
    /// The file.
    pub file: String,
    /// The version of the format, in words.
    pub format: String,
    /// Whether that version is a draft, whose logs later versions need not read.
    pub draft: bool,
    /// The name of the recording: 32 hexadecimal digits.
    pub file_id: String,
    /// The recorder.
    pub tool_version: String,
    /// The command that was recorded; empty when attached.
    pub command: Vec<String>,
    /// Where the recorder was started.
    pub cwd: String,
    /// Where it was recorded.
    pub host: Host,
    /// When.
    pub time: Time,
    /// What the recorder was told, as pairs of name and value.
    pub options: Vec<(String, String)>,
    /// The most bytes captured of one buffer; 0 for no limit.
    pub capture_limit: u64,
    /// The length that the kernel has for its syscall info struct; 0 if unknown.
    pub syscall_info_size: u32,
    /// How the log ends.
    pub ending: Ending,
    /// What the log cannot show, in words.
    pub incomplete: Vec<String>,
    /// Sizes in bytes.
    pub sizes: Sizes,
    /// How many events there are.
    pub events: u64,
    /// How many events of each kind.
    pub kinds: Vec<(String, u64)>,
    /// How many system calls begin in the log.
    pub syscalls: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How many stops of each architecture.
    pub architectures: Vec<(String, u64)>,
    /// Every task.
    pub tasks: Vec<TaskInfo>,
    /// Every program that a process ran, as the snapshots show.
    pub processes: Vec<ProcessInfo>,
    /// What the recorder says: notes and losses.
    pub notes: Vec<String>,
    /// Which events and other pieces are missing or damaged, and why.
    pub missing: Vec<String>,
    /// The same, counted.
    #[serde(skip)]
    pub findings: Findings,
    /// How many tasks, programs, notes and holes are in no list, because there are too many of
    /// them.
    pub left_out: u64,
}

impl Info {
    /// Whether everything that the log should have is there; of one that is being written, so far.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_whole() && [CLEAN, BEING_WRITTEN].contains(&&*self.ending.state)
    }
}

/// The state of a log that its recorder finished.
pub(crate) const CLEAN: &str = "clean";
/// The state of a log whose recorder is at work.
pub(crate) const BEING_WRITTEN: &str = "being written";

/// Where a log was recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// The name of the machine.
    pub name: String,
    /// The kernel.
    pub system: String,
    /// Its release.
    pub release: String,
    /// Its version.
    pub version: String,
    /// The architecture.
    pub machine: String,
    /// The size of a page.
    pub page_size: u64,
    /// How many CPUs were online.
    pub cpus: u32,
}

/// When a log was recorded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Time {
    /// The start, in UTC.
    pub start: String,
    /// The start in nanoseconds since 1970.
    pub start_ns: u64,
    /// From the start to the last event.
    pub duration_ns: u64,
}

/// How a log ends.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ending {
    /// `clean`, `being written`, `unfinished` or `damaged`.
    pub state: String,
    /// In words.
    pub text: String,
    /// Whether a tail file was read too.
    pub tail: bool,
    /// How the first task ended: `exited with 0`, `killed by SIGKILL`; `None` when it did not.
    pub exit: Option<String>,
}

/// Sizes in bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sizes {
    /// The file.
    pub file: u64,
    /// Event rows before compression.
    pub events: u64,
    /// Buffers before compression, if the log has a footer.
    pub buffers: Option<u64>,
    /// Buffers that were duplicates.
    pub duplicates: Option<u64>,
    /// How many buffers stand apart from the events.
    pub blobs: Option<u64>,
}

/// A task.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TaskInfo {
    /// Its ordinal in the log.
    pub task: u32,
    /// The kernel's id of the thread when it appeared.
    pub tid: u32,
    /// The kernel's id of its process.
    pub tgid: u32,
    /// Which task made it.
    pub parent: Option<u32>,
    /// How it came to be in the log.
    pub origin: String,
    /// How it left; `None` when it was still there at the end.
    pub end: Option<String>,
    /// How many system calls it made.
    pub syscalls: u64,
}

/// A program that a process ran.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProcessInfo {
    /// The task that the snapshot belongs to.
    pub task: u32,
    /// The event that holds the snapshot.
    pub event: u64,
    /// The program.
    pub exe: String,
    /// Its working directory.
    pub cwd: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

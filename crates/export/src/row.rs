//! Rows: what a log tells, in the form that every format writes.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use sysreel_inspect::LogFile;
use sysreel_inspect::abi::desc::Classes;
use sysreel_inspect::calls::Call;
use sysreel_inspect::visible::visible_bytes;

/// The name and version of the rows as JSON. The version increases when a field is removed or
/// changes its meaning; new fields do not change it.
pub(crate) const SCHEMA: &str = "sysreel/export/1";

/// One thing that a log tells.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "row", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, and most are calls")]
pub enum Row<'a> {
    /// A log begins. Rows up to the next one are of this log.
    Log(LogRow),
    /// A call, where it ended: it returned, or its task ended, or the log.
    Call(CallRow<'a>),
    /// A signal was delivered.
    Signal(SignalRow),
    /// A task appeared.
    TaskStart(TaskStartRow),
    /// A task has another tid: an execve(2) of a thread that does not lead its process.
    Renamed(RenamedRow),
    /// A task runs another program, or was found running one when the recorder attached to it.
    Exec(ExecRow),
    /// A task ended.
    TaskEnd(TaskEndRow),
    /// The program set a mark.
    Mark(MarkRow),
    /// Events are missing.
    Lost(LostRow),
    /// A log ends.
    End(EndRow),
}

/// A log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogRow {
    /// The name and version of the rows.
    pub schema: &'static str,
    /// The file, as it was given.
    pub log: String,
    /// The number of the log in the export, from 0.
    #[serde(skip)]
    pub ordinal: u32,
    /// The start of the recording, in microseconds since 1970.
    pub unix_us: i64,
    /// The start of the recording on CLOCK_MONOTONIC, in nanoseconds. All times of rows count from
    /// it.
    pub monotonic_ns: u64,
}

/// Returns the name of a log, as it was given.
pub(crate) fn log_name(file: &LogFile) -> String {
    visible_bytes(file.path().as_os_str().as_encoded_bytes())
}

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Who {
    /// The ordinal of the task in the log, which is never reused; `null` if the row is about none.
    pub task: Option<u32>,
    /// The process; 0 if the log does not have it.
    pub pid: u32,
    /// The thread; 0 if the log does not have it.
    pub tid: u32,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It succeeded.
    Returned,
    /// It failed.
    Failed,
    /// A signal interrupted it before it did anything, and the kernel intends to repeat it.
    Restarts,
    /// It ended its task.
    Exited,
    /// Its task ended during the call.
    Killed,
    /// The recorder detached from its task during the call.
    Detached,
    /// The log does not have its end.
    Unfinished,
}

impl Outcome {
    /// Returns its name in all formats, such as `returned`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Failed => "failed",
            Self::Restarts => "restarts",
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::Detached => "detached",
            Self::Unfinished => "unfinished",
        }
    }
}

/// A call.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CallRow<'a> {
    /// The number of the event at which it began.
    pub event: u64,
    /// The number of the event at which it returned; `null` if it did not.
    pub exit_event: Option<u64>,
    /// The task that made it.
    #[serde(flatten)]
    pub who: Who,
    /// The path of the program that the task ran; `null` if the log does not name it.
    pub exe: Option<Cow<'a, str>>,
    /// When it began, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// When it began, in microseconds since 1970.
    pub unix_us: i64,
    /// The time from its entry to its exit, in nanoseconds; `null` if it did not return.
    pub duration_ns: Option<u64>,
    /// Its name, such as `openat`.
    pub call: Cow<'static, str>,
    /// The classes that it belongs to, such as `file`.
    #[serde(serialize_with = "class_names")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub class: Classes,
    /// Its arguments, as strace writes them.
    pub args: Args,
    /// How it ended.
    pub outcome: Outcome,
    /// The return value, if it succeeded.
    pub result: Option<i64>,
    /// The error, if it failed: its name, or `errno 1234`.
    pub errno: Option<Cow<'static, str>>,
    /// The first descriptor among its arguments; without one, the first that it made.
    pub fd: Option<i32>,
    /// What that descriptor refers to: a path, `pipe:[123]`, the ends of a socket.
    pub file: Option<String>,
    /// The first path among its arguments, from the root.
    pub path: Option<String>,
    /// The second one.
    pub path2: Option<String>,
    /// The address of the other end of a socket.
    pub peer: Option<String>,
    /// How many bytes it moved between memory and a descriptor.
    pub bytes: Option<u64>,
    /// The call.
    #[serde(skip)]
    pub source: Call<'a>,
}

impl CallRow<'_> {
    /// Returns when it returned or its task ended, in nanoseconds from the start of the recording;
    /// `None` if it was open at the end of the log.
    #[must_use]
    pub fn end_ns(&self) -> Option<u64> {
        let end = self.source.event()?.t_ns;
        Some(self.start_ns.saturating_add(end.saturating_sub(self.source.start().as_nanos())))
    }
}

/// The arguments of a call as text.
#[derive(Clone, Debug)]
pub enum Args {
    /// Each, with its name in the kernel's prototype.
    Each(Vec<(Cow<'static, str>, String)>),
    /// All of them, as between the parentheses of strace.
    Line(String),
}

impl Args {
    /// Returns each, if they are not one text.
    pub(crate) fn each(&self) -> &[(Cow<'static, str>, String)] {
        match self {
            Self::Each(each) => each,
            Self::Line(_) => &[],
        }
    }

    /// Returns them as one text, as between the parentheses of strace.
    #[must_use]
    pub fn line(&self) -> Cow<'_, str> {
        match self {
            Self::Each(each) => {
                let texts: Vec<&str> = each.iter().map(|(_, text)| text.as_str()).collect();
                Cow::Owned(texts.join(", "))
            }
            Self::Line(line) => Cow::Borrowed(line),
        }
    }
}

impl Default for Args {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.each().len()))?;
        for (name, text) in self.each() {
            map.serialize_entry(name, text)?;
        }
        map.end()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn class_names<S: Serializer>(class: &Classes, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(class.names())
}

/// A signal at its delivery.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SignalRow {
    /// The number of the event.
    pub event: u64,
    /// The task that gets it.
    #[serde(flatten)]
    pub who: Who,
    /// When, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// When, in microseconds since 1970.
    pub unix_us: i64,
    /// Its name, such as `SIGTERM`, or its number.
    pub signal: Cow<'static, str>,
}

/// A task that appeared.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TaskStartRow {
    /// The number of the event.
    pub event: u64,
    /// The task.
    #[serde(flatten)]
    pub who: Who,
    /// When, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// When, in microseconds since 1970.
    pub unix_us: i64,
    /// The task that made it; `null` if the log does not have it.
    pub parent: Option<u32>,
    /// How it came into the log: `spawned` by the recorder, `attached`, `fork`, `vfork`, `clone`,
    /// `thread`, or `unknown`.
    pub origin: &'static str,
}

/// A task with another tid. Its `tid` is the new one.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RenamedRow {
    /// The number of the event.
    pub event: u64,
    /// The task.
    #[serde(flatten)]
    pub who: Who,
    /// When, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// When, in microseconds since 1970.
    pub unix_us: i64,
    /// Its tid before.
    pub old_tid: u32,
}

/// A program that began.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExecRow {
    /// The number of the event.
    pub event: u64,
    /// The task.
    #[serde(flatten)]
    pub who: Who,
    /// When, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// When, in microseconds since 1970.
    pub unix_us: i64,
    /// The path of the program.
    pub exe: String,
    /// Its arguments.
    pub argv: Vec<String>,
    /// Its working directory.
    pub cwd: String,
    /// Whether the recorder found it running when it attached.
    pub attached: bool,
}

/// The end of a task.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TaskEndRow {
    /// The number of the event.
    pub event: u64,
    /// The task.
    #[serde(flatten)]
    pub who: Who,
    /// When, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// When, in microseconds since 1970.
    pub unix_us: i64,
    /// `exited`, `killed`, `superseded` (by an execve(2) of another thread), `vanished` (without a
    /// report), `detached` (the recorder let it go), or `unknown`.
    pub how: &'static str,
    /// The exit status, if it exited.
    pub status: Option<u8>,
    /// The signal that killed it.
    pub signal: Option<Cow<'static, str>>,
    /// Its CPU time in user mode, in nanoseconds.
    pub utime_ns: u64,
    /// Its CPU time in the kernel, in nanoseconds.
    pub stime_ns: u64,
}

/// A mark.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MarkRow {
    /// The number of the event.
    pub event: u64,
    /// The task that set it.
    #[serde(flatten)]
    pub who: Who,
    /// When, in nanoseconds from the start of the recording.
    pub start_ns: u64,
    /// When, in microseconds since 1970.
    pub unix_us: i64,
    /// Its name.
    pub name: String,
}

/// Events that are missing between the rows around this one.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LostRow {
    /// How many; `null` if that is unknown.
    pub count: Option<u64>,
}

/// The end of a log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EndRow {
    /// Whether nothing is missing in the log, and the recording left nothing out.
    pub complete: bool,
    /// What is missing or damaged, a sentence each.
    pub missing: Vec<String>,
    /// What the recording left out, a sentence each.
    pub left_out: Vec<String>,
}

//! What `waits` finds.

use serde::Serialize;
use sysreel_inspect::format::TaskId;

use super::object::Cause;

/// The calls that are open at a moment.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Waits {
    /// The last event before the moment.
    pub at_event: u64,
    /// Why this moment was chosen.
    pub moment: Moment,
    /// The open calls, in the order in which they began.
    pub waits: Vec<Wait>,
    /// The tasks that are in no call: they run.
    pub running: Vec<Running>,
}

/// Why a moment was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It was asked for.
    Asked,
    /// It is the end of the log.
    #[default]
    End,
    /// It is before a signal interrupted the calls of tasks that it killed.
    BeforeKill,
    /// It is before the recorder detached from tasks, which did not end.
    BeforeDetach,
}

/// An open call.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Wait {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The program; `null` if the log does not name it.
    pub exe: Option<String>,
    /// The number of the event at which the call began.
    pub event: u64,
    /// How long it has lasted, in nanoseconds.
    pub lasted_ns: u64,
    /// The call, as `sysreel print` shows it.
    pub call: String,
    /// What kind of thing it waits for.
    pub cause: Cause,
    /// Names of what it waits for: files, an address.
    pub objects: Vec<String>,
    /// Who could end the wait.
    pub others: Vec<Holder>,
    /// Whether nothing that the log shows can end the wait: all who could, wait as well, for each
    /// other. A signal or a process that is not in the log still could.
    pub stuck: bool,
    /// Which deadlock it belongs to, from 1 on; `null` if it is not stuck.
    pub deadlock: Option<usize>,
    /// Whether it has a timeout.
    pub timeout: bool,
}

/// A process that could end a wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The program; `null` if the log does not name it.
    pub exe: Option<String>,
    /// How it could.
    pub how: String,
}

/// A task that is in no call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Running {
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// The program; `null` if the log does not name it.
    pub exe: Option<String>,
}

/// A task that lives at the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Living {
    pub(super) id: TaskId,
    pub(super) tid: u32,
    pub(super) pid: u32,
}

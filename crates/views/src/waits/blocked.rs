//! Where time was spent waiting, by cause and object.

use serde::Serialize;
use sysreel_inspect::calls::{Call, Ended, Item, Time};
use sysreel_inspect::visible::{visible, visible_bytes};
use sysreel_inspect::{Error, Findings, LogFile};

use super::object::Cause;
use crate::bounded::Bounded;
use crate::select::{Collect, Looker, Needs, Select, collect};
use crate::sockets::file_name;

/// What to add up.
#[derive(Clone, Debug)]
pub struct BlockedOptions {
    /// The part of the log.
    pub select: Select,
    /// The most rows to return.
    pub limit: usize,
}

/// The time that calls waited, by cause, object and program.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Blocked {
    /// The rows, the longest time first.
    pub rows: Vec<BlockedRow>,
    /// The number of rows that are not shown because of the limit.
    pub more_rows: u64,
    /// The number of calls that are in no row, because there were too many rows.
    pub left_out: u64,
}

/// The calls of one program that waited for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BlockedRow {
    /// What they waited for.
    pub cause: Cause,
    /// Its name; empty if it has none.
    pub object: String,
    /// The program; empty if the log does not name it.
    pub exe: String,
    /// The number of calls.
    pub calls: u64,
    /// Their time from entry to exit, in nanoseconds. Times of several threads add up.
    pub total_ns: u64,
    /// The longest of them, in nanoseconds.
    pub max_ns: u64,
    /// The number of the event at which the longest one began.
    pub max_event: u64,
}

/// Adds up the time that calls waited: all time of calls that can wait, from entry to exit.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn blocked(file: &LogFile, options: &BlockedOptions) -> Result<(Blocked, Findings), Error> {
    collect(file, &options.select, blocked_collector(options.limit))
}

/// Returns what adds up the time that calls waited, in at most `limit` rows.
#[must_use]
pub fn blocked_collector(limit: usize) -> impl Collect<Result = Blocked> {
    Adding { limit, rows: Bounded::default() }
}

/// Cause, object, program.
type Key = (Cause, String, String);

struct Adding {
    limit: usize,
    rows: Bounded<Key, (u64, u64, (u64, u64))>,
}

impl Collect for Adding {
    type Result = Blocked;

    fn needs(&self) -> Needs {
        Needs::FILES
    }

    fn finish(self) -> Blocked {
        let left_out = self.rows.left_out();
        let mut rows: Vec<BlockedRow> = self
            .rows
            .into_entries()
            .map(|((cause, object, exe), (calls, total_ns, (max_ns, max_event)))| BlockedRow {
                cause,
                object: visible(&object).into_owned(),
                exe,
                calls,
                total_ns,
                max_ns,
                max_event,
            })
            .collect();
        rows.sort_by(|a, b| {
            b.total_ns.cmp(&a.total_ns).then_with(|| (&a.object, &a.exe).cmp(&(&b.object, &b.exe)))
        });
        let more_rows = u64::try_from(rows.len().saturating_sub(self.limit)).unwrap_or(u64::MAX);
        rows.truncate(self.limit);
        Blocked { rows, more_rows, left_out }
    }
}

impl Looker for Adding {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        if let Item::Call(call) = item
            && selected
            && let Some(took) = took(call)
            && let Some(cause) = Cause::of(call)
        {
            let exe = call.task().program().map(visible_bytes).unwrap_or_default();
            let key = (cause, object(call, cause), exe);
            if let Some((calls, total, longest)) = self.rows.entry(&key) {
                *calls = calls.saturating_add(1);
                *total = total.saturating_add(took);
                if took > longest.0 || *calls == 1 {
                    *longest = (took, call.number());
                }
            }
        }
    }
}

/// Returns how long a call lasted, or until the recorder detached from its task, in nanoseconds.
fn took(call: &Call<'_>) -> Option<u64> {
    let took = match call.ended() {
        Ended::Detached => Time::from_nanos(call.event()?.t_ns).since(call.start()),
        _ => call.duration()?,
    };
    Some(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
}

/// Returns the name of what a call waits for.
fn object(call: &Call<'_>, cause: Cause) -> String {
    match cause {
        Cause::Child | Cause::Timer | Cause::Signal | Cause::Poll => String::new(),
        Cause::Futex => call.args().raw(0).map(|at| format!("{at:#x}")).unwrap_or_default(),
        _ => call
            .fd_args()
            .find_map(|(_, file)| file)
            .map(|file| file_name(&file))
            .unwrap_or_default(),
    }
}

//! `waits`: why a program hangs. Which calls are open, for what each of them waits, who holds the
//! other end, and which of them nothing in the recording can end.

mod blocked;
mod found;
mod noted;
mod object;
mod stuck;
mod text;

use std::collections::BTreeMap;
use std::rc::Rc;

use sysreel_inspect::calls::{Call, End, Ended, Item, Moved, Time};
use sysreel_inspect::format::{Direction, Event, NoteCode, Severity, TaskId};
use sysreel_inspect::state::Tracker;
use sysreel_inspect::visible::{visible, visible_bytes};
use sysreel_inspect::{Bound, Error, EventRange, Findings, Follow, LogFile};

use crate::select::{Collect, Looker, Needs, Select, collect};
pub use blocked::{Blocked, BlockedOptions, blocked, blocked_collector};
use found::Living;
pub use found::{Holder, Moment, Running, Wait, Waits};
pub use object::Cause;
use object::{Object, Other};

/// Which moment to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The moment. `None`: the end of the log, or if all tasks have ended, the moment before a
    /// signal ended the last of those that one has killed.
    pub at: Option<Bound>,
}

/// Finds the open calls of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn waits(file: &LogFile, options: &Options) -> Result<(Waits, Findings), Error> {
    let first = if options.at.is_some() { Moment::Asked } else { Moment::End };
    let until = options.at.and_then(|at| time_of(file, at));
    let (found, findings) = at(file, options.at, first, until)?;
    match options.at {
        Some(_) => Ok((found.view, findings)),
        None => Ok((found.settle(file)?, findings)),
    }
}

/// Returns what finds the calls that are open at the end of a log.
#[must_use]
pub fn collector() -> impl Collect<Result = Found> {
    Looking { until: None, moment: Moment::End, ..Looking::default() }
}

/// Returns the time of a bound that is one.
fn time_of(file: &LogFile, at: Bound) -> Option<Time> {
    let meta = file.log().meta();
    let since_start = match at {
        Bound::Event(_) => return None,
        Bound::SinceStart(nanos) => nanos,
        Bound::Unix(nanos) => nanos.saturating_sub(meta.realtime_ns),
    };
    Some(Time::from_nanos(meta.monotonic_ns.saturating_add(since_start)))
}

/// Finds the calls that are open after `at`, and how long they had lasted at `until`, or at the
/// last event.
fn at(
    file: &LogFile,
    at: Option<Bound>,
    moment: Moment,
    until: Option<Time>,
) -> Result<(Found, Findings), Error> {
    let select = Select { range: EventRange { from: None, to: at }, ..Select::default() };
    collect(file, &select, Looking { until, moment, ..Looking::default() })
}

/// The calls that are open at a moment, and which tasks signals have killed by then.
#[derive(Debug)]
pub struct Found {
    view: Waits,
    killed: Killed,
    detached: Detached,
}

impl Found {
    /// Returns the calls that are open at the end of a log. If no task is left, before the recorder
    /// detached, or before a signal ended the last of those that one has killed.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn settle(self, file: &LogFile) -> Result<Waits, Error> {
        let is_over = self.view.waits.is_empty() && self.view.running.is_empty();
        // What was detached has lived longest.
        let detached = self.detached.moment().map(|at| (Moment::BeforeDetach, at));
        let killed = || self.killed.moment().map(|at| (Moment::BeforeKill, at));
        match detached.or_else(killed).filter(|_| is_over) {
            None => Ok(self.view),
            Some((moment, (event, time))) => {
                Ok(at(file, Some(Bound::Event(event)), moment, Some(time))?.0.view)
            }
        }
    }
}

#[derive(Default)]
struct Looking {
    until: Option<Time>,
    moment: Moment,
    last: (u64, Time),
    /// The tasks that live at the moment.
    living: Vec<(Living, Option<String>)>,
    waits: Vec<(Living, Wait, Time, Object)>,
    killed: Killed,
    detached: Detached,
}

impl Looker for Looking {
    fn event(&mut self, event: &Event<'_>) {
        self.last = (event.number, Time::from_nanos(event.t_ns));
    }

    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        self.killed.note(item);
        self.detached.note(item);
        match item {
            Item::Call(call) => {
                noted::note(call);
                if call.event().is_none() {
                    self.open_call(call);
                }
            }
            Item::Exec(exec) => noted::note_found(exec),
            _ => {}
        }
    }

    fn end(&mut self, state: &Tracker) {
        self.living = living(state);
    }
}

impl Looking {
    fn open_call(&mut self, call: &Call<'_>) {
        let task = call.task();
        let this = Living { id: task.id(), tid: task.tid(), pid: task.tgid() };
        let object = Object::of(call);
        let others = object.others(call);
        let wait = Wait {
            pid: this.pid,
            tid: this.tid,
            exe: exe(call.state(), this.id),
            event: call.number(),
            lasted_ns: nanos(self.until.unwrap_or(self.last.1), call.start()),
            call: visible(&call.to_string()).into_owned(),
            cause: object.cause(),
            objects: object.names(),
            others: others.iter().map(|other| other.holder(call.state())).collect(),
            stuck: false,
            deadlock: None,
            timeout: object.has_timeout(),
        };
        self.waits.push((this, wait, call.start(), object.with_others(others)));
    }
}

impl Collect for Looking {
    type Result = Found;

    fn needs(&self) -> Needs {
        let follow = Follow { processes: true, attributes: true, maps: true };
        Needs { follow, memory: true }
    }

    fn finish(self) -> Found {
        let Self { last, living, mut waits, killed, detached, moment, .. } = self;
        waits.sort_by_key(|(_, wait, start, _)| (*start, wait.event));
        let stuck = stuck::stuck(&waits, &living);
        let deadlocks = stuck::deadlocks(&waits, &stuck);
        let running = living
            .into_iter()
            .filter(|(task, _)| waits.iter().all(|(waiting, ..)| waiting.id != task.id))
            .map(|(task, exe)| Running { pid: task.pid, tid: task.tid, exe })
            .collect();
        let waits = waits
            .into_iter()
            .zip(deadlocks)
            .map(|((_, wait, ..), deadlock)| Wait { stuck: deadlock.is_some(), deadlock, ..wait })
            .collect();
        Found { view: Waits { at_event: last.0, moment, waits, running }, killed, detached }
    }
}

fn living(state: &Tracker) -> Vec<(Living, Option<String>)> {
    let mut all: Vec<_> = state
        .tasks()
        .map(|(id, task)| (Living { id, tid: task.tid, pid: task.tgid }, exe(state, id)))
        .collect();
    all.sort_by_key(|(task, _)| task.id);
    all
}

fn exe(state: &Tracker, id: TaskId) -> Option<String> {
    state.program(id).map(visible_bytes)
}

fn nanos(end: Time, start: Time) -> u64 {
    u64::try_from(end.since(start).as_nanos()).unwrap_or(u64::MAX)
}

/// Whether and when the recorder detached from tasks.
#[derive(Debug, Default)]
struct Detached {
    /// The first event that tells of it, and its time: that the recorder stops, which comes before
    /// it interrupts the calls of the tasks, or the end of the first task.
    first: Option<(u64, Time)>,
    any: bool,
}

impl Detached {
    fn note(&mut self, item: &Item<'_>) {
        let at = match item {
            Item::Note(at)
                if (at.what.code, at.what.severity) == (NoteCode::STOPPING, Severity::INFO) =>
            {
                (at.number(), at.time())
            }
            Item::TaskEnd(at) if at.end() == End::Detached => {
                self.any = true;
                (at.number(), at.time())
            }
            _ => return,
        };
        self.first.get_or_insert(at);
    }

    /// Returns the last event before.
    fn moment(&self) -> Option<(u64, Time)> {
        let (event, time) = self.first.filter(|_| self.any)?;
        Some((event.checked_sub(1)?, time))
    }
}

/// The tasks that signals have killed.
#[derive(Debug, Default)]
struct Killed {
    /// Of each living task, its latest call: the event and the time of its end, and how soon a
    /// signal must follow to be what ended it, in nanoseconds.
    latest: BTreeMap<TaskId, (u64, Time, u64)>,
    /// Of each living task, the event at which a signal interrupted its latest call.
    interrupted: BTreeMap<TaskId, (u64, Time)>,
    /// Those events of the tasks that a signal killed.
    killed: Vec<(u64, Time)>,
}

/// A signal that is delivered this soon after the end of a call that had waited has ended it: a
/// call that returns what it has so far does not say so.
const SOON_NS: u64 = 1_000_000;
/// A call that takes longer than this has waited.
const WAITED_NS: u128 = 1_000_000;

/// Calls that were interrupted within this time before the end of the last task that was killed
/// belong to the same end.
const TOGETHER_NS: u64 = 1_000_000_000;
/// The most tasks that are remembered. The last ones matter.
const MOST_KILLED: usize = 10_000;

impl Killed {
    fn note(&mut self, item: &Item<'_>) {
        match item {
            Item::Call(call) => {
                let id = call.task().id();
                self.interrupted.remove(&id);
                let Some(event) = call.event() else { return };
                let at = (event.number, Time::from_nanos(event.t_ns));
                if call.ended() == Ended::Killed {
                    self.interrupted.insert(id, at);
                }
                let is_eintr = call.ended().errno().is_some_and(|e| e.name() == Some("EINTR"));
                let has_waited = call.duration().is_some_and(|took| took.as_nanos() > WAITED_NS);
                let soon = match call.ended() {
                    Ended::Restarts => u64::MAX,
                    _ if is_eintr => u64::MAX,
                    _ if has_waited && is_partial_write(call) => u64::MAX,
                    _ if has_waited => SOON_NS,
                    _ => 0,
                };
                self.latest.insert(id, (at.0, at.1, soon));
            }
            Item::Signal(at) => {
                let latest = self.latest.get(&at.task.id());
                if let Some((event, time, soon)) = latest
                    && nanos(at.time(), *time) < *soon
                {
                    self.interrupted.insert(at.task.id(), (*event, *time));
                }
            }
            Item::TaskEnd(at) => {
                self.latest.remove(&at.task.id());
                if let Some(event) = self.interrupted.remove(&at.task.id())
                    && matches!(at.end(), End::Killed { .. })
                {
                    self.killed.push(event);
                    if self.killed.len() > MOST_KILLED {
                        self.killed.drain(..MOST_KILLED / 2);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the last event before the calls were interrupted, and when the first one was.
    fn moment(&self) -> Option<(u64, Time)> {
        let last = self.killed.iter().map(|(_, time)| *time).max()?;
        let together = self.killed.iter().filter(|(_, time)| nanos(last, *time) <= TOGETHER_NS);
        let (event, time) = together.min_by_key(|(event, _)| *event)?;
        Some((event.checked_sub(1)?, *time))
    }
}

/// Whether a call has written less than it was given.
fn is_partial_write(call: &Call<'_>) -> bool {
    let Moved::Bytes(written) = call.moved() else { return false };
    let given = call.data().filter(|region| region.direction() == Direction::IN);
    given.fold(0, |sum: u64, region| sum.saturating_add(region.asked())) > written
}

impl Other {
    fn holder(&self, state: &Tracker) -> Holder {
        let how: Rc<str> = Rc::clone(&self.how);
        Holder { pid: self.pid, exe: exe(state, self.task), how: how.to_string() }
    }
}

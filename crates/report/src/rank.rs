//! Which calls of a log are on its page, if not all have room: failures, effects and the slowest
//! ones, and of everything some.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use sysreel_inspect::abi::{CallKind, Row};
use sysreel_inspect::calls::{Call, Ended, Item};
use sysreel_inspect::format::TaskId;
use sysreel_views::{Bounded, Collect, Looker, Needs};

/// The most calls that are kept: more have no room on a page of any size that a browser likes.
pub(crate) const MOST: usize = 100_000;
/// The most tasks of which the first and the last call are kept.
const MOST_TASKS: usize = 10_000;
/// The most calls that are kept of each name and error, however unimportant they are.
const SAMPLES: u64 = 8;

/// The calls that matter, and how many there are by name.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    /// The numbers of the events at which they began, the most important first.
    pub(crate) events: Vec<u64>,
    /// The number of calls of each name in the log.
    pub(crate) calls: BTreeMap<String, u64>,
}

/// Returns what ranks the calls of a log.
pub(crate) fn collector() -> impl Collect<Result = Ranked> {
    Ranking::default()
}

/// Duration and event; the smallest is on top.
type Longest = BinaryHeap<Reverse<(u64, u64)>>;

#[derive(Default)]
struct Ranking {
    calls: Bounded<String, u64>,
    /// How many calls of each name and error were taken as samples.
    samples: Bounded<(String, i32), u64>,
    sampled: BTreeSet<u64>,
    /// The latest call of each task.
    latest: BTreeMap<TaskId, u64>,
    failed: Longest,
    effects: Longest,
    others: Longest,
}

impl Looker for Ranking {
    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        let Item::Call(call) = item else { return };
        let (name, event) = (call.name(), call.number());
        if let Some(count) = self.calls.entry(&*name) {
            *count = count.saturating_add(1);
        }
        let errno = call.ended().errno();
        let kind = (name.into_owned(), errno.map_or(0, |errno| errno.0));
        let is_sample = self.samples.entry(&kind).is_some_and(|count| {
            *count = count.saturating_add(1);
            *count <= SAMPLES
        });
        let knows = self.latest.contains_key(&call.task().id());
        let is_first = !knows && self.latest.len() < MOST_TASKS;
        if knows || is_first {
            self.latest.insert(call.task().id(), event);
        }
        if is_sample || is_first {
            self.sampled.insert(event);
        }
        let took = call.duration().map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        // What never returned may be what the program hangs in.
        let took = took.unwrap_or(u64::MAX);
        let heap = match call.ended() {
            Ended::Failed(..) => &mut self.failed,
            _ if is_effect(call) => &mut self.effects,
            _ => &mut self.others,
        };
        if heap.len() >= MOST {
            if heap.peek().is_some_and(|Reverse((least, _))| *least >= took) {
                return;
            }
            heap.pop();
        }
        heap.push(Reverse((took, event)));
    }
}

impl Collect for Ranking {
    type Result = Ranked;

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn finish(mut self) -> Ranked {
        self.sampled.extend(self.latest.values());
        let mut events: Vec<u64> = self.sampled.iter().copied().collect();
        let mut heaps = [self.failed, self.effects, self.others].map(|heap| {
            // The longest first.
            heap.into_sorted_vec().into_iter().map(|Reverse((_, event))| event)
        });
        // By turns, so that none takes all the room.
        loop {
            let before = events.len();
            for heap in &mut heaps {
                events.extend(heap.find(|event| !self.sampled.contains(event)));
            }
            if events.len() == before || events.len() >= MOST {
                break;
            }
        }
        events.truncate(MOST);
        Ranked { events, calls: self.calls.into_entries().collect() }
    }
}

/// Whether a call changes something outside of its process, or reaches for it.
fn is_effect(call: &Call<'_>) -> bool {
    let writes = |call: &Call<'_>| {
        call.opening().is_some_and(|opening| opening.writes() || opening.creates())
    };
    let Some(Row { kind, .. }) = call.row() else { return true };
    match kind {
        CallKind::Open => writes(call),
        kind if kind.makes_task() => true,
        CallKind::Exec
        | CallKind::ExitGroup
        | CallKind::Kill
        | CallKind::Bind
        | CallKind::Connect
        | CallKind::Listen
        | CallKind::Accept
        | CallKind::Chroot
        | CallKind::Mkdir
        | CallKind::Rmdir
        | CallKind::Unlink
        | CallKind::Rename
        | CallKind::Link
        | CallKind::Symlink
        | CallKind::Mknod
        | CallKind::Chmod
        | CallKind::Chown
        | CallKind::Truncate
        | CallKind::Utime
        | CallKind::SetXattr
        | CallKind::Mount
        | CallKind::Quota
        | CallKind::SetCreds
        | CallKind::Namespace
        | CallKind::Seccomp
        | CallKind::Ptrace
        | CallKind::IoUringSetup => true,
        _ => false,
    }
}

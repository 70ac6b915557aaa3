//! Where a difference would be in the log that does not have it.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use sysreel_inspect::calls::{Call, Item};
use sysreel_inspect::format::TaskId;
use sysreel_inspect::{Error, LogFile};
use sysreel_views::{Bounded, Collect, Looker, Needs, Select, collect};

/// How many calls before a difference are looked for in the other log.
const BEFORE: usize = 5;
/// The most places of calls that are kept.
const MOST_PLACES: usize = 100_000;

/// A call that both logs may have: the hash of its program and its text, and how many equal calls
/// come before it.
type Shape = (u64, usize);

/// The place of a difference in the other log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the event of a call that both logs have.
    pub(crate) event: u64,
    /// How many calls later the difference is in the log that has it.
    pub(crate) later: usize,
}

/// Returns the place in `other` of each event of `log`: after the last call before it that the same
/// program makes there too. If there are several equal ones, their order decides.
///
/// # Errors
/// When a log cannot be read.
pub(crate) fn places(
    [log, other]: [&LogFile; 2],
    events: &[u64],
) -> Result<BTreeMap<u64, Place>, Error> {
    if events.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted = events.iter().map(|event| (*event, Vec::new())).collect();
    let before = Before { wanted, counts: Bounded::default(), latest: BTreeMap::new() };
    let (before, _) = collect(log, &Select::default(), before)?;
    let hashes = before.values().flatten().map(|(hash, _)| (*hash, Vec::new()));
    let (found, _) =
        collect(other, &Select::default(), Finding { places: hashes.collect(), kept: 0 })?;
    let place = |shapes: &Vec<Shape>| {
        shapes.iter().enumerate().find_map(|(at, (hash, rank))| {
            let events = found.get(hash)?;
            let event = events.get(*rank).or(events.last())?;
            Some(Place { event: *event, later: at + 1 })
        })
    };
    Ok(before.iter().filter_map(|(event, shapes)| Some((*event, place(shapes)?))).collect())
}

/// Returns a hash of the program that makes a call and of its text, without addresses.
fn hash(call: &Call<'_>) -> u64 {
    let text = call.to_string();
    let mut shape = call.task().program().unwrap_or_default().to_vec();
    let mut words = text.split("0x");
    shape.extend(words.next().unwrap_or_default().bytes());
    for word in words {
        shape.extend(word.trim_start_matches(|c: char| c.is_ascii_hexdigit()).bytes());
    }
    let mut hasher = DefaultHasher::new();
    shape.hash(&mut hasher);
    hasher.finish()
}

/// Collects the calls before events, the last one first.
struct Before {
    wanted: BTreeMap<u64, Vec<Shape>>,
    counts: Bounded<u64, usize>,
    latest: BTreeMap<TaskId, VecDeque<Shape>>,
}

impl Looker for Before {
    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        let (task, events) = match item {
            Item::Call(call) => (call.task().id(), [Some(call.number()), call.exit_number()]),
            Item::Exec(exec) => (exec.task.id(), [Some(exec.event.number), None]),
            Item::Signal(at) => (at.task.id(), [Some(at.number()), None]),
            Item::TaskEnd(at) => {
                let of_task = (at.task.id(), [Some(at.number()), None]);
                self.note(of_task);
                self.latest.remove(&at.task.id());
                return;
            }
            _ => return,
        };
        self.note((task, events));
        if let Item::Call(call) = item {
            let hash = hash(call);
            let Some(count) = self.counts.entry(&hash) else { return };
            let latest = self.latest.entry(task).or_default();
            latest.push_front((hash, *count));
            latest.truncate(BEFORE);
            *count = count.saturating_add(1);
        }
    }
}

impl Before {
    fn note(&mut self, (task, events): (TaskId, [Option<u64>; 2])) {
        for event in events.into_iter().flatten() {
            if let Some(shapes) = self.wanted.get_mut(&event).filter(|shapes| shapes.is_empty()) {
                shapes.extend(self.latest.get(&task).into_iter().flatten());
            }
        }
    }
}

impl Collect for Before {
    type Result = BTreeMap<u64, Vec<Shape>>;

    fn needs(&self) -> Needs {
        Needs::FILES
    }

    fn finish(self) -> Self::Result {
        self.wanted
    }
}

/// Finds the places of calls, by their hashes.
struct Finding {
    places: BTreeMap<u64, Vec<u64>>,
    kept: usize,
}

impl Looker for Finding {
    fn item(&mut self, item: &Item<'_>, _selected: bool) {
        if let Item::Call(call) = item
            && self.kept < MOST_PLACES
            && let Some(places) = self.places.get_mut(&hash(call))
        {
            places.push(call.number());
            self.kept += 1;
        }
    }
}

impl Collect for Finding {
    type Result = BTreeMap<u64, Vec<u64>>;

    fn needs(&self) -> Needs {
        Needs::FILES
    }

    fn finish(self) -> Self::Result {
        self.places
    }
}

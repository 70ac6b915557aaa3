//! Groups lookups into searches.

use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use sysreel_inspect::calls::Errno;
use sysreel_inspect::format::TaskId;

use super::Tried;
use crate::bounded::MAX_ENTRIES;
use crate::pool::{Bytes, Pool};
use crate::touches::{Outcome, Touch, Uses};

/// The most searches that a task makes at the same time: the loader of shared libraries looks up
/// directories between two lookups of a library.
const MOST_OPEN: usize = 8;
/// After how many other lookups of its task a search is given up.
const PATIENCE: u64 = 64;
/// The most directories of a search that are kept.
const MOST_TRIED: usize = 1000;

/// A search that is not found yet.
#[derive(Debug)]
struct Open {
    name: Bytes,
    tried: Vec<Tried>,
    more_tried: u64,
    first_event: u64,
    /// The number of the latest lookup of the task for it.
    latest: u64,
    /// The calls that looked in its first directory.
    calls: Vec<&'static str>,
}

/// The searches of one task.
#[derive(Debug, Default)]
struct OfTask {
    lookups: u64,
    open: Vec<Open>,
}

/// A search that has ended, once for all that are the same.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) name: Bytes,
    pub(super) tried: Vec<Tried>,
    pub(super) more_tried: u64,
    pub(super) found: Option<Bytes>,
    pub(super) times: u64,
    pub(super) first_event: u64,
    /// The nodes that made it, the first ones.
    pub(super) by: Vec<u32>,
    pub(super) more_by: u64,
}

/// The most nodes of a search that are kept.
const MOST_BY: usize = 8;

/// Groups lookups into searches.
#[derive(Debug, Default)]
pub(super) struct Searches {
    tasks: HashMap<TaskId, OfTask, RandomState>,
    pub(super) ended: Vec<Ended>,
    /// The places of ended searches by their hashes.
    places: HashMap<u64, usize, RandomState>,
    hasher: RandomState,
    pub(super) left_out: u64,
}

/// Who looks something up, and with which call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seeker {
    pub(super) task: TaskId,
    pub(super) node: Option<u32>,
    pub(super) event: u64,
    /// The name of the call.
    pub(super) call: &'static str,
}

impl Searches {
    /// Takes a lookup.
    pub(super) fn lookup(&mut self, by: Seeker, touch: &Touch, pool: &mut Pool) {
        if !touch.by_name || !touch.uses.any(Uses::OPEN | Uses::PROBE | Uses::EXECUTE) {
            return;
        }
        let Some(at) = touch.path.iter().rposition(|byte| *byte == b'/') else { return };
        let (directory, name) = (&touch.path[..at.max(1)], &touch.path[at + 1..]);
        if name.is_empty() || self.tasks.len() >= MAX_ENTRIES {
            return;
        }
        let error = match touch.outcome {
            Outcome::Done => None,
            Outcome::NotFound(errno) | Outcome::Failed(errno) => Some(errno),
        };
        let of_task = self.tasks.entry(by.task).or_default();
        of_task.lookups = of_task.lookups.saturating_add(1);
        let now = of_task.lookups;
        let mut over: Vec<(Open, Option<Bytes>)> = Vec::new();
        let is_over = |open: &mut Open| now.saturating_sub(open.latest) > PATIENCE;
        over.extend(of_task.open.extract_if(.., is_over).map(|open| (open, None)));
        let place = of_task.open.iter().position(|open| open.name.as_bytes() == name);
        match (error, place) {
            (None, None) => {}
            (None, Some(at)) => {
                let open = of_task.open.remove(at);
                let found = pool.keep(directory);
                if found.is_none() {
                    self.left_out = self.left_out.saturating_add(1);
                } else {
                    over.push((open, found));
                }
            }
            // What exists, but not for this program, is only part of a search for more.
            (Some(_), None) if !matches!(touch.outcome, Outcome::NotFound(_)) => {}
            (Some(error), place) => {
                let place = place.filter(|at| {
                    // The same search begins again. Different calls may look at one place.
                    let Open { tried, calls, .. } = &of_task.open[*at];
                    let is_first = |tried: &Tried| tried.directory.as_bytes() == directory;
                    !tried.first().is_some_and(is_first)
                        || tried.len() == 1 && !calls.contains(&by.call)
                });
                if place.is_none() {
                    let same = |open: &mut Open| open.name.as_bytes() == name;
                    over.extend(of_task.open.extract_if(.., same).map(|open| (open, None)));
                }
                let open = match place {
                    Some(at) => of_task.open.get_mut(at),
                    None => {
                        if of_task.open.len() >= MOST_OPEN {
                            over.push((of_task.open.remove(0), None));
                        }
                        let new = pool.keep(name).map(|name| {
                            let (tried, first_event) = (Vec::new(), by.event);
                            let calls = Vec::new();
                            Open { name, tried, more_tried: 0, first_event, latest: now, calls }
                        });
                        of_task.open.extend(new);
                        of_task.open.last_mut()
                    }
                };
                match open {
                    Some(open) => open.tried((directory, error), (by.call, now), pool),
                    None => self.left_out = self.left_out.saturating_add(1),
                }
            }
        }
        for (open, found) in over {
            self.end(open, found, by.node);
        }
    }

    /// Ends the searches of a task that ends.
    pub(super) fn task_ends(&mut self, task: TaskId, node: Option<u32>) {
        for open in self.tasks.remove(&task).map(|of_task| of_task.open).unwrap_or_default() {
            self.end(open, None, node);
        }
    }

    /// Returns the tasks that have not ended.
    pub(super) fn tasks(&self) -> Vec<TaskId> {
        let mut tasks: Vec<TaskId> = self.tasks.keys().copied().collect();
        tasks.sort_unstable();
        tasks
    }

    fn end(&mut self, open: Open, found: Option<Bytes>, node: Option<u32>) {
        let key = self.hasher.hash_one((&open.name, &open.tried, &found));
        let known = self.places.get(&key).copied().filter(|at| {
            self.ended.get(*at).is_some_and(|ended| {
                (&ended.name, &ended.tried, &ended.found) == (&open.name, &open.tried, &found)
            })
        });
        let first_event = open.first_event;
        let at = known.unwrap_or(self.ended.len());
        if known.is_none() {
            if at >= MAX_ENTRIES {
                self.left_out = self.left_out.saturating_add(1);
                return;
            }
            self.places.insert(key, at);
            let Open { name, tried, more_tried, .. } = open;
            let (times, by, more_by) = (0, Vec::new(), 0);
            self.ended.push(Ended {
                name,
                tried,
                more_tried,
                found,
                times,
                first_event,
                by,
                more_by,
            });
        }
        let Some(ended) = self.ended.get_mut(at) else { return };
        ended.times = ended.times.saturating_add(1);
        ended.first_event = ended.first_event.min(first_event);
        match node.filter(|node| !ended.by.contains(node)) {
            Some(node) if ended.by.len() < MOST_BY => ended.by.push(node),
            Some(_) => ended.more_by = ended.more_by.saturating_add(1),
            None => {}
        }
    }
}

impl Open {
    fn tried(
        &mut self,
        (directory, error): (&[u8], Errno),
        (call, now): (&'static str, u64),
        pool: &mut Pool,
    ) {
        self.latest = now;
        if self.tried.len() <= 1 {
            self.calls.push(call);
        }
        if self.tried.last().is_some_and(|last| last.directory.as_bytes() == directory) {
            return;
        }
        let room = size_of::<Tried>() + 16;
        let has_room = self.tried.len() < MOST_TRIED && pool.take(room);
        match pool.keep(directory).filter(|_| has_room) {
            Some(directory) => self.tried.push(Tried { directory, error: error.to_string() }),
            None => self.more_tried = self.more_tried.saturating_add(1),
        }
    }
}

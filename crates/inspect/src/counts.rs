//! Counts each system call: how often it was made, how often it failed, and how long it took, as
//! `strace -c -w` does. A call takes from its entry stop to its exit stop, so the time it waited
//! and the recorder's own overhead are included.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::HashMap;
use std::ops::ControlFlow;

use foldhash::fast::RandomState;
use sysreel_abi::{AuditArch, Filter};
use sysreel_format::TaskId;

use crate::calls::{Call, Ended, Item, Walk, walk};
use crate::filter::Matcher;
use crate::{Error, EventRange, Findings, Follow, LogFile, recorded_filter};

mod table;

pub use table::{Column, Count, Counts, Tables};

/// The most distinct calls that get a row each; later ones share a row. A hostile log may hold any
/// number of them.
const MAX_ROWS: usize = 10_000;
/// The name of the row that further calls share.
const OTHERS: &str = "(others)";

/// What to count.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log: calls that end in it are counted.
    pub range: EventRange,
    /// Which calls to count. `None`: those that the recording was limited to.
    pub only: Option<Filter>,
    /// Which of these to count. `None`: all.
    pub filter: Option<Filter>,
    /// The order of the rows.
    pub order: Order,
}

/// The order of the rows: the largest value first, names from A to Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The total time.
    #[default]
    Time,
    /// The mean time.
    Average,
    /// The longest call.
    Longest,
    /// The shortest call.
    Shortest,
    /// The number of calls.
    Calls,
    /// The number of failed calls.
    Errors,
    /// The name.
    Name,
}

/// Counts the calls of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn count(file: &LogFile, options: &Options) -> Result<(Counts, Findings), Error> {
    let log = file.log();
    let only = options
        .only
        .clone()
        .or_else(|| recorded_filter::filter(log.header().completeness, log.meta()));
    let filters: Vec<Filter> = only.into_iter().chain(options.filter.clone()).collect();
    let driver = Matcher::driver(&filters, Follow::default(), false);
    let matchers = filters.into_iter().map(|filter| Matcher::new(filter).for_log(file)).collect();
    let mut counting = Counting { matchers, ..Counting::default() };
    let mut read = walk(file, driver, (&options.range, false), log, &mut counting)?;
    let fields = counting.matchers.iter().flat_map(|matcher| matcher.not_recorded());
    read.findings.not_recorded = fields.map(|(field, count)| (field.clone(), *count)).collect();
    let counts = counting.finish(options.order);
    read.findings.unmatched = options.filter.is_some() && counts.calls.is_empty();
    Ok((counts, read.findings))
}

/// The order of the tables: the machine's native calls first, then the ABIs in strace's order.
fn rank(abi: &str) -> u8 {
    match abi {
        "x86_64" | "aarch64" => 0,
        "i386" => 1,
        "x32" => 2,
        _ => 3,
    }
}

#[derive(Default)]
struct Counting {
    matchers: Vec<Matcher>,
    /// The rows of the calls that end their task, which is yet to end.
    last: HashMap<TaskId, usize, RandomState>,
    /// The index in `counts` of each call, by number and by the name of a multiplexed call.
    slots: HashMap<(AuditArch, u64, Option<&'static str>), usize, RandomState>,
    names: HashMap<(String, String), usize>,
    counts: Counts,
}

impl Walk for Counting {
    fn item(&mut self, item: Item<'_>, in_range: bool) -> Result<ControlFlow<()>, Error> {
        self.matchers.iter_mut().for_each(|matcher| matcher.note(&item));
        match item {
            Item::Call(call) if self.is_wanted(|matcher| matcher.matches(&call)) => {
                self.call(&call, in_range);
            }
            Item::ExitOnly(_) if in_range && self.is_wanted(|m| m.matches_item(&item)) => {
                crate::add(&mut self.counts.unknown_exits, 1);
            }
            Item::TaskEnd(at) => {
                if let Some(slot) = self.last.remove(&at.event.task).filter(|_| in_range) {
                    self.unfinished(slot);
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Counting {
    fn is_wanted(&mut self, matches: impl FnMut(&mut Matcher) -> bool) -> bool {
        self.matchers.iter_mut().all(matches)
    }

    fn call(&mut self, call: &Call<'_>, in_range: bool) {
        let (slot, outcome) = (self.slot_of(call), call.outcome());
        match (outcome, call.event()) {
            // It counts where its task ends.
            (None, Some(event)) if call.stop().is_some() && call.ended() != Ended::Unfinished => {
                self.last.insert(event.task, slot);
            }
            _ if !in_range => {}
            (None, _) => self.unfinished(slot),
            (Some(_), _) => {
                if let Some(count) = self.counts.calls.get_mut(slot) {
                    let took = call.duration().unwrap_or_default().as_nanos();
                    let took = u64::try_from(took).unwrap_or(u64::MAX);
                    count.add_ended(took, call.ended().has_failed());
                }
            }
        }
    }

    fn unfinished(&mut self, slot: usize) {
        if let Some(count) = self.counts.calls.get_mut(slot) {
            crate::add(&mut count.calls, 1);
            crate::add(&mut count.unfinished, 1);
        }
    }

    fn slot_of(&mut self, call: &Call<'_>) -> usize {
        let (open, resolved) = (call.open(), call.row());
        let key = (open.arch, open.call.nr, resolved.map(|row| row.name));
        if let Some(slot) = self.slots.get(&key) {
            return *slot;
        }
        let abi = open.abi.map_or_else(|| format!("{:#x}", open.arch.0), |abi| abi.to_string());
        let slot = self.slot_for_name(abi, call.name().into_owned());
        if self.slots.len() < MAX_ROWS {
            self.slots.insert(key, slot);
        }
        slot
    }

    fn slot_for_name(&mut self, abi: String, name: String) -> usize {
        let key = if self.names.len() < MAX_ROWS {
            (abi, name)
        } else {
            (String::new(), OTHERS.to_owned())
        };
        let counts = &mut self.counts.calls;
        *self.names.entry(key).or_insert_with_key(|(abi, name)| {
            counts.push(Count { abi: abi.clone(), name: name.clone(), ..Count::default() });
            counts.len().saturating_sub(1)
        })
    }

    fn finish(mut self, order: Order) -> Counts {
        for slot in std::mem::take(&mut self.last).into_values() {
            self.unfinished(slot);
        }
        let Counts { calls, total, .. } = &mut self.counts;
        calls.retain(|count| count.calls > 0);
        calls.sort_by(|a, b| a.name.cmp(&b.name));
        let key = |count: &Count| match order {
            Order::Time => count.total_ns,
            Order::Average => count.average_ns(),
            Order::Longest => count.max_ns,
            Order::Shortest => count.min_ns,
            Order::Calls => count.calls,
            Order::Errors => count.errors,
            Order::Name => 0,
        };
        calls.sort_by_key(|count| (rank(&count.abi), std::cmp::Reverse(key(count))));
        // All unknown architectures have the same rank: keep each one's rows together.
        calls.sort_by(|a, b| (rank(&a.abi), &a.abi).cmp(&(rank(&b.abi), &b.abi)));
        *total = Count::total(calls);
        self.counts
    }
}

#[cfg(test)]
mod tests;

//! How often each system call was made, how often it failed and how long it took, as `strace -c -w`
//! counts: from the entry to the exit, so waiting and what the recorder itself needed are in it.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;
use sysreel_abi::{Abi, AuditArch, Filter, Row, demultiplex, row, syscall_name};
use sysreel_format::{Body, Event, EventKind, Item, Parts, TaskId};

use crate::state::region;
use crate::syscall_info::{self, Call, What};
use crate::{Error, EventRange, Findings, LogFile, recorded_filter};

mod table;

pub use table::{Column, Tables};

/// More calls without a name than these are counted together: a log may hold any number.
const MOST: usize = 10_000;
/// What the others are called.
const OTHERS: &str = "(others)";

/// What is counted.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Calls that end in this part of the log.
    pub range: EventRange,
    /// Which calls; `None`: those that the recording was asked for.
    pub only: Option<Filter>,
    /// What the rows are sorted by.
    pub order: Order,
}

/// What rows are sorted by: the largest first, names from A to Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All time in the call.
    #[default]
    Time,
    /// The mean time of a call.
    Average,
    /// The longest call.
    Longest,
    /// The shortest call.
    Shortest,
    /// How many calls.
    Calls,
    /// How many failed.
    Errors,
    /// The name.
    Name,
}

/// The calls of one name, made in one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Of which ABI: `x86_64`, `i386`, `x32`, `aarch64`, or the number of an architecture; empty
    /// for all together.
    pub abi: String,
    /// The name; `syscall_0x…` when the number has none.
    pub name: String,
    /// How many calls were made, with those that did not end.
    pub calls: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How many of them did not end, and so took no time that is known.
    pub unfinished: u64,
    /// The time of all that ended, in nanoseconds.
    pub total_ns: u64,
    /// The shortest that ended.
    pub min_ns: u64,
    /// The longest that ended.
    pub max_ns: u64,
}

impl Count {
    /// The mean time of those that ended, in nanoseconds.
    #[must_use]
    pub fn average_ns(&self) -> u64 {
        self.total_ns.checked_div(self.calls.saturating_sub(self.unfinished)).unwrap_or(0)
    }

    /// Calls of several names together.
    fn total(calls: &[Count]) -> Count {
        let mut total = Count { name: "total".to_owned(), ..Count::default() };
        let ended = |count: &&Count| count.calls > count.unfinished;
        total.min_ns = calls.iter().filter(ended).map(|count| count.min_ns).min().unwrap_or(0);
        for count in calls {
            crate::add(&mut total.calls, count.calls);
            crate::add(&mut total.errors, count.errors);
            crate::add(&mut total.unfinished, count.unfinished);
            total.total_ns = total.total_ns.saturating_add(count.total_ns);
            total.max_ns = total.max_ns.max(count.max_ns);
        }
        total
    }

    fn ended(&mut self, took: u64, failed: bool) {
        self.min_ns = if self.calls == self.unfinished { took } else { self.min_ns.min(took) };
        crate::add(&mut self.calls, 1);
        crate::add(&mut self.errors, u64::from(failed));
        self.total_ns = self.total_ns.saturating_add(took);
        self.max_ns = self.max_ns.max(took);
    }
}

/// The calls of a log, by ABI and name: one name is another call in another ABI. Its
/// [`Display`](fmt::Display) is the table of strace.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// One of each name, ABI by ABI, in the order that was asked for.
    pub calls: Vec<Count>,
    /// All of them together.
    pub total: Count,
    /// Exits whose entries are not in the log: nobody knows of which calls.
    pub unknown_exits: u64,
}

/// Counts the calls of a log.
///
/// # Errors
/// When the log cannot be read. Damage is no error: it is in the [`Findings`].
pub fn count(file: &LogFile, options: &Options) -> Result<(Counts, Findings), Error> {
    let log = file.log();
    let only =
        options.only.clone().or_else(|| recorded_filter::of(log.header().completeness, log.meta()));
    let mut counting = Counting { only, ..Counting::default() };
    let read = file.read(0, options.range.of(file)?, |item, begun| {
        counting.begun = begun;
        counting.item(item);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((counting.finish(options.order), read.findings))
}

/// A call that has begun: when, and its place in the list, if it is counted.
struct Open {
    t_ns: u64,
    place: Option<usize>,
}

/// The order of the tables: the machine's own calls first, then as strace has them.
fn rank(abi: &str) -> u8 {
    match abi {
        "x86_64" | "aarch64" => 0,
        "i386" => 1,
        "x32" => 2,
        _ => 3,
    }
}

/// The call that socketcall or ipc stands for.
fn behind(
    abi: Option<Abi>,
    row: Option<&Row>,
    call: &Call,
    parts: Parts<'_>,
) -> Option<&'static Row> {
    let words = |arg: u8| region(parts, arg, 0, 0);
    Some(demultiplex(abi?, row?, &call.args, words)?.row)
}

#[derive(Default)]
struct Counting {
    only: Option<Filter>,
    begun: bool,
    open: HashMap<TaskId, Open>,
    /// The place of each call in the list, also by the name of the call behind it; `None`: not
    /// counted.
    places: HashMap<(AuditArch, u64, Option<&'static str>), Option<usize>>,
    names: HashMap<(String, String), usize>,
    counts: Counts,
}

impl Counting {
    fn item(&mut self, item: &Item<'_>) {
        if let Item::Event(event) = item
            && matches!(event.kind, EventKind::STOP | EventKind::GONE)
        {
            self.event(event);
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match event.decode() {
            Ok(Body::Stop(stop)) => {
                let info = syscall_info::decode(stop.layout, stop.info);
                match info.what {
                    What::Entry(call) => self.entry(event, info.arch, &call, stop.parts),
                    // Without an entry before it, it is the one that tells of the call.
                    What::Seccomp(call, _) if !self.open.contains_key(&event.task) => {
                        self.entry(event, info.arch, &call, stop.parts);
                    }
                    What::Exit(outcome) => self.exit(event, outcome.failed()),
                    _ => {}
                }
            }
            Ok(Body::Gone(_)) => {
                let open = self.open.remove(&event.task);
                self.never_ends(open);
            }
            // What cannot be decoded is in the findings.
            Ok(_) | Err(_) => {}
        }
    }

    fn entry(&mut self, event: &Event<'_>, arch: Option<AuditArch>, call: &Call, parts: Parts<'_>) {
        let Some(arch) = arch else { return };
        let place = self.place(arch, call, parts);
        let before = self.open.insert(event.task, Open { t_ns: event.t_ns, place });
        // An exit that is not in the log: a hole is before this, or the call has none.
        self.never_ends(before);
    }

    fn exit(&mut self, event: &Event<'_>, failed: bool) {
        let open = self.open.remove(&event.task);
        if !self.begun {
            return;
        }
        match open {
            None => crate::add(&mut self.counts.unknown_exits, 1),
            Some(Open { t_ns, place }) => {
                if let Some(count) = place.and_then(|place| self.counts.calls.get_mut(place)) {
                    count.ended(event.t_ns.saturating_sub(t_ns), failed);
                }
            }
        }
    }

    fn never_ends(&mut self, open: Option<Open>) {
        let place = open.and_then(|open| open.place).filter(|_| self.begun);
        if let Some(count) = place.and_then(|place| self.counts.calls.get_mut(place)) {
            crate::add(&mut count.calls, 1);
            crate::add(&mut count.unfinished, 1);
        }
    }

    fn place(&mut self, arch: AuditArch, call: &Call, parts: Parts<'_>) -> Option<usize> {
        let (nr, row, abi) = (call.nr, row(arch, call.nr), Abi::from_call(arch, call.nr));
        let behind = behind(abi, row, call, parts);
        let key = (arch, nr, behind.map(|row| row.name));
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let name = row.map(|row| row.name).or_else(|| syscall_name(arch, nr));
        let wanted = self.only.as_ref().is_none_or(|only| only.matches_either(name, row, behind));
        let place = wanted.then(|| {
            let name = behind.map(|row| row.name).or(name);
            let abi = abi.map_or_else(|| format!("{:#x}", arch.0), |abi| abi.to_string());
            self.named(abi, name.map_or_else(|| format!("syscall_{nr:#x}"), str::to_owned))
        });
        if self.places.len() < MOST {
            self.places.insert(key, place);
        }
        place
    }

    fn named(&mut self, abi: String, name: String) -> usize {
        let key =
            if self.names.len() < MOST { (abi, name) } else { (String::new(), OTHERS.to_owned()) };
        let counts = &mut self.counts.calls;
        *self.names.entry(key).or_insert_with_key(|(abi, name)| {
            counts.push(Count { abi: abi.clone(), name: name.clone(), ..Count::default() });
            counts.len().saturating_sub(1)
        })
    }

    fn finish(mut self, order: Order) -> Counts {
        self.begun = true;
        for (_, open) in std::mem::take(&mut self.open) {
            self.never_ends(Some(open));
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
        // Architectures without a name have one rank.
        calls.sort_by(|a, b| (rank(&a.abi), &a.abi).cmp(&(rank(&b.abi), &b.abi)));
        *total = Count::total(calls);
        self.counts
    }
}

impl Counts {
    /// The tables of strace, with these columns.
    #[must_use]
    pub fn tables<'c>(&'c self, columns: &'c [Column]) -> Tables<'c> {
        Tables { counts: self, columns }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables(&Column::DEFAULT).fmt(f)
    }
}

#[cfg(test)]
mod tests;

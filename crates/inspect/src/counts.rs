//! How often each system call was made, how often it failed and how long it took, as `strace -c -w` counts: from the entry to the exit, so
//! waiting and what the recorder itself needed are in it.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;
use sysreel_abi::{AuditArch, Filter, row, syscall_name};
use sysreel_format::{Body, Event, EventKind, Item, TaskId};

use crate::psi::{self, What};
use crate::{Error, Findings, LogFile, Stretch, asked};

/// More calls without a name than these are counted together: a log may hold any number.
const MOST: usize = 10_000;
/// What the others are called.
const OTHERS: &str = "(others)";

/// What is counted.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Calls that end in this part of the log.
    pub stretch: Stretch,
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
    /// How many calls.
    Calls,
    /// How many failed.
    Errors,
    /// The name.
    Name,
}

/// The calls of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
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

    fn ended(&mut self, took: u64, failed: bool) {
        self.min_ns = if self.calls == self.unfinished { took } else { self.min_ns.min(took) };
        crate::add(&mut self.calls, 1);
        crate::add(&mut self.errors, u64::from(failed));
        self.total_ns = self.total_ns.saturating_add(took);
        self.max_ns = self.max_ns.max(took);
    }
}

/// The calls of a log, by name. Its [`Display`](fmt::Display) is the table of strace.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// One of each name, in the order that was asked for.
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
    let only = options.only.clone().or_else(|| asked::of(log.header().completeness, log.meta()));
    let mut counting = Counting { only, ..Counting::default() };
    let read = file.read(0, options.stretch.of(file)?, |item, begun| {
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

#[derive(Default)]
struct Counting {
    only: Option<Filter>,
    begun: bool,
    open: HashMap<TaskId, Open>,
    /// The place of each call in the list; `None`: not counted.
    places: HashMap<(AuditArch, u64), Option<usize>>,
    names: HashMap<String, usize>,
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
                let info = psi::decode(stop.layout, stop.info);
                match info.what {
                    What::Entry(call) => self.entry(event, info.arch, call.nr),
                    // Without an entry before it, it is the one that tells of the call.
                    What::Seccomp(call, _) if !self.open.contains_key(&event.task) => {
                        self.entry(event, info.arch, call.nr);
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

    fn entry(&mut self, event: &Event<'_>, arch: Option<AuditArch>, nr: u64) {
        let Some(arch) = arch else { return };
        let place = self.place(arch, nr);
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

    fn place(&mut self, arch: AuditArch, nr: u64) -> Option<usize> {
        if let Some(place) = self.places.get(&(arch, nr)) {
            return *place;
        }
        let row = row(arch, nr);
        let name = row.map(|row| row.name).or_else(|| syscall_name(arch, nr));
        let wanted = self.only.as_ref().is_none_or(|only| only.wants(name, row));
        let place =
            wanted.then(|| self.named(name.map_or_else(|| format!("syscall_{nr:#x}"), str::to_owned)));
        if self.places.len() < MOST {
            self.places.insert((arch, nr), place);
        }
        place
    }

    fn named(&mut self, name: String) -> usize {
        let name = if self.names.len() < MOST { name } else { OTHERS.to_owned() };
        let counts = &mut self.counts.calls;
        *self.names.entry(name).or_insert_with_key(|name| {
            counts.push(Count { name: name.clone(), ..Count::default() });
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
            Order::Calls => count.calls,
            Order::Errors => count.errors,
            Order::Name => 0,
        };
        calls.sort_by_key(|count| std::cmp::Reverse(key(count)));
        "total".clone_into(&mut total.name);
        let ended = |count: &&Count| count.calls > count.unfinished;
        total.min_ns = calls.iter().filter(ended).map(|count| count.min_ns).min().unwrap_or(0);
        for count in calls {
            crate::add(&mut total.calls, count.calls);
            crate::add(&mut total.errors, count.errors);
            crate::add(&mut total.unfinished, count.unfinished);
            total.total_ns = total.total_ns.saturating_add(count.total_ns);
            total.max_ns = total.max_ns.max(count.max_ns);
        }
        self.counts
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = "------ ----------- ----------- --------- --------- ----------------";
        writeln!(f, "% time     seconds  usecs/call     calls    errors syscall\n{rule}")?;
        for count in &self.calls {
            self.line(count, f)?;
        }
        writeln!(f, "{rule}")?;
        self.line(&self.total, f)?;
        if self.total.unfinished > 0 {
            writeln!(f, "{} of these calls did not end", self.total.unfinished)?;
        }
        if self.unknown_exits > 0 {
            writeln!(f, "{} more calls began before the log", self.unknown_exits)?;
        }
        Ok(())
    }
}

impl Counts {
    fn line(&self, count: &Count, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = (u128::from(count.total_ns) * 10_000).checked_div(self.total.total_ns.into()).unwrap_or(0);
        let errors = if count.errors == 0 { String::new() } else { count.errors.to_string() };
        writeln!(
            f,
            "{:>3}.{:02} {:>4}.{:06} {:>11} {:>9} {errors:>9} {}",
            part / 100,
            part % 100,
            count.total_ns / 1_000_000_000,
            count.total_ns % 1_000_000_000 / 1000,
            count.average_ns() / 1000,
            count.calls,
            count.name
        )
    }
}

#[cfg(test)]
mod tests;

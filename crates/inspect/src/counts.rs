//! Counts each system call: how often it was made, how often it failed, and how long it took, as
//! `strace -c -w` does. A call takes from its entry stop to its exit stop, so the time it waited
//! and the recorder's own overhead are included.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::HashMap;
use std::ops::ControlFlow;

use sysreel_abi::{Abi, AuditArch, Filter, Row, demultiplex, row, syscall_name};
use sysreel_format::{Body, Event, EventKind, Item, Parts, TaskId};

use crate::state::region;
use crate::syscall_info::{self, Call, What};
use crate::{Error, EventRange, Findings, LogFile, recorded_filter};

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
    let mut counting = Counting { only, ..Counting::default() };
    let read = file.read(0, file.bounds(&options.range)?, |item, begun| {
        counting.begun = begun;
        counting.item(item);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok((counting.finish(options.order), read.findings))
}

/// A call that has begun, with its row if it is counted.
struct Open {
    t_ns: u64,
    slot: Option<usize>,
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

/// Returns the row of the call that socketcall(2) or ipc(2) multiplexes.
fn demultiplexed(
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
    /// The index in `counts` of each call, by number and by the name of a multiplexed call; `None`
    /// if it is not counted.
    slots: HashMap<(AuditArch, u64, Option<&'static str>), Option<usize>>,
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
                    What::Entry(call) => {
                        self.entry(event, info.arch.map(AuditArch), &call, stop.parts)
                    }
                    // A seccomp stop without an entry stop before it begins the call.
                    What::Seccomp(call, _) if !self.open.contains_key(&event.task) => {
                        self.entry(event, info.arch.map(AuditArch), &call, stop.parts);
                    }
                    What::Exit(outcome) => self.exit(event, outcome.failed()),
                    _ => {}
                }
            }
            Ok(Body::Gone(_)) => {
                let open = self.open.remove(&event.task);
                self.unfinished(open);
            }
            // The findings report events that cannot be decoded.
            Ok(_) | Err(_) => {}
        }
    }

    fn entry(&mut self, event: &Event<'_>, arch: Option<AuditArch>, call: &Call, parts: Parts<'_>) {
        let Some(arch) = arch else { return };
        let slot = self.slot_of(arch, call, parts);
        let before = self.open.insert(event.task, Open { t_ns: event.t_ns, slot });
        // The call that was still open has no exit: events are missing, or it never returned.
        self.unfinished(before);
    }

    fn exit(&mut self, event: &Event<'_>, failed: bool) {
        let open = self.open.remove(&event.task);
        if !self.begun {
            return;
        }
        match open {
            None => crate::add(&mut self.counts.unknown_exits, 1),
            Some(Open { t_ns, slot }) => {
                if let Some(count) = slot.and_then(|slot| self.counts.calls.get_mut(slot)) {
                    count.add_ended(event.t_ns.saturating_sub(t_ns), failed);
                }
            }
        }
    }

    fn unfinished(&mut self, open: Option<Open>) {
        let slot = open.and_then(|open| open.slot).filter(|_| self.begun);
        if let Some(count) = slot.and_then(|slot| self.counts.calls.get_mut(slot)) {
            crate::add(&mut count.calls, 1);
            crate::add(&mut count.unfinished, 1);
        }
    }

    fn slot_of(&mut self, arch: AuditArch, call: &Call, parts: Parts<'_>) -> Option<usize> {
        let (nr, row, abi) = (call.nr, row(arch, call.nr), Abi::from_call(arch, call.nr));
        let demultiplexed = demultiplexed(abi, row, call, parts);
        let key = (arch, nr, demultiplexed.map(|row| row.name));
        if let Some(slot) = self.slots.get(&key) {
            return *slot;
        }
        let name = row.map(|row| row.name).or_else(|| syscall_name(arch, nr));
        let wanted =
            self.only.as_ref().is_none_or(|only| only.matches_either(name, row, demultiplexed));
        let slot = wanted.then(|| {
            let name = demultiplexed.map(|row| row.name).or(name);
            let abi = abi.map_or_else(|| format!("{:#x}", arch.0), |abi| abi.to_string());
            self.slot_for_name(abi, name.map_or_else(|| format!("syscall_{nr:#x}"), str::to_owned))
        });
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
        self.begun = true;
        for (_, open) in std::mem::take(&mut self.open) {
            self.unfinished(Some(open));
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

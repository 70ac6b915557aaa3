//! What facts need besides their item.

use std::collections::BTreeMap;

use sysreel_abi::filter::{Answer, Field, FieldRef, Place};
use sysreel_format::Completeness;

use super::ancestors::Ancestors;
use super::threads::Threads;
use crate::calls::Item;

/// The most marks that are remembered.
const MAX_MARKS: usize = 100_000;

/// What facts need besides their item.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// The time of the start of the recording, in nanoseconds (CLOCK_MONOTONIC).
    pub(super) start_ns: u64,
    /// What the log lacks.
    pub(super) completeness: Completeness,
    pub(super) ancestors: Option<Ancestors>,
    pub(super) threads: Option<Threads>,
    /// The event at which each mark was first set.
    pub(super) marks: BTreeMap<Vec<u8>, u64>,
}

impl Context {
    /// Returns a context for these fields, with the ancestors of processes if they are asked for.
    pub(super) fn for_fields(fields: &[FieldRef], ancestors: bool) -> Self {
        let ancestors = ancestors || fields.iter().any(|asked| asked.field == Field::Ppid);
        Self {
            ancestors: ancestors.then(Ancestors::default),
            threads: Threads::for_fields(fields),
            ..Self::default()
        }
    }

    /// Takes note of an item.
    pub(super) fn note(&mut self, item: &Item<'_>) {
        if let Some(ancestors) = &mut self.ancestors {
            ancestors.note(item);
        }
        if let Some(threads) = &mut self.threads {
            threads.note(item);
        }
        if let Item::Mark(at) = item
            && self.marks.len() < MAX_MARKS
        {
            self.marks.entry(at.what.to_vec()).or_insert(at.event.number);
        }
    }

    /// Whether a place is before the event `number`, or at it if `or_at`.
    pub(super) fn has_come(&self, place: &Place, number: u64, t_ns: u64, or_at: bool) -> Answer {
        let order = match place {
            Place::Event(event) => event.cmp(&number),
            Place::Time(nanos) => self.start_ns.saturating_add(*nanos).cmp(&t_ns),
            Place::Mark(name) => match self.marks.get(name) {
                Some(event) => event.cmp(&number),
                None => std::cmp::Ordering::Greater,
            },
        };
        Answer::from_bool(order.is_lt() || or_at && order.is_eq())
    }
}

//! Counts how often memory that a row announces as written really changed.
//!
//! A row that announces too much shows old bytes as if the kernel had just written them (the status
//! of a wait4 that found no child). One call proves nothing, because the kernel may write the bytes
//! that were there. So calls are counted by argument and by whether the result was 0, on which most
//! conditions depend.

use super::ranges::Ranges;
use super::shadow::{self, Map, Shadow};
use std::collections::BTreeMap;
use sysreel_abi::plan::RegionRequest;
use sysreel_sys::Tid;

/// Counts for the calls of one name that announced memory of one argument, split by whether the
/// result was 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The name of the call.
    pub call: String,
    /// The argument, from 0.
    pub argument: u8,
    /// Whether the memory is reached through a pointer in what the argument points to.
    pub follows: bool,
    /// Whether these calls returned 0.
    pub zero: bool,
    /// The number of calls.
    pub calls: u64,
    /// How many of them changed the memory.
    pub changed: u64,
    /// How many bytes at the end of the memory no call has changed.
    pub unchanged_end: u64,
}

/// Call, argument, `follows` and `zero`: the calls that are counted together.
type Key = (String, u8, bool, bool);

#[derive(Debug, Clone, Copy)]
struct Counts {
    calls: u64,
    changed: u64,
    unchanged_end: u64,
}

/// The counts of all calls.
#[derive(Debug, Default)]
pub(super) struct Outputs(BTreeMap<Key, Counts>);

impl Outputs {
    /// Counts a call that announced `request` and changed its memory up to byte `changed`.
    pub(super) fn count(&mut self, call: &str, request: &RegionRequest, rval: i64, changed: u64) {
        let key = (call.to_owned(), request.arg, request.role > 0, rval == 0);
        let counts =
            self.0.entry(key).or_insert(Counts { calls: 0, changed: 0, unchanged_end: u64::MAX });
        counts.calls += 1;
        counts.changed += u64::from(changed > 0);
        counts.unchanged_end = counts.unchanged_end.min(request.asked.saturating_sub(changed));
    }

    pub(super) fn to_vec(&self) -> Vec<Output> {
        let one = |((call, argument, follows, zero), counts): (&Key, &Counts)| Output {
            call: call.clone(),
            argument: *argument,
            follows: *follows,
            zero: *zero,
            calls: counts.calls,
            changed: counts.changed,
            unchanged_end: counts.unchanged_end,
        };
        self.0.iter().map(one).collect()
    }
}

/// Returns the length of the announced memory up to its last changed byte. `None` where part of it
/// cannot be compared, because it was not readable private memory before and after the call.
pub(super) fn changed_len(
    tid: Tid,
    shadow: &Shadow,
    map: &Map,
    request: &RegionRequest,
    buffer: &mut Vec<u8>,
) -> Option<u64> {
    let span = Ranges::from_ranges(std::iter::once(
        request.address..request.address.checked_add(request.asked)?,
    ));
    if request.asked == 0 {
        return None;
    }
    let known = span.intersection(&shadow::same_mappings(&shadow.map, map)).intersection(&map.own);
    let spans = shadow.spans(map, &known);
    let comparable: u64 = spans.iter().map(|span| span.range.end - span.range.start).sum();
    let mut changed = 0;
    let unread = shadow.compare(tid, map, &spans, buffer, |at, before, after| {
        if let Some(last) = before.iter().zip(after).rposition(|(before, after)| before != after) {
            changed = changed.max(at - request.address + last as u64 + 1);
        }
    });
    (comparable == request.asked && unread == 0).then_some(changed)
}

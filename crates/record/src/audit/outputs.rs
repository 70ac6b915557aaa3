//! The other side of the audit: memory that a row announces as written, and that no call has
//! changed.
//!
//! A row that says too much shows what lay there before as if the kernel had just written it (the
//! status of a wait4 that found nobody). One call proves nothing, for the kernel may have written
//! what was there: so calls are counted, by argument and by whether the result was 0, for that is
//! what most conditions hang on.

use super::ranges::Ranges;
use super::shadow::{self, Map, Shadow};
use std::collections::BTreeMap;
use sysreel_abi::plan::RegionRequest;
use sysreel_sys::Tid;

/// The calls of one name that announced memory behind one argument and ended alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The call.
    pub call: String,
    /// The argument, from 0.
    pub argument: u8,
    /// Whether the memory is behind a pointer in what the argument points to.
    pub follows: bool,
    /// Whether these calls returned 0.
    pub zero: bool,
    /// How many there were.
    pub calls: u64,
    /// How many of them changed the memory.
    pub changed: u64,
    /// How many bytes at its end no call has changed.
    pub unchanged_end: u64,
}

/// Which calls are counted together.
type Key = (String, u8, bool, bool);

/// What became of their memory.
#[derive(Debug, Clone, Copy)]
struct Seen {
    calls: u64,
    changed: u64,
    unchanged_end: u64,
}

/// What was announced, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Outputs(BTreeMap<Key, Seen>);

impl Outputs {
    /// Counts a call that has changed so many bytes of what it announced, up to the last one that
    /// differs.
    pub(super) fn count(&mut self, call: &str, request: &RegionRequest, rval: i64, changed: u64) {
        let key = (call.to_owned(), request.arg, request.role > 0, rval == 0);
        let seen =
            self.0.entry(key).or_insert(Seen { calls: 0, changed: 0, unchanged_end: u64::MAX });
        seen.calls += 1;
        seen.changed += u64::from(changed > 0);
        seen.unchanged_end = seen.unchanged_end.min(request.asked.saturating_sub(changed));
    }

    pub(super) fn all(&self) -> Vec<Output> {
        let one = |((call, argument, follows, zero), seen): (&Key, &Seen)| Output {
            call: call.clone(),
            argument: *argument,
            follows: *follows,
            zero: *zero,
            calls: seen.calls,
            changed: seen.changed,
            unchanged_end: seen.unchanged_end,
        };
        self.0.iter().map(one).collect()
    }
}

/// How much of memory that was announced has changed, up to the last byte that differs; nothing
/// where it cannot be told, because not all of it was there and private before and after the call.
pub(super) fn changed(
    tid: Tid,
    shadow: &Shadow,
    map: &Map,
    request: &RegionRequest,
    arena: &mut Vec<u8>,
) -> Option<u64> {
    let span =
        Ranges::of(std::iter::once(request.address..request.address.checked_add(request.asked)?));
    if request.asked == 0 {
        return None;
    }
    let known = span.and(&shadow::same(&shadow.map, map)).and(&map.own);
    let pieces = shadow.pieces(map, &known);
    let there: u64 = pieces.iter().map(|piece| piece.range.end - piece.range.start).sum();
    let mut changed = 0;
    let unread = shadow.compare(tid, map, &pieces, arena, |at, was, is| {
        if let Some(last) = was.iter().zip(is).rposition(|(was, is)| was != is) {
            changed = changed.max(at - request.address + last as u64 + 1);
        }
    });
    (there == request.asked && unread == 0).then_some(changed)
}

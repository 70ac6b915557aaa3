//! Pieces with few equal pairs, such as a short stream against a long one: the longest common
//! subsequence from all pairs of equal tokens (Hunt and Szymanski 1977), whose cost is proportional
//! to their number.

use super::SpanKind::Same;
use super::Spans;
use std::ops::Range;

/// The most pairs kept in memory.
const MOST_PAIRS: u64 = 4 << 20;
/// The cost of a pair, in steps.
const STEPS_PER_PAIR: u64 = 60;

/// Aligns a piece if its equal pairs fit into `steps` and returns the cost. Otherwise returns
/// `None` and changes nothing.
pub(super) fn align(
    a: &[u32],
    b: &[u32],
    in_a: &Range<usize>,
    in_b: &Range<usize>,
    steps: u64,
    spans: &mut Spans,
) -> Option<usize> {
    let mut places: Vec<(u32, usize)> = b[in_b.clone()].iter().copied().zip(0..).collect();
    places.sort_unstable();
    let positions = |token: u32| {
        let from = places.partition_point(|place| place.0 < token);
        let len = places[from..].partition_point(|place| place.0 == token);
        &places[from..from + len]
    };
    let most = MOST_PAIRS.min(steps / STEPS_PER_PAIR);
    let mut count = 0u64;
    for &token in &a[in_a.clone()] {
        count += u64::try_from(positions(token).len()).unwrap_or(u64::MAX);
        if count > most {
            return None;
        }
    }
    let mut pairs = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    for (at, &token) in a[in_a.clone()].iter().enumerate() {
        // In descending order, so that no two pairs of one token are in an increasing subsequence.
        pairs.extend(positions(token).iter().rev().map(|place| (at, place.1)));
    }
    let mut at = (in_a.start, in_b.start);
    for (from_a, from_b) in super::anchors::increasing(&pairs) {
        let (from_a, from_b) = (in_a.start + from_a, in_b.start + from_b);
        spans.push_edit(at.0..from_a, at.1..from_b);
        spans.push(Same, from_a..from_a + 1, from_b..from_b + 1);
        at = (from_a + 1, from_b + 1);
    }
    spans.push_edit(at.0..in_a.end, at.1..in_b.end);
    usize::try_from(count * STEPS_PER_PAIR).ok()
}

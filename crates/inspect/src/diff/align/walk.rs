//! Walks two streams in parallel: after a difference it looks for the nearest point from which both
//! continue alike. Linear, and right where edits are small and rare, even in loops, where no n-gram
//! is unique.

use super::SpanKind::Same;
use super::Spans;
use std::ops::Range;

/// The most tokens that an edit may skip, both sides together.
const WINDOW: usize = 64;
/// How many tokens must be equal at a meeting point.
const MEETING: usize = 32;

/// How far a walk got.
pub(super) struct Walk {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) steps: usize,
}

/// Walks from the start of both ranges as long as they meet again, and adds the result to `spans`.
pub(super) fn align(
    a: &[u32],
    b: &[u32],
    in_a: &Range<usize>,
    in_b: &Range<usize>,
    spans: &mut Spans,
) -> Walk {
    let (a, b) = (&a[..in_a.end], &b[..in_b.end]);
    let mut walk = Walk { a: in_a.start, b: in_b.start, steps: 0 };
    while let Some((skip_a, skip_b)) = meeting(&a[walk.a..], &b[walk.b..], &mut walk.steps) {
        spans.push_edit(walk.a..walk.a + skip_a, walk.b..walk.b + skip_b);
        (walk.a, walk.b) = (walk.a + skip_a, walk.b + skip_b);
        let same = a[walk.a..].iter().zip(&b[walk.b..]).take_while(|(x, y)| x == y).count();
        spans.push(Same, walk.a..walk.a + same, walk.b..walk.b + same);
        (walk.a, walk.b) = (walk.a + same, walk.b + same);
        walk.steps += same;
    }
    walk
}

/// Returns how many tokens of each side to skip to the nearest point from which both continue
/// alike.
fn meeting(a: &[u32], b: &[u32], steps: &mut usize) -> Option<(usize, usize)> {
    for skipped in 1..=WINDOW {
        for skip_a in 0..=skipped {
            let (rest_a, rest_b) = (a.get(skip_a..), b.get(skipped - skip_a..));
            let (Some(rest_a), Some(rest_b)) = (rest_a, rest_b) else { continue };
            let (Some(rest_a), Some(rest_b)) = (rest_a.get(..MEETING), rest_b.get(..MEETING))
            else {
                continue;
            };
            *steps += 4;
            if rest_a == rest_b {
                return Some((skip_a, skipped - skip_a));
            }
        }
    }
    None
}

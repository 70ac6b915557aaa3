//! Small pieces: the shortest edit script by Myers' algorithm.

use super::SpanKind::Same;
use super::Spans;
use imara_diff::{Algorithm, Diff, Token};
use std::ops::Range;

/// Aligns a small piece. Returns its cost in steps, an estimate.
pub(super) fn align(
    a: &[u32],
    b: &[u32],
    in_a: &Range<usize>,
    in_b: &Range<usize>,
    spans: &mut Spans,
) -> usize {
    let (before, after, kinds) = renumber(&a[in_a.clone()], &b[in_b.clone()]);
    let mut diff = Diff::default();
    diff.compute_with(Algorithm::MyersMinimal, &before, &after, kinds);
    let edits =
        usize::try_from(diff.count_additions() + diff.count_removals()).unwrap_or(usize::MAX);
    let mut at = (in_a.start, in_b.start);
    for hunk in diff.hunks() {
        let start =
            (in_a.start + hunk.before.start as usize, in_b.start + hunk.after.start as usize);
        let end = (in_a.start + hunk.before.end as usize, in_b.start + hunk.after.end as usize);
        spans.push(Same, at.0..start.0, at.1..start.1);
        spans.push_edit(start.0..end.0, start.1..end.1);
        at = end;
    }
    spans.push(Same, at.0..in_a.end, at.1..in_b.end);
    let size = before.len() + after.len();
    size.saturating_mul(40).saturating_add(size.saturating_mul(edits))
}

/// Renumbers the tokens of both sides from 0, for tables indexed by token.
fn renumber(a: &[u32], b: &[u32]) -> (Vec<Token>, Vec<Token>, u32) {
    let mut kinds: Vec<u32> = a.iter().chain(b).copied().collect();
    kinds.sort_unstable();
    kinds.dedup();
    let number = |token: &u32| {
        Token(u32::try_from(kinds.partition_point(|kind| kind < token)).unwrap_or(u32::MAX))
    };
    (
        a.iter().map(number).collect(),
        b.iter().map(number).collect(),
        u32::try_from(kinds.len()).unwrap_or(u32::MAX),
    )
}

//! Folds loops: a repeated body becomes one token regardless of the number of rounds, so that a
//! loop of 1000 rounds aligns with the same loop of 1001.

use super::SpanKind::{GaveUp, OnlyA, OnlyB, Same};
use super::{Span, Spans};
use std::collections::HashMap;
use std::ops::Range;

/// The longest loop body that is recognized.
const LONGEST_BODY: usize = 512;
/// The least number of rounds of a loop.
const LEAST_ROUNDS: usize = 3;
/// The number of tokens by which a repetition is recognized.
const SEED: usize = 3;
/// The most positions of seeds that are remembered.
const MOST_PLACES: usize = 1 << 20;

/// Two pieces with their loops folded.
pub(super) struct Folded {
    pub(super) a_tokens: Vec<u32>,
    pub(super) b_tokens: Vec<u32>,
    a_units: Vec<Unit>,
    b_units: Vec<Unit>,
    a_end: usize,
    b_end: usize,
}

/// A token, or a loop.
#[derive(Clone, Copy, Debug)]
struct Unit {
    start: usize,
    /// The length of the body; 0 for a single token.
    period: usize,
    /// The offset of the lexicographically smallest rotation of the body, so that loops entered at
    /// different points are equal.
    rotation: usize,
}

/// Numbers for loop bodies, shared by both pieces and distinct from all tokens.
struct BodyNumbers {
    bodies: HashMap<Vec<u32>, u32>,
    next: u32,
}

impl BodyNumbers {
    fn number(&mut self, body: Vec<u32>) -> u32 {
        *self.bodies.entry(body).or_insert_with(|| {
            self.next = self.next.saturating_add(1);
            self.next
        })
    }
}

impl Folded {
    /// Folds two pieces. `None` if neither becomes at most half as long.
    pub(super) fn new(
        a: &[u32],
        b: &[u32],
        in_a: &Range<usize>,
        in_b: &Range<usize>,
    ) -> Option<Folded> {
        let largest = a[in_a.clone()].iter().chain(&b[in_b.clone()]).max().copied().unwrap_or(0);
        let mut numbers = BodyNumbers { bodies: HashMap::new(), next: largest };
        let (a_units, a_tokens) = fold(a, in_a, &mut numbers);
        let (b_units, b_tokens) = fold(b, in_b, &mut numbers);
        let shorter = a_units.len() * 2 <= in_a.len() || b_units.len() * 2 <= in_b.len();
        shorter.then_some(Folded {
            a_tokens,
            b_tokens,
            a_units,
            b_units,
            a_end: in_a.end,
            b_end: in_b.end,
        })
    }

    /// Converts spans of units to spans of tokens.
    pub(super) fn unfold(&self, units: &[Span], spans: &mut Spans) {
        for span in units {
            match span.kind {
                OnlyA | OnlyB | GaveUp => {
                    spans.push(span.kind, self.a_range(&span.a), self.b_range(&span.b));
                }
                Same => {
                    for (i, j) in span.a.clone().zip(span.b.clone()) {
                        self.pair(i, j, spans);
                    }
                }
            }
        }
    }

    /// Pairs a token with the same token, or two loops of the same body: the rounds that both have
    /// are the same.
    fn pair(&self, i: usize, j: usize, spans: &mut Spans) {
        let (a, b) = (self.a_range(&(i..i + 1)), self.b_range(&(j..j + 1)));
        let (unit_a, unit_b) = (self.a_units[i], self.b_units[j]);
        let (mut from_a, mut from_b) = (a.start, b.start);
        if unit_a.period > 0 {
            // If the loops were entered at different points, the tokens up to their common point
            // differ.
            let period = unit_a.period;
            let ahead = (unit_a.rotation + period - unit_b.rotation) % period;
            if ahead * 2 <= period {
                from_a = (a.start + ahead).min(a.end);
            } else {
                from_b = (b.start + period - ahead).min(b.end);
            }
        }
        spans.push_edit(a.start..from_a, b.start..from_b);
        let same = (a.end - from_a).min(b.end - from_b);
        spans.push(Same, from_a..from_a + same, from_b..from_b + same);
        spans.push_edit(from_a + same..a.end, from_b + same..b.end);
    }

    fn a_range(&self, units: &Range<usize>) -> Range<usize> {
        let at = |unit: usize| self.a_units.get(unit).map_or(self.a_end, |unit| unit.start);
        at(units.start)..at(units.end)
    }

    fn b_range(&self, units: &Range<usize>) -> Range<usize> {
        let at = |unit: usize| self.b_units.get(unit).map_or(self.b_end, |unit| unit.start);
        at(units.start)..at(units.end)
    }
}

fn fold(tokens: &[u32], range: &Range<usize>, numbers: &mut BodyNumbers) -> (Vec<Unit>, Vec<u32>) {
    let mut units = Vec::new();
    let mut folded = Vec::new();
    // The last position of each seed, by hash. A collision only misses a repetition.
    let size = range.len().next_power_of_two().clamp(64, MOST_PLACES);
    let mut seen = vec![usize::MAX; size];
    let mut at = range.start;
    while at < range.end {
        let last = tokens[at..range.end].first_chunk::<SEED>().map(|seed| {
            let place = &mut seen[slot_of(*seed, size)];
            std::mem::replace(place, at)
        });
        let period =
            last.filter(|&last| last < at).map_or(0, |last| at - last).min(LONGEST_BODY + 1);
        let repeated = if (1..=LONGEST_BODY).contains(&period) {
            (at..range.end).take_while(|&i| tokens[i] == tokens[i - period]).count()
        } else {
            0
        };
        // The first round is already in `units`: as single tokens, or as part of another loop.
        let first_round = units.len().checked_sub(period).filter(|&first| {
            period > 0 && units[first..].iter().all(|unit: &Unit| unit.period == 0)
        });
        match first_round {
            Some(first) if repeated >= period * (LEAST_ROUNDS - 1) => {
                units.truncate(first);
                folded.truncate(first);
                let start = at - period;
                let rotation = least_rotation(&tokens[start..at]);
                units.push(Unit { start, period, rotation });
                folded.push(numbers.number(
                    [&tokens[start + rotation..at], &tokens[start..start + rotation]].concat(),
                ));
                at += repeated;
            }
            _ => {
                units.push(Unit { start: at, period: 0, rotation: 0 });
                folded.push(tokens[at]);
                at += 1;
            }
        }
    }
    (units, folded)
}

fn slot_of(seed: [u32; SEED], size: usize) -> usize {
    let hash = seed.iter().fold(0u64, |hash, &token| {
        (hash ^ u64::from(token)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
    });
    // The size is a power of two, so the mask keeps the index in range.
    usize::try_from(hash).unwrap_or(0) & (size - 1)
}

/// Returns the offset of the lexicographically smallest rotation of a word (Booth's problem, solved
/// with two candidates).
fn least_rotation(word: &[u32]) -> usize {
    let n = word.len();
    let (mut i, mut j, mut same) = (0, 1, 0);
    while i < n && j < n && same < n {
        let (x, y) = (word[(i + same) % n], word[(j + same) % n]);
        match x.cmp(&y) {
            std::cmp::Ordering::Equal => same += 1,
            order => {
                if order.is_gt() {
                    i += same + 1;
                } else {
                    j += same + 1;
                }
                if i == j {
                    j += 1;
                }
                same = 0;
            }
        }
    }
    i.min(j)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_rotation_is_found() {
        for word in [&[3, 1, 2][..], &[1, 1, 0], &[5], &[2, 1, 2, 1], &[0, 0, 0]] {
            let rotation = least_rotation(word);
            let rotated = |rotation: usize| [&word[rotation..], &word[..rotation]].concat();
            assert!(
                (0..word.len()).all(|other| rotated(rotation) <= rotated(other)),
                "{word:?}: {rotation}"
            );
        }
    }

    #[test]
    fn loops_entered_at_different_points_are_one() {
        let a: Vec<u32> = [1, 2, 3].repeat(10);
        let b: Vec<u32> = [2, 3, 1].repeat(8);
        let folded = Folded::new(&a, &b, &(0..a.len()), &(0..b.len())).unwrap();
        assert_eq!(folded.a_tokens, folded.b_tokens);
        let mut spans = Spans::default();
        folded.unfold(&[Span { kind: Same, a: 0..1, b: 0..1 }], &mut spans);
        let same: usize =
            spans.0.iter().filter(|span| span.kind == Same).map(|span| span.a.len()).sum();
        assert_eq!(same, b.len());
    }
}

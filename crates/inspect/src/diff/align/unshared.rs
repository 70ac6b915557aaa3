//! Removes tokens that occur in one stream only before alignment, which they would hinder, and puts
//! them back afterwards.

use super::SpanKind::Same;
use super::{Span, Spans};

/// Aligns two streams without the tokens that the other stream does not have.
pub(super) fn align_shared(
    a: &[u32],
    b: &[u32],
    align: impl FnOnce(&[u32], &[u32]) -> Vec<Span>,
) -> Vec<Span> {
    let (in_a, in_b) = (Present::from_stream(a), Present::from_stream(b));
    let (places_a, places_b) = (in_b.places(a), in_a.places(b));
    if places_a.len() == a.len() && places_b.len() == b.len() {
        return align(a, b);
    }
    let shared = |stream: &[u32], places: &[u32]| {
        places.iter().map(|&at| stream[at as usize]).collect::<Vec<_>>()
    };
    let found = align(&shared(a, &places_a), &shared(b, &places_b));
    let mut spans = Spans::default();
    let mut at = (0, 0);
    let place = |places: &[u32], i: usize, end: usize| places.get(i).map_or(end, |&at| at as usize);
    for span in found {
        if span.kind == Same {
            for (i, j) in span.a.zip(span.b) {
                let (from_a, from_b) = (place(&places_a, i, a.len()), place(&places_b, j, b.len()));
                spans.push_edit(at.0..from_a, at.1..from_b);
                spans.push(Same, from_a..from_a + 1, from_b..from_b + 1);
                at = (from_a + 1, from_b + 1);
            }
            continue;
        }
        // Up to the next common token: the removed tokens before it belong to this span.
        let end = (place(&places_a, span.a.end, a.len()), place(&places_b, span.b.end, b.len()));
        spans.push(
            span.kind,
            at.0..if span.a.is_empty() { at.0 } else { end.0 },
            at.1..if span.b.is_empty() { at.1 } else { end.1 },
        );
        at = (
            if span.a.is_empty() { at.0 } else { end.0 },
            if span.b.is_empty() { at.1 } else { end.1 },
        );
    }
    spans.push_edit(at.0..a.len(), at.1..b.len());
    spans.0
}

/// The set of tokens in a stream.
enum Present {
    /// Indexed by token. Tokens usually count from 0.
    Table(Vec<bool>),
    Sorted(Vec<u32>),
}

impl Present {
    fn from_stream(stream: &[u32]) -> Present {
        let largest = stream.iter().max().map_or(0, |&token| token as usize);
        if largest <= 64 + stream.len() * 8 {
            let mut table = vec![false; largest + 1];
            stream.iter().for_each(|&token| table[token as usize] = true);
            return Present::Table(table);
        }
        let mut tokens = stream.to_vec();
        tokens.sort_unstable();
        tokens.dedup();
        Present::Sorted(tokens)
    }

    fn contains(&self, token: u32) -> bool {
        match self {
            Present::Table(table) => table.get(token as usize).is_some_and(|&present| present),
            Present::Sorted(tokens) => tokens.binary_search(&token).is_ok(),
        }
    }

    /// Returns the positions in `stream` of tokens that are in this set.
    fn places(&self, stream: &[u32]) -> Vec<u32> {
        stream
            .iter()
            .zip(0..)
            .filter(|&(&token, _)| self.contains(token))
            .map(|(_, at)| at)
            .collect()
    }
}

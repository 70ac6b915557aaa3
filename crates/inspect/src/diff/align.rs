//! Alignment of two streams, in time that is never quadratic.
//!
//! Streams of calls are long and often consist of a few different calls in loops, for which the
//! usual algorithms (Myers, histogram) take quadratic time. So a stream is first cut at anchors:
//! n-grams that occur exactly once in both streams. The part between two anchors is aligned
//! separately, with shorter anchors, down to pieces that are small enough for Myers. A piece
//! without anchors is walked in parallel as long as each edit is small; then its loops are folded
//! and the result is aligned; then comes an exact method whose cost is the number of equal pairs.
//! Beyond the budget the span is [`SpanKind::GaveUp`].
//!
//! The budget counts steps, not seconds, so the same streams give the same result on every machine.

mod anchors;
mod leaf;
mod loops;
mod span;
mod sparse;
#[cfg(test)]
mod tests;
mod unshared;
mod walk;

use std::ops::Range;

pub use span::{Span, SpanKind};

use span::Spans;

/// Pieces of at most this many tokens, both sides together, are left to Myers.
const LEAF: usize = 256;
/// The lengths of anchors, longest first. Long ones are rarely wrong; short ones are found even
/// where edits are dense.
const LENGTHS: [usize; 5] = [64, 24, 12, 6, 1];
/// The budget of [`align`] per token, in steps of about a nanosecond.
const STEPS_PER_TOKEN: u64 = 150;
/// The least budget.
const LEAST_STEPS: u64 = 200_000_000;

/// Aligns two streams with a budget that grows with their lengths.
#[must_use]
pub fn align(a: &[u32], b: &[u32]) -> Vec<Span> {
    let tokens = u64::try_from(a.len() + b.len()).unwrap_or(u64::MAX);
    align_within(a, b, tokens.saturating_mul(STEPS_PER_TOKEN).max(LEAST_STEPS))
}

/// Aligns two streams in at most `steps` steps, and gives up on the rest.
#[must_use]
pub fn align_within(a: &[u32], b: &[u32], steps: u64) -> Vec<Span> {
    let mut steps = steps;
    unshared::align_shared(a, b, |a, b| align_tokens(a, b, &mut steps, true))
}

fn align_tokens(a: &[u32], b: &[u32], steps: &mut u64, may_fold: bool) -> Vec<Span> {
    let whole = Piece { a: 0..a.len(), b: 0..b.len(), level: 0 };
    let mut aligner =
        Aligner { a, b, steps, may_fold, todo: vec![Todo::Align(whole)], spans: Spans::default() };
    aligner.run();
    aligner.spans.0
}

/// Two ranges to align with each other. `level` is the index of the longest anchors to try.
#[derive(Clone, Debug)]
struct Piece {
    a: Range<usize>,
    b: Range<usize>,
    level: usize,
}

enum Todo {
    Align(Piece),
    Emit(Span),
}

struct Aligner<'t> {
    a: &'t [u32],
    b: &'t [u32],
    steps: &'t mut u64,
    may_fold: bool,
    /// The work left, in reverse order.
    todo: Vec<Todo>,
    spans: Spans,
}

impl Aligner<'_> {
    fn run(&mut self) {
        while let Some(todo) = self.todo.pop() {
            match todo {
                Todo::Emit(span) => self.spans.push(span.kind, span.a, span.b),
                Todo::Align(piece) => self.align_piece(piece),
            }
        }
    }

    /// Strips the equal ends off a piece and chooses a method for the rest.
    fn align_piece(&mut self, mut piece: Piece) {
        let (a, b) = (&self.a[piece.a.clone()], &self.b[piece.b.clone()]);
        let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let (a, b) = (&a[prefix..], &b[prefix..]);
        let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
        self.spend(prefix + suffix);
        let start = (piece.a.start + prefix, piece.b.start + prefix);
        self.spans.push(SpanKind::Same, piece.a.start..start.0, piece.b.start..start.1);
        let end = (piece.a.end - suffix, piece.b.end - suffix);
        self.emit_later(SpanKind::Same, end.0..piece.a.end, end.1..piece.b.end);
        (piece.a, piece.b) = (start.0..end.0, start.1..end.1);

        if piece.a.is_empty() || piece.b.is_empty() {
            self.spans.push_edit(piece.a, piece.b);
        } else if *self.steps == 0 {
            self.spans.push(SpanKind::GaveUp, piece.a, piece.b);
        } else if piece.a.len() + piece.b.len() <= LEAF {
            let cost = leaf::align(self.a, self.b, &piece.a, &piece.b, &mut self.spans);
            self.spend(cost);
        } else {
            self.cut(piece);
        }
    }

    /// Cuts a piece at its longest anchors.
    fn cut(&mut self, piece: Piece) {
        let size = piece.a.len() + piece.b.len();
        for (level, &length) in LENGTHS.iter().enumerate().skip(piece.level) {
            // The cost of hashing and sorting, measured.
            self.spend(size * 24);
            let anchors = anchors::find(self.a, self.b, &piece.a, &piece.b, length);
            if anchors.is_empty() {
                continue;
            }
            let mut at = (piece.a.start, piece.b.start);
            let mut parts = Vec::with_capacity(2 * anchors.len() + 1);
            let gap = |a: Range<usize>, b: Range<usize>| {
                // In a much smaller piece n-grams of this length may be unique again. Otherwise
                // only shorter ones can help.
                let again = (a.len() + b.len()) * 2 <= size;
                Todo::Align(Piece { a, b, level: if again { level } else { level + 1 } })
            };
            for anchor in &anchors {
                parts.push(gap(at.0..anchor.a, at.1..anchor.b));
                at = (anchor.a + anchor.len, anchor.b + anchor.len);
                parts.push(Todo::Emit(Span {
                    kind: SpanKind::Same,
                    a: anchor.a..at.0,
                    b: anchor.b..at.1,
                }));
            }
            parts.push(gap(at.0..piece.a.end, at.1..piece.b.end));
            self.todo.extend(parts.into_iter().rev());
            return;
        }
        self.without_anchors(piece);
    }

    /// Aligns a piece in which no n-gram is unique: loops, or unrelated streams.
    fn without_anchors(&mut self, piece: Piece) {
        let cost = walk::align(self.a, self.b, &piece.a, &piece.b, &mut self.spans);
        self.spend(cost.steps);
        if cost.a > piece.a.start || cost.b > piece.b.start {
            self.todo.push(Todo::Align(Piece {
                a: cost.a..piece.a.end,
                b: cost.b..piece.b.end,
                level: 0,
            }));
            return;
        }
        let size = piece.a.len() + piece.b.len();
        self.spend(size * 8);
        if self.may_fold
            && let Some(folded) = loops::Folded::new(self.a, self.b, &piece.a, &piece.b)
        {
            let units = align_tokens(&folded.a_tokens, &folded.b_tokens, self.steps, false);
            folded.unfold(&units, &mut self.spans);
            return;
        }
        let cost = sparse::align(self.a, self.b, &piece.a, &piece.b, *self.steps, &mut self.spans);
        match cost {
            Some(cost) => self.spend(cost),
            None => self.spans.push(SpanKind::GaveUp, piece.a, piece.b),
        }
    }

    fn emit_later(&mut self, kind: SpanKind, a: Range<usize>, b: Range<usize>) {
        if !a.is_empty() {
            self.todo.push(Todo::Emit(Span { kind, a, b }));
        }
    }

    fn spend(&mut self, steps: usize) {
        *self.steps = self.steps.saturating_sub(u64::try_from(steps).unwrap_or(u64::MAX));
    }
}

//! The result of an alignment.

use std::ops::Range;

/// The relation of a range in one stream to a range in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Both ranges have the same tokens.
    Same,
    /// In the first stream only.
    OnlyA,
    /// In the second stream only.
    OnlyB,
    /// Not compared: without anchors and with too many equal tokens, or beyond the budget.
    GaveUp,
}

/// A part of the result. Spans are contiguous in both streams: each token is in exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The relation of the two ranges.
    pub kind: SpanKind,
    /// The range in the first stream.
    pub a: Range<usize>,
    /// The range in the second stream.
    pub b: Range<usize>,
}

/// The spans so far. Adjacent spans of one kind are merged.
#[derive(Debug, Default)]
pub(super) struct Spans(pub(super) Vec<Span>);

impl Spans {
    pub(super) fn push(&mut self, kind: SpanKind, a: Range<usize>, b: Range<usize>) {
        if a.is_empty() && b.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.kind == kind && kind != SpanKind::GaveUp => {
                last.a.end = a.end;
                last.b.end = b.end;
            }
            _ => self.0.push(Span { kind, a, b }),
        }
    }

    /// Adds ranges that have no counterpart in the other stream.
    pub(super) fn push_edit(&mut self, a: Range<usize>, b: Range<usize>) {
        self.push(SpanKind::OnlyA, a.clone(), b.start..b.start);
        self.push(SpanKind::OnlyB, a.end..a.end, b);
    }
}

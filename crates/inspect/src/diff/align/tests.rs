//! Properties of every alignment, and the cost of shapes known to be hard.

use super::SpanKind::{GaveUp, OnlyA, OnlyB, Same};
use super::{Span, align, align_within};
use proptest::prelude::*;

/// Checks that every token of both streams is in exactly one span, in order, and that `Same` spans
/// are equal.
fn check(a: &[u32], b: &[u32], spans: &[Span]) {
    let mut at = (0, 0);
    for span in spans {
        assert_eq!((span.a.start, span.b.start), at, "{span:?}");
        assert!(!span.a.is_empty() || !span.b.is_empty());
        match span.kind {
            Same => assert_eq!(a[span.a.clone()], b[span.b.clone()]),
            OnlyA => assert!(span.b.is_empty()),
            OnlyB => assert!(span.a.is_empty()),
            GaveUp => {}
        }
        at = (span.a.end, span.b.end);
    }
    assert_eq!(at, (a.len(), b.len()));
}

/// Counts the tokens outside `Same` spans.
fn edits(spans: &[Span]) -> usize {
    spans.iter().filter(|span| span.kind != Same).map(|span| span.a.len() + span.b.len()).sum()
}

fn gave_up(spans: &[Span]) -> bool {
    spans.iter().any(|span| span.kind == GaveUp)
}

/// A reproducible pseudorandom generator (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 16) % u64::from(limit)).unwrap()
    }

    fn stream(&mut self, len: usize, symbols: u32) -> Vec<u32> {
        (0..len).map(|_| self.below(symbols)).collect()
    }

    /// Returns the stream with a removal, an insertion or a replacement at one in `every` tokens,
    /// and the number of edits.
    fn edited(&mut self, stream: &[u32], every: u32, symbols: u32) -> (Vec<u32>, usize) {
        let (mut edited, mut count) = (Vec::with_capacity(stream.len()), 0);
        for &token in stream {
            match if self.below(every) == 0 { self.below(3) } else { 3 } {
                0 => count += 1,
                1 => {
                    edited.extend([self.below(symbols), token]);
                    count += 1;
                }
                2 => {
                    edited.push(self.below(symbols));
                    count += 2;
                }
                _ => edited.push(token),
            }
        }
        (edited, count)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_token_is_in_one_span(
        a in prop::collection::vec(0u32..6, 0..3000),
        b in prop::collection::vec(0u32..6, 0..3000),
        steps in prop_oneof![Just(0u64), Just(20_000), Just(u64::MAX)],
    ) {
        check(&a, &b, &align_within(&a, &b, steps));
    }

    #[test]
    fn loops_with_other_counts_and_stray_tokens(
        bodies in prop::collection::vec((prop::collection::vec(0u32..4, 1..9), 1usize..400,
            1usize..400), 1..8),
        stray in 0u32..9,
    ) {
        let mut a = Vec::new();
        let mut b = Vec::new();
        for (body, in_a, in_b) in &bodies {
            a.extend(body.repeat(*in_a));
            b.extend(body.repeat(*in_b));
            b.push(stray);
        }
        check(&a, &b, &align(&a, &b));
    }
}

#[test]
fn a_stream_and_itself_are_one_span() {
    let stream = Random(7).stream(20_000, 6);
    assert_eq!(align(&stream, &stream), [Span { kind: Same, a: 0..20_000, b: 0..20_000 }]);
    assert_eq!(align(&[], &[]), []);
    assert_eq!(align(&[], &[1]), [Span { kind: OnlyB, a: 0..0, b: 0..1 }]);
}

#[test]
fn the_mirror_image_has_as_many_edits() {
    let mut random = Random(11);
    let a = random.stream(30_000, 40);
    let (b, _) = random.edited(&a, 30, 40);
    let (there, back) = (align(&a, &b), align(&b, &a));
    check(&a, &b, &there);
    check(&b, &a, &back);
    let (there, back) = (edits(&there), edits(&back));
    assert!(there.abs_diff(back) * 50 <= there, "{there} and {back}");
}

#[test]
fn few_edits_give_few_edits() {
    let mut random = Random(3);
    for (symbols, every) in [(100_000, 100), (2_000, 1_000), (40, 200), (6, 50)] {
        let a = random.stream(100_000, symbols);
        let (b, made) = random.edited(&a, every, symbols);
        let spans = align(&a, &b);
        check(&a, &b, &spans);
        assert!(!gave_up(&spans), "{symbols} symbols");
        let found = edits(&spans);
        assert!(found <= made + made / 20, "{symbols} symbols: {found} edits instead of {made}");
    }
}

#[test]
fn a_loop_with_another_count_differs_by_its_rounds() {
    let mut random = Random(5);
    let (before, after) = (random.stream(500, 1000), random.stream(500, 1000));
    let body = [1, 2, 3, 2, 4];
    let a = [before.clone(), body.repeat(100_000), after.clone()].concat();
    let b = [before, body.repeat(100_003), after].concat();
    let spans = align(&a, &b);
    check(&a, &b, &spans);
    assert_eq!(edits(&spans), 3 * body.len());
}

#[test]
fn a_short_stream_is_found_in_a_long_one() {
    let mut random = Random(9);
    let a = random.stream(200, 50);
    let mut b = Vec::new();
    for &token in &a {
        b.extend(random.stream(400, 1000).iter().map(|noise| noise + 1000));
        b.push(token);
    }
    let spans = align(&a, &b);
    check(&a, &b, &spans);
    assert_eq!(edits(&spans), b.len() - a.len());
}

#[test]
fn unrelated_streams_stay_within_the_budget() {
    let mut random = Random(13);
    let (a, b) = (random.stream(300_000, 6), random.stream(300_000, 6));
    let spans = align(&a, &b);
    check(&a, &b, &spans);
    let unshared: Vec<u32> = a.iter().map(|token| token + 100).collect();
    let spans = align(&a, &unshared);
    check(&a, &unshared, &spans);
    assert_eq!(edits(&spans), 600_000);
    assert!(!gave_up(&spans), "tokens that are not in the other stream need no guess");
}

/// Shapes seen in recordings, ten million tokens each. Prints the time that each takes.
#[test]
#[ignore = "takes a minute; cargo test --release -p sysreel-inspect long_ -- --ignored --nocapture"]
fn long_ten_million_tokens() {
    const LEN: usize = 10_000_000;
    let mut random = Random(1);
    let mixed = random.stream(LEN, 2_000_000);
    let hot = random.stream(LEN, 6);
    let other = random.stream(LEN, 6);
    let unshared: Vec<u32> = mixed.iter().map(|token| token + 3_000_000).collect();
    let period: Vec<u32> = [1, 2, 3, 2, 4, 5].repeat(LEN / 6);
    let shapes = [
        ("mixed, 26 edits", mixed.clone(), random.edited(&mixed, 400_000, 2_000_000).0),
        ("mixed, 20 000 edits", mixed.clone(), random.edited(&mixed, 500, 2_000_000).0),
        ("mixed, 1 000 000 edits", mixed.clone(), random.edited(&mixed, 10, 2_000_000).0),
        ("six symbols, 2 % edits", hot.clone(), random.edited(&hot, 50, 6).0),
        ("a loop, 1 000 edits", period.clone(), random.edited(&period, 10_000, 6).0),
        ("unrelated, six symbols", hot, other),
        ("nothing in common", mixed, unshared),
    ];
    for (name, a, b) in shapes {
        let start = std::time::Instant::now();
        let spans = align(&a, &b);
        let took = start.elapsed();
        check(&a, &b, &spans);
        println!(
            "{name}: {took:.2?}, {} edits in {} spans, gave up: {}",
            edits(&spans),
            spans.len(),
            gave_up(&spans)
        );
    }
}

//! Anchors: n-grams of tokens that occur exactly once in each of two streams.

use std::ops::Range;

/// From this many tokens on only one n-gram in sixteen is considered. The hash decides which, so
/// both streams use the same ones.
const SAMPLED_FROM: usize = 1 << 19;
/// An n-gram is considered if its hash ends in this many zero bits.
const SAMPLED: u32 = 4;

/// A range that is the same in both streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) len: usize,
}

/// Returns the anchors of at least `length` tokens, in order in both streams, each extended as far
/// as both streams are equal.
pub(super) fn find(
    a: &[u32],
    b: &[u32],
    in_a: &Range<usize>,
    in_b: &Range<usize>,
    length: usize,
) -> Vec<Anchor> {
    if in_a.len().min(in_b.len()) < length {
        return Vec::new();
    }
    let sampled = length > 1 && in_a.len() + in_b.len() >= SAMPLED_FROM;
    let grams_a = unique_grams(&a[in_a.clone()], length, sampled);
    let grams_b = unique_grams(&b[in_b.clone()], length, sampled);
    let mut pairs = common(&grams_a, &grams_b);
    pairs.sort_unstable();
    extend_all(a, b, in_a, in_b, length, &increasing(&pairs))
}

/// Returns hash and position of each n-gram that occurs once, sorted by hash.
fn unique_grams(tokens: &[u32], length: usize, sampled: bool) -> Vec<(u64, usize)> {
    let mask = if sampled { (1 << SAMPLED) - 1 } else { 0 };
    let mut room = if sampled { tokens.len() >> (SAMPLED - 1) } else { tokens.len() };
    let mut grams = Vec::with_capacity(room);
    // A polynomial over mixed tokens, so that each hash can be computed from the previous one.
    let out = (1..length).fold(1u64, |power, _| power.wrapping_mul(BASE));
    let mut hash = 0u64;
    for (i, &token) in tokens.iter().enumerate() {
        if i >= length {
            hash = hash.wrapping_sub(mix(tokens[i - length]).wrapping_mul(out));
        }
        hash = hash.wrapping_mul(BASE).wrapping_add(mix(token));
        if i + 1 >= length {
            let hash = finalize(hash);
            if hash & mask == 0 {
                // In a loop the same few n-grams may be sampled again and again.
                if grams.len() == room {
                    thin_out(&mut grams);
                    room = room.max(grams.len() * 2);
                    grams.reserve(room - grams.len());
                }
                grams.push((hash, i + 1 - length));
            }
        }
    }
    grams.sort_unstable();
    let mut kept = 0;
    let mut i = 0;
    while i < grams.len() {
        let same = grams[i..].iter().take_while(|gram| gram.0 == grams[i].0).count();
        if same == 1 {
            grams[kept] = grams[i];
            kept += 1;
        }
        i += same;
    }
    grams.truncate(kept);
    grams.shrink_to_fit();
    grams
}

/// Drops all but two n-grams of each hash: two are enough to show that it is not unique.
fn thin_out(grams: &mut Vec<(u64, usize)>) {
    grams.sort_unstable();
    let mut last = (None, 0);
    grams.retain(|&(hash, _)| {
        last = if last.0 == Some(hash) { (last.0, last.1 + 1) } else { (Some(hash), 1) };
        last.1 <= 2
    });
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(token: u32) -> u64 {
    finalize(u64::from(token) + 1)
}

/// Applies the finalizer of splitmix64, so that every bit depends on all bits.
fn finalize(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

/// Returns the positions of the n-grams that are in both lists.
fn common(a: &[(u64, usize)], b: &[(u64, usize)]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut others = b.iter().peekable();
    for &(hash, at) in a {
        while others.next_if(|other| other.0 < hash).is_some() {}
        if let Some(other) = others.next_if(|other| other.0 == hash) {
            pairs.push((at, other.1));
        }
    }
    pairs
}

/// Returns the longest subsequence of pairs that increases in both components (patience sorting).
/// `pairs` is sorted by the first component.
pub(super) fn increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    const NONE: usize = usize::MAX;
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![NONE; pairs.len()];
    for (i, pair) in pairs.iter().enumerate() {
        let pile = ends.partition_point(|&end| pairs[end].1 < pair.1);
        if pile > 0 {
            before[i] = ends[pile - 1];
        }
        if pile == ends.len() {
            ends.push(i);
        } else {
            ends[pile] = i;
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied().unwrap_or(NONE);
    while at != NONE {
        run.push(pairs[at]);
        at = before[at];
    }
    run.reverse();
    run
}

/// Verifies and extends the anchors, so that none overlaps the previous one.
fn extend_all(
    a: &[u32],
    b: &[u32],
    in_a: &Range<usize>,
    in_b: &Range<usize>,
    length: usize,
    pairs: &[(usize, usize)],
) -> Vec<Anchor> {
    let mut anchors: Vec<Anchor> = Vec::new();
    let mut free = (in_a.start, in_b.start);
    for &(at_a, at_b) in pairs {
        let (mut from_a, mut from_b) = (in_a.start + at_a, in_b.start + at_b);
        if from_a < free.0 || from_b < free.1 {
            // Within the previous anchor, or crossing it.
            continue;
        }
        let (mut to_a, mut to_b) = (from_a + length, from_b + length);
        if a[from_a..to_a] != b[from_b..to_b] {
            continue; // A hash collision.
        }
        while from_a > free.0 && from_b > free.1 && a[from_a - 1] == b[from_b - 1] {
            (from_a, from_b) = (from_a - 1, from_b - 1);
        }
        while to_a < in_a.end && to_b < in_b.end && a[to_a] == b[to_b] {
            (to_a, to_b) = (to_a + 1, to_b + 1);
        }
        anchors.push(Anchor { a: from_a, b: from_b, len: to_a - from_a });
        free = (to_a, to_b);
    }
    anchors
}

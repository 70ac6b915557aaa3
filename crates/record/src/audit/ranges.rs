//! Sets of addresses, as ranges in ascending order that do not touch: what is to be compared is
//! said with these alone.

use std::ops::Range;

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// The set of all addresses in any of these ranges, which may come in any order, overlap or be
    /// empty.
    pub(crate) fn of(ranges: impl IntoIterator<Item = Range<u64>>) -> Ranges {
        let mut sorted: Vec<Range<u64>> =
            ranges.into_iter().filter(|range| range.start < range.end).collect();
        sorted.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Ranges(merged)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// How many addresses are in it.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// The addresses that are in both.
    pub(crate) fn and(&self, other: &Ranges) -> Ranges {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let range = a.start.max(b.start)..a.end.min(b.end);
            if range.start < range.end {
                both.push(range);
            }
            _ = if a.end <= b.end { left.next() } else { right.next() };
        }
        Ranges(both)
    }

    /// The addresses that are in this one alone.
    pub(crate) fn without(&self, other: &Ranges) -> Ranges {
        let mut holes = other.0.iter().peekable();
        let mut left = Vec::new();
        for range in &self.0 {
            let mut start = range.start;
            while holes.next_if(|hole| hole.end <= start).is_some() {}
            let mut ahead = holes.clone();
            while let Some(hole) = ahead.next_if(|hole| hole.start < range.end) {
                if start < hole.start {
                    left.push(start..hole.start);
                }
                start = start.max(hole.end);
            }
            if start < range.end {
                left.push(start..range.end);
            }
        }
        Ranges(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[Range<u64>]) -> Ranges {
        Ranges::of(ranges.iter().cloned())
    }

    /// Byte by byte, over a small space of addresses.
    fn members(ranges: &Ranges) -> Vec<u64> {
        (0..32).filter(|address| ranges.iter().any(|range| range.contains(address))).collect()
    }

    #[test]
    fn sets_are_what_their_members_say() {
        // Every pair of sets of two ranges with ends at even addresses of a small space.
        let mut sets = Vec::new();
        for a in (0..16).step_by(3) {
            for b in (a..18).step_by(4) {
                for c in (0..20).step_by(5) {
                    sets.push(set(&[a..b, c..c + 4]));
                }
            }
        }
        for left in &sets {
            for right in &sets {
                let (l, r) = (members(left), members(right));
                let both: Vec<u64> = l.iter().copied().filter(|m| r.contains(m)).collect();
                let alone: Vec<u64> = l.iter().copied().filter(|m| !r.contains(m)).collect();
                assert_eq!(members(&left.and(right)), both, "{left:?} and {right:?}");
                assert_eq!(members(&left.without(right)), alone, "{left:?} without {right:?}");
                assert_eq!(left.and(right).len(), both.len() as u64);
            }
        }
    }

    #[test]
    fn ranges_may_come_in_any_order() {
        assert_eq!(set(&[5..9, 1..3, 3..4, 8..12, 7..7]), Ranges(vec![1..4, 5..12]));
    }

    #[test]
    fn absurd_ends_do_no_harm() {
        let all = set(&[0..1, 1..u64::MAX]);
        assert_eq!(set(&[3..5, 7..8]).without(&all), Ranges::default());
        assert_eq!(all.and(&set(&[3..5, u64::MAX - 1..u64::MAX])).len(), 3);
    }
}

//! Sets of addresses, as ascending ranges that do not touch.

use std::ops::Range;

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// Returns the union of ranges, which may be in any order, overlap or be empty.
    pub(crate) fn from_ranges(ranges: impl IntoIterator<Item = Range<u64>>) -> Ranges {
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

    /// Returns the number of addresses in the set.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    /// Returns the addresses that are in both sets.
    pub(crate) fn intersection(&self, other: &Ranges) -> Ranges {
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

    /// Returns the addresses that are not in `other`.
    pub(crate) fn difference(&self, other: &Ranges) -> Ranges {
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
        Ranges::from_ranges(ranges.iter().cloned())
    }

    /// Lists the members below 32.
    fn members(ranges: &Ranges) -> Vec<u64> {
        (0..32).filter(|address| ranges.iter().any(|range| range.contains(address))).collect()
    }

    #[test]
    fn set_operations_agree_with_their_members() {
        // Every pair of sets of two ranges, with various ends below 24.
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
                assert_eq!(members(&left.intersection(right)), both, "{left:?} and {right:?}");
                assert_eq!(members(&left.difference(right)), alone, "{left:?} without {right:?}");
                assert_eq!(left.intersection(right).len(), both.len() as u64);
            }
        }
    }

    #[test]
    fn ranges_may_come_in_any_order() {
        assert_eq!(set(&[5..9, 1..3, 3..4, 8..12, 7..7]), Ranges(vec![1..4, 5..12]));
    }

    #[test]
    fn extreme_ends_do_not_overflow() {
        let all = set(&[0..1, 1..u64::MAX]);
        assert_eq!(set(&[3..5, 7..8]).difference(&all), Ranges::default());
        assert_eq!(all.intersection(&set(&[3..5, u64::MAX - 1..u64::MAX])).len(), 3);
    }
}

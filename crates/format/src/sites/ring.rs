//! The differences that came up lately, the last one first.
//!
//! When memory lies elsewhere than before (another process of the same program, another stack
//! depth), many values move by the same distance: it is told once, and then by its place in the
//! ring.

/// Differences, none twice but for the zeros at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring<const N: usize>([u64; N]);

impl<const N: usize> Ring<N> {
    pub(super) fn new() -> Self {
        Ring([0; N])
    }

    /// Where in the ring a difference is.
    #[inline]
    pub(super) fn find(&self, difference: u64) -> Option<usize> {
        self.0.iter().position(|&known| known == difference)
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<u64> {
        self.0.get(at).copied()
    }

    /// The difference at a place; it comes to the front.
    #[inline]
    pub(super) fn take(&mut self, at: usize) -> Option<u64> {
        let difference = *self.0.get(at)?;
        self.0.get_mut(..=at)?.rotate_right(1);
        Some(difference)
    }

    /// Puts a difference to the front. If it is new, the last one goes.
    #[inline]
    pub(super) fn note(&mut self, difference: u64) {
        let at = self.find(difference).unwrap_or(N - 1);
        if let Some(moved) = self.0.get_mut(..=at) {
            moved.rotate_right(1);
        }
        self.0[0] = difference;
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn what_is_used_comes_to_the_front() {
        let mut ring = Ring::<3>::new();
        [5, 6, 7].into_iter().for_each(|difference| ring.note(difference));
        assert_eq!(ring.0, [7, 6, 5]);
        ring.note(6);
        assert_eq!(ring.0, [6, 7, 5]);
        assert_eq!((ring.find(5), ring.take(2), ring.take(3)), (Some(2), Some(5), None));
        assert_eq!(ring.0, [5, 6, 7]);
        ring.note(8);
        assert_eq!((ring.0, ring.find(7)), ([8, 5, 6], None));
    }
}

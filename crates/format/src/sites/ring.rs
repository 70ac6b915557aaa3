//! The most recent differences, latest first.
//!
//! When memory has moved (in another process of the program, or at another stack depth), many
//! values move by the same distance. The distance is encoded once, then by its index in the ring.

/// The differences. All are distinct, except for the initial zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring<const N: usize>([u64; N]);

impl<const N: usize> Ring<N> {
    pub(super) fn new() -> Self {
        Ring([0; N])
    }

    /// Returns the index of a difference.
    #[inline]
    pub(super) fn find(&self, difference: u64) -> Option<usize> {
        self.0.iter().position(|&known| known == difference)
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<u64> {
        self.0.get(at).copied()
    }

    /// Returns the difference at an index, and moves it to the front.
    #[inline]
    pub(super) fn take(&mut self, at: usize) -> Option<u64> {
        let difference = *self.0.get(at)?;
        self.0.get_mut(..=at)?.rotate_right(1);
        Some(difference)
    }

    /// Moves a difference to the front. A new one replaces the last.
    #[inline]
    pub(super) fn push(&mut self, difference: u64) {
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
    fn used_differences_move_to_the_front() {
        let mut ring = Ring::<3>::new();
        [5, 6, 7].into_iter().for_each(|difference| ring.push(difference));
        assert_eq!(ring.0, [7, 6, 5]);
        ring.push(6);
        assert_eq!(ring.0, [6, 7, 5]);
        assert_eq!((ring.find(5), ring.take(2), ring.take(3)), (Some(2), Some(5), None));
        assert_eq!(ring.0, [5, 6, 7]);
        ring.push(8);
        assert_eq!((ring.0, ring.find(7)), ([8, 5, 6], None));
    }
}

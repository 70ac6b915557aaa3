//! A table that numbers keys in order of appearance: the sites, tasks and classes of a block.

/// A key of the table.
pub(super) trait Key: Copy + PartialEq {
    /// Hashes the key to 64 bits, of which the upper ones matter.
    fn hash(&self) -> u64;
}

/// Keys and their numbers. Memory is reused from block to block.
#[derive(Debug)]
pub(super) struct Keys<K> {
    keys: Vec<K>,
    /// Numbers plus one; 0 is free. The length is a power of two, and at most half of the slots are
    /// used.
    slots: Vec<u32>,
}

const FIRST_SLOTS: usize = 256;
/// 2^64 divided by the golden ratio: odd, with well mixed bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes a word into a hash.
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(29) ^ word).wrapping_mul(SPREAD)
}

impl<K: Key> Keys<K> {
    pub(super) fn new() -> Self {
        Keys { keys: Vec::new(), slots: vec![0; FIRST_SLOTS] }
    }

    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.slots.fill(0);
    }

    pub(super) fn keys(&self) -> &[K] {
        &self.keys
    }

    pub(super) fn get(&self, number: u32) -> Option<&K> {
        self.keys.get(usize::try_from(number).ok()?)
    }

    /// Returns the number of a key, if it has one.
    #[inline]
    pub(super) fn find(&self, key: &K) -> Option<u32> {
        let mut at = self.start(key);
        loop {
            match self.slots.get(at).copied().unwrap_or_default() {
                0 => return None,
                taken if self.get(taken - 1) == Some(key) => return Some(taken - 1),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Returns the number of a key, and whether the key is new.
    pub(super) fn insert(&mut self, key: K) -> (u32, bool) {
        let mut at = self.start(&key);
        loop {
            match self.slots.get(at).copied().unwrap_or_default() {
                0 => break,
                taken if self.get(taken - 1) == Some(&key) => return (taken - 1, false),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
        let number = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = number.saturating_add(1);
        }
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        (number, true)
    }

    fn start(&self, key: &K) -> usize {
        // Multiplication mixes the upper half better.
        let hash = mix(0, key.hash()) >> 32;
        usize::try_from(hash).unwrap_or_default() & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        let len = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(len, 0);
        for number in 0..self.keys.len() {
            let Some(mut at) = self.keys.get(number).map(|key| self.start(key)) else { continue };
            while self.slots.get(at).is_some_and(|&slot| slot != 0) {
                at = (at + 1) & (len - 1);
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
            }
        }
    }
}

impl Key for u32 {
    fn hash(&self) -> u64 {
        u64::from(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Keys};

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Alike(u32);

    impl Key for Alike {
        fn hash(&self) -> u64 {
            7
        }
    }

    #[test]
    fn keys_are_numbered_in_order() {
        let mut keys = Keys::new();
        for round in 0..2 {
            for key in 0..2000_u32 {
                assert_eq!(keys.insert(key * 4096 + round), (key, true));
            }
            assert_eq!(keys.insert(4096 + round), (1, false));
            assert_eq!((keys.keys().len(), keys.get(3)), (2000, Some(&(3 * 4096 + round))));
            keys.clear();
        }
    }

    #[test]
    fn keys_with_equal_hashes_are_distinct() {
        let mut keys = Keys::new();
        for key in 0..300 {
            assert_eq!(keys.insert(Alike(key)), (key, true));
            assert_eq!(keys.insert(Alike(key / 2)), (key / 2, false));
        }
    }
}

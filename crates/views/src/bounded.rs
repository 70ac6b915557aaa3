//! A map with a limit: a hostile log may hold any number of distinct keys.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// The most entries that a view keeps of one kind.
pub(crate) const MAX_ENTRIES: usize = 200_000;

/// A map of at most 200,000 keys, or another limit. What has no room is counted.
#[derive(Debug)]
pub struct Bounded<K, V> {
    entries: HashMap<K, V, RandomState>,
    limit: usize,
    left_out: u64,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self::with_limit(MAX_ENTRIES)
    }
}

impl<K, V> Bounded<K, V> {
    /// Creates a map of at most `limit` keys.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { entries: HashMap::default(), limit, left_out: 0 }
    }

    /// Returns how often a key had no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Iterates over the values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values()
    }

    /// Iterates over the values, in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut()
    }

    /// Returns the keys with their values, in no order.
    pub fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.entries.into_iter()
    }
}

impl<K: Hash + Eq, V: Default> Bounded<K, V> {
    /// Returns the value of a key, a new one if there is room.
    pub fn entry<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        // Twice the lookup in the common case, but no owned key.
        if !self.entries.contains_key(key) {
            if self.entries.len() >= self.limit {
                self.left_out = self.left_out.saturating_add(1);
                return None;
            }
            self.entries.insert(key.to_owned(), V::default());
        }
        self.entries.get_mut(key)
    }

    /// Returns the value of a key that has one.
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.get_mut(key)
    }

    /// Returns the value of a key that has one.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.entries.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn what_has_no_room_is_counted() {
        let mut map = Bounded::<String, u32>::with_limit(2);
        for key in ["a", "b", "c", "a", "c"] {
            if let Some(count) = map.entry(key) {
                *count += 1;
            }
        }
        assert_eq!((map.get("a"), map.get("b"), map.get("c")), (Some(&2), Some(&1), None));
        assert_eq!(map.left_out(), 2);
    }
}

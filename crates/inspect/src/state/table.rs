//! Persistent maps from descriptors to values. fork(2) copies a descriptor table, and most copies
//! change little or nothing: a copy costs nothing, and a change copies one path of a tree.

use std::rc::Rc;

/// The entries of a node.
const FANOUT: usize = 32;
/// The bits of the key that select an entry of a node.
const BITS: u32 = 5;

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "always behind an Rc; leaves and branches are about as large for what is stored"
)]
enum Node<T> {
    Leaf([Option<T>; FANOUT]),
    Branch([Option<Rc<Node<T>>>; FANOUT]),
}

/// A map from descriptors to values. Clones are cheap and do not see each other's changes.
#[derive(Clone, Debug)]
pub struct Table<T> {
    root: Option<Rc<Node<T>>>,
    /// The levels of branches above the leaves.
    height: u32,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { root: None, height: 0 }
    }
}

impl<T: Clone> Node<T> {
    fn leaf() -> Self {
        Self::Leaf(std::array::from_fn(|_| None))
    }

    fn branch() -> Self {
        Self::Branch(std::array::from_fn(|_| None))
    }

    fn set(&mut self, height: u32, key: u32, value: Option<T>) {
        let at = place(height, key);
        match self {
            Self::Leaf(entries) => {
                if let Some(entry) = entries.get_mut(at) {
                    *entry = value;
                }
            }
            Self::Branch(children) => {
                let Some(child) = children.get_mut(at) else { return };
                if child.is_none() && value.is_none() {
                    return;
                }
                let below = height.saturating_sub(1);
                let new = || Rc::new(if below == 0 { Self::leaf() } else { Self::branch() });
                Rc::make_mut(child.get_or_insert_with(new)).set(below, key, value);
            }
        }
    }

    fn for_each(&self, prefix: u32, each: &mut dyn FnMut(u32, &T)) {
        let key = |at: usize| prefix << BITS | u32::try_from(at).unwrap_or(0);
        match self {
            Self::Leaf(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    entry.iter().for_each(|value| each(key(at), value));
                }
            }
            Self::Branch(children) => {
                for (at, child) in children.iter().enumerate() {
                    child.iter().for_each(|child| child.for_each(key(at), each));
                }
            }
        }
    }

    /// Returns the node with the entries that `keep` selects; `None` if these are all of them, so
    /// that the node stays shared.
    fn retain(&self, prefix: u32, keep: &mut dyn FnMut(u32, &T) -> bool) -> Option<Self> {
        let key = |at: usize| prefix << BITS | u32::try_from(at).unwrap_or(0);
        match self {
            Self::Leaf(entries) => {
                let kept: Vec<bool> = entries
                    .iter()
                    .enumerate()
                    .map(|(at, entry)| entry.as_ref().is_none_or(|value| keep(key(at), value)))
                    .collect();
                if kept.iter().all(|kept| *kept) {
                    return None;
                }
                let mut left = entries.clone();
                left.iter_mut()
                    .zip(kept)
                    .filter(|(_, kept)| !kept)
                    .for_each(|(entry, _)| *entry = None);
                Some(Self::Leaf(left))
            }
            Self::Branch(children) => {
                let changed: Vec<Option<Self>> = children
                    .iter()
                    .enumerate()
                    .map(|(at, child)| child.as_ref().and_then(|child| child.retain(key(at), keep)))
                    .collect();
                if changed.iter().all(Option::is_none) {
                    return None;
                }
                let mut left = children.clone();
                for (child, new) in left.iter_mut().zip(changed) {
                    if let Some(new) = new {
                        *child = Some(Rc::new(new));
                    }
                }
                Some(Self::Branch(left))
            }
        }
    }
}

impl<T: Clone> Table<T> {
    /// Returns the value of a descriptor.
    #[must_use]
    pub fn get(&self, fd: i32) -> Option<&T> {
        let key = key_of(fd);
        if !reaches(self.height, key) {
            return None;
        }
        let (mut node, mut height) = (self.root.as_deref()?, self.height);
        loop {
            match node {
                Node::Leaf(entries) => return entries.get(place(0, key))?.as_ref(),
                Node::Branch(children) => node = children.get(place(height, key))?.as_deref()?,
            }
            height = height.saturating_sub(1);
        }
    }

    /// Sets the value of a descriptor.
    pub fn set(&mut self, fd: i32, value: T) {
        self.put(key_of(fd), Some(value));
    }

    /// Removes a descriptor.
    pub fn remove(&mut self, fd: i32) {
        if self.get(fd).is_some() {
            self.put(key_of(fd), None);
        }
    }

    /// Calls `each` with every descriptor and its value.
    pub fn for_each(&self, each: &mut dyn FnMut(i32, &T)) {
        if let Some(root) = &self.root {
            root.for_each(0, &mut |key, value| each(fd_of(key), value));
        }
    }

    /// Removes the descriptors that `keep` rejects.
    pub fn retain(&mut self, mut keep: impl FnMut(i32, &T) -> bool) {
        let root = self
            .root
            .as_ref()
            .and_then(|root| root.retain(0, &mut |key, value| keep(fd_of(key), value)));
        if let Some(root) = root {
            self.root = Some(Rc::new(root));
        }
    }

    fn put(&mut self, key: u32, value: Option<T>) {
        while !reaches(self.height, key) {
            if let Some(root) = self.root.take() {
                let mut above: [Option<Rc<Node<T>>>; FANOUT] = std::array::from_fn(|_| None);
                if let Some(first) = above.first_mut() {
                    *first = Some(root);
                }
                self.root = Some(Rc::new(Node::Branch(above)));
            }
            self.height = self.height.saturating_add(1);
        }
        let height = self.height;
        let new = || Rc::new(if height == 0 { Node::leaf() } else { Node::branch() });
        Rc::make_mut(self.root.get_or_insert_with(new)).set(height, key, value);
    }
}

impl<T: Clone> FromIterator<(i32, T)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (i32, T)>>(entries: I) -> Self {
        let mut table = Self::default();
        entries.into_iter().for_each(|(fd, value)| table.set(fd, value));
        table
    }
}

/// Maps small numbers of both signs to small keys, including AT_FDCWD (-100): 0, -1, 1, -2, 2
/// become 0, 1, 2, 3, 4.
fn key_of(fd: i32) -> u32 {
    (fd << 1 ^ fd >> 31).cast_unsigned()
}

fn fd_of(key: u32) -> i32 {
    (key >> 1).cast_signed() ^ (key & 1).cast_signed().wrapping_neg()
}

/// Whether a tree of this height has a place for a key.
fn reaches(height: u32, key: u32) -> bool {
    let bits = height.saturating_add(1).saturating_mul(BITS);
    key.checked_shr(bits).unwrap_or(0) == 0
}

/// Returns the index of a key in a node of this height.
fn place(height: u32, key: u32) -> usize {
    let part = key.checked_shr(height.saturating_mul(BITS)).unwrap_or(0);
    usize::try_from(part).unwrap_or(0) % FANOUT
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const FDS: [i32; 14] =
        [0, 1, 2, -1, -100, 31, 32, 1023, 1024, 70_000, 1 << 20, i32::MAX, i32::MIN, i32::MIN + 1];

    #[test]
    fn a_table_behaves_like_a_map() {
        let mut table = Table::default();
        let mut map = BTreeMap::new();
        for (round, fd) in FDS.into_iter().enumerate() {
            assert_eq!(fd_of(key_of(fd)), fd);
            table.set(fd, round);
            map.insert(fd, round);
            for fd in FDS {
                assert_eq!(table.get(fd), map.get(&fd), "{fd} in round {round}");
            }
        }
        table.retain(|fd, value| fd % 2 == 0 && *value != 4);
        map.retain(|fd, value| fd % 2 == 0 && *value != 4);
        table.remove(70_000);
        table.remove(5);
        map.remove(&70_000);
        for fd in FDS {
            assert_eq!(table.get(fd), map.get(&fd), "{fd}");
        }
        let mut all = BTreeMap::new();
        table.for_each(&mut |fd, value| _ = all.insert(fd, *value));
        assert_eq!(all, map);
    }

    #[test]
    fn clones_share_unchanged_nodes() {
        let whole: Table<Rc<str>> = (0..1000).map(|fd| (fd, Rc::from("x"))).collect();
        let mut copy = whole.clone();
        copy.set(5, Rc::from("y"));
        copy.retain(|fd, _| fd != 999);
        assert_eq!((whole.get(5).map(|v| &**v), copy.get(5).map(|v| &**v)), (Some("x"), Some("y")));
        assert_eq!((whole.get(999).is_some(), copy.get(999).is_some()), (true, false));
        let (Some(Node::Branch(a)), Some(Node::Branch(b))) =
            (whole.root.as_deref(), copy.root.as_deref())
        else {
            panic!("a thousand entries need branches")
        };
        let shared = a
            .iter()
            .zip(b)
            .filter(|(a, b)| matches!((a, b), (Some(a), Some(b)) if Rc::ptr_eq(a, b)));
        assert!(
            shared.count() + 2 >= a.iter().flatten().count(),
            "only the changed branches are new"
        );
    }
}

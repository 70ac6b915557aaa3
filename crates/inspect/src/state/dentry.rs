//! The names of files, as the kernel keeps them: a tree of directory entries. It has only the
//! entries that something refers to (descriptors, working directories, roots, mounts) and the
//! directories above them. When a directory is renamed, one entry moves, and everything below it
//! has its new name.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use foldhash::fast::RandomState;

/// The most steps from an entry to the root. The kernel has no limit, but a log must not make every
/// lookup slow.
pub(super) const DEEPEST_TREE: usize = 4096;

/// The longest name of a place, in bytes. Relative steps may lead deeper than the PATH_MAX of one
/// call (include/uapi/linux/limits.h).
pub(super) const LONGEST: usize = 16 * 4096;

thread_local! {
    /// The number of changes of names and mounts. A tree stays on its thread.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
}

/// Notes that links may have changed: known ones are no longer valid.
pub(super) fn links_change() {
    CHANGES.set(CHANGES.get().wrapping_add(1));
}

/// Which name of a place is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameOf {
    /// That of the links in /proc: from the root of the mount namespace, whose mounts have this
    /// address.
    Link(usize),
    /// From the root of the first process, in every mount namespace.
    FullPath,
}

/// The name of a place, as it was after a number of changes.
#[derive(Debug)]
struct PlaceName {
    changes: u64,
    which: NameOf,
    text: Rc<[u8]>,
}

/// A directory entry. Copies refer to the same entry.
#[derive(Clone, Debug)]
pub(super) struct Dentry(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    name: RefCell<Rc<[u8]>>,
    /// The directory that it is in; `None` for the root of a file system.
    parent: RefCell<Option<Dentry>>,
    /// Where a root was mounted, for a name that does not depend on mount namespaces.
    mounted_on: RefCell<Option<Dentry>>,
    entries: RefCell<HashMap<Rc<[u8]>, Weak<Inner>, RandomState>>,
    removed: Cell<bool>,
    covered: Cell<bool>,
    /// Its latest link and its full path: most are asked for more often than they change.
    place_names: [RefCell<Option<PlaceName>>; 2],
}

impl PartialEq for Dentry {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Dentry {
    /// Creates the root of a file system. `name` is the prefix of all names in it: empty, unless
    /// where it is mounted is unknown.
    pub(super) fn root(name: &[u8], mounted_on: Option<&Self>) -> Self {
        Self::new(name, None, mounted_on)
    }

    fn new(name: &[u8], parent: Option<&Self>, mounted_on: Option<&Self>) -> Self {
        Self(Rc::new(Inner {
            name: RefCell::new(Rc::from(name)),
            parent: RefCell::new(parent.cloned()),
            mounted_on: RefCell::new(mounted_on.cloned()),
            entries: RefCell::default(),
            removed: Cell::default(),
            covered: Cell::default(),
            place_names: Default::default(),
        }))
    }

    /// Returns an entry of this directory, if something refers to it.
    pub(super) fn entry(&self, name: &[u8]) -> Option<Self> {
        self.0.entries.borrow().get(name)?.upgrade().map(Self)
    }

    /// Returns an entry of this directory.
    pub(super) fn entry_or_new(&self, name: &[u8]) -> Self {
        if let Some(known) = self.entry(name) {
            return known;
        }
        let new = Self::new(name, Some(self), None);
        let name = Rc::clone(&new.0.name.borrow());
        self.0.entries.borrow_mut().insert(name, Rc::downgrade(&new.0));
        new
    }

    /// Returns a new entry of this directory that was removed from it.
    pub(super) fn removed_entry(&self, name: &[u8]) -> Self {
        let new = Self::new(name, Some(self), None);
        new.0.removed.set(true);
        new
    }

    pub(super) fn parent(&self) -> Option<Self> {
        self.0.parent.borrow().clone()
    }

    pub(super) fn mounted_on(&self) -> Option<Self> {
        self.0.mounted_on.borrow().clone()
    }

    pub(super) fn name(&self) -> Rc<[u8]> {
        Rc::clone(&self.0.name.borrow())
    }

    fn place_name(&self, which: NameOf) -> &RefCell<Option<PlaceName>> {
        let [link, full_path] = &self.0.place_names;
        match which {
            NameOf::Link(_) => link,
            NameOf::FullPath => full_path,
        }
    }

    /// Returns the name of its place, if it is known and nothing has changed since.
    pub(super) fn known_place_name(&self, which: NameOf) -> Option<Rc<[u8]>> {
        let name = self.place_name(which).borrow();
        let name = name.as_ref()?;
        (name.changes == CHANGES.get() && name.which == which).then(|| Rc::clone(&name.text))
    }

    /// Remembers the name of its place, unless that is long: all entries together must not take
    /// much memory.
    pub(super) fn set_place_name(&self, which: NameOf, text: &Rc<[u8]>) {
        if text.len() <= LONGEST / 16 {
            let name = PlaceName { changes: CHANGES.get(), which, text: Rc::clone(text) };
            self.place_name(which).replace(Some(name));
        }
    }

    /// Whether its name was removed.
    pub(super) fn is_removed(&self) -> bool {
        self.0.removed.get()
    }

    /// Whether something is mounted on it in any namespace, or was.
    pub(super) fn is_covered(&self) -> bool {
        self.0.covered.get()
    }

    /// Removes its name. What refers to it keeps the old name.
    pub(super) fn remove(&self) {
        self.0.removed.set(true);
        self.0.leave_parent();
    }

    /// Gives it another name, in place of another entry of that name. Does nothing if the new
    /// parent is inside it, which the kernel refuses.
    pub(super) fn move_to(&self, parent: &Self, name: &[u8]) {
        if !self.may_move_into(parent) {
            return;
        }
        if let Some(old) = parent.entry(name).filter(|old| old != self) {
            old.remove();
        }
        self.0.leave_parent();
        links_change();
        let name: Rc<[u8]> = Rc::from(name);
        self.0.name.replace(Rc::clone(&name));
        // What held the old parent is dropped after the new one is in place.
        let _old = self.0.parent.replace(Some(parent.clone()));
        parent.0.entries.borrow_mut().insert(name, Rc::downgrade(&self.0));
        self.0.removed.set(false);
    }

    /// Notes that something is mounted on it.
    pub(super) fn cover(&self) {
        self.0.covered.set(true);
    }

    /// Makes it the root of what is mounted on another entry.
    pub(super) fn mount_on(&self, on: &Self) {
        links_change();
        if self.may_move_into(on) {
            self.0.leave_parent();
            let _old = self.0.parent.replace(None);
            let _old = self.0.mounted_on.replace(Some(on.clone()));
        }
        on.cover();
    }

    /// Whether `other` is neither itself nor below it.
    pub(super) fn may_move_into(&self, other: &Self) -> bool {
        let mut at = Some(other.clone());
        for _ in 0..DEEPEST_TREE {
            match at {
                Some(entry) if entry == *self => return false,
                Some(entry) => at = entry.parent().or_else(|| entry.mounted_on()),
                None => return true,
            }
        }
        false
    }
}

impl Inner {
    /// Removes itself from the directory that it is in.
    fn leave_parent(&self) {
        if let Some(parent) = &*self.parent.borrow() {
            let mut entries = parent.0.entries.borrow_mut();
            let name = self.name.borrow();
            // Another entry may have taken its name. One without references is itself, on its way
            // out.
            if entries.get(&**name).is_some_and(|entry| {
                std::ptr::eq(entry.as_ptr(), self) || entry.strong_count() == 0
            }) {
                entries.remove(&**name);
            }
        }
    }
}

/// Drops the directories above one by one: they may be too many for recursion.
impl Drop for Inner {
    fn drop(&mut self) {
        self.leave_parent();
        let mut above: Vec<Dentry> = self.parent.take().into_iter().collect();
        above.extend(self.mounted_on.take());
        while let Some(entry) = above.pop() {
            // The last reference: its own drop then finds nothing above it.
            if let Some(inner) = Rc::into_inner(entry.0) {
                inner.leave_parent();
                above.extend(inner.parent.take());
                above.extend(inner.mounted_on.take());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_live_as_long_as_something_refers_to_them() {
        let root = Dentry::root(b"", None);
        let file = root.entry_or_new(b"a").entry_or_new(b"f");
        assert!(root.entry(b"a").unwrap().entry(b"f").unwrap() == file);
        drop(file);
        assert!(root.entry(b"a").is_none() && root.0.entries.borrow().is_empty());
    }

    #[test]
    fn a_new_entry_of_a_removed_name_is_another_one() {
        let root = Dentry::root(b"", None);
        let old = root.entry_or_new(b"f");
        old.remove();
        let new = root.entry_or_new(b"f");
        assert!(old != new && old.is_removed() && !new.is_removed());
        drop(old);
        assert!(root.entry(b"f").unwrap() == new);
    }

    #[test]
    fn no_directory_moves_into_itself() {
        let root = Dentry::root(b"", None);
        let outer = root.entry_or_new(b"a");
        let inner = outer.entry_or_new(b"b");
        outer.move_to(&inner, b"c");
        assert!(root.entry(b"a").unwrap() == outer && inner.entry(b"c").is_none());
        outer.mount_on(&inner);
        assert!(outer.parent().unwrap() == root);
    }

    #[test]
    fn a_deep_tree_is_dropped_without_recursion() {
        let mut at = Dentry::root(b"", None);
        for _ in 0..1_000_000 {
            at = at.entry_or_new(b"d");
        }
        drop(at);
    }
}

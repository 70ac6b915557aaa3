//! Mount namespaces (mount_namespaces(7)), and places in them: what a path means to a process.

use std::cell::RefCell;
use std::rc::Rc;

use super::dentry::{DEEPEST_TREE, Dentry, LONGEST, NameOf, links_change};

/// The mounts that the log shows. Those from before are directories like others.
#[derive(Clone, Debug)]
pub(super) struct Mounts {
    /// The inode of the namespace, if known.
    pub(super) inode: Option<u64>,
    pub(super) root: Dentry,
    /// Where something is mounted, and its root; what is mounted last is on top.
    mounted: Vec<(Dentry, Dentry)>,
}

/// The most mounts of a namespace that are remembered. The kernel's limit is 100,000
/// (/proc/sys/fs/mount-max), but a lookup here passes all of them.
const MOST_MOUNTS: usize = 4096;

impl Mounts {
    pub(super) fn new(name: &[u8], inode: Option<u64>) -> Self {
        links_change();
        Self { inode, root: Dentry::root(name, None), mounted: Vec::new() }
    }

    /// Returns a copy with the same mounts, as unshare(2) makes it.
    pub(super) fn unshared(&self) -> Self {
        links_change();
        Self { inode: None, ..self.clone() }
    }

    /// Returns what is on top of an entry.
    fn top(&self, mut entry: Dentry) -> Dentry {
        while entry.is_covered() {
            match self.mounted.iter().rfind(|(on, root)| *on == entry && *root != entry) {
                Some((_, root)) => entry = root.clone(),
                None => break,
            }
        }
        entry
    }

    /// Returns where a root is mounted.
    fn mount_point(&self, root: &Dentry) -> Option<Dentry> {
        self.mounted.iter().rfind(|(_, mounted)| mounted == root).map(|(on, _)| on.clone())
    }

    /// Mounts something new on an entry.
    pub(super) fn attach(&mut self, on: &Dentry) {
        self.attach_root(on, &Dentry::root(b"", Some(on)));
    }

    fn attach_root(&mut self, on: &Dentry, root: &Dentry) {
        if self.mounted.len() < MOST_MOUNTS && root.may_move_into(on) {
            root.mount_on(on);
            links_change();
            self.mounted.push((on.clone(), root.clone()));
        }
    }

    /// Moves a mount to another entry. A mount from before the recording, or one that was not
    /// attached, gets known.
    pub(super) fn relocate(&mut self, root: &Dentry, on: &Dentry) {
        if root.may_move_into(on) {
            self.detach(root);
            self.attach_root(on, root);
        }
    }

    pub(super) fn detach(&mut self, root: &Dentry) {
        if let Some(at) = self.mounted.iter().rposition(|(_, mounted)| mounted == root) {
            links_change();
            self.mounted.remove(at);
        }
    }

    /// Makes `root` the root, and mounts the old one on `on`. Returns the old root.
    pub(super) fn pivot(&mut self, root: &Dentry, on: &Dentry) -> Dentry {
        links_change();
        let old = std::mem::replace(&mut self.root, root.clone());
        self.detach(root);
        if self.mounted.len() < MOST_MOUNTS && old != *root {
            // Not `mount_on`: outside this namespace the old root stays where it is.
            on.cover();
            self.mounted.push((on.clone(), old.clone()));
        }
        old
    }
}

/// A place in the file system: the kernel's `struct path`.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub(super) entry: Dentry,
    pub(super) mounts: Rc<RefCell<Mounts>>,
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.entry == other.entry && Rc::ptr_eq(&self.mounts, &other.mounts)
    }
}

/// How far a path is known: the last entry that something refers to, and the names below it.
pub(super) struct Walked<'p> {
    pub(super) at: Location,
    pub(super) rest: Vec<&'p [u8]>,
}

impl Location {
    /// Returns the root of a mount namespace.
    pub(super) fn root_of(mounts: &Rc<RefCell<Mounts>>) -> Self {
        let entry = mounts.borrow().root.clone();
        Self { entry, mounts: Rc::clone(mounts) }
    }

    /// Follows a path: an absolute one from `root`, others from here. `..` does not leave `root`.
    /// Symbolic links are not followed: they are not in the log.
    pub(super) fn walk<'p>(&self, root: &Self, path: &'p [u8]) -> Walked<'p> {
        let start = if path.first() == Some(&b'/') { root } else { self };
        let mounts = start.mounts.borrow();
        let mut entry = start.entry.clone();
        let mut rest = Vec::new();
        for part in path.split(|&byte| byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." if rest.pop().is_some() => {}
                b".." if entry == root.entry || entry == mounts.root => {}
                b".." => entry = mounts.top(mounts.above(entry)),
                _ if rest.is_empty() => match entry.entry(part) {
                    Some(known) => entry = mounts.top(known),
                    None => rest.push(part),
                },
                _ => rest.push(part),
            }
        }
        drop(mounts);
        Walked { at: Self { entry, mounts: Rc::clone(&start.mounts) }, rest }
    }

    /// Returns where the links in /proc to files in the same mounts begin.
    fn link_root(&self) -> Self {
        let mounts = self.mounts.borrow();
        let mut entry = self.entry.clone();
        for _ in 0..DEEPEST_TREE {
            if entry == mounts.root {
                break;
            }
            match entry.parent().or_else(|| mounts.mount_point(&entry)) {
                Some(above) => entry = above,
                None => break,
            }
        }
        Self { entry, mounts: Rc::clone(&self.mounts) }
    }

    /// Returns the place that a link in /proc names, in the mounts of this place. The kernel marks
    /// the name of a removed file, unless `is_literal`.
    pub(super) fn at_link(&self, link: &[u8], is_literal: bool) -> Self {
        let root = self.link_root();
        let walked = root.walk(&root, link);
        let is_removed = |_: &&[u8]| walked.known().is_none() && !is_literal;
        let removed = link.strip_suffix(b" (deleted)").filter(is_removed);
        let found = match removed {
            Some(path) => {
                let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                let (directory, name) = path.split_at_checked(end).unwrap_or((path, b""));
                let directory = root.walk(&root, directory).locate();
                directory.map(|Self { entry, mounts }| Self {
                    entry: entry.removed_entry(name.strip_prefix(b"/").unwrap_or(name)),
                    mounts,
                })
            }
            None => walked.locate(),
        };
        found.unwrap_or(root)
    }

    /// Returns the root of a new mount that is attached nowhere.
    pub(super) fn detached_mount(&self) -> Self {
        Self { entry: Dentry::root(b"<mount>", None), mounts: Rc::clone(&self.mounts) }
    }

    /// Returns its link in /proc.
    pub(super) fn link(&self) -> Vec<u8> {
        let mark: &[u8] = if self.entry.is_removed() { b" (deleted)" } else { b"" };
        [&*self.unmarked_link(), mark].concat()
    }

    /// Returns its link in /proc without the mark of a removed file; empty if the place is too
    /// deep.
    pub(super) fn unmarked_link(&self) -> Rc<[u8]> {
        self.name(NameOf::Link(self.mounts_address()))
    }

    fn mounts_address(&self) -> usize {
        Rc::as_ptr(&self.mounts).addr()
    }

    /// Whether its link in /proc is this one.
    pub(super) fn has_link(&self, link: &[u8]) -> bool {
        let own = self.unmarked_link();
        match self.entry.is_removed() {
            true => link.strip_suffix(b" (deleted)") == Some(&*own),
            false => *own == *link,
        }
    }

    /// Appends the full path: the path from the root of the first process, through mounts and
    /// regardless of the root of its own process.
    pub(super) fn write_full_path(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name(NameOf::FullPath));
    }

    /// Returns a name of the place; empty if it is too deep.
    fn name(&self, which: NameOf) -> Rc<[u8]> {
        self.entry.known_place_name(which).unwrap_or_else(|| {
            let mut name = Vec::new();
            self.write(which, &mut name);
            let name: Rc<[u8]> = Rc::from(name);
            self.entry.set_place_name(which, &name);
            name
        })
    }

    fn write(&self, which: NameOf, out: &mut Vec<u8>) {
        let start = out.len();
        let mounts = self.mounts.borrow();
        let mut entry = self.entry.clone();
        let (mut complete, mut above_is_known) = (false, false);
        // The name is written backwards, because the way leads up.
        for _ in 0..DEEPEST_TREE {
            complete = which != NameOf::FullPath && entry == mounts.root;
            if complete || out.len().saturating_sub(start) > LONGEST {
                break;
            }
            if let Some(parent) = entry.parent() {
                out.extend(entry.name().iter().rev());
                out.push(b'/');
                entry = parent;
                if let Some(name) = entry.known_place_name(which)
                    && name.len() > 1
                {
                    out.extend(name.iter().rev());
                    above_is_known = true;
                    complete = true;
                    break;
                }
                continue;
            }
            let on = match which {
                NameOf::Link(_) => mounts.mount_point(&entry),
                NameOf::FullPath => entry.mounted_on(),
            };
            match on {
                Some(on) => entry = on,
                None => {
                    complete = true;
                    break;
                }
            }
        }
        if !complete {
            return out.truncate(start);
        }
        if which == NameOf::FullPath && !above_is_known {
            out.extend(entry.name().iter().rev());
        }
        if out.len() == start {
            out.push(b'/');
        }
        if let Some(name) = out.get_mut(start..) {
            name.reverse();
        }
    }
}

impl Mounts {
    /// Returns the directory that `..` means, before what is mounted on it.
    fn above(&self, mut entry: Dentry) -> Dentry {
        for _ in 0..DEEPEST_TREE {
            if let Some(parent) = entry.parent() {
                return parent;
            }
            match self.mount_point(&entry) {
                Some(on) => entry = on,
                None => break,
            }
        }
        entry
    }
}

impl Walked<'_> {
    /// Returns the place, with new entries where nothing referred to one before; `None` if it is
    /// too deep.
    pub(super) fn locate(self) -> Option<Location> {
        let Location { mut entry, mounts } = self.at;
        if self.rest.len() > DEEPEST_TREE {
            return None;
        }
        for name in self.rest {
            entry = entry.entry_or_new(name);
        }
        Some(Location { entry, mounts })
    }

    /// Returns the place, if something refers to it.
    pub(super) fn known(&self) -> Option<&Location> {
        self.rest.is_empty().then_some(&self.at)
    }

    /// Appends the full path; a relative path if the place where it begins is too deep.
    pub(super) fn write_full_path(&self, out: &mut Vec<u8>) {
        let start = out.len();
        self.at.write_full_path(out);
        let is_known = out.len() > start;
        for name in &self.rest {
            if out.last() != Some(&b'/') && (is_known || out.len() > start) {
                out.push(b'/');
            }
            out.extend_from_slice(name);
        }
    }
}

//! The descriptors of a process, as its calls show them.

use std::collections::BTreeMap;
use sysreel_sys::process::FileId;

/// Descriptors above this are not followed: the sets would take much memory.
const HIGHEST: i32 = 1 << 20;

/// A set of descriptors.
#[derive(Debug, Clone, Default)]
struct Set(Vec<u64>);

impl Set {
    fn put(&mut self, fd: usize, present: bool) {
        let (at, bit) = (fd / 64, 1 << (fd % 64));
        if present && at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        if let Some(word) = self.0.get_mut(at) {
            *word = if present { *word | bit } else { *word & !bit };
        }
    }

    fn contains(&self, fd: usize) -> bool {
        self.0.get(fd / 64).is_some_and(|word| word >> (fd % 64) & 1 == 1)
    }

    /// The numbers of the words that concern a range.
    fn end(&self) -> usize {
        self.0.len() * 64
    }
}

/// The open descriptors of a process with one thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Descriptors {
    open: Set,
    close_on_exec: Set,
    /// Of these it is not known whether an execve closes them.
    doubtful: Set,
    /// The files that they refer to, if snapshots are checked.
    files: Option<BTreeMap<i32, FileId>>,
}

/// What an execve leaves of a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Ranges of descriptors, from the first to the last.
    pub(super) ranges: Vec<(i32, i32)>,
    /// Descriptors that are open, or not.
    pub(super) doubtful: Vec<i32>,
    /// The number of descriptors in the ranges.
    pub(super) count: u64,
}

impl Descriptors {
    /// `with_files`: follow also what they refer to.
    pub(super) fn new(with_files: bool) -> Descriptors {
        Descriptors { files: with_files.then(BTreeMap::new), ..Descriptors::default() }
    }

    /// Adds a descriptor. Returns false if it cannot be followed.
    #[must_use]
    pub(super) fn add(&mut self, fd: i32, close_on_exec: Option<bool>) -> bool {
        let Some(at) = usize::try_from(fd).ok().filter(|_| fd <= HIGHEST) else { return false };
        self.open.put(at, true);
        self.close_on_exec.put(at, close_on_exec == Some(true));
        self.doubtful.put(at, close_on_exec.is_none());
        if let Some(files) = &mut self.files {
            files.remove(&fd);
        }
        true
    }

    /// Notes what a descriptor refers to.
    pub(super) fn refers_to(&mut self, fd: i32, file: FileId) {
        if let Some(files) = &mut self.files {
            files.insert(fd, file);
        }
    }

    pub(super) fn close(&mut self, first: i32, last: i32) {
        for fd in self.range(first, last) {
            for set in [&mut self.open, &mut self.close_on_exec, &mut self.doubtful] {
                set.put(fd, false);
            }
        }
    }

    pub(super) fn set_close_on_exec(&mut self, first: i32, last: i32, on: bool) {
        for fd in self.range(first, last) {
            if self.open.contains(fd) {
                self.close_on_exec.put(fd, on);
                self.doubtful.put(fd, false);
            }
        }
    }

    fn range(&self, first: i32, last: i32) -> std::ops::Range<usize> {
        let first = usize::try_from(first).unwrap_or(0);
        let end = usize::try_from(last).map_or(0, |last| last.saturating_add(1));
        first..end.min(self.open.end())
    }

    /// Returns what an execve leaves.
    pub(super) fn after_exec(&self) -> Kept {
        let mut kept = Kept::default();
        let whole = (0..self.open.end()).filter_map(|fd| Some((fd, i32::try_from(fd).ok()?)));
        for (at, fd) in whole.filter(|&(at, _)| self.open.contains(at)) {
            if self.doubtful.contains(at) {
                kept.doubtful.push(fd);
            } else if !self.close_on_exec.contains(at) {
                kept.count += 1;
                match kept.ranges.last_mut() {
                    Some((_, last)) if *last == fd - 1 => *last = fd,
                    _ => kept.ranges.push((fd, fd)),
                }
            }
        }
        kept
    }

    /// Whether an execve closes nothing.
    pub(super) fn is_unchanged_by_exec(&self) -> bool {
        let empty = |set: &Set| set.0.iter().all(|word| *word == 0);
        empty(&self.close_on_exec) && empty(&self.doubtful)
    }

    /// Applies an execve, after which the doubtful descriptors `found` are still open.
    pub(super) fn exec(&mut self, found: &[i32]) {
        let (doubtful, closed) =
            (std::mem::take(&mut self.doubtful), std::mem::take(&mut self.close_on_exec));
        let gone = doubtful.0.iter().chain(std::iter::repeat(&0));
        let closed = closed.0.iter().chain(std::iter::repeat(&0));
        for (word, (doubtful, closed)) in self.open.0.iter_mut().zip(gone.zip(closed)) {
            *word &= !(doubtful | closed);
        }
        for fd in found.iter().filter_map(|&fd| usize::try_from(fd).ok()) {
            self.open.put(fd, true);
        }
    }

    /// What a descriptor refers to, if that is followed.
    pub(super) fn file(&self, fd: i32) -> Option<FileId> {
        self.files.as_ref()?.get(&fd).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execve_keeps_what_is_not_closed_on_exec() {
        let mut table = Descriptors::new(false);
        for fd in [0, 1, 2, 5, 63, 64, 65, 200] {
            assert!(table.add(fd, Some(false)));
        }
        assert!(table.add(7, Some(true)) && table.add(8, None) && table.add(9, None));
        table.set_close_on_exec(64, 64, true);
        table.set_close_on_exec(9, 9, true);
        table.set_close_on_exec(300, i32::MAX, true);
        table.close(2, 5);
        let kept = table.after_exec();
        assert_eq!(kept.ranges, [(0, 1), (63, 63), (65, 65), (200, 200)]);
        assert_eq!((kept.count, kept.doubtful), (5, vec![8]));
        assert!(!table.is_unchanged_by_exec());
        table.exec(&[8]);
        assert!(table.is_unchanged_by_exec());
        assert_eq!(table.after_exec().ranges, [(0, 1), (8, 8), (63, 63), (65, 65), (200, 200)]);
        table.close(0, i32::MAX);
        assert_eq!(table.after_exec(), Kept::default());
    }

    #[test]
    fn a_new_descriptor_has_none_of_the_old_ones_flags() {
        let mut table = Descriptors::new(true);
        assert!(table.add(3, Some(true)));
        table.refers_to(3, FileId { device: 1, inode: 2 });
        assert!(table.add(3, Some(false)), "dup2 replaces it");
        assert_eq!((table.after_exec().ranges, table.file(3)), (vec![(3, 3)], None));
        assert!(!table.add(-1, Some(false)) && !table.add(HIGHEST + 1, Some(false)));
    }
}

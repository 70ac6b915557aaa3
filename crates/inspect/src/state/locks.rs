//! Locks on files, and how a new one changes those of the same owner.

use sysreel_abi::attributes::LockKind;

/// A lock on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Who owns it.
    pub kind: LockKind,
    /// Whether it excludes all other locks.
    pub exclusive: bool,
    /// Device and inode of the file.
    pub file: (u64, u64),
    /// First and last byte; `None` if the log does not show them.
    pub range: Option<(u64, u64)>,
}

/// The most locks of an owner that are remembered.
const MOST_LOCKS: usize = 1024;

/// Replaces the locks of one owner on a range of a file, as fcntl(2) does: what the range covers of
/// others is cut off.
pub(super) fn set_lock(locks: &mut Vec<Lock>, new: Lock, unlocks: bool) {
    let concerns = |lock: &Lock| lock.kind == new.kind && lock.file == new.file;
    let Some((first, last)) = new.range else {
        // Somewhere in the file something has changed.
        locks.iter_mut().filter(|lock| concerns(lock)).for_each(|lock| lock.range = None);
        if !unlocks && locks.len() < MOST_LOCKS {
            locks.push(new);
        }
        return;
    };
    let mut parts = Vec::new();
    locks.retain(|lock| {
        let Some((from, to)) = lock.range.filter(|_| concerns(lock)) else { return true };
        if to < first || from > last {
            return true;
        }
        if from < first {
            parts.push(Lock { range: Some((from, first.saturating_sub(1))), ..*lock });
        }
        if to > last {
            parts.push(Lock { range: Some((last.saturating_add(1), to)), ..*lock });
        }
        false
    });
    if !unlocks {
        parts.push(new);
    }
    locks.extend(parts);
    locks.truncate(MOST_LOCKS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_split_and_replaced() {
        let lock = |first, last, exclusive| Lock {
            kind: LockKind::Record,
            exclusive,
            file: (1, 2),
            range: Some((first, last)),
        };
        let mut locks = Vec::new();
        set_lock(&mut locks, lock(10, 29, true), false);
        set_lock(&mut locks, lock(15, 19, true), true);
        assert_eq!(locks, [lock(10, 14, true), lock(20, 29, true)]);
        set_lock(&mut locks, lock(0, 24, false), false);
        assert_eq!(locks, [lock(25, 29, true), lock(0, 24, false)]);
        let other = Lock { file: (1, 3), ..lock(0, u64::MAX, true) };
        set_lock(&mut locks, other, true);
        assert_eq!(locks.len(), 2, "the lock of another file");
        set_lock(&mut locks, Lock { range: None, ..lock(0, 0, true) }, true);
        assert!(locks.iter().all(|lock| lock.range.is_none()), "which bytes is not known");
    }
}

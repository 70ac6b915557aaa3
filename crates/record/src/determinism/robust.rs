//! Robust futexes (set_robust_list(2)): when a task ends or executes a program, the kernel marks
//! those that it holds, so that others learn of it.

use super::writable::is_writable;
use sysreel_abi::replay::{RobustList, word_of_dead_owner};
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::{Tid, process};

/// As many entries of a list the kernel follows (include/linux/futex.h, ROBUST_LIST_LIMIT).
const MAX_ENTRIES: usize = 2048;

/// The lists of a task: of its 64-bit and of its 32-bit calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RobustLists([Option<RobustList>; 2]);

impl RobustLists {
    /// The task registers a list.
    pub(super) fn follow(&mut self, list: Option<RobustList>) {
        if let Some(list) = list {
            self.0[usize::from(list.word == 4)] = Some(list).filter(|list| list.head != 0);
        }
    }

    /// Returns the words that the kernel changes when the task ends now, and what it writes.
    pub(super) fn changes(&self, tid: Tid) -> Vec<(u64, u32)> {
        let mut changes = Vec::new();
        for list in self.0.iter().flatten() {
            Walk { tid, id: None, word: list.word, changes: &mut changes }.list(list.head);
        }
        changes
    }
}

/// Follows a list as the kernel does (kernel/futex/core.c, `exit_robust_list`).
struct Walk<'a> {
    tid: Tid,
    /// Its id in its pid namespace, once it is known.
    id: Option<u32>,
    word: u8,
    changes: &'a mut Vec<(u64, u32)>,
}

impl Walk<'_> {
    /// Follows the list: a ring of entries, and one that is just being added or removed.
    fn list(mut self, head: u64) -> Option<()> {
        let word = u64::from(self.word);
        let first = self.entry(head)?;
        let offset = self.read(head + word)?;
        let pending = self.entry(head + 2 * word)?;
        let mut entry = first;
        for _ in 0..MAX_ENTRIES {
            if entry == head {
                break;
            }
            let next = self.entry(entry);
            if entry != pending {
                self.dies(self.wrap(entry.wrapping_add(offset)))?;
            }
            entry = next?;
        }
        match pending {
            0 => Some(()),
            pending => self.dies(self.wrap(pending.wrapping_add(offset))),
        }
    }

    /// The owner of a futex dies. `None` ends the walk.
    fn dies(&mut self, address: u64) -> Option<()> {
        if !address.is_multiple_of(4) {
            return None;
        }
        let mut bytes = [0; 4];
        self.read_into(address, &mut bytes)?;
        let id = self.id()?;
        let held = word_of_dead_owner(u32::from_le_bytes(bytes), id);
        let Some(word) = held.filter(|_| !self.is_changed(address)) else { return Some(()) };
        if !is_writable(self.tid, address, 4) {
            return None;
        }
        self.changes.push((address, word));
        Some(())
    }

    fn is_changed(&self, address: u64) -> bool {
        self.changes.iter().any(|&(changed, _)| changed == address)
    }

    /// Returns the id that futexes have of the task.
    fn id(&mut self) -> Option<u32> {
        if self.id.is_none() {
            let status = process::Status::read(self.tid).ok()?;
            self.id = status.namespace_ids.last().copied().or(u32::try_from(self.tid).ok());
        }
        self.id
    }

    /// Reads a pointer to an entry. Its lowest bit marks futexes with priority inheritance.
    fn entry(&self, address: u64) -> Option<u64> {
        Some(self.read(address)? & !1)
    }

    fn read(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_into(address, &mut bytes[..usize::from(self.word)])?;
        Some(u64::from_le_bytes(bytes))
    }

    fn read_into(&self, address: u64, bytes: &mut [u8]) -> Option<()> {
        let mut transfer = [Transfer { address, len: bytes.len(), ..Transfer::default() }];
        memory::read(self.tid, bytes, &mut transfer);
        (transfer[0].got == bytes.len()).then_some(())
    }

    /// Returns an address of the width of the list.
    fn wrap(&self, address: u64) -> u64 {
        if self.word == 4 { address & 0xffff_ffff } else { address }
    }
}

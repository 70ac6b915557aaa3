//! In which namespaces tasks are. Looking into /proc/PID/ns for each new program is a third of the
//! cost of a snapshot, so it is done again only when a task may have left those of its maker.

use sysreel_abi::{CallKind, CloneFlags};
use sysreel_sys::{Tid, process};

/// The namespaces of the recorded tasks.
///
/// Only a task itself moves to other namespaces, by unshare(2), setns(2) or the flags of its making
/// (namespaces(7)). As long as every call is seen and none of these was made, all descendants of a
/// spawned program share its namespaces.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// Are those of one task those of all?
    alike: bool,
    /// What was found for the first.
    found: Vec<(Vec<u8>, u64)>,
    /// In how many pid namespaces the spawned program has an id, 0 when it is unknown.
    levels: usize,
}

impl Namespaces {
    /// `alike`: all tasks come from one that the recorder has spawned, and all their calls are
    /// seen.
    pub(crate) fn new(alike: bool) -> Namespaces {
        Namespaces { alike, found: Vec::new(), levels: 0 }
    }

    /// The ids of the spawned program.
    pub(crate) fn spawned_with(&mut self, ids: &[u32]) {
        self.levels = ids.len();
    }

    /// A call begins: may its task, or the one that it makes, be in other namespaces from now on?
    pub(crate) fn call(&mut self, kind: CallKind, clone: Option<CloneFlags>) {
        let may_differ = match kind {
            CallKind::Namespace => true,
            // Flags that could not be read may be any.
            CallKind::Clone | CallKind::Clone3 => clone.is_none_or(CloneFlags::namespaces),
            _ => false,
        };
        self.alike &= !may_differ;
    }

    /// Name and inode of each namespace of a task.
    pub(crate) fn of(&mut self, tid: Tid) -> Vec<(Vec<u8>, u64)> {
        if !self.alike || self.found.is_empty() {
            self.found = process::namespaces(tid)
                .into_iter()
                .map(|(name, inode)| (name.into_bytes(), inode))
                .collect();
        }
        self.found.clone()
    }

    /// The ids of a new task, where they are known without asking: one, when all tasks live in the
    /// pid namespace that /proc shows.
    pub(crate) fn only_id(&self, tid: Tid) -> Option<[u32; 1]> {
        (self.alike && self.levels == 1).then_some([tid.cast_unsigned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_until_a_task_may_have_left() {
        let mut namespaces = Namespaces::new(true);
        assert_eq!(namespaces.only_id(7), None);
        namespaces.spawned_with(&[5]);
        namespaces.call(CallKind::Clone, Some(CloneFlags(0)));
        namespaces.call(CallKind::Read, None);
        assert_eq!(namespaces.only_id(7), Some([7]));
        for (kind, flags) in [
            (CallKind::Namespace, None),
            (CallKind::Clone3, None),
            (CallKind::Clone, Some(CloneFlags(libc::CLONE_NEWPID as u64))),
        ] {
            let mut left = Namespaces::new(true);
            left.spawned_with(&[5]);
            left.call(kind, flags);
            assert_eq!(left.only_id(7), None, "{kind:?}");
        }
        let mut nested = Namespaces::new(true);
        nested.spawned_with(&[5, 1]);
        assert_eq!(nested.only_id(7), None);
        assert_eq!(Namespaces::new(false).only_id(7), None);
    }
}

//! Tracks the namespaces of tasks. Reading /proc/PID/ns for each new program takes a third of a
//! snapshot's time, so it is repeated only when a task may have left its maker's namespaces.

use sysreel_abi::{CallKind, CloneFlags};
use sysreel_sys::{Tid, process};

/// The namespaces of the recorded tasks.
///
/// A task changes namespaces only by its own unshare(2), setns(2), or the flags of the call that
/// made it (namespaces(7)). While every call is seen and none of these was made, all descendants of
/// a spawned program share its namespaces.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// Whether all tasks share the same namespaces.
    alike: bool,
    /// The namespaces that were read first.
    found: Vec<(Vec<u8>, u64)>,
    /// The number of pid namespaces in which the spawned program has an id; 0 when unknown.
    levels: usize,
}

impl Namespaces {
    /// `alike`: all tasks descend from one that the recorder spawned, and all their calls are seen.
    pub(crate) fn new(alike: bool) -> Namespaces {
        Namespaces { alike, found: Vec::new(), levels: 0 }
    }

    /// Sets the ids of the spawned program.
    pub(crate) fn set_spawned_ids(&mut self, ids: &[u32]) {
        self.levels = ids.len();
    }

    /// Handles the start of a call that may move its task, or the task it makes, to other
    /// namespaces.
    pub(crate) fn on_call(&mut self, kind: CallKind, clone: Option<CloneFlags>) {
        let may_differ = match kind {
            CallKind::Namespace => true,
            // Unknown flags may contain any.
            CallKind::Clone | CallKind::Clone3 => clone.is_none_or(CloneFlags::namespaces),
            _ => false,
        };
        self.alike &= !may_differ;
    }

    /// Returns the name and inode number of each namespace of a task.
    pub(crate) fn of_task(&mut self, tid: Tid) -> Vec<(Vec<u8>, u64)> {
        if !self.alike || self.found.is_empty() {
            self.found = process::namespaces(tid)
                .into_iter()
                .map(|(name, inode)| (name.into_bytes(), inode))
                .collect();
        }
        self.found.clone()
    }

    /// Returns the id of a new task if it is known without reading /proc: when all tasks live in
    /// the recorder's pid namespace.
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
        namespaces.set_spawned_ids(&[5]);
        namespaces.on_call(CallKind::Clone, Some(CloneFlags(0)));
        namespaces.on_call(CallKind::Read, None);
        assert_eq!(namespaces.only_id(7), Some([7]));
        for (kind, flags) in [
            (CallKind::Namespace, None),
            (CallKind::Clone3, None),
            (CallKind::Clone, Some(CloneFlags(libc::CLONE_NEWPID as u64))),
        ] {
            let mut left = Namespaces::new(true);
            left.set_spawned_ids(&[5]);
            left.on_call(kind, flags);
            assert_eq!(left.only_id(7), None, "{kind:?}");
        }
        let mut nested = Namespaces::new(true);
        nested.set_spawned_ids(&[5, 1]);
        assert_eq!(nested.only_id(7), None);
        assert_eq!(Namespaces::new(false).only_id(7), None);
    }
}

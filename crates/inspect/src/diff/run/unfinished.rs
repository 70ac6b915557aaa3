//! The effects that calls without an answer asked for.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::names::NameId;
use super::operation::Operation;
use super::{Actor, Operations};
use crate::diff::effect::Op;
use crate::state::ProcessId;

/// The effects that calls without an answer asked for. They count where the same process got no
/// answer to any such call: otherwise the one that was answered is the effect.
#[derive(Debug, Default)]
pub(crate) struct Unfinished(Operations);

/// What a process asks for, without the result.
type Asked = (Actor, Op, NameId, NameId);

fn asked((actor, operation): &(Actor, Operation)) -> Asked {
    (*actor, operation.op, operation.first, operation.second)
}

impl Unfinished {
    pub(crate) fn add(
        &mut self,
        process: ProcessId,
        role: NameId,
        operation: Operation,
        seen: (u64, u64),
    ) {
        let none = NameId::default();
        let operation = Operation { opens: false, requested: none, grants: none, ..operation };
        let known = self.0.entry(((process, role), operation)).or_insert((0, seen.1));
        known.0 = known.0.saturating_add(seen.0);
    }

    /// Adds the effects to the others.
    pub(crate) fn add_to(self, operations: &mut Operations) {
        if self.0.is_empty() {
            return;
        }
        let answered: HashSet<Asked, RandomState> = operations.keys().map(asked).collect();
        operations.extend(self.0.into_iter().filter(|(key, _)| !answered.contains(&asked(key))));
    }
}

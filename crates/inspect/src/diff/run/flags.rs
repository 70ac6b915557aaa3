//! Flags that decide which file a call reaches or replaces: `O_NOFOLLOW`, `RESOLVE_BENEATH`,
//! `RENAME_NOREPLACE` and the like.

use super::Operations;
use super::names::{NameId, Names, Sort};
use super::operation::Operation;
use super::{Actor, Derived};
use crate::diff::effect::Op;

/// The name of "no flags", where the same was also done with flags.
pub(crate) const NO_FLAGS: &str = "-";

/// Returns an effect for each operation with such flags, and for each of the same kind that was
/// done without them too.
pub(super) fn effects(operations: &Operations, names: &mut Names) -> Vec<Derived> {
    let none = NameId::default();
    let mut effects = Vec::new();
    for ((actor, operation), (_, event)) in operations {
        if operation.flags == none || operation.op == Op::Create || operation.errno != 0 {
            continue;
        }
        effects.push(effect(*actor, operation, operation.flags, *event));
        let without = Operation { flags: none, ..*operation };
        if let Some((_, event)) = operations.get(&(*actor, without)) {
            let no_flags = names.id(Sort::Word, NO_FLAGS.as_bytes());
            effects.push(effect(*actor, operation, no_flags, *event));
        }
    }
    effects
}

fn effect(actor: Actor, of: &Operation, flags: NameId, event: u64) -> Derived {
    let second = match of.op {
        Op::Rename | Op::Link => of.second,
        // The owner, the permissions.
        _ => NameId::default(),
    };
    let plain = Operation { op: Op::Flags, effect: true, ..Operation::default() };
    (actor, Operation { first: of.first, second, grants: flags, ..plain }, event)
}

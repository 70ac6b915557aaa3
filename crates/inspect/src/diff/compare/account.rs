//! Accounts for every call of a run.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::diff::effect::Op;
use crate::diff::report::Account;
use crate::diff::run::{NameId, Operation, Run};

/// Returns an account of all calls in which none is compared yet.
pub(super) fn total(run: &Run) -> Account {
    let counted_only = run.counted_only.values().sum();
    let others = run.findings.events.saturating_sub(run.calls.saturating_mul(2));
    Account {
        events: run.findings.events,
        calls: run.calls,
        counted_only,
        others,
        ..Account::default()
    }
}

/// Accounts at level `effects`: calls whose effect is in the other run too, calls whose effect is
/// not, and calls without an effect.
pub(super) fn effects(a: &Run, b: &Run) -> [Account; 2] {
    // The same operation of many processes is looked up once.
    let counts = [a, b].map(|run| {
        let mut counts = HashMap::<(NameId, Operation), u64, RandomState>::default();
        for (((_, role), operation), (count, _)) in &run.operations {
            *counts.entry((*role, *operation)).or_default() += count;
        }
        let key = |((role, operation), count): ((NameId, Operation), u64)| {
            // These are effects besides those of the calls that they come from.
            let is_besides =
                matches!(operation.op, Op::Create | Op::Flags | Op::Locked | Op::Durability);
            let count = if is_besides { 0 } else { count };
            let key = (run.value(role), operation.op, run.resource(&operation), operation.errno);
            (key, count)
        };
        counts.into_iter().map(key).collect::<Vec<_>>()
    });
    let known: [HashSet<&_, RandomState>; 2] =
        counts.each_ref().map(|counts| counts.iter().map(|(key, _)| key).collect());
    let account = |side: usize, run: &Run| {
        let mut account = total(run);
        for (key, count) in &counts[side] {
            let known = known[1 - side].contains(key);
            *(if known { &mut account.same } else { &mut account.different }) += count;
        }
        account.unseen =
            account.calls.saturating_sub(account.counted_only + account.same + account.different);
        account
    };
    [account(0, a), account(1, b)]
}

//! Accounts for every call of a run.

use std::collections::BTreeSet;

use crate::diff::effect::Op;
use crate::diff::report::Account;
use crate::diff::run::Run;

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
    let sets = [a, b].map(|run| {
        run.operations
            .keys()
            .map(|((_, role), operation)| text(run, *role, operation))
            .collect::<BTreeSet<_>>()
    });
    let account = |side: usize, run: &Run| {
        let mut account = total(run);
        // The permissions of a new file are an effect besides that of its call.
        let calls = run.operations.iter().filter(|((_, operation), _)| operation.op != Op::Create);
        for (((_, role), operation), (count, _)) in calls {
            let known = sets[1 - side].contains(&text(run, *role, operation));
            *(if known { &mut account.same } else { &mut account.different }) += count;
        }
        account.unseen =
            account.calls.saturating_sub(account.counted_only + account.same + account.different);
        account
    };
    [account(0, a), account(1, b)]
}

fn text(
    run: &Run,
    role: crate::diff::run::NameId,
    operation: &crate::diff::run::Operation,
) -> String {
    format!("{} {} {} {}", run.name(role), operation.op, run.resource(operation), operation.errno)
}

//! Where every call of a run went.

use std::collections::BTreeSet;

use crate::diff::report::Account;
use crate::diff::run::Run;

/// What every account begins with: all calls, none of them judged.
pub(super) fn begin(run: &Run) -> Account {
    let muted = run.muted.values().sum();
    let others = run.findings.events.saturating_sub(run.calls.saturating_mul(2));
    Account { events: run.findings.events, calls: run.calls, muted, others, ..Account::default() }
}

/// At the level of effects: calls whose effect the other run has too, those that it has not, and
/// those that have none.
pub(super) fn effects(a: &Run, b: &Run) -> [Account; 2] {
    let sets = [a, b].map(|run| {
        run.deeds.keys().map(|((_, role), deed)| line(run, *role, deed)).collect::<BTreeSet<_>>()
    });
    let of = |side: usize, run: &Run| {
        let mut account = begin(run);
        for (((_, role), deed), (count, _)) in &run.deeds {
            let known = sets[1 - side].contains(&line(run, *role, deed));
            *(if known { &mut account.same } else { &mut account.different }) += count;
        }
        account.unseen =
            account.calls.saturating_sub(account.muted + account.same + account.different);
        account
    };
    [of(0, a), of(1, b)]
}

fn line(run: &Run, role: crate::diff::run::NameId, deed: &crate::diff::run::Deed) -> String {
    format!("{} {} {} {}", run.name(role), deed.op, run.resource(deed), deed.errno)
}

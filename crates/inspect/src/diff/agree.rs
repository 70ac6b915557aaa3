//! Combines several comparisons of the same two things. Differences that only some of them have are
//! unstable and do not fail.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::prune;
use super::report::{Change, Difference};
use super::rule::Rule;
use super::verdict::{Unstable, Verdict};

/// The properties by which two differences are the same.
pub(super) type Identity = (Rule, Change, String, String, Option<String>, Option<String>);
/// What a difference is about: the role and the text.
pub(super) type Subject = (String, String);

pub(super) fn subject(difference: &Difference) -> Subject {
    (difference.role.clone(), difference.what.clone())
}

pub(super) fn identity(difference: &Difference) -> Identity {
    let Difference { rule, change, role, what, before, after, .. } = difference;
    // The count of an exceeded budget varies between runs.
    let (before, after) =
        if *rule == Rule::PolicyBudget { (&None, &None) } else { (before, after) };
    (*rule, *change, role.clone(), what.clone(), before.clone(), after.clone())
}

/// Calls `visit` for every difference and all its consequences.
pub(super) fn for_each<'d>(differences: &'d [Difference], visit: &mut dyn FnMut(&'d Difference)) {
    for difference in differences {
        visit(difference);
        for_each(&difference.consequences, visit);
    }
}

/// Returns the first verdict with the differences that all verdicts have; the others become
/// unstable. `None` if there are no verdicts.
///
/// A value that is the same in all runs of one side and another one in each run of the other side
/// differs, even if it varies there.
#[must_use]
pub fn agree(mut verdicts: Vec<Verdict>) -> Option<Verdict> {
    let of = verdicts.len();
    let mut seen = BTreeMap::<Identity, (Vec<usize>, &Difference)>::new();
    for (at, verdict) in verdicts.iter().enumerate() {
        for_each(&verdict.report.differences, &mut |difference| {
            let (counts, _) =
                seen.entry(identity(difference)).or_insert_with(|| (vec![0; of], difference));
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
        });
    }
    let mut agreed = BTreeMap::new();
    let mut leftover = BTreeMap::new();
    for (identity, (counts, difference)) in seen {
        let least = counts.iter().copied().min().unwrap_or(0);
        let more: Vec<usize> = counts.iter().map(|count| count - least).collect();
        if more.iter().any(|count| *count > 0) {
            leftover.insert(identity.clone(), (more, difference));
        }
        agreed.insert(identity, least);
    }
    agree_on_one_side(&mut agreed, &mut leftover, of);
    let unstable = leftover.into_values().map(|(counts, difference)| Unstable {
        difference: Difference { consequences: Vec::new(), ..difference.clone() },
        seen: counts.iter().filter(|count| **count > 0).count(),
        of,
        side: None,
        runs: [counts.iter().position(|count| *count > 0).unwrap_or(0); 2],
        around: None,
    });
    let unstable = unstable.collect();
    let noise: BTreeSet<String> =
        verdicts.iter().flat_map(|verdict| &verdict.noise).cloned().collect();
    let whole = [0, 1].map(|side: usize| verdicts.iter().all(|v| v.report.sides[side].whole));
    let mut incomparable: Vec<String> = Vec::new();
    for why in verdicts.iter().flat_map(|verdict| &verdict.report.incomparable) {
        if !incomparable.contains(why) {
            incomparable.push(why.clone());
        }
    }
    let mut unseen: Vec<String> =
        verdicts.iter().flat_map(|verdict| &verdict.report.unseen).cloned().collect();
    unseen.sort_unstable();
    unseen.dedup();
    let mut first = if verdicts.is_empty() { return None } else { verdicts.swap_remove(0) };
    (first.unstable, first.noise) = (unstable, noise.into_iter().collect());
    first.report.incomparable = incomparable;
    first.report.unseen = unseen;
    for (side, whole) in first.report.sides.iter_mut().zip(whole) {
        side.whole &= whole;
    }
    first.report.differences = prune(first.report.differences, &mut |difference| {
        let left = agreed.get_mut(&identity(difference));
        left.is_some_and(|left| {
            let wanted = *left > 0;
            *left = left.saturating_sub(1);
            wanted
        })
    });
    first.report.sort();
    Some(first)
}

/// Differences that not all verdicts have, with how often each verdict has them.
type Leftover<'d> = BTreeMap<Identity, (Vec<usize>, &'d Difference)>;

/// Agrees on changes that all verdicts have with another value on one side only.
fn agree_on_one_side(
    agreed: &mut BTreeMap<Identity, usize>,
    leftover: &mut Leftover<'_>,
    of: usize,
) {
    let mut groups = BTreeMap::<(Rule, Subject), Vec<Identity>>::new();
    for identity in leftover.keys().filter(|identity| identity.4.is_some() && identity.5.is_some())
    {
        let (rule, _, role, what, ..) = identity;
        groups.entry((*rule, (role.clone(), what.clone()))).or_default().push(identity.clone());
    }
    for group in groups.into_values() {
        let constant = |value: fn(&Identity) -> &Option<String>| {
            group.iter().all(|one| value(one) == value(&group[0]))
        };
        if !constant(|one| &one.4) && !constant(|one| &one.5) {
            continue;
        }
        let in_each = |at: usize| group.iter().map(|one| leftover[one].0[at]).sum::<usize>();
        let least = (0..of).map(in_each).min().unwrap_or(0);
        let mut left = least;
        for one in &group {
            let first = leftover[one].0[0].min(left);
            left -= first;
            *agreed.entry(one.clone()).or_default() += first;
        }
        if least > 0 {
            group.iter().for_each(|one| _ = leftover.remove(one));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::report::{Report, Side};
    use crate::diff::rule::Severity;
    use crate::diff::run::Environment;

    fn difference(what: &str, consequences: Vec<Difference>) -> Difference {
        Difference {
            consequences,
            ..Difference::new(Rule::FsReadNew, Change::Added, what.to_owned())
        }
    }

    fn verdict(differences: Vec<Difference>) -> Verdict {
        let side = Side {
            log: "x".into(),
            environment: Environment::default(),
            completeness: Vec::new(),
            whole: true,
            events: 0,
            processes: 0,
            findings: crate::Findings::default(),
            logs: Vec::new(),
        };
        let report = Report {
            schema: Report::SCHEMA,
            sides: [side.clone(), side],
            incomparable: Vec::new(),
            unseen: Vec::new(),
            differences,
            made_up: Vec::new(),
            counted_only: Vec::new(),
            accounts: Default::default(),
            times: Vec::new(),
        };
        Verdict::new(report, Severity::Error)
    }

    fn texts(differences: &[Difference]) -> Vec<&str> {
        let mut texts = Vec::new();
        for_each(differences, &mut |difference| texts.push(difference.what.as_str()));
        texts
    }

    #[test]
    fn only_common_differences_are_kept() {
        let left = agree(vec![
            verdict(vec![
                difference("read a", vec![difference("read b", vec![])]),
                difference("read c", vec![]),
            ]),
            verdict(vec![
                difference("read b", vec![]),
                difference("read c", vec![]),
                difference("read d", vec![]),
            ]),
        ]);
        let left = left.unwrap();
        // A consequence of a difference that is dropped stays, at top level.
        assert_eq!(texts(&left.report.differences), ["read b", "read c"]);
        let unstable: Vec<_> =
            left.unstable.iter().map(|u| (u.difference.what.as_str(), u.seen, u.of)).collect();
        assert_eq!(unstable, [("read a", 1, 2), ("read d", 1, 2)]);
    }

    #[test]
    fn repeated_differences_are_counted() {
        let twice = || vec![difference("read a", vec![]), difference("read a", vec![])];
        let left =
            agree(vec![verdict(twice()), verdict(vec![difference("read a", vec![])])]).unwrap();
        assert_eq!((texts(&left.report.differences), left.unstable.len()), (vec!["read a"], 1));
        let left = agree(vec![verdict(twice()), verdict(twice())]).unwrap();
        assert_eq!((left.report.differences.len(), left.unstable.len()), (2, 0));
        assert!(agree(Vec::new()).is_none());
    }

    /// An exit status that varies on one side only differs from that of the other side.
    #[test]
    fn a_value_may_vary_on_one_side() {
        let exit = |before: &str, after: &str| {
            let mut exit = difference("exit", vec![]);
            (exit.rule, exit.change) = (Rule::ExitStatus, Change::Changed);
            (exit.before, exit.after) = (Some(before.to_owned()), Some(after.to_owned()));
            verdict(vec![exit])
        };
        for (verdicts, differences, unstable) in [
            (vec![exit("0", "1"), exit("0", "2"), exit("0", "3")], 1, 0),
            (vec![exit("1", "0"), exit("2", "0")], 1, 0),
            (vec![exit("0", "1"), exit("0", "1")], 1, 0),
            (vec![exit("1", "2"), exit("3", "4")], 0, 2),
            (vec![exit("0", "1"), exit("0", "2"), verdict(vec![])], 0, 2),
        ] {
            let left = agree(verdicts).unwrap();
            let found = (left.report.differences.len(), left.unstable.len());
            assert_eq!(found, (differences, unstable), "{left:#?}");
        }
    }
}

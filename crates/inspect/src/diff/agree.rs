//! Combines several comparisons of the same two things. Differences that only some of them have are
//! unstable and do not fail.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::prune;
use super::report::{Change, Difference};
use super::rule::Rule;
use super::verdict::{Unstable, Verdict};

/// The properties by which two differences are the same.
type Identity = (Rule, Change, String, String, Option<String>, Option<String>);

fn identity(difference: &Difference) -> Identity {
    let Difference { rule, change, role, what, before, after, .. } = difference;
    // The count of an exceeded budget varies between runs.
    let (before, after) =
        if *rule == Rule::PolicyBudget { (&None, &None) } else { (before, after) };
    (*rule, *change, role.clone(), what.clone(), before.clone(), after.clone())
}

/// Calls `visit` for every difference and all its consequences.
fn for_each<'d>(differences: &'d [Difference], visit: &mut dyn FnMut(&'d Difference)) {
    for difference in differences {
        visit(difference);
        for_each(&difference.consequences, visit);
    }
}

/// Returns the first verdict with the differences that all verdicts have; the others become
/// unstable. `None` if there are no verdicts.
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
    let mut unstable = Vec::new();
    for (identity, (counts, difference)) in seen {
        let least = counts.iter().copied().min().unwrap_or(0);
        let more = counts.iter().filter(|count| **count > least).count();
        if more > 0 {
            let difference = Difference { consequences: Vec::new(), ..difference.clone() };
            unstable.push(Unstable { difference, seen: more, of });
        }
        agreed.insert(identity, least);
    }
    let noise: BTreeSet<String> =
        verdicts.iter().flat_map(|verdict| &verdict.noise).cloned().collect();
    let whole = verdicts.iter().all(|verdict| verdict.report.is_whole());
    let mut first = if verdicts.is_empty() { return None } else { verdicts.swap_remove(0) };
    (first.unstable, first.noise) = (unstable, noise.into_iter().collect());
    first.report.sides[1].whole &= whole;
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
        };
        let report = Report {
            schema: Report::SCHEMA,
            sides: [side.clone(), side],
            incomparable: Vec::new(),
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
}

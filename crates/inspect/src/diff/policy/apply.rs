//! Applies a policy to a report.

use std::collections::BTreeMap;

use super::run_rules::RunSteps;
use super::{Date, Exception, Forbidden, Policy};
use crate::diff::Level;
use crate::diff::compare::place;
use crate::diff::effect::{Effect, Op};
use crate::diff::policy::matcher::{RealNames, subject};
use crate::diff::report::{Change, Difference, Report};
use crate::diff::resource::Resource;
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::{Run, Seen, UNFINISHED_NAME};
use crate::diff::verdict::{Excepted, Verdict};

/// What a policy looks at besides the differences.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'r> {
    /// The second run, the one that is judged, read at [`Policy::level`] or above.
    pub run: &'r Run,
    /// The current day.
    pub today: Date,
}

/// Keeps the differences, and consequences of differences, for which `keep` returns true. The
/// consequences of a difference that is dropped take its place.
pub(crate) fn prune(
    differences: Vec<Difference>,
    keep: &mut dyn FnMut(&Difference) -> bool,
) -> Vec<Difference> {
    let mut kept = Vec::with_capacity(differences.len());
    for mut difference in differences {
        let wanted = keep(&difference);
        let following = prune(std::mem::take(&mut difference.consequences), keep);
        if wanted {
            difference.consequences = following;
            kept.push(difference);
        } else {
            kept.extend(fold_creations(following));
        }
    }
    kept
}

/// Whether an exception that takes out a difference also takes out this consequence. Secrets, the
/// network and privileges need an entry of their own.
fn goes_with_its_cause(difference: &Difference) -> bool {
    let family = difference.rule.id().split('.').next();
    !matches!(family, Some("secret" | "net" | "privilege" | "policy"))
}

/// Makes the permissions of new files consequences of the effects that create them.
fn fold_creations(differences: Vec<Difference>) -> Vec<Difference> {
    let (creations, mut rest): (Vec<_>, Vec<_>) =
        differences.into_iter().partition(|one| created(one).is_some());
    for creation in creations {
        let name = created(&creation).unwrap_or_else(Resource::none);
        let makes = rest.iter_mut().find(|one| {
            (&one.role, one.change) == (&creation.role, creation.change)
                && subject(one).is_some_and(|(_, resource, _)| *resource == name)
        });
        match makes {
            Some(makes) => makes.consequences.push(creation),
            None => rest.push(creation),
        }
    }
    rest
}

/// Returns the new file whose permissions a difference is about.
fn created(difference: &Difference) -> Option<Resource> {
    match subject(difference)? {
        (Op::Create, resource, _) if difference.change != Change::Changed => {
            Some(resource.without_asked())
        }
        _ => None,
    }
}

impl Report {
    /// Keeps the differences for which `keep` returns true. The consequences of a difference that
    /// is dropped take its place.
    pub fn retain(&mut self, mut keep: impl FnMut(&Difference) -> bool) {
        self.differences = prune(std::mem::take(&mut self.differences), &mut keep);
        self.sort();
    }
}

impl Policy {
    /// Applies the policy to a report. The gate is the `gate` argument, else the policy's, else
    /// `default_gate`.
    #[must_use]
    pub fn judge(
        &self,
        mut report: Report,
        facts: Facts<'_>,
        gate: Option<Severity>,
        default_gate: Severity,
    ) -> Verdict {
        let real = RealNames::of(facts.run);
        let differences = std::mem::take(&mut report.differences);
        let mut differences = self.report_secrets(differences, real);
        let mut counts = vec![0; self.exceptions.len()];
        differences = self.take_out(differences, facts.today, &mut counts);
        differences.extend(self.forbidden.iter().filter_map(|entry| entry.cannot_match(facts.run)));
        let nothing = self.forbidden.is_empty();
        let effects = if nothing { BTreeMap::new() } else { facts.run.effects() };
        for (effect, seen) in &effects {
            self.report_forbidden(effect, seen, facts.run, &mut differences);
        }
        if self.level() > Level::Effects {
            let steps = RunSteps::new(facts.run);
            differences.extend(self.sequences.iter().filter_map(|sequence| sequence.check(&steps)));
            differences.extend(self.budgets.iter().filter_map(|budget| budget.check(&steps)));
        }
        let calls = self.calls.iter().enumerate();
        differences.extend(calls.filter_map(|(at, rule)| rule.check(facts.run, at)));
        report.differences = differences;
        report.sort();
        let mut verdict = Verdict::new(report, gate.or(self.gate).unwrap_or(default_gate));
        verdict.tolerated = self.tolerated;
        verdict.notices.extend(self.budgets.iter().filter_map(|budget| budget.notice(facts.run)));
        verdict.notices.extend(self.calls.iter().filter_map(|rule| rule.notice(facts.run)));
        for (exception, count) in self.exceptions.iter().zip(counts) {
            let place = self.place(exception.line);
            match (exception.is_active(facts.today), count) {
                (false, _) => verdict.notices.push(format!(
                    "{place}: this {} has expired on {}: renew or remove it",
                    exception.kind,
                    exception.expires.unwrap_or(facts.today)
                )),
                (true, 0) => {
                    verdict.notices.push(format!(
                        "{place}: this {} matches nothing here: remove it if unneeded",
                        exception.kind
                    ));
                }
                (true, count) => verdict.excepted.push(Excepted {
                    kind: exception.kind,
                    place,
                    reason: exception.reason.clone(),
                    count,
                }),
            }
        }
        verdict
    }

    /// Takes out what exceptions match, with what follows from it, and counts that.
    pub(super) fn take_out(
        &self,
        differences: Vec<Difference>,
        today: Date,
        counts: &mut [usize],
    ) -> Vec<Difference> {
        let mut taken = Vec::new();
        let left = prune(differences, &mut |difference| {
            let found = self
                .exceptions
                .iter()
                .position(|exception| exception.is_active(today) && exception.matches(difference));
            let Some(at) = found else { return true };
            counts[at] += 1;
            taken.extend(difference.consequences.iter().map(|follows| (at, follows.clone())));
            false
        });
        if taken.is_empty() {
            return left;
        }
        // What follows has the place of its cause now.
        prune(left, &mut |difference| {
            let place = taken.iter().position(|(_, follows)| follows == difference);
            let goes = place.filter(|_| goes_with_its_cause(difference));
            let Some(place) = goes else { return true };
            let (at, follows) = taken.swap_remove(place);
            counts[at] += 1;
            taken.extend(follows.consequences.into_iter().map(|next| (at, next)));
            false
        })
    }

    /// Whether an effect is ignored in every process, so that a baseline need not contain it.
    pub(crate) fn ignores(&self, effect: &Effect, real: RealNames<'_>, today: Date) -> bool {
        if effect.op == Op::Read && self.is_secret(&effect.resource, real) {
            return false;
        }
        self.exceptions
            .iter()
            .any(|entry| entry.is_active(today) && entry.matcher.matches_effect(effect))
    }

    /// Whether one of the names of a resource is a secret.
    pub(crate) fn is_secret(&self, resource: &Resource, real: RealNames<'_>) -> bool {
        self.secrets.iter().any(|pattern| pattern.matches_any(resource, real))
    }

    /// Turns new reads of secrets into differences of rule `secret.read`, at top level.
    fn report_secrets(&self, differences: Vec<Difference>, real: RealNames<'_>) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut rest = prune(differences, &mut |difference| {
            let read = matches!(
                subject(difference),
                Some((Op::Read, name, "ok" | UNFINISHED_NAME)) if self.is_secret(name, real)
            );
            if read && difference.change == Change::Added {
                let mut secret = difference.clone();
                (secret.rule, secret.severity) = (Rule::SecretRead, Rule::SecretRead.severity());
                secret.consequences.clear();
                found.push(secret);
                return false;
            }
            true
        });
        rest.append(&mut found);
        rest
    }

    /// Reports an effect that is forbidden. Differences about the same effect become its
    /// consequences.
    fn report_forbidden(
        &self,
        effect: &Effect,
        seen: &Seen,
        run: &Run,
        differences: &mut Vec<Difference>,
    ) {
        let Some(entry) = self
            .forbidden
            .iter()
            .filter(|entry| !entry.matcher.matches_as_part(effect))
            .find(|entry| entry.matcher.matches_any_name(effect, RealNames::of(run)))
        else {
            return;
        };
        let ended =
            if effect.result == "ok" { String::new() } else { format!(" {}", effect.result) };
        let what = format!("{} {}{ended}", effect.op, effect.resource);
        let mut same = Vec::new();
        let rest = prune(std::mem::take(differences), &mut |difference| {
            let creates = || created(difference).as_ref() == Some(&effect.resource);
            let is_effect = difference.effect.as_deref() == Some(effect);
            let is_same = is_effect || difference.role == effect.role && creates();
            if is_same {
                same.push(Difference { consequences: Vec::new(), ..difference.clone() });
            }
            !is_same
        });
        *differences = rest;
        differences.push(Difference {
            process: seen
                .processes
                .first()
                .map_or_else(|| effect.role.clone(), |id| place(run, *id)),
            role: effect.role.clone(),
            after: Some(entry.description.clone()),
            effect: Some(Box::new(effect.clone())),
            events: [None, Some(seen.event)],
            consequences: same,
            ..Difference::new(Rule::PolicyForbid, Change::Added, what)
        });
    }
}

impl Difference {
    /// Returns a difference that belongs to no process.
    pub(crate) fn new(rule: Rule, change: Change, what: String) -> Self {
        Self {
            rule,
            severity: rule.severity(),
            change,
            process: "-".to_owned(),
            role: "-".to_owned(),
            what,
            before: None,
            after: None,
            without_secrets: None,
            effect: None,
            content: Vec::new(),
            events: [None, None],
            consequences: Vec::new(),
        }
    }
}

impl Forbidden {
    /// Returns a difference if the entry names a directory that the run does not have: a ban that
    /// can match nothing must not pass in silence.
    fn cannot_match(&self, run: &Run) -> Option<Difference> {
        let pattern = self.matcher.resource.as_ref()?;
        let missing = pattern.roots().find(|root| !run.roots.has(root))?;
        Some(Difference {
            after: Some(format!("the run has no ${missing}, so the entry can match nothing")),
            ..Difference::new(Rule::PolicyForbid, Change::Changed, self.description.clone())
        })
    }
}

impl Exception {
    /// Whether the entry takes a difference out. Only an entry that names the rule `secret.read`
    /// takes out reads of secrets: one that ignores reads in general does not mean those.
    fn matches(&self, difference: &Difference) -> bool {
        let secret =
            difference.rule == Rule::SecretRead && !self.matcher.names_rule(Rule::SecretRead);
        !secret && self.matcher.matches(difference)
    }

    /// Whether the entry has not expired.
    fn is_active(&self, today: Date) -> bool {
        self.expires.is_none_or(|last| today <= last)
    }
}

//! Compares a run with a baseline. The baseline is turned into an expected run: the same processes
//! with the expected effects. So runs and baselines are compared by the same code, which also finds
//! the consequences.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::versions::in_version;
use super::{Evidence, Variant, without_secrets};
use crate::diff::compare::{compare, replace_numbers};
use crate::diff::effect::{Effect, Op};
use crate::diff::report::{Account, Change, Difference, Report};
use crate::diff::resource::{Name, Resource};
use crate::diff::rule::Rule;
use crate::diff::run::{End, NameId, Operation, Run, Seen, UNFINISHED, UNFINISHED_NAME};
use crate::diff::{Level, Options};
use crate::state::ProcessId;
use crate::{Error, LogFile};

/// The result of comparing a run with a baseline.
#[derive(Debug)]
pub struct Compared {
    /// The differences; the baseline is the first side.
    pub report: Report,
    /// The run, with generated names replaced by the templates of the baseline.
    pub run: Run,
    /// Learned noise that occurred again, with its evidence.
    pub noise: Vec<String>,
}

impl Variant {
    /// Compares the effects of a log with the baseline, which was read from `path`. The log is read
    /// at the level of the options, which a policy may need. The caller has checked that the
    /// surroundings match.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn compare(
        &self,
        path: &Path,
        log: &LogFile,
        options: &Options,
    ) -> Result<Compared, Error> {
        let read = |level| crate::diff::read(log, level, options);
        let (mut run, mut expected) = (read(options.level)?, read(Level::Effects)?);
        let text = self.to_string();
        let known: BTreeSet<&str> = text.split([' ', '\n']).collect();
        replace_numbers(&mut run, &|name, _| known.contains(name));
        let (actual, noise) = self.recognize(self.known_kinds(run.effects()));
        let roles = roles(&run);
        let expected_effects = self.expected_effects(&actual);
        let known: BTreeMap<Effect, Seen> = expected_effects
            .into_iter()
            .map(|effect| {
                let process = roles.get(effect.role.as_str()).copied().unwrap_or(ProcessId::NONE);
                let seen = actual.get(&effect).cloned();
                (
                    effect,
                    seen.unwrap_or_else(|| Seen { count: 1, event: 0, processes: vec![process] }),
                )
            })
            .collect();
        set_effects(&mut run, &actual);
        set_effects(&mut expected, &known);
        let missing = set_expected_ends(&run, &mut expected, &known);
        let options = Options { level: Level::Effects, ..options.clone() };
        let mut report = compare(&mut expected, &mut run, &options);
        report.differences.extend(missing);
        report.differences = fold_programs(report.differences, &actual, &known);
        self.set_first_side(path, &mut report);
        report.sort();
        Ok(Compared { report, run, noise })
    }

    /// Returns the baseline with the differences of the report accepted: missing effects are
    /// removed, new ones added.
    #[must_use]
    pub fn accepting(&self, report: &Report, run: &Run) -> Self {
        let mut texts = BTreeSet::new();
        collect_texts(&report.differences, &mut texts);
        let mut variant = self.clone();
        let learned = &mut variant.learned;
        let (actual, _) = self.recognize(self.known_kinds(run.effects()));
        let differs = |effect: &Effect| {
            let ended =
                if effect.result == "ok" { String::new() } else { format!(" {}", effect.result) };
            let what = if effect.op == Op::Exit {
                "exit".to_owned()
            } else {
                format!("{} {}", effect.op, effect.resource)
            };
            texts.contains(&(effect.role.clone(), format!("{what}{ended}")))
                || texts.contains(&(effect.role.clone(), what))
        };
        learned.always.retain(|effect| actual.contains_key(effect) || !differs(effect));
        learned.firm.retain(|effect, _| actual.contains_key(effect) || !differs(effect));
        let known = self.expected_effects(&actual);
        learned
            .always
            .extend(actual.into_keys().filter(|effect| !known.contains(effect) && differs(effect)));
        variant
    }

    /// Returns the effects as the version of the baseline tells them apart.
    fn known_kinds(&self, effects: BTreeMap<Effect, Seen>) -> BTreeMap<Effect, Seen> {
        let mut known = BTreeMap::<Effect, Seen>::new();
        for (effect, seen) in effects {
            let effect = without_secrets(effect);
            let Some(effect) = in_version(self.effects, effect) else { continue };
            match known.get_mut(&effect) {
                Some(all) => all.add(&seen),
                None => _ = known.insert(effect, seen),
            }
        }
        known
    }

    /// Returns the effects with generated names replaced by templates, and the lines of noise among
    /// them.
    fn recognize(&self, effects: BTreeMap<Effect, Seen>) -> (BTreeMap<Effect, Seen>, Vec<String>) {
        let learned = &self.learned;
        let mut actual = BTreeMap::<Effect, Seen>::new();
        let mut noise = BTreeSet::new();
        let line = |sign, evidence: &Evidence, what: &dyn std::fmt::Display| {
            format!("{sign} {evidence} {what}")
        };
        for (effect, seen) in effects {
            let known = learned.always.contains(&effect) || learned.firm.contains_key(&effect);
            let template =
                learned.templates.iter().find(|(template, _)| !known && template.matches(&effect));
            if let Some(evidence) = learned.sometimes.get(&effect) {
                noise.insert(line('?', evidence, &effect));
            }
            let name = match template {
                Some((template, evidence)) => {
                    noise.insert(line('~', evidence, template));
                    template.effect().clone()
                }
                None => effect,
            };
            match actual.get_mut(&name) {
                Some(all) => all.add(&seen),
                None => _ = actual.insert(name, seen),
            }
        }
        (actual, noise.into_iter().collect())
    }

    /// Returns the expected effects: those of every run, and those of some runs that occurred.
    fn expected_effects(&self, actual: &BTreeMap<Effect, Seen>) -> BTreeSet<Effect> {
        let learned = &self.learned;
        let sometimes =
            learned.sometimes.keys().chain(learned.templates.keys().map(super::Template::effect));
        let there = sometimes.filter(|effect| actual.contains_key(*effect));
        learned.always.iter().chain(learned.firm.keys()).chain(there).cloned().collect()
    }

    /// Makes the baseline the first side of the report instead of the expected run.
    fn set_first_side(&self, path: &Path, report: &mut Report) {
        let side = &mut report.sides[0];
        side.log = path.display().to_string();
        side.environment = self.key.environment.clone();
        (side.whole, side.events, side.processes) = (true, 0, 0);
        // A baseline has no calls, and so none that are only counted.
        for counted_only in &mut report.counted_only {
            counted_only.calls[0] = 0;
        }
        report.accounts[0] = Account::default();
        remove_first_events(&mut report.differences);
    }
}

/// Folds everything that a program does on one side only into its execution there.
fn fold_programs(
    differences: Vec<Difference>,
    actual: &BTreeMap<Effect, Seen>,
    known: &BTreeMap<Effect, Seen>,
) -> Vec<Difference> {
    let roles = |effects: &BTreeMap<Effect, Seen>| -> BTreeSet<String> {
        effects.keys().map(|effect| effect.role.clone()).collect()
    };
    let (here, there) = (roles(actual), roles(known));
    let alone = |difference: &Difference| match difference.change {
        Change::Added => !there.contains(&difference.role),
        Change::Removed => !here.contains(&difference.role),
        Change::Changed => false,
    };
    let (follow, mut rest): (Vec<_>, Vec<_>) = differences.into_iter().partition(alone);
    for difference in follow {
        let rule = if difference.change == Change::Added { Rule::ExecNew } else { Rule::ExecGone };
        let executes = |cause: &&mut Difference| {
            let program = cause.effect.as_ref().map(|effect| effect.resource.subject.as_str());
            let program = program.unwrap_or(&cause.what).rsplit('/').next();
            cause.rule == rule && program == Some(&*difference.role)
        };
        match rest.iter_mut().find(executes) {
            Some(cause) => cause.consequences.push(difference),
            None => rest.push(difference),
        }
    }
    for cause in &mut rest {
        let key = |one: &Difference| {
            (std::cmp::Reverse(one.gravest()), one.rule, one.change, one.what.clone())
        };
        cause.consequences.sort_by_cached_key(key);
    }
    rest
}

/// Removes events on the side of the baseline.
fn remove_first_events(differences: &mut [Difference]) {
    for difference in differences {
        difference.events[0] = None;
        if difference.process.is_empty() {
            difference.process.clone_from(&difference.role);
        }
        remove_first_events(&mut difference.consequences);
    }
}

/// Collects role and text of all differences.
fn collect_texts(differences: &[Difference], texts: &mut BTreeSet<(String, String)>) {
    for difference in differences {
        texts.insert((difference.role.clone(), difference.what.clone()));
        collect_texts(&difference.consequences, texts);
    }
}

/// Returns the first process of each role.
fn roles(run: &Run) -> BTreeMap<&str, ProcessId> {
    let mut roles = BTreeMap::new();
    for (id, process) in (0..).map(ProcessId).zip(&run.processes) {
        let own = process.images.iter().map(|image| image.role.as_str());
        for role in own.chain([process.inherited.as_str()]) {
            roles.entry(role).or_insert(id);
        }
    }
    roles
}

/// Replaces the effects of a run.
fn set_effects(run: &mut Run, effects: &BTreeMap<Effect, Seen>) {
    // Generated names have become templates: none is left to match.
    run.created.clear();
    run.operations.clear();
    let mut ids = BTreeMap::<Name, NameId>::new();
    let mut names = std::mem::take(&mut run.names);
    let mut id = |name: &Name| {
        *ids.entry(name.clone()).or_insert_with(|| {
            names.push(name.clone());
            NameId(u32::try_from(names.len() - 1).unwrap_or(0))
        })
    };
    for (effect, seen) in effects.iter().filter(|(effect, _)| effect.op != Op::Exit) {
        let Resource { subject, to, asked } = &effect.resource;
        let first = id(subject);
        let [to, asked] = [to, asked].map(|name| name.as_ref().map(&mut id).unwrap_or_default());
        let (second, grants) = match effect.op {
            Op::Durability | Op::Flags => (to, asked),
            Op::Rename | Op::Link | Op::Symlink => (to, NameId::default()),
            _ => (asked, NameId::default()),
        };
        let operation = Operation {
            op: effect.op,
            first,
            second,
            grants,
            errno: errno(&effect.result),
            effect: true,
            ..Operation::default()
        };
        let role = id(&Name::word(&effect.role));
        for (at, process) in seen.processes.iter().enumerate() {
            let count = if at == 0 { seen.count } else { 0 };
            run.operations.insert(((*process, role), operation), (count, seen.event));
        }
    }
    run.names = names;
}

fn errno(result: &str) -> u16 {
    /// More than any kernel uses (MAX_ERRNO, include/linux/err.h).
    const MOST: u16 = 4095;
    match result.strip_prefix("errno-") {
        Some(number) => number.parse().unwrap_or(MOST),
        None if result == "ok" => 0,
        None if result == UNFINISHED_NAME => UNFINISHED,
        None => (1..=MOST)
            .find(|n| sysreel_abi::errno_name((*n).into()) == Some(result))
            .unwrap_or(MOST),
    }
}

/// Sets the expected end of each process whose end is not in the baseline. Returns differences for
/// ends in the baseline that did not occur.
fn set_expected_ends(
    run: &Run,
    expected: &mut Run,
    known: &BTreeMap<Effect, Seen>,
) -> Vec<Difference> {
    let mut expected_results = BTreeMap::<&str, BTreeSet<&str>>::new();
    for effect in known.keys().filter(|effect| effect.op == Op::Exit) {
        expected_results.entry(&effect.role).or_default().insert(&effect.result);
    }
    let mut actual_results = BTreeMap::<&str, BTreeSet<String>>::new();
    let mut changed = BTreeSet::new();
    for (process, expected) in run.processes.iter().zip(&mut expected.processes) {
        let Some(result) = process.end.result() else { continue };
        let role = process.role();
        if let Some(results) = expected_results.get(role)
            && !results.contains(result.as_str())
            && let Some(end) = results.first().and_then(|result| parse_end(result))
        {
            expected.end = end;
            changed.insert(role);
        }
        actual_results.entry(role).or_default().insert(result);
    }
    let mut missing = Vec::new();
    for (role, results) in expected_results {
        let Some(did) = actual_results.get(role).filter(|_| !changed.contains(role)) else {
            continue;
        };
        if results.iter().all(|result| did.contains(*result)) {
            continue;
        }
        let signal = results.iter().any(|result| matches!(parse_end(result), Some(End::Signal(_))));
        let rule = if signal { Rule::ExitSignal } else { Rule::ExitStatus };
        missing.push(Difference {
            process: role.to_owned(),
            role: role.to_owned(),
            before: Some(results.into_iter().collect::<Vec<_>>().join(", ")),
            after: Some(did.iter().cloned().collect::<Vec<_>>().join(", ")),
            effect: Some(Box::new(Effect {
                role: role.to_owned(),
                op: Op::Exit,
                resource: Resource::none(),
                result: "ok".to_owned(),
            })),
            ..Difference::new(rule, Change::Changed, "exit".to_owned())
        });
    }
    missing
}

/// Parses the result of an exit.
fn parse_end(result: &str) -> Option<End> {
    if let Ok(status) = result.parse() {
        return Some(End::Exited(status));
    }
    /// `_NSIG`, the same on all supported architectures.
    const MOST: u32 = 64;
    let number = result.strip_prefix("signal-").and_then(|number| number.parse().ok());
    number
        .or_else(|| {
            (1..=MOST)
                .find(|n| i32::try_from(*n).ok().and_then(sysreel_abi::signal_name) == Some(result))
        })
        .map(End::Signal)
}

//! Differences in what the first program of each run has from outside of it.

use std::collections::{BTreeMap, BTreeSet};

use super::Found;
use super::inherited::LOADING;
use crate::diff::mask::hashed_variable;
use crate::diff::report::Change;
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::{Inherited, Run};

/// The variables of the environment that load no code, in a report.
const ENVIRONMENT: &str = "environment";
/// Those that load code.
const LOADS_CODE: &str = "environment that loads code";

/// What is told as one: its name in a report, and how much it matters.
type Kind = (&'static str, Severity);

pub(super) fn differences(a: &Run, b: &Run) -> Vec<Found> {
    let sides = [a, b].map(words);
    let kinds: BTreeSet<&Kind> = sides.iter().flat_map(BTreeMap::keys).collect();
    let none = BTreeSet::new();
    kinds.into_iter().filter_map(|kind| difference(kind, &sides, &none)).collect()
}

fn difference(
    kind: &Kind,
    sides: &[BTreeMap<Kind, BTreeSet<&str>>; 2],
    none: &BTreeSet<&str>,
) -> Option<Found> {
    let (what, severity) = *kind;
    let [olds, news] = [0, 1].map(|side: usize| sides[side].get(kind).unwrap_or(none));
    // A log that does not have all of it, as of a program that was attached to, has none.
    let is_known = |side: &BTreeMap<Kind, BTreeSet<&str>>| {
        what != ENVIRONMENT && what != LOADS_CODE
            || side.keys().any(|(what, _)| *what == ENVIRONMENT)
    };
    let [olds, news] = match what {
        "rights" => [known_to(olds, news), known_to(news, olds)],
        _ => [olds.clone(), news.clone()],
    };
    let is_part = matches!(what, "rights" | "umask") && (olds.is_empty() || news.is_empty());
    if olds == news || is_part || !sides.iter().all(is_known) {
        return None;
    }
    let only = |own: &BTreeSet<&str>, others: &BTreeSet<&str>, show: fn(&str) -> String| {
        let words = own.difference(others).copied();
        let words = if what == "rights" { by_name(words) } else { words.map(show).collect() };
        if words.is_empty() { "-".to_owned() } else { words.join(" ") }
    };
    let mut found = Found::new(Rule::RunState, Change::Changed, "-", what.to_owned());
    found.difference.severity = severity;
    let shown = |show| [only(&olds, &news, show), only(&news, &olds, show)];
    [found.difference.before, found.difference.after] = shown(str::to_owned).map(Some);
    if what == ENVIRONMENT || what == LOADS_CODE {
        found.difference.without_secrets = Some(Box::new(shown(hashed_variable)));
    }
    Some(found)
}

/// Returns the words of a side, `NAME=VALUE`, whose name the other side has too.
fn known_to<'a>(words: &BTreeSet<&'a str>, others: &BTreeSet<&str>) -> BTreeSet<&'a str> {
    let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = others.iter().map(|word| name(word)).collect();
    words.iter().copied().filter(|word| names.contains(&name(word))).collect()
}

/// Joins the values of words `NAME=VALUE` of one name: `effective=CAP_CHOWN,CAP_KILL`.
fn by_name<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut all = BTreeMap::<&str, Vec<&str>>::new();
    for (name, value) in words.filter_map(|word| word.split_once('=')) {
        all.entry(name).or_default().push(value);
    }
    all.into_iter().map(|(name, values)| format!("{name}={}", values.join(","))).collect()
}

fn words(run: &Run) -> BTreeMap<Kind, BTreeSet<&str>> {
    let mut words = BTreeMap::<Kind, BTreeSet<&str>>::new();
    for (what, name) in &run.given {
        let name = run.name(*name);
        words.entry(kind(*what, name)).or_default().insert(name);
    }
    words
}

fn kind(what: Inherited, name: &str) -> Kind {
    let variable = name.split('=').next().unwrap_or_default();
    match what {
        Inherited::Rights => ("rights", Severity::Warn),
        Inherited::Umask => ("umask", Severity::Note),
        Inherited::Ignores | Inherited::Heeds => ("ignored signals", Severity::Note),
        Inherited::Open => ("open files", Severity::Info),
        // What is found in another place is executed from there, which shows.
        Inherited::Variable if LOADING.contains(&variable) && variable != "PATH" => {
            (LOADS_CODE, Severity::Note)
        }
        Inherited::Variable | Inherited::Unset | Inherited::Directory => {
            (ENVIRONMENT, Severity::Info)
        }
    }
}

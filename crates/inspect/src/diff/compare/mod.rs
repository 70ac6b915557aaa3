//! Compares two runs.

mod account;
mod attribution;
mod code;
mod command_line;
mod content_diff;
mod contents;
mod dates;
mod directories;
mod effects;
mod found;
mod generated_names;
mod given;
mod inherited;
mod numbers;
mod pairing;
mod places;
mod processes;
mod programs;
mod repetitions;
mod requested;
mod sequences;
mod timing;

use sysreel_format::Completeness;

use super::report::{Change, Report};
use super::rule::Rule;
use super::run::Run;
use super::{Level, Options};

pub(crate) use generated_names::constant_names;

pub(crate) use found::{Found, place};
pub(crate) use numbers::replace_numbers;
pub(crate) use pairing::Pairing;

/// Compares two runs. Names with pids and names that the runs made up are given a common name
/// first, which changes both runs.
#[must_use]
pub fn compare(a: &mut Run, b: &mut Run, options: &Options) -> Report {
    numbers::match_numbers(a, b);
    let made_up = generated_names::match_generated_names(a, b, &options.constant);
    let (a, b) = (&*a, &*b);
    let pairing = Pairing::new(a, b);
    let mut found = processes::differences(a, b, &pairing);
    effects::differences(a, b, &mut found);
    found.extend(marks(a, b));
    found.extend(surroundings(a, b));
    found.extend(given::differences(a, b));
    let mut accounts = account::effects(a, b);
    if options.level >= Level::Sequence {
        accounts = sequences::differences(a, b, &pairing, &mut found);
    }
    if options.level >= Level::Fields {
        contents::differences(a, b, &pairing, &mut found);
    }
    let times = if options.level >= Level::Timing { timing::times(a, b) } else { Vec::new() };
    found.extend(timing::differences(&times));
    repetitions::remove_repetitions(&mut found);
    let differences = attribution::fold_consequences(a, b, found);
    let incomparable = incomparable(a, b, options);
    let unseen = unseen(a, b, options);
    Report { made_up, unseen, ..Report::new(a, b, incomparable, differences, accounts, times) }
}

/// Returns the reasons why two runs cannot be compared. What one log does not record must not count
/// as a difference.
fn incomparable(a: &Run, b: &Run, options: &Options) -> Vec<String> {
    let mut why = Vec::new();
    let forbidding = [Completeness::STRUCTS_ONLY, Completeness::FILTERED, Completeness::NO_NAMES];
    for word in forbidding {
        let recorded = [a, b].map(|run| run.completeness.contains(word));
        let (name, which) = (word.to_string(), if recorded[0] { "first" } else { "second" });
        if recorded[0] != recorded[1] {
            why.push(format!(
                "only the {which} log was recorded with: {name}; record both with the same options"
            ));
        }
    }
    if a.completeness.contains(Completeness::STRUCTS_ONLY) {
        why.push(
            "the logs contain no memory, and so no names; record both without --capture-limit 0"
                .into(),
        );
    }
    if !options.allow_incomplete {
        let unseen = unseen_effects(a, b).into_iter();
        why.extend(unseen.map(|what| format!("{what}; --allow-incomplete compares the rest")));
    }
    if a.environment != b.environment && !options.allow_env_drift {
        why.push(format!(
            "the surroundings differ: {} and {}; --allow-env-drift compares them anyway",
            a.environment, b.environment
        ));
    }
    why
}

/// Returns what was not compared, although the runs were: what neither log has.
fn unseen(a: &Run, b: &Run, options: &Options) -> Vec<String> {
    let left_out = [
        (Completeness::FILTERED, "the logs have only some system calls (--only)"),
        (Completeness::NO_NAMES, "the logs have no names of descriptors (--no-names)"),
    ];
    let both = |word| [a, b].iter().all(|run| run.completeness.contains(word));
    let left_out = left_out.into_iter().filter(|(word, _)| both(*word));
    let mut unseen: Vec<String> = left_out.map(|(_, what)| what.to_owned()).collect();
    if options.allow_incomplete {
        unseen.extend(unseen_effects(a, b));
    }
    unseen
}

/// Returns what the programs did without a trace in the logs, so that effects may be missing.
fn unseen_effects(a: &Run, b: &Run) -> Vec<String> {
    const UNSEEN: [(Completeness, &str); 4] = [
        (Completeness::IO_URING, "used io_uring, whose operations are no system calls"),
        (Completeness::UNTRACED_CLONE, "made a task that was not recorded (CLONE_UNTRACED)"),
        (
            Completeness::UNRECORDED,
            "had tasks that another program traced in the meantime; \
            record with --refuse-tracers",
        ),
        (Completeness::DETACHED, "went on after the recorder had detached from it"),
    ];
    UNSEEN
        .into_iter()
        .filter_map(|(word, what)| {
            let which = match [a, b].map(|run| run.completeness.contains(word)) {
                [true, true] => "both programs",
                [true, false] => "the first program",
                [false, true] => "the second program",
                [false, false] => return None,
            };
            Some(format!("{which} {what}"))
        })
        .collect()
}

/// Returns differences between the logs themselves: their surroundings and their completeness.
fn surroundings(a: &Run, b: &Run) -> Vec<Found> {
    let mut found = Vec::new();
    let whole = [a, b].map(|run| run.findings.is_whole());
    if whole[0] != whole[1] {
        let change = if whole[0] { Change::Added } else { Change::Removed };
        let one = Found::new(Rule::RunIncomplete, change, "-", "the log is not whole".to_owned());
        found.push(one);
    }
    if a.environment != b.environment {
        let mut one = Found::new(Rule::EnvDrift, Change::Changed, "-", "surroundings".to_owned());
        one.difference.before = Some(a.environment.to_string());
        one.difference.after = Some(b.environment.to_string());
        found.push(one);
    }
    found
}

/// Returns differences for marks that one run sets more often.
fn marks(a: &Run, b: &Run) -> Vec<Found> {
    let mut counts = std::collections::BTreeMap::<&str, [usize; 2]>::new();
    for (side, run) in [a, b].into_iter().enumerate() {
        for mark in &run.marks {
            counts.entry(&mark.name).or_default()[side] += 1;
        }
    }
    let event = |run: &Run, name: &str| {
        run.marks.iter().find(|mark| mark.name == name).map(|mark| mark.event)
    };
    counts
        .into_iter()
        .filter(|(_, count)| count[0] != count[1])
        .map(|(name, count)| {
            let change = match count {
                [0, _] => Change::Added,
                [_, 0] => Change::Removed,
                _ => Change::Changed,
            };
            let mut found = Found::new(Rule::MarkChanged, change, "-", name.to_owned());
            found.difference.before = Some(format!("{} times", count[0]));
            found.difference.after = Some(format!("{} times", count[1]));
            found.difference.events = [event(a, name), event(b, name)];
            found
        })
        .collect()
}

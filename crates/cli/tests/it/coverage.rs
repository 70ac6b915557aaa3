//! Which rows of the table the fixture programs exercise, on success and on error.
//! fixtures/programs/COVERAGE lists those that they do not, each with a reason. The list must be
//! exact.
//!
//! `cargo test -p sysreel-cli --test it -- coverage --nocapture` prints the numbers and the names.

use crate::fixtures::PROGRAMS;
use crate::program::{folder, program};
use crate::stage::{Stage, is_root};
use crate::statements::{Claim, Shape, parse};
use crate::stops::{Stop, What};
use crate::{claims, reading};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use sysreel_abi::{Abi, ArgKind, CallKind, Row, number};

/// The ABIs that current machines can run.
const ABIS: [Abi; 2] = [Abi::X86_64, Abi::I386];
/// How a program remarks that this machine lacks something.
const LACKS: &str = "# lacks ";
const ENOSYS: i64 = 38;

#[test]
fn coverage_matches_the_list() {
    let list = listed(&std::fs::read_to_string(folder().join("COVERAGE")).unwrap()).unwrap();
    // A condition that machine_has.c does not know would seem to hold on every machine.
    let probes = std::fs::read_to_string(folder().join("machine_has.c")).unwrap();
    for thing in list.values().filter_map(|when| when.without.as_ref()) {
        assert!(
            probes.contains(&format!("puts(\"{thing}\")")),
            "machine_has.c has no probe for {thing}"
        );
    }
    let mut problems = Vec::new();
    if is_root() {
        problems.extend(judge(Who::Root, &measure(|_| Stage::new()), &list));
        problems.extend(judge(Who::User, &measure(Stage::unprivileged), &list));
    } else {
        problems.extend(judge(Who::User, &measure(|_| Stage::new()), &list));
    }
    assert!(
        problems.is_empty(),
        "fixtures/programs/COVERAGE is not true:\n{}",
        problems.join("\n")
    );
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Success,
    Error,
}

/// A row of an ABI, and an outcome.
type Case = (Abi, &'static str, Outcome);

/// What the programs showed, taken together.
#[derive(Default)]
struct Measured {
    seen: BTreeSet<Case>,
    /// The cases that a program also states, so that the log is checked for them.
    stated: BTreeSet<Case>,
    /// Calls that this kernel does not have.
    absent: BTreeSet<(Abi, &'static str)>,
    lacks: BTreeSet<String>,
    /// What this machine has and others may lack.
    has: BTreeSet<String>,
}

/// The cases that are not exercised, each with its condition.
type Listed = BTreeMap<Case, When>;

/// When a case is not exercised.
#[derive(Debug, Clone, PartialEq, Eq)]
struct When {
    /// Only when the tests do not run as root.
    as_user: bool,
    /// Only when the machine lacks this (machine_has.c).
    without: Option<String>,
}

impl When {
    fn holds(&self, who: Who, has: &BTreeSet<String>) -> bool {
        (who == Who::User || !self.as_user)
            && self.without.as_ref().is_none_or(|thing| !has.contains(thing))
    }
}

/// The user that the programs run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Root,
    User,
}

fn measure(stage: impl Fn(&crate::program::Program) -> Stage) -> Measured {
    let machine = program("machine_has");
    let asked = stage(&machine).bare(&machine);
    assert!(asked.ended(&machine.end), "machine_has: {}, {}", asked.status, asked.stderr);
    let has = String::from_utf8(asked.stdout).unwrap().lines().map(str::to_owned).collect();
    let mut measured = Measured { has, ..Measured::default() };
    for name in PROGRAMS {
        let program = program(name);
        let stage = stage(&program);
        let run = stage.record(&program, &["--capture-limit", "0"]);
        if run.skipped() {
            measured.lacks.insert(format!("{name}: {}", run.statements.trim_end()));
        }
        measured.lacks.extend(
            run.statements.lines().filter_map(|line| line.strip_prefix(LACKS)).map(str::to_owned),
        );
        measured.note_statements(&run.statements);
        measured.note_log(&reading::read(&stage.printed("raw")));
    }
    let Measured { seen, absent, .. } = &mut measured;
    let answers = |abi, name| {
        [Outcome::Success, Outcome::Error].into_iter().any(|o| seen.contains(&(abi, name, o)))
    };
    absent.retain(|(abi, name)| !answers(*abi, *name));
    measured
}

impl Measured {
    fn note_log(&mut self, stops: &[Stop]) {
        let mut tasks: BTreeMap<u32, Vec<&Stop>> = BTreeMap::new();
        for stop in stops {
            tasks.entry(stop.tid).or_default().push(stop);
        }
        for stops in tasks.values() {
            for (at, stop) in stops.iter().enumerate() {
                let What::Entry(call) = &stop.what else { continue };
                let Some((abi, row)) = call.name.as_deref().and_then(|name| row(&call.arch, name))
                else {
                    continue;
                };
                match claims::exit_of(stops, at).map(|exit| &stops[exit].what) {
                    Some(What::Exit { rval, error, .. }) => self.note(abi, row, *rval, *error),
                    _ if matches!(row.result, ArgKind::Never) => {
                        _ = self.seen.insert((abi, row.name, Outcome::Success))
                    }
                    _ => {}
                }
            }
        }
    }

    fn note(&mut self, abi: Abi, row: &'static Row, rval: i64, error: bool) {
        if error && rval == -ENOSYS {
            self.absent.insert((abi, row.name));
        } else {
            self.seen.insert((abi, row.name, outcome(row, error)));
        }
    }

    fn note_statements(&mut self, text: &str) {
        let statements = parse(text).unwrap();
        let mut open = BTreeMap::new();
        for statement in &statements {
            match &statement.claim {
                Claim::Stop(who, Shape::Entry { name: Some(name), arch, .. }) => {
                    open.insert(format!("{who:?}"), row(arch.as_deref().unwrap_or("x86_64"), name));
                }
                Claim::Stop(who, Shape::Exit { rval, error, .. }) => {
                    let error = error.unwrap_or((-4095..0).contains(rval));
                    if let Some((abi, row)) = open.remove(&format!("{who:?}")).flatten() {
                        self.stated.insert((abi, row.name, outcome(row, error)));
                    }
                }
                _ => {}
            }
        }
    }

    fn count(&self, set: &BTreeSet<Case>, abi: Abi, outcome: Outcome) -> usize {
        set.iter().filter(|(a, _, o)| (*a, *o) == (abi, outcome)).count()
    }
}

/// The register that a signal handler's return restores may look like an error and is none.
fn outcome(row: &Row, error: bool) -> Outcome {
    if error && row.kind != CallKind::SigReturn { Outcome::Error } else { Outcome::Success }
}

fn row(arch: &str, name: &str) -> Option<(Abi, &'static Row)> {
    let abi = ABIS.into_iter().find(|abi| abi.name() == arch)?;
    rows(abi).find(|row| row.name == name).map(|row| (abi, row))
}

fn rows(abi: Abi) -> impl Iterator<Item = &'static Row> {
    number::calls(abi).filter_map(|(_, _, row)| row)
}

/// Returns the lines that the list has too many or too few for this user.
fn judge(who: Who, measured: &Measured, list: &Listed) -> Vec<String> {
    let mut problems = Vec::new();
    eprintln!("as {who}, on a machine with {:?}:", measured.has);
    for abi in ABIS {
        report(measured, abi);
        if measured.count(&measured.seen, abi, Outcome::Success) == 0 {
            crate::stage::skipped(&format!("this machine makes no calls of {abi}"));
            continue;
        }
        for row in rows(abi).filter(|row| !measured.absent.contains(&(abi, row.name))) {
            for outcome in [Outcome::Success, Outcome::Error] {
                let case = (abi, row.name, outcome);
                let listed = list.get(&case).is_some_and(|when| when.holds(who, &measured.has));
                match (measured.seen.contains(&case), listed) {
                    (true, true) => problems
                        .push(format!("as {who}, {abi} {outcome} of {} is exercised", row.name)),
                    // A machine that lacks something exercises fewer cases.
                    (false, false) if measured.lacks.is_empty() => {
                        problems.push(format!(
                            "as {who}, {abi} {outcome} of {} is not exercised",
                            row.name
                        ));
                    }
                    _ => {}
                }
            }
        }
    }
    measured.lacks.iter().for_each(|what| eprintln!("this machine lacks {what}"));
    problems
}

fn report(measured: &Measured, abi: Abi) {
    let (seen, stated) = (&measured.seen, &measured.stated);
    eprintln!(
        "  {abi}: {} rows, exercised on success {} (stated {}), on error {} (stated {})",
        rows(abi).count(),
        measured.count(seen, abi, Outcome::Success),
        measured.count(stated, abi, Outcome::Success),
        measured.count(seen, abi, Outcome::Error),
        measured.count(stated, abi, Outcome::Error),
    );
    let without = |what: &dyn Fn(&Row) -> bool| {
        rows(abi).filter(|row| what(row)).map(|row| row.name).collect::<Vec<_>>().join(" ")
    };
    let has = |row: &Row, outcome| seen.contains(&(abi, row.name, outcome));
    eprintln!("    not on success: {}", without(&|row| !has(row, Outcome::Success)));
    eprintln!("    not on error: {}", without(&|row| !has(row, Outcome::Error)));
    eprintln!(
        "    not in this kernel: {}",
        without(&|row| measured.absent.contains(&(abi, row.name)))
    );
}

/// Parses the list: headings `ABI OUTCOME [as user] [without THING]: REASON`, each followed by
/// indented names.
fn listed(text: &str) -> Result<Listed, String> {
    let mut list = Listed::new();
    let mut heading = None;
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |why: &str| format!("COVERAGE, line {number}: {why}: {line:?}");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            heading = Some(parse_heading(line).ok_or_else(|| wrong("no heading"))?);
            continue;
        }
        let (abi, outcome, when) =
            heading.as_ref().ok_or_else(|| wrong("names without a heading"))?;
        for name in line.split_whitespace() {
            let (_, row) =
                row(abi.name(), name).ok_or_else(|| wrong(&format!("{abi} has no row {name}")))?;
            if list.insert((*abi, row.name, *outcome), when.clone()).is_some() {
                return Err(wrong(&format!("duplicate {name}")));
            }
        }
    }
    Ok(list)
}

fn parse_heading(line: &str) -> Option<(Abi, Outcome, When)> {
    let (what, reason) = line.split_once(": ")?;
    let words: Vec<_> = what.split(' ').collect();
    let [abi, outcome, ref when @ ..] = words[..] else { return None };
    let (as_user, without) = match *when {
        [] => (false, None),
        ["as", "user"] => (true, None),
        ["without", thing] => (false, Some(thing.to_owned())),
        ["as", "user", "without", thing] => (true, Some(thing.to_owned())),
        _ => return None,
    };
    let abi = ABIS.into_iter().find(|known| known.name() == abi)?;
    let outcome = [Outcome::Success, Outcome::Error]
        .into_iter()
        .find(|known| known.to_string() == outcome)?;
    (!reason.is_empty()).then_some((abi, outcome, When { as_user, without }))
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::User => "a user",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Error => "error",
        })
    }
}

#[test]
fn a_bad_list_is_an_error() {
    let list = listed(
        "# why\nx86_64 error: cannot fail\n    getpid gettid\ni386 success as user: root's\n  \
         mount\n\
         x86_64 success without wings: r\n  pkey_alloc\nx86_64 success as user without wings: r\n  bpf\n",
    )
    .unwrap();
    assert_eq!(list.len(), 5);
    let (nothing, wings) = (BTreeSet::new(), BTreeSet::from(["wings".to_owned()]));
    for (abi, name, outcome, holds) in [
        (Abi::X86_64, "gettid", Outcome::Error, [true, true, true, true]),
        (Abi::I386, "mount", Outcome::Success, [false, false, true, true]),
        (Abi::X86_64, "pkey_alloc", Outcome::Success, [true, false, true, false]),
        (Abi::X86_64, "bpf", Outcome::Success, [false, false, true, false]),
    ] {
        let when = &list[&(abi, name, outcome)];
        let found =
            [Who::Root, Who::User].map(|who| [&nothing, &wings].map(|has| when.holds(who, has)));
        assert_eq!(found.concat(), holds, "{name}");
    }
    for bad in [
        "  getpid",
        "x86_64 error:\n",
        "x86_64 error: r\n  no_such_call",
        "mips error: r",
        "x86_64 error without: r",
        "x86_64 error as root: r",
        "x86_64 error: r\n  read read",
    ] {
        assert!(listed(bad).is_err(), "{bad:?}");
    }
}

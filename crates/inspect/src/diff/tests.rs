//! Properties of the comparison of any two runs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sysreel_abi::Abi::X86_64;
use sysreel_format::{Completeness, GoneHow, Origin, TaskId};

use super::{Change, Difference, Level, Options, Report, Run, Severity, compare};
use crate::testing::LogBuilder;

/// One call: the task, the call, the path, whether it succeeds.
type Operation = (u32, usize, usize, bool);

const CALLS: [&str; 9] =
    ["stat", "unlink", "mkdir", "rename", "readlink", "sched_yield", "getpid", "creat", "access"];
/// The last path is reserved for tests that need a name not used otherwise.
const PATHS: [&[u8]; 6] =
    [b"/w/a\0", b"/w/b\0", b"c\0", b"/etc/d\0", b"/tmp/x1y2z3w4\0", b"/etc/own\0"];

/// Builds a run with two processes, the first of them with two threads.
fn run(operations: &[Operation], ends: u8, level: Level) -> Run {
    let mut log = LogBuilder::new();
    log.entry(0, X86_64, "clone", [0x10000 | 0x100, 0, 0, 0, 0, 0], &[]);
    log.task(1, 101, 100, Origin::THREAD, TaskId(0));
    log.exit(0, X86_64, 101, &[]);
    log.entry(0, X86_64, "fork", [0; 6], &[]);
    log.task(2, 102, 102, Origin::FORK, TaskId(0));
    log.exit(0, X86_64, 102, &[]);
    for &(task, call, path, ok) in operations {
        let (name, path) = (CALLS[call % CALLS.len()], PATHS[path % PATHS.len()]);
        let memory = [(0, 0, 0, path), (1, 0, 0, PATHS[0])];
        let pathless = matches!(name, "sched_yield" | "getpid");
        let memory = &memory[..if pathless { 0 } else { 1 + usize::from(name == "rename") }];
        log.entry(task, X86_64, name, [0x1000, 0, 0, 0, 0, 0], memory);
        log.exit(task, X86_64, if ok || pathless { 0 } else { -13 }, &[]);
    }
    for task in [1, 2, 0] {
        log.gone(task, u32::from(ends) << 8, GoneHow::REAPED);
    }
    Run::from_builder(&log, level)
}

fn compare_runs(a: &[Operation], b: &[Operation], ends: (u8, u8), level: Level) -> Report {
    let (mut a, mut b) = (run(a, ends.0, level), run(b, ends.1, level));
    compare(&mut a, &mut b, &Options { level, ..Options::default() })
}

/// Returns the texts of a difference and all its consequences, with the runs exchanged if
/// `mirrored`.
fn members(difference: &Difference, mirrored: bool) -> BTreeSet<String> {
    let (change, before, after) = match mirrored {
        false => (difference.change, &difference.before, &difference.after),
        true => (difference.change.mirrored(), &difference.after, &difference.before),
    };
    let own = format!("{change:?} {} {} {before:?} {after:?}", difference.role, difference.what);
    let below = difference.consequences.iter().flat_map(|below| members(below, mirrored));
    below.chain([own]).collect()
}

fn all(report: &Report, mirrored: bool) -> Vec<BTreeSet<String>> {
    let mut all: Vec<_> = report.differences.iter().map(|one| members(one, mirrored)).collect();
    all.sort();
    all
}

/// Checks that every call of both runs is in exactly one field.
fn check_accounts(report: &Report, level: Level) {
    for account in report.accounts {
        let calls = account.counted_only
            + account.same
            + account.different
            + account.moved
            + account.gave_up;
        assert_eq!(calls + account.unseen, account.calls);
        assert_eq!(account.calls * 2 + account.others, account.events);
        if level >= Level::Sequence {
            assert_eq!(account.unseen, 0);
        }
    }
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    prop::collection::vec(
        (0u32..3, 0usize..CALLS.len(), 0usize..PATHS.len() - 1, prop::bool::weighted(0.8)),
        0..60,
    )
}

fn levels() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::Effects), Just(Level::Sequence), Just(Level::Fields)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_run_equals_itself(a in operations(), level in levels()) {
        let report = compare_runs(&a, &a, (0, 0), level);
        prop_assert!(report.differences.is_empty(), "{:?}", report.differences);
        check_accounts(&report, level);
        for account in report.accounts {
            prop_assert_eq!((account.different, account.moved, account.gave_up), (0, 0, 0));
        }
    }

    #[test]
    fn exchanged_runs_give_the_mirror_image(
        a in operations(), b in operations(), ends in (0u8..2, 0u8..2), level in levels(),
    ) {
        let there = compare_runs(&a, &b, ends, level);
        let back = compare_runs(&b, &a, (ends.1, ends.0), level);
        prop_assert_eq!(all(&there, false), all(&back, true));
        check_accounts(&there, level);
        check_accounts(&back, level);
    }

    #[test]
    fn an_added_call_is_the_only_difference(a in operations(), at in any::<prop::sample::Index>(),
        task in 0u32..3) {
        let mut b = a.clone();
        b.insert(at.index(a.len() + 1), (task, 1, 5, true));
        let report = compare_runs(&a, &b, (0, 0), Level::Sequence);
        let new = report.differences.iter().filter(|one| one.change == Change::Added).count();
        prop_assert_eq!(new, 1, "{:?}", report.differences);
        prop_assert_eq!(report.accounts[0].different, 0);
        prop_assert_eq!(report.accounts[1].different, 1);
    }
}

#[test]
fn the_gravest_difference_comes_first() {
    let report = compare_runs(
        &[],
        &[(0, 0, 0, true), (0, 1, 3, true), (2, 4, 1, true)],
        (0, 1),
        Level::Effects,
    );
    let severities: Vec<Severity> = report.differences.iter().map(Difference::gravest).collect();
    assert!(severities.len() >= 3 && severities.is_sorted_by(|x, y| x >= y), "{severities:?}");
    assert_eq!(
        report.at_least(Severity::Error).count(),
        severities.iter().filter(|s| **s == Severity::Error).count()
    );
}

#[test]
fn env_drift_is_waived_and_less_memory_is_not() {
    let reasons = |allow_env_drift| {
        let (mut a, mut b) = (run(&[], 0, Level::Effects), run(&[], 0, Level::Effects));
        b.environment.kernel = "1.0".to_owned();
        b.completeness.insert(Completeness::STRUCTS_ONLY);
        let options = Options { allow_env_drift, ..Options::default() };
        compare(&mut a, &mut b, &options).incomparable
    };
    let [structs, surroundings] = &reasons(false)[..] else { panic!("{:?}", reasons(false)) };
    assert!(structs.contains("structs only") && surroundings.contains("--allow-env-drift"));
    assert_eq!(&reasons(true), std::slice::from_ref(structs));
}

/// The result of a non-blocking connect is that of SO_ERROR or of the next connect (connect(2)).
#[test]
fn a_nonblocking_connect_takes_its_later_result() {
    const IN_PROGRESS: i64 = -115;
    let address = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let connect = |log: &mut LogBuilder, rval| {
        log.call("connect", [3, 0x1000, 16, 0, 0, 0], &[(1, 0, 0, &address)], rval, &[]);
    };
    let so_error = |log: &mut LogBuilder, error: u32| {
        let answer = error.to_le_bytes();
        log.call("getsockopt", [3, 1, 4, 0x2000, 0x3000, 0], &[], 0, &[(3, 0, 0, &answer)]);
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&mut LogBuilder), &'a [(&'a str, u64)]);
    let cases: [Case<'_>; 9] = [
        ("nothing", &|_| (), &[("ok", 1)]),
        ("refused", &|log| so_error(log, 111), &[("ECONNREFUSED", 1)]),
        ("connected", &|log| so_error(log, 0), &[("ok", 1)]),
        (
            "later errors",
            &|log| {
                so_error(log, 0);
                so_error(log, 104)
            },
            &[("ok", 1)],
        ),
        (
            "again",
            &|log| {
                connect(log, -114);
                connect(log, 0)
            },
            &[("ok", 1)],
        ),
        ("is connected", &|log| connect(log, -106), &[("ok", 1)]),
        (
            "again and refused",
            &|log| {
                connect(log, -114);
                connect(log, -111)
            },
            &[("ECONNREFUSED", 1)],
        ),
        (
            "refused twice",
            &|log| {
                so_error(log, 111);
                connect(log, -111)
            },
            &[("ECONNREFUSED", 2)],
        ),
        (
            "another socket",
            &|log| {
                log.call("close", [3, 0, 0, 0, 0, 0], &[], 0, &[]);
                log.call("socket", [2, 1, 0, 0, 0, 0], &[], 3, &[]);
                so_error(log, 111);
            },
            &[("ok", 1)],
        ),
    ];
    for (name, later_calls, expected) in cases {
        for level in [Level::Effects, Level::Sequence] {
            let mut log = LogBuilder::new();
            log.call("socket", [2, 1, 0, 0, 0, 0], &[], 3, &[]);
            connect(&mut log, IN_PROGRESS);
            later_calls(&mut log);
            assert_eq!(connects(&Run::from_builder(&log, level), level), expected, "{name}");
        }
    }
}

/// Returns the results of all connects of a run with the number of each. Also checks the steps, of
/// which there is one per connect from level `sequence` on.
fn connects(run: &Run, level: Level) -> Vec<(&'static str, u64)> {
    let effects = run.effects();
    let found: Vec<_> = effects
        .iter()
        .filter(|(effect, _)| effect.op == super::Op::Connect)
        .map(|(effect, seen)| {
            (if effect.result == "ok" { "ok" } else { "ECONNREFUSED" }, seen.count)
        })
        .collect();
    let steps = run.streams.all.iter().flat_map(|stream| &stream.steps);
    let errors = steps.map(|step| run.streams.operations[step.operation as usize].1);
    let mut errors: Vec<u16> = errors
        .filter(|operation| operation.op == super::Op::Connect)
        .map(|operation| operation.errno)
        .collect();
    errors.sort_unstable_by_key(|errno| *errno == 0);
    let mut from_effects: Vec<u16> = found
        .iter()
        .flat_map(|(result, count)| {
            std::iter::repeat_n(
                if *result == "ok" { 0 } else { 111 },
                usize::try_from(*count).unwrap(),
            )
        })
        .collect();
    from_effects.retain(|_| level >= Level::Sequence);
    assert_eq!(errors, from_effects);
    found
}

/// A removal inside a chroot is not one in the host's /etc.
#[test]
fn a_file_in_a_chroot_has_one_name() {
    let mut log = LogBuilder::new();
    log.entry(0, X86_64, "chroot", [1, 0, 0, 0, 0, 0], &[(0, 0, 0, b"/var/new\0")]);
    log.exit(0, X86_64, 0, &[]);
    log.entry(0, X86_64, "open", [1, 0o101, 0, 0, 0, 0], &[(0, 0, 0, b"/etc/n\0")]);
    let link = b"/var/new/etc/n";
    let (mode, local, peer) = (0o100_600, &[][..], &[][..]);
    log.stop(0, 0x857f, &crate::testing::exit_info(X86_64.arch(), 3, 0), |buf| {
        let (fd, dev, ino, rdev) = (3, 1, 2, 0);
        buf.name(&sysreel_format::Name { fd, mode, dev, ino, rdev, link, local, peer });
    });
    for (name, path) in [("unlink", &b"/etc/n\0"[..]), ("mkdir", b"/etc/shadow\0")] {
        log.entry(0, X86_64, name, [1, 0, 0, 0, 0, 0], &[(0, 0, 0, path)]);
        log.exit(0, X86_64, 0, &[]);
    }
    let run = Run::from_builder(&log, Level::Effects);
    let effects: Vec<String> = run
        .effects()
        .keys()
        .filter(|effect| {
            effect.resource.to_string().contains("etc") && effect.op != super::Op::Create
        })
        .map(|effect| format!("{} {}", effect.op.name(), effect.resource))
        .collect();
    assert_eq!(
        effects,
        ["write /var/new/etc/n", "unlink /var/new/etc/n", "mkdir /var/new/etc/shadow"]
    );
}

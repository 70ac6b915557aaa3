//! `doctor` finds what prevents recording and says what to do, and reports nothing else.

use crate::program::program;
use crate::stage::{Ran, SYSREEL, Stage, installed, is_root, until};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A check, its verdict, and the advice.
type Check = (String, String, Option<String>);

/// Returns the verdicts under a wrapper (none if empty), and whether recording is said to work.
fn doctor(stage: &Stage, wrapper: &[&str]) -> (Ran, Vec<Check>, bool) {
    let words = [wrapper, &[SYSREEL, "doctor", "--json"]].concat();
    let ran = stage.run(stage.command(words[0]).args(&words[1..]));
    ran.never_panics();
    let all: Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let checks = all["checks"].as_array().unwrap();
    let said = |check: &Value| {
        (text(&check["check"]).unwrap(), text(&check["verdict"]).unwrap(), text(&check["fix"]))
    };
    let checks = checks.iter().map(said).collect();
    (ran, checks, all["can_record"].as_bool().unwrap())
}

/// Returns the checks that are not fine, with the advice.
fn bad(checks: Vec<Check>) -> Vec<(String, String, String)> {
    let bad = checks.into_iter().filter(|(_, verdict, _)| verdict != "ok");
    bad.map(|(check, verdict, fix)| (check, verdict, fix.expect("what is not fine has a fix")))
        .collect()
}

#[test]
fn doctor_approves_a_machine_that_runs_the_tests() {
    let stage = Stage::new();
    let (ran, checks, can_record) = doctor(&stage, &[]);
    assert!(ran.status.success() && can_record, "{ran:?}");
    for check in
        ["system", "tracing", "attach", "memory", "privileges", "cpus", "addresses", "recording"]
    {
        assert!(checks.iter().any(|(name, ..)| name == check), "{check} is not looked at: {ran:?}");
    }
    assert!(
        fs::read_dir(stage.folder())
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().contains("doctor") })
    );
    let people = stage.sysreel(&["doctor"]);
    assert!(people.text().contains("sysreel can record here"), "{people:?}");
}

/// A sandbox that answers a call with an error or kills for it, as container runtimes do.
#[test]
fn filters() {
    let stage = Stage::new();
    let deny = program("deny_call");
    let deny = deny.binary.to_str().unwrap();
    for (errno, call, check, verdict, fix) in [
        ("1", "ptrace", "tracing", "stops", "--cap-add SYS_PTRACE"),
        ("38", "ptrace", "tracing", "stops", "--cap-add SYS_PTRACE"),
        ("1", "process_vm_readv", "memory", "limited", "process_vm_readv"),
        ("1", "personality", "addresses", "limited", "personality"),
        ("kill", "personality", "addresses", "limited", "personality"),
        ("1", "sched_setaffinity", "cpus", "limited", "sched_setaffinity"),
    ] {
        let (ran, checks, can_record) = doctor(&stage, &[deny, errno, call]);
        assert_eq!(can_record, verdict != "stops", "{call}: {ran:?}");
        assert_eq!(ran.status.code(), Some(i32::from(!can_record)), "{call}: {ran:?}");
        let bad = bad(checks);
        let found = bad.iter().find(|(name, ..)| name == check);
        let (_, said, what) = found.unwrap_or_else(|| panic!("{call} is not missed: {ran:?}"));
        assert!(said == verdict && what.contains(fix), "{call}: {ran:?}");
        if is_root() {
            assert_eq!(bad.len(), 1, "{call} alone is denied: {ran:?}");
        }
    }
    // A recording fails for the same reason, in the same words.
    let log = stage.path("x.reel");
    let log = log.to_str().unwrap();
    let record =
        stage.run(stage.command(deny).args(["1", "ptrace", SYSREEL, "record", "-o", log, "true"]));
    record.fails(125, &["cannot trace a child", "--cap-add SYS_PTRACE"]);
    // The child that was to become the program is gone, too.
    until("no process of the recorder is left", || {
        let commands =
            fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path().join("cmdline"));
        !commands
            .filter_map(|path| fs::read(path).ok())
            .any(|words| String::from_utf8_lossy(&words).contains(log))
    });
}

#[test]
fn another_tracer() {
    let stage = Stage::new();
    if !installed("another_tracer", &["strace"]) {
        return;
    }
    let (ran, checks, can_record) = doctor(&stage, &["strace", "-f", "-o", "/dev/null"]);
    assert!(!can_record && ran.status.code() == Some(1), "{ran:?}");
    let bad = bad(checks);
    assert!(bad.iter().any(|(check, ..)| check == "tracer"), "{ran:?}");
    let tracing = bad.iter().find(|(check, ..)| check == "tracing").unwrap();
    assert!(tracing.1 == "stops" && tracing.2.contains("one tracer at a time"), "{ran:?}");
}

#[test]
fn an_emulated_processor() {
    let stage = Stage::new();
    let emulator = &format!("qemu-{}", std::env::consts::ARCH);
    if !installed("an_emulated_processor", &[emulator]) {
        return;
    }
    let (ran, checks, can_record) = doctor(&stage, &[emulator]);
    assert!(!can_record, "{ran:?}");
    let tracing = bad(checks).into_iter().find(|(check, ..)| check == "tracing").unwrap();
    assert!(tracing.1 == "stops" && tracing.2.contains("own architecture"), "{ran:?}");
}

#[test]
fn a_folder_that_takes_no_log() {
    let stage = Stage::new();
    let ran = stage.sysreel(&["doctor", "--folder", "missing"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(ran.text().contains("missing: No such file"), "{ran:?}");
    if is_root() {
        return; // Root writes to folders that say no.
    }
    fs::create_dir(stage.path("readonly")).unwrap();
    fs::set_permissions(stage.path("readonly"), fs::Permissions::from_mode(0o555)).unwrap();
    assert_eq!(stage.sysreel(&["doctor", "--folder", "readonly"]).status.code(), Some(1));
}

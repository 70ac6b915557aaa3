//! What a replay needs besides its log, where it stops, and what it refuses.

use crate::replay::{record, same};
use crate::stage::{Running, SYSREEL, Stage, installed, kill, state_of, until};
use std::fs;

#[test]
fn binary_and_inputs_may_be_gone() {
    if !installed("binary_and_inputs_may_be_gone", &["install"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("input", "what was there\n");
    assert!(stage.sh("install -m 755 \"$(command -v cat)\" copy").status.success());
    let recorded = record(&stage, &["./copy", "input", "missing"]);
    assert_eq!((recorded.status.code(), recorded.text()), (Some(1), "what was there\n".into()));
    fs::remove_file(stage.path("copy")).unwrap();
    fs::remove_file(stage.path("input")).unwrap();
    same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
    let elsewhere = Stage::new();
    fs::rename(stage.path("run.reel"), elsewhere.path("moved.reel")).unwrap();
    same(&recorded, &elsewhere.sysreel(&["replay", "moved.reel"]));
}

/// Without file contents in the log, a replay needs the mapped files unchanged, and no others.
#[test]
fn file_contents_may_be_left_out() {
    if !installed("file_contents_may_be_left_out", &["install"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("input", "what was there\n");
    assert!(stage.sh("install -m 755 \"$(command -v cat)\" copy").status.success());
    let whole = record(&stage, &["./copy", "input"]);
    let size = |name| fs::metadata(stage.path(name)).unwrap().len();
    let with_contents = size("run.reel");
    fs::remove_file(stage.path("run.reel")).unwrap();
    let mut command = stage.command(SYSREEL);
    command.args([
        "record",
        "--replayable",
        "--no-file-contents",
        "-q",
        "-o",
        "run.reel",
        "./copy",
        "input",
    ]);
    let recorded = stage.run(&mut command);
    assert_eq!(recorded.text(), whole.text());
    assert!(size("run.reel") * 4 < with_contents, "{} of {with_contents}", size("run.reel"));
    fs::remove_file(stage.path("input")).unwrap();
    let mut replayed = stage.sysreel(&["replay", "run.reel"]);
    let reads = |line: &&str| line.starts_with("sysreel: reads /");
    assert!(replayed.stderr.lines().filter(reads).count() > 1, "{replayed:?}");
    replayed.stderr = replayed
        .stderr
        .lines()
        .filter(|line| !reads(line))
        .map(|line| format!("{line}\n"))
        .collect();
    same(&recorded, &replayed);

    let copy = fs::canonicalize(stage.path("copy")).unwrap();
    let name = copy.to_str().unwrap();
    let mut bytes = fs::read(&copy).unwrap();
    let before = blake3::hash(&bytes).to_string();
    // A byte that is not executed.
    *bytes.last_mut().unwrap() ^= 1;
    let after = blake3::hash(&bytes).to_string();
    fs::write(&copy, &bytes).unwrap();
    assert!(bytes.len() < 1 << 20, "one piece holds all of it");
    let changed = stage.sysreel(&["replay", "run.reel"]);
    // The names of the files that are read are printed, but nothing of their contents, not even a
    // hash.
    assert!(changed.fails(3, &[&format!("reads {name}\n"), "differs", name]).stdout.is_empty());
    assert!(!changed.stderr.contains(&before) && !changed.stderr.contains(&after), "{changed:?}");
    // Only regular files, and no symbolic links: opening anything else may block or have an effect.
    fs::rename(&copy, stage.path("elsewhere")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(stage.path("elsewhere"), &bytes).unwrap();
    std::os::unix::fs::symlink("elsewhere", &copy).unwrap();
    stage.sysreel(&["replay", "run.reel"]).fails(3, &[name, "not a regular file"]);
    fs::remove_file(&copy).unwrap();
    assert!(stage.sh("mkfifo copy").status.success());
    stage.sysreel(&["replay", "run.reel"]).fails(3, &[name, "not a regular file"]);
    fs::remove_file(&copy).unwrap();
    assert!(
        stage
            .sysreel(&["replay", "run.reel"])
            .fails(3, &[name, "cannot be read"])
            .stdout
            .is_empty()
    );
    stage.sysreel(&["record", "--no-file-contents", "true"]).fails(2, &["--replayable"]);
}

#[test]
fn a_fault_comes_again() {
    let stage = Stage::new();
    let recorded = record(&stage, &["sh", "-c", "kill -SEGV $$"]);
    assert_eq!(recorded.status.code(), None);
    same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
}

#[test]
fn a_log_that_is_not_replayable_is_refused() {
    let stage = Stage::new();
    assert!(stage.sysreel(&["record", "-q", "-o", "plain.reel", "--", "true"]).status.success());
    stage.sysreel(&["replay", "plain.reel"]).fails(3, &["plain.reel", "--replayable"]);
    stage.sysreel(&["replay", "missing.reel"]).fails(3, &["missing.reel"]);
    stage.sysreel(&["replay"]).fails(2, &["FILE"]);
}

/// Replayed tasks must not outlive the replayer: they are in the middle of a program, and no call
/// would be answered.
#[test]
fn nothing_survives_a_replayer_that_is_killed() {
    let stage = Stage::new();
    record(
        &stage,
        &["sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; echo > effect"],
    );
    fs::remove_file(stage.path("effect")).unwrap();
    let mut command = stage.command(SYSREEL);
    let mut replayer = Running::start(command.args(["replay", "-q", "run.reel"]));
    let children = format!("/proc/{0}/task/{0}/children", replayer.pid());
    let mut child = 0;
    until("a replayed task runs", || {
        child = fs::read_to_string(&children)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        child != 0 || replayer.has_ended()
    });
    kill(replayer.pid(), "KILL");
    replayer.wait();
    until("the replayed task is gone", || !matches!(state_of(child), Some(state) if state != 'Z'));
    assert!(!stage.path("effect").exists());
}

#[test]
fn a_replay_stops_at_the_given_event() {
    let stage = Stage::new();
    record(&stage, &["sh", "-c", "echo one; echo two"]);
    let whole = stage.sysreel(&["replay", "--json", "run.reel"]);
    let told: serde_json::Value = serde_json::from_slice(&whole.stdout).unwrap();
    assert_eq!(told["outcome"], "identical", "{told}");
    let events = told["events"].as_u64().unwrap();
    let half = (events / 2).to_string();
    let stopped = stage.sysreel(&["replay", "--json", "--until", &half, "run.reel"]);
    let told: serde_json::Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!((&told["outcome"], told["event"].as_u64()), (&"stopped".into(), Some(events / 2)));
    assert!(told["tasks"][0]["ip"].as_u64().unwrap() > 0);
    assert_eq!(told["tasks"][0]["backtrace"][0]["ip"], told["tasks"][0]["ip"], "{told}");
    // An unfinished recording is replayed as far as it goes, and the end is reported.
    let whole = fs::read(stage.path("run.reel")).unwrap();
    stage.write("cut.reel", &whole[..whole.len() - 100]);
    let refused = stage.sysreel(&["replay", "cut.reel"]);
    let last = format!("use --until EVENT to replay it up to event {}", events - 1);
    refused.fails(3, &["not finished", &last]);
    let cut = stage.sysreel(&["replay", "--json", "--until", &half, "cut.reel"]);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&cut.stdout).unwrap(), told, "{cut:?}");
    let to_its_end = stage.sysreel(&["replay", "--until", &(events - 1).to_string(), "cut.reel"]);
    assert_eq!((to_its_end.status.code(), to_its_end.text().as_str()), (Some(0), "one\ntwo\n"));
    stage.sysreel(&["replay", "--until", &events.to_string(), "cut.reel"]).fails(3, &[&last]);
}

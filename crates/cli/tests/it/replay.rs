//! What was recorded with `--replayable` runs again from its log alone: the same output, the same end, every call compared.

use crate::stage::{Ran, SYSREEL, Stage, installed};
use std::fs;

/// How often each log is replayed.
const TIMES: usize = 3;

/// Records a script for the shell, replays it, and compares. `needs` are programs that it starts.
#[track_caller]
fn replays(needs: &[&str], script: &str) {
    if !installed(needs.first().copied().unwrap_or("sh"), needs) {
        return;
    }
    let stage = Stage::new();
    // The script is put into a file, so that its inputs can be taken away afterwards.
    stage.write("script", script);
    let recorded = record(&stage, &["sh", "script"]);
    for entry in fs::read_dir(stage.folder()).unwrap() {
        let path = entry.unwrap().path();
        let is_log = path.extension().is_some_and(|extension| extension == "reel");
        if !is_log && path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if !is_log {
            fs::remove_file(path).unwrap();
        }
    }
    for _ in 0..TIMES {
        same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
    }
}

#[track_caller]
fn record(stage: &Stage, words: &[&str]) -> Ran {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--"]).args(words);
    let ran = stage.run(&mut command);
    assert!(!ran.stderr.contains("cannot be replayed"), "{ran:?}");
    ran
}

#[track_caller]
fn same(recorded: &Ran, replayed: &Ran) {
    assert_eq!(replayed.status.code(), Some(0), "{replayed:?}");
    assert_eq!(recorded.text(), replayed.text());
    let (told, errors): (Vec<&str>, Vec<&str>) =
        replayed.stderr.lines().partition(|line| line.starts_with("sysreel: replayed "));
    assert_eq!(told.len(), 1, "{replayed:?}");
    assert_eq!(recorded.stderr.lines().collect::<Vec<_>>(), errors);
}

#[test]
fn one_process() {
    replays(&["ls"], "exec ls -la /usr/include");
    replays(&["sort"], "seq 1 2000 > numbers; exec sort -r numbers");
}

#[test]
fn outputs_that_vary_are_those_of_the_recording() {
    replays(&["date", "od"], "date +%s%N; echo $$; od -An -N8 -tx8 /dev/urandom; cat /proc/self/stat");
    replays(&["bash"], "exec bash -c 'echo $RANDOM $$ $BASHPID $EPOCHREALTIME; ls -di .'");
    replays(&["perl"], r#"exec perl -e 'print rand(), " $$ ", time(), "\n"'"#);
    replays(&["sqlite3"], r#"exec sqlite3 :memory: "select hex(randomblob(8)), julianday('now');""#);
}

#[test]
fn pipes_subshells_traps_and_statuses() {
    replays(&["bash", "sort", "tr"], "exec bash -c 'ls /usr | sort -r | tr a-z A-Z | head -3; exit 3'");
    replays(
        &["bash"],
        r#"exec bash -c 'trap "echo got it" USR1; kill -USR1 $$; (exit 5) & wait $!; echo $?'"#,
    );
    replays(
        &["bash"],
        r#"exec bash -c 'set -m; sleep 0.1 & jobs; wait; echo "$(echo inner >&2)"; kill -TERM $$'"#,
    );
    replays(&["tar", "xz"], "mkdir d; seq 1 3000 > d/a; tar c d | xz | tar tJv");
}

#[test]
fn interpreters_and_compilers() {
    replays(
        &["python3"],
        "exec /usr/bin/env -i /usr/bin/python3 -c 'import random, time, os, json; print(random.random(), time.time(), os.getpid())'",
    );
    replays(
        &["python3", "date"],
        "exec /usr/bin/python3 -c 'import subprocess; print(subprocess.run([\"date\"], capture_output=True).stdout)'",
    );
    replays(&["gcc"], "printf 'int main(void) { return 3; }' > a.c; gcc -O1 -o a a.c; ./a; echo $?");
    replays(
        &["git"],
        "git init -q r; cd r; git config user.name n; git config user.email e@example.org
         echo 1 > f; git add f; git commit -qm first; git log --stat; git clone -q . ../s; ls ../s",
    );
}

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

#[test]
fn a_fault_comes_again() {
    let stage = Stage::new();
    let recorded = record(&stage, &["sh", "-c", "kill -SEGV $$"]);
    assert_eq!(recorded.status.code(), None);
    same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
}

#[test]
fn what_was_not_recorded_for_it_is_refused() {
    let stage = Stage::new();
    assert!(stage.sysreel(&["record", "-q", "-o", "plain.reel", "--", "true"]).status.success());
    stage.sysreel(&["replay", "plain.reel"]).fails(3, &["plain.reel", "--replayable"]);
    stage.sysreel(&["replay", "missing.reel"]).fails(3, &["missing.reel"]);
    stage.sysreel(&["replay"]).fails(2, &["FILE"]);
}

#[test]
fn a_replay_stops_where_it_is_told_to() {
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
}

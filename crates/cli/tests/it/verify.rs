//! `verify` tells whether a program does the same again, for a log and for a command.

use crate::stage::{Ran, Running, SYSREEL, Stage, installed};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

/// Records with `--replayable`.
#[track_caller]
fn record(stage: &Stage, words: &[&str]) {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--"]).args(words);
    let ran = stage.run(&mut command);
    assert!(ran.stderr.is_empty(), "{ran:?}");
}

#[track_caller]
fn told(ran: &Ran, code: i32) -> Value {
    assert_eq!(ran.status.code(), Some(code), "{ran:?}");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
}

#[test]
fn a_deterministic_program_verifies() {
    let stage = Stage::new();
    stage.write("input", "some text\n");
    record(
        &stage,
        &["sh", "-c", "cat input /proc/self/environ; (exit 3); cat missing 2>/dev/null; true"],
    );
    let ran = stage.sysreel(&["verify", "--yes", "--json", "run.reel"]);
    let said = told(&ran, 0);
    assert_eq!(
        (&said["outcome"], said["tasks"].as_u64()),
        (&"identical".into(), Some(4)),
        "{said}"
    );
    assert!(said["calls"].as_u64().unwrap() > 100, "{said}");
    // At least process ids vary.
    assert!(said["varied"].as_u64().unwrap() > 0, "{said}");
    let passed_on = stage.sysreel(&["verify", "--yes", "run.reel"]);
    assert_eq!(passed_on.status.code(), Some(0), "{passed_on:?}");
    assert!(
        passed_on.text().starts_with("some text\n") && passed_on.text().contains("HOME="),
        "{passed_on:?}"
    );
    assert!(passed_on.stderr.contains("all as recorded"), "{passed_on:?}");
}

#[test]
fn the_environment_is_restored() {
    let stage = Stage::new();
    // In an unsorted order, because pointers into the environment depend on it.
    let script = r#"exec env -i Z=last A=first "$SYSREEL" record --replayable -q -o run.reel -- \
        /bin/cat /proc/self/environ"#;
    let recorded = stage.sh(script);
    assert_eq!(recorded.text(), "Z=last\0A=first\0", "{recorded:?}");
    let again = stage.sysreel(&["verify", "--yes", "run.reel"]);
    assert_eq!((again.status.code(), again.text()), (Some(0), recorded.text()), "{again:?}");
}

#[test]
fn the_first_different_entry_is_reported() {
    let stage = Stage::new();
    stage.write("input", "some text\n");
    record(&stage, &["cat", "input"]);
    // Of the same length, so that only the last write differs.
    stage.write("input", "some tent\n");
    let said = told(&stage.sysreel(&["verify", "--yes", "--json", "run.reel"]), 1);
    assert_eq!(said["outcome"], "diverged");
    let divergence = &said["divergence"];
    assert_eq!(
        divergence["field"],
        serde_json::json!({"buffer": {"argument": 1, "offset": 7}}),
        "{said}"
    );
    assert_eq!(divergence["recorded"], "\"xt\\n\"", "{said}");
    assert_eq!(divergence["actual"], "\"nt\\n\"", "{said}");
    let last = said["last_events"].as_array().unwrap().last().unwrap().as_str().unwrap();
    assert!(last.contains("write(1, \"some text\\n\", 10"), "{said}");
    // The cause is the call that read the file.
    let answers = said["answers"].as_array().unwrap();
    assert!(
        answers.iter().any(|line| line.as_str().unwrap().contains("read(3, \"some text\\n\"")),
        "{said}"
    );

    let people = stage.sysreel(&["verify", "--yes", "run.reel"]);
    people
        .fails(1, &["run.reel diverged at event", "buffer of argument 1, at byte 7", "write(1, "]);

    fs::remove_file(stage.path("input")).unwrap();
    let said = told(&stage.sysreel(&["verify", "--yes", "--json", "run.reel"]), 1);
    let last = said["last_events"].as_array().unwrap().last().unwrap().as_str().unwrap();
    assert!(last.contains("fstat"), "after the open that failed this time: {said}");
}

#[test]
fn other_ends_and_other_tasks_are_differences() {
    let stage = Stage::new();
    stage.write("code", "3");
    record(&stage, &["sh", "-c", "read code < code; (exit $code)"]);
    stage.write("code", "4");
    let said = told(&stage.sysreel(&["verify", "--yes", "--json", "run.reel"]), 1);
    // The child's call is reported before its parent's and before its end.
    assert_eq!(
        (said["divergence"]["task"].as_u64(), &said["divergence"]["field"]),
        (Some(1), &serde_json::json!({"argument": 0})),
        "{said}"
    );

    fs::remove_file(stage.path("run.reel")).unwrap();
    record(&stage, &["sh", "-c", "if [ -e more ]; then (exit 0); fi; exit 0"]);
    stage.write("more", "");
    let said = told(&stage.sysreel(&["verify", "--yes", "--json", "run.reel"]), 1);
    assert_eq!(said["divergence"]["field"], "number", "{said}");
    assert!(said["divergence"]["recorded"].as_str().unwrap().contains("exit_group"), "{said}");
}

#[test]
fn what_varies_is_reported() {
    if !installed("what_varies_is_reported", &["date"]) {
        return;
    }
    let stage = Stage::new();
    let same = stage.sysreel(&["verify", "-n", "3", "--", "sh", "-c", "cat /dev/null; echo once"]);
    assert_eq!((same.status.code(), same.text().as_str()), (Some(0), "once\n"), "{same:?}");
    assert!(same.stderr.contains("3 runs: "), "{same:?}");

    let said = told(
        &stage.sysreel(&["verify", "-n", "2", "--json", "--level", "fields", "--", "date", "+%N"]),
        1,
    );
    assert_eq!((said["runs"].as_u64(), said["differing"].as_u64()), (Some(2), Some(1)), "{said}");
    assert_eq!(
        said["divergence"]["field"],
        serde_json::json!({"buffer": {"argument": 1,
            "offset": said["divergence"]["field"]["buffer"]["offset"]}}),
        "{said}"
    );
    let answers = said["answers"].as_array().unwrap();
    assert!(answers.iter().any(|line| line.as_str().unwrap().contains("clock_gettime")), "{said}");

    // A run that leaves something behind differs the second time.
    let said = told(&stage.sysreel(&["verify", "-n", "2", "--json", "--", "mkdir", "made"]), 1);
    let differences = said["differences"].as_array().unwrap();
    assert!(differences.iter().any(|d| d["what"].as_str().unwrap().contains("made")), "{said}");
}

#[test]
fn logs_that_cannot_be_verified_are_refused() {
    let stage = Stage::new();
    assert!(stage.sysreel(&["record", "-q", "-o", "plain.reel", "--", "true"]).status.success());
    stage.sysreel(&["verify", "plain.reel"]).fails(3, &["plain.reel", "--replayable"]);
    stage.sysreel(&["verify", "missing.reel"]).fails(3, &["missing.reel"]);
    stage.sysreel(&["verify", "-n", "2", "--", "./missing"]).fails(3, &["./missing"]);
    stage.sysreel(&["verify"]).fails(2, &["FILE"]);
    stage.sysreel(&["verify", "-n", "1", "--", "true"]).fails(2, &["2.."]);
    stage.sysreel(&["verify", "run.reel", "-n", "2"]).fails(2, &["--runs"]);

    assert!(stage.sh("install -m 755 \"$(command -v cat)\" copy").status.success());
    record(&stage, &["./copy", "/dev/null"]);
    fs::remove_file(stage.path("copy")).unwrap();
    stage.sysreel(&["verify", "--yes", "run.reel"]).fails(3, &["./copy"]);
}

/// The command of a log is shown and needs a confirmation, because a log may name any command.
#[test]
fn the_program_of_a_log_runs_only_when_confirmed() {
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    command.env("SECRET", "a\u{1b}b").args([
        "record",
        "--replayable",
        "-q",
        "-o",
        "run.reel",
        "--",
    ]);
    let ran = stage.run(command.args(["touch", "it ran"]));
    assert!(ran.status.success(), "{ran:?}");
    let remove = || fs::remove_file(stage.path("it ran")).unwrap();
    remove();
    for options in [&[][..], &["--json"], &["--quiet"]] {
        let refused = stage.sysreel(&[&["verify", "run.reel"], options].concat());
        let folder = format!("in: {}", fs::canonicalize(stage.folder()).unwrap().display());
        refused.fails(2, &["command: touch 'it ran'", &folder, r"SECRET=a\u{1b}b", "--yes"]);
        assert!(!stage.path("it ran").exists());
    }
    for (answer, code) in [("n\n", 2), ("\n", 2), ("y\n", 0)] {
        let (said, status) = answered(&stage, answer);
        assert!(said.contains("touch 'it ran'") && said.contains("run it? [y/N]"), "{said}");
        assert_eq!((status, stage.path("it ran").exists()), (Some(code), code == 0), "{said}");
    }
    remove();
    assert!(stage.sysreel(&["verify", "--yes", "-q", "run.reel"]).status.success());
    assert!(stage.path("it ran").exists());
}

/// Runs `verify run.reel` on a terminal and types that answer.
fn answered(stage: &Stage, answer: &str) -> (String, Option<i32>) {
    // What is written last before a terminal is closed can be lost (pty(7) promises nothing). So
    // this process keeps the other side open and writes the last line itself.
    const END: &[u8] = b"END OF THE TEST";
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut command = stage.command(SYSREEL);
    command.args(["verify", "run.reel"]).stdin(pty.slave.try_clone().unwrap());
    command.stdout(Stdio::null()).stderr(pty.slave.try_clone().unwrap());
    let running = Running::start(&mut command);
    let mut terminal = fs::File::from(pty.master);
    terminal.write_all(answer.as_bytes()).unwrap();
    let reader = std::thread::spawn(move || {
        let (mut said, mut byte) = (Vec::new(), [0]);
        while !said.ends_with(END) && terminal.read_exact(&mut byte).is_ok() {
            said.extend(byte);
        }
        said
    });
    let code = running.wait().code();
    fs::File::from(pty.slave).write_all(END).unwrap();
    let said = reader.join().unwrap();
    (String::from_utf8_lossy(&said).into_owned(), code)
}

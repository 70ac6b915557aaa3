//! `info` on logs in every state.

use crate::stage::{Running, SYSREEL, Stage, kill};
use std::process::Stdio;

#[test]
fn a_log_that_is_being_written_is_not_reported_as_broken() {
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "x.reel", "sh", "-c", "echo ready; read line; exit 0"]);
    let mut recorder = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(recorder.first_line(), "ready\n");
    let info = stage.sysreel(&["info", "x.reel"]);
    assert_eq!(info.status.code(), Some(0), "{info:?}");
    assert!(
        info.text().contains("being written") && !info.text().contains("not finished"),
        "{info:?}"
    );
    let json = stage.sysreel(&["info", "--json", "x.reel"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&json["ending"]["state"], json["missing"].as_array().map(Vec::len)),
        (&"being written".into(), Some(0))
    );
    for words in [
        &["print", "x.reel"][..],
        &["print", "-c", "x.reel"],
        &["print", "--format", "raw", "x.reel"],
    ] {
        let ran = stage.sysreel(words);
        assert!(ran.status.success() && ran.stderr.contains("x.reel is being written"), "{ran:?}");
    }
    // The recorder dies, and the log becomes one without an end.
    kill(recorder.pid(), "KILL");
    drop(recorder.child().stdin.take());
    recorder.wait();
    let info = stage.sysreel(&["info", "x.reel"]);
    assert!(info.fails(3, &[]).text().contains("unfinished: no footer"), "{info:?}");
    stage.sysreel(&["print", "x.reel"]).fails(3, &["not finished"]);
}

#[test]
fn lists_are_printed_in_full() {
    let stage = Stage::new();
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do \
        /bin/true; done";
    let ran = stage.sysreel(&[
        "record",
        "-q",
        "--capture-limit",
        "all",
        "-o",
        "x.reel",
        "sh",
        "-c",
        script,
    ]);
    assert!(ran.status.success(), "{ran:?}");
    let text = stage.sysreel(&["info", "x.reel"]).text();
    let listed = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    assert_eq!((listed(": tid "), listed("/true in ")), (26, 25), "{text}");
    assert!(!text.contains(" more") && text.contains("capture-limit=all"), "{text}");
    assert!(!text.contains("18446744073709551615"), "{text}");
}

//! The views of contents: streams, searches, single events, habits.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::stage::{Stage, installed};
use crate::views::{all, check, perl, record, text, view};

#[test]
fn streams_have_the_bytes_and_matches_across_buffers() {
    if !installed("streams_have_the_bytes_and_matches_across_buffers", &["perl"]) {
        return;
    }
    let stage = record(
        r#"head -c 300000 /dev/urandom >f; cat f | cat >out;
        perl -e 'pipe(A,B); syswrite(B,"nee"); syswrite(B,"dle\n"); sysread(A,$b,3); sysread(A,$b,9)'"#,
    );
    let pipe = r#"exe ~ "**/cat" and fd.kind == pipe"#;
    let raw = stage.sysreel(&["stream", "r.reel", "--raw", "--written", "-F", pipe]);
    assert!(raw.status.success(), "{}", raw.stderr);
    assert_eq!(blake3::hash(&raw.stdout), blake3::hash(&fs::read(stage.path("f")).unwrap()));
    let read = stage.sysreel(&["stream", "r.reel", "--raw", "--read", "-F", pipe, "-o", "copy"]);
    assert!(read.status.success(), "{}", read.stderr);
    assert_eq!(fs::read(stage.path("copy")).unwrap(), raw.stdout);

    let whole = "write and data contains \"needle\"";
    assert_eq!(stage.sysreel(&["print", "r.reel", "-F", whole]).stdout, b"", "no buffer has it");
    let found = stage.sysreel(&["stream", "r.reel", "--match", "needle", "--raw", "--read"]);
    assert_eq!(found.stdout, b"needle\n");
    // The stream of an event is the same, whichever end of the pipe.
    let event = stage.sysreel(&[
        "print",
        "r.reel",
        "--event-numbers",
        "--join",
        "-F",
        "data contains \"dle\\n\"",
    ]);
    for line in event.text().lines() {
        let number = line.split_whitespace().next().unwrap();
        let stream = stage.sysreel(&["stream", "r.reel", "--event", number, "--raw", "--written"]);
        assert_eq!(stream.stdout, b"needle\n", "{line}");
    }
    assert_eq!(event.text().lines().count(), 2);
    let json = stage.sysreel(&["stream", "r.reel", "--match", "needle", "--json"]).text();
    let pieces: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    pieces.iter().for_each(check);
    assert_eq!(pieces.len(), 4, "{json}");
    let shown = stage.sysreel(&["stream", "r.reel", "--match", "needle"]).text();
    assert!(shown.contains("3 bytes written to pipe:["), "{shown}");
    let none = stage.sysreel(&["stream", "r.reel", "--event", "0"]);
    assert!(none.status.code() == Some(1) && none.stderr.contains("event 0"), "{none:?}");
}

#[test]
fn grep_finds_paths_arguments_and_buffers() {
    let stage = record(
        "printf 'a secret\\033[2J' >f; cat f >/dev/null; cat none 2>/dev/null; \
         (cd /etc; cat ./passwd) >/dev/null",
    );
    let found = |pattern: &str, more: &[&str]| {
        let ran = stage.sysreel(&[&["grep", pattern, "r.reel"], more].concat());
        (ran.status.code().unwrap(), ran.text())
    };
    let (status, text) = found("secret", &["-F", "read"]);
    assert!(status == 0 && text.contains("a secret\\u{1b}[2J"), "{text}");
    assert_eq!(found("secret", &["-F", "write or read"]).1.lines().count(), 3);
    assert_eq!(found("SECRET", &[]).0, 1, "nothing is found");
    assert_eq!(found("SECRET", &["-i"]).0, 0);
    assert_eq!(found("s[a-z]+t\\x1b", &[]).0, 0);
    assert_eq!(found("s[a-z]+t", &["--fixed-strings"]).0, 1);
    assert_eq!(found("(", &[]).0, 2);
    assert_eq!(found("/etc/passwd", &["-F", "open or openat"]).0, 0, "a relative path in full");
    let missing = stage.sysreel(&["grep", "x", "nothing.reel"]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
    let (_, json) = found("^none\\x00", &["--json"]);
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(check);
    assert!(
        lines.iter().any(|found| found["call"] == "openat" && found["arg"] == "filename"),
        "{json}"
    );
}

#[test]
fn show_has_every_byte_of_the_struct() {
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    let stage = Stage::new();
    let mut structs = 0;
    for name in
        ["exec_arch", "seccomp_trace", "synthetic_sizes", "synthetic_v4_layout", "signal_kinds"]
    {
        let log = logs.join(format!("{name}.reel")).to_str().unwrap().to_owned();
        let raw = stage.sysreel(&["print", "--format", "raw", &log]).text();
        for line in raw.lines().take(60) {
            let event: Value = serde_json::from_str(line).unwrap();
            let Some(bytes) = event["bytes"].as_str().filter(|_| event["kind"] == "stop") else {
                continue;
            };
            let (show, _) = view(&stage, &["show", &log, &event["seq"].to_string(), "-C", "0"]);
            let hex: String = all(&show, "fields").iter().map(|field| text(field, "hex")).collect();
            assert_eq!(hex, bytes, "{name} {}", event["seq"]);
            if let Some(nr) = event["nr"].as_str() {
                let nr = u64::from_str_radix(nr.trim_start_matches("0x"), 16).unwrap();
                let field =
                    all(&show, "fields").iter().find(|field| field["name"] == "nr").unwrap();
                assert_eq!(text(field, "value").split(' ').next(), Some(&*nr.to_string()));
            }
            structs += 1;
        }
    }
    assert!(structs > 100, "{structs}");
    let none = stage.sysreel(&["show", logs.join("exec_arch.reel").to_str().unwrap(), "999999"]);
    assert!(none.status.code() == Some(1) && none.stderr.contains("no event 999999"), "{none:?}");
}

#[test]
fn lint_notices_each_habit_and_nothing_in_a_plain_program() {
    if !installed("lint_notices_each_habit_and_nothing_in_a_plain_program", &["perl"]) {
        return;
    }
    let stage = record(&perl(
        r#"for (1..150) { open(F,"/etc/passwd"); sysread(F,$b,1); stat("/etc/none") }
        for (1..120) { select(undef,undef,undef,.001) }
        open(T,">t"); syswrite(T,"x"); close T; rename("t","u");
        open(Z,">/dev/full"); syswrite(Z,"x"); open(S,">>log"); syswrite(S,"x") for 1..130;
        use POSIX; $^F=255; open(G,"/etc/fstab"); system "true""#,
    ));
    let (lint, _) = view(&stage, &["lint", "r.reel"]);
    let found: Vec<String> = all(&lint, "warnings")
        .iter()
        .map(|w| format!("{} {} {}", text(w, "rule"), w["count"], text(w, "object")))
        .collect();
    for expected in [
        "repeated-open 150 /etc/passwd".to_owned(),
        "repeated-stat 150 /etc/none".to_owned(),
        "tiny-read 150 /etc/passwd".to_owned(),
        format!("tiny-write 130 {}/log", stage.folder().display()),
        format!("no-fsync 1 {}/u", stage.folder().display()),
        "error 1 write ENOSPC".to_owned(),
    ] {
        assert!(found.contains(&expected), "{expected} in {found:#?}");
    }
    let starts = ["polling 120 ", "inherited-descriptor "];
    assert!(
        starts.iter().all(|start| found.iter().any(|line| line.starts_with(start))),
        "{found:#?}"
    );
    let plain = record("cat /etc/passwd >copy; true");
    let (lint, _) = view(&plain, &["lint", "r.reel"]);
    assert_eq!(all(&lint, "warnings").len(), 0, "{lint}");
}

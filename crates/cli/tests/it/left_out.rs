//! What a recorder was told to leave out: filters and views say that they do not know.

use crate::stage::{Ran, Stage};

/// Two buffers: 200 bytes that end with 7, and a short one.
const SCRIPT: &str = "mkdir -p d; printf '%0200d' 7 > d/long; echo hi > d/short; rm -r d";

fn record(stage: &Stage, options: &[&str]) {
    let words =
        [&["record", "-q", "--force", "-o", "r.reel"], options, &["--", "sh", "-c", SCRIPT]];
    let ran = stage.sysreel(&words.concat());
    assert!(ran.status.success(), "{ran:?}");
}

/// Returns the status of a command, the number of its lines, and what it said.
fn asked(ran: &Ran) -> (Option<i32>, usize, &str) {
    (ran.status.code(), ran.text().lines().count(), &ran.stderr)
}

#[test]
fn filters_do_not_guess_what_was_not_recorded() {
    let stage = Stage::new();
    record(&stage, &["--capture-limit", "0"]);
    for filter in [
        "data contains \"hi\"",
        "len(data) == 200",
        "path.written == \"d/long\"",
        "args.argv == \"-p\"",
    ] {
        let ran = stage.sysreel(&["print", "-F", filter, "r.reel"]);
        let (status, lines, said) = asked(&ran);
        assert_eq!((status, lines), (Some(3), 0), "{filter}: {ran:?}");
        assert!(said.contains("was not recorded"), "{filter}: {ran:?}");
    }
    let ran = stage.sysreel(&["print", "-F", "mkdir", "r.reel"]);
    assert!(ran.status.success() && ran.text().contains("mkdir("), "{ran:?}");
}

#[test]
fn the_beginning_of_a_buffer_is_not_the_whole() {
    let stage = Stage::new();
    record(&stage, &["--capture-limit", "100"]);
    let write = |test: &str| format!("write and {test}");
    for (test, count) in [
        ("data ~ /^0+$/", 0),
        ("len(data) == 100", 0),
        ("data ~ \"0*\"", 0),
        ("args.buf ~ /0$/", 0),
        ("data contains \"7\"", 0),
        ("data contains \"000\"", 1),
        ("data ~ /^000/", 1),
    ] {
        let ran = stage.sysreel(&["print", "-F", &write(test), "r.reel"]);
        assert_eq!(asked(&ran).1, count, "{test}: {ran:?}");
        assert_eq!(ran.status.code(), Some(if count == 0 { 3 } else { 0 }), "{test}: {ran:?}");
    }
}

#[test]
fn cut_variables_have_no_value() {
    let stage = Stage::new();
    let script = "exec env -i LONG_NAME_OF_A_VARIABLE=1 SHORT=abcdefghijkl X=1 true";
    let record =
        ["record", "-q", "-o", "r.reel", "--capture-limit", "10", "--", "sh", "-c", script];
    assert!(stage.sysreel(&record).status.success());
    for (variable, value, status) in
        [("SHORT", "abcd", 3), ("LONG_NAME_OF_A_VARIABLE", "1", 3), ("X", "1", 0), ("Y", "1", 0)]
    {
        let filter = format!("exe ~ \"**/true\" and env[{variable}] == \"{value}\"");
        let ran = stage.sysreel(&["print", "-F", &filter, "r.reel"]);
        assert_eq!(ran.status.code(), Some(status), "{ran:?}");
        assert_eq!(asked(&ran).1 > 0, variable == "X", "{ran:?}");
    }
}

#[test]
fn views_say_what_was_left_out() {
    let stage = Stage::new();
    let memory = "no strings and buffers were recorded (--capture-limit 0)";
    let names = "names of descriptors were not recorded (--no-names)";
    let calls = "only some of the calls were recorded (--only 'openat')";
    type Views<'a> = &'a [(&'a str, Option<&'a str>)];
    let cases: [(&[&str], Views<'_>); 4] = [
        (&[], &[("files", None), ("net", None), ("fds", None), ("tree", None), ("stat", None)]),
        (
            &["--capture-limit", "0"],
            &[
                ("files", Some(memory)),
                ("tree", Some(memory)),
                ("waits", Some(memory)),
                ("fds", None),
            ],
        ),
        (
            &["--no-names"],
            &[("waits", Some(names)), ("net", Some(names)), ("fds", Some(names)), ("tree", None)],
        ),
        (
            &["--only", "openat"],
            &[
                ("files", Some(calls)),
                ("waits", Some(calls)),
                ("stream", Some(calls)),
                ("fds", None),
            ],
        ),
    ];
    for (options, views) in cases {
        record(&stage, options);
        for (view, said) in views {
            let ran = stage.sysreel(&[view, "r.reel"]);
            let status = if said.is_some() { 3 } else { 0 };
            assert_eq!(ran.status.code(), Some(status), "{options:?} {view}: {ran:?}");
            assert!(ran.stderr.contains(said.unwrap_or("")), "{options:?} {view}: {ran:?}");
            if said.is_none() {
                assert_eq!(ran.stderr, "", "{options:?} {view}");
            }
        }
    }
    let json = stage.sysreel(&["files", "--json", "r.reel"]).text();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["complete"], &json["missing"][0]), (&false.into(), &calls.into()));
}

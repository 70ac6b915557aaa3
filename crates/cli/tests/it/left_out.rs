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

/// Two directories and files whose names begin with the same bytes, and a name that does not exist.
const LONG_NAMES: &str = "mkdir -p directory-one directory-two; echo x > directory-one/file; \
    cat directory-two/missing; rm -r directory-one directory-two";

/// Records a script with a capture limit that cuts its names.
fn record_cut(stage: &Stage, limit: &str, script: &str) {
    let words = ["record", "-q", "--force", "-o", "r.reel", "--capture-limit", limit, "--"];
    let ran = stage.sysreel(&[&words[..], &["sh", "-c", script]].concat());
    assert!(stage.path("r.reel").exists(), "{ran:?}");
}

const BEGINNING: &str = "only the beginning was recorded (--capture-limit)";

#[test]
fn the_beginning_of_a_path_is_not_the_path() {
    let stage = Stage::new();
    record_cut(&stage, "12", LONG_NAMES);
    let ran = stage.sysreel(&["files", "r.reel", "--json"]);
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    assert!(ran.stderr.contains(BEGINNING), "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.text()).unwrap();
    let files = json["files"].as_array().unwrap();
    let ends_with = |end: &str, is_cut: bool| {
        let mut paths = files.iter().filter(|file| file["is_cut"] == is_cut);
        paths.any(|file| file["path"].as_str().unwrap().ends_with(end))
    };
    assert!(ends_with("/directory-on", true) || ends_with("/directory-o", true), "{files:?}");
    assert!(!ends_with("/directory-on", false) && !ends_with("/directory-o", false), "{files:?}");
    // The kernel's names of what was opened are whole.
    assert!(ends_with("/directory-one/file", false), "{files:?}");
    let shown = stage.sysreel(&["files", "r.reel"]).text();
    assert!(shown.contains("/directory-o...") || shown.contains("/directory-on..."), "{shown}");
    // What was not found is none of the searches, whose names are whole.
    let missing = stage.sysreel(&["files", "--missing", "r.reel"]);
    assert!(!missing.text().contains("directory-tw"), "{missing:?}");
    assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    for format in ["bwrap", "landlock"] {
        let ran = stage.sysreel(&["export", "--to", format, "r.reel"]);
        assert_eq!(ran.status.code(), Some(3), "{format}: {ran:?}");
        assert!(ran.stderr.contains("paths have only their beginning in a log"), "{ran:?}");
        for line in ran.text().lines() {
            assert!(!line.contains("directory-o") || line.contains("directory-one"), "{line}");
        }
    }
    let table = stage.sysreel(&["export", "--to", "csv", "-F", "mkdir", "r.reel"]);
    assert!(table.text().contains("/directory-o"), "{table:?}");
    assert!(table.text().lines().skip(1).all(|line| line.contains("...,")), "{table:?}");
    assert_eq!(table.status.code(), Some(3), "{table:?}");
    // A limit above the length of all names cuts none of them, though it cuts buffers.
    record_cut(&stage, "1000", "printf '%05000d' 7 > long; rm long");
    let ran = stage.sysreel(&["files", "r.reel"]);
    assert_eq!((ran.status.code(), &*ran.stderr), (Some(0), ""), "{ran:?}");
}

/// Binds a datagram socket to a Unix path and sends to it; connects to a port where no one listens.
const ADDRESSES: &str = "exec perl -MSocket -e 'socket(A,AF_UNIX,SOCK_DGRAM,0); \
    bind(A,sockaddr_un(\"a-long-name-of-a-socket\")); socket(B,AF_UNIX,SOCK_DGRAM,0); \
    send(B,\"x\",0,sockaddr_un(\"a-long-name-of-a-socket\")); \
    socket(C,AF_INET,SOCK_STREAM,0); connect(C,sockaddr_in(1,INADDR_LOOPBACK))'";

#[test]
fn the_beginning_of_an_address_is_not_the_address() {
    if !crate::stage::installed("the_beginning_of_an_address_is_not_the_address", &["perl"]) {
        return;
    }
    let stage = Stage::new();
    record_cut(&stage, "8", ADDRESSES);
    let ran = stage.sysreel(&["net", "r.reel"]);
    assert!(ran.stderr.contains(BEGINNING) && ran.status.code() == Some(3), "{ran:?}");
    assert!(ran.text().contains("a-long..."), "{ran:?}");
    assert!(ran.text().contains("127.0.0.1:1 "), "an address is whole before its end: {ran:?}");
    let filter = |test: &str| stage.sysreel(&["print", "-q", "-F", test, "r.reel"]);
    let ran = filter("sendto and net.peer == \"a-long\"");
    assert_eq!(asked(&ran).0, Some(3), "{ran:?}");
}

/// Each format says what it lacks of a log that has only a part.
#[test]
fn exports_say_what_was_left_out() {
    let stage = Stage::new();
    let memory = "no strings and buffers were recorded (--capture-limit 0)";
    let names = "names of descriptors were not recorded (--no-names)";
    let calls = "only some of the calls were recorded (--only 'openat')";
    type Formats<'a> = &'a [(&'a str, Option<&'a str>)];
    let cases: [(&[&str], Formats<'_>); 4] = [
        (&[], &[("seccomp", None), ("bwrap", None), ("csv", None), ("pcapng", None)]),
        (
            &["--capture-limit", "0"],
            &[
                ("seccomp", None),
                ("landlock", Some(memory)),
                ("pcapng", Some(memory)),
                ("csv", Some(memory)),
                ("ndjson", Some(memory)),
                ("folded", None),
            ],
        ),
        (
            &["--no-names"],
            &[
                ("systemd", None),
                ("bwrap", Some(names)),
                ("pcapng", Some(names)),
                ("csv", Some(names)),
                ("folded", Some(names)),
            ],
        ),
        (
            &["--only", "openat"],
            &[
                ("seccomp", Some(calls)),
                ("systemd", Some(calls)),
                ("bwrap", Some(calls)),
                ("pcapng", Some(calls)),
                ("csv", Some(calls)),
                ("strace", Some(calls)),
            ],
        ),
    ];
    for (options, formats) in cases {
        record(&stage, options);
        for (format, said) in formats {
            let ran = stage.sysreel(&["export", "--to", format, "-o", "out", "r.reel"]);
            let status = if said.is_some() { 3 } else { 0 };
            assert_eq!(ran.status.code(), Some(status), "{options:?} {format}: {ran:?}");
            assert!(ran.stderr.contains(said.unwrap_or("")), "{options:?} {format}: {ran:?}");
        }
    }
    // What a filter does not select is not needed.
    let ran = stage.sysreel(&["export", "--to", "csv", "-F", "openat", "r.reel"]);
    assert_eq!((ran.status.code(), &*ran.stderr), (Some(0), ""), "{ran:?}");
    // In a build without the feature there are no such formats.
    if sysreel_export::find("sqlite").is_some_and(sysreel_export::Format::is_built) {
        for format in ["sqlite", "parquet", "arrow"] {
            let ran = stage.sysreel(&["export", "--to", format, "-o", "out", "r.reel"]);
            assert!(ran.status.code() == Some(3) && ran.stderr.contains(calls), "{ran:?}");
        }
    }
}

/// Sockets are known by the calls that make them where names are not recorded.
#[test]
fn net_knows_sockets_without_names() {
    if !crate::stage::installed("net_knows_sockets_without_names", &["perl"]) {
        return;
    }
    let stage = Stage::new();
    let words = ["record", "-q", "-o", "r.reel", "--no-names", "--", "sh", "-c", ADDRESSES];
    stage.sysreel(&words);
    let ran = stage.sysreel(&["net", "r.reel"]);
    assert!(ran.status.code() == Some(3) && ran.text().contains("127.0.0.1:1 "), "{ran:?}");
    assert!(ran.text().contains("a-long-name-of-a-socket"), "{ran:?}");
    let words = ["record", "-q", "-o", "r.reel", "--force", "--no-names", "--", "true"];
    stage.sysreel(&words);
    let ran = stage.sysreel(&["net", "r.reel"]);
    assert!(ran.text().contains("no sockets are known"), "{ran:?}");
}

/// Groups by what was not recorded are no answer.
#[test]
fn stat_says_which_field_was_not_recorded() {
    let stage = Stage::new();
    for (options, field, status) in [
        (&["--no-names"][..], "fd.path", 3),
        (&["--no-names"], "path", 3),
        (&["--no-names"], "call", 0),
        (&["--capture-limit", "0"], "path", 3),
        (&[], "fd.path", 0),
        (&[], "path", 0),
    ] {
        record(&stage, options);
        let ran = stage.sysreel(&["stat", "r.reel", "--by", field]);
        assert_eq!(ran.status.code(), Some(status), "{options:?} {field}: {ran:?}");
        let says = ran.stderr.contains(&format!("`{field}` was not recorded for "));
        assert_eq!(says, status == 3, "{options:?} {field}: {ran:?}");
    }
}

/// A profile of a part of a life is too small.
#[test]
fn profiles_need_whole_lives() {
    let stage = Stage::new();
    let log =
        format!("{}/../../fixtures/logs/v1/attach_nanosleep.reel", env!("CARGO_MANIFEST_DIR"));
    for (format, status) in [("seccomp", 3), ("systemd", 3), ("landlock", 3), ("csv", 0)] {
        let ran = stage.sysreel(&["export", "--to", format, &log]);
        assert_eq!(ran.status.code(), Some(status), "{format}: {ran:?}");
        let says = ran.stderr.contains("tasks were attached while they ran");
        assert_eq!(says, status == 3, "{format}: {ran:?}");
    }
}

/// Without the calls that change it, nothing tells the working directory.
#[test]
fn relative_paths_stay_relative_where_directories_are_not_recorded() {
    let name = "relative_paths_stay_relative_where_directories_are_not_recorded";
    if !crate::stage::installed(name, &["perl"]) {
        return;
    }
    let script = "mkdir \"one\"; chdir \"one\"; mkdir \"two\"";
    for (options, path) in [(&["--no-names"][..], ",two,"), (&[], "/one/two,")] {
        let stage = Stage::new();
        let words = ["record", "-q", "-o", "r.reel", "--only", "mkdir"];
        let ran = stage.sysreel(&[&words, options, &["--", "perl", "-e", script]].concat());
        assert!(ran.status.success(), "{ran:?}");
        let table = stage.sysreel(&["export", "--to", "csv", "-F", "mkdir", "r.reel"]).text();
        let last = table.lines().last().unwrap();
        assert!(last.contains(path), "{options:?}: {table}");
    }
}

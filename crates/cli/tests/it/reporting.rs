//! `sysreel report`: its numbers are those of the views, and what is wrong is said. What a browser
//! makes of a page is in reporting_browser.rs.

use std::fs;

use serde_json::{Value, json};

use crate::stage::{Stage, installed};
use crate::views::{all, record, view};

/// A reader of the data of pages that knows nothing of the page's script.
const BLOCKS: &str = include_str!("reporting/blocks.py");
/// A program with files, failures, processes, pipes, waits and a socket.
pub(crate) const SCRIPT: &str = "cat /etc/passwd missing | head -c 100 >out; for i in 1 2 3; do ls none; done; \
    mkdir d; mv out d/new; sleep 0.05; python3 -c 'import socket; s = socket.socket(); \
    s.bind((\"127.0.0.1\", 0)); s.listen(); c = socket.create_connection(s.getsockname()); \
    c.send(b\"hello\"); s.accept()[0].recv(5)'; sh -c 'kill -TERM $$'; exit 3";

/// Writes the page of r.reel.
pub(crate) fn page(stage: &Stage) -> String {
    let ran = stage.sysreel(&["report", "r.reel", "-o", "r.html"]);
    assert_eq!((ran.status.code(), &*ran.stderr), (Some(0), ""), "{ran:?}");
    fs::read_to_string(stage.path("r.html")).unwrap()
}

/// Returns the data of a page: a document, and tables as lists of rows.
pub(crate) fn data_of(stage: &Stage, page: &str) -> Value {
    let script = format!("{BLOCKS}\nprint(json.dumps(blocks(open({page:?}).read())))");
    let ran = stage.run(stage.command("python3").args(["-c", &script]).env("PYTHONUTF8", "1"));
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Returns some fields of the rows of a table, in an order that depends on nothing but the values.
fn sorted(rows: &[Value], fields: &[&str]) -> Vec<String> {
    let line = |row: &Value| json!(fields.iter().map(|name| &row[*name]).collect::<Vec<_>>());
    let mut rows: Vec<_> = rows.iter().map(|row| line(row).to_string()).collect();
    rows.sort();
    rows
}

/// Names of columns of a page, and of fields of a view.
type Pairs = &'static [(&'static str, &'static str)];

const NUMBERS: Pairs = &[
    ("calls", "calls"),
    ("errors", "errors"),
    ("unfinished", "unfinished"),
    ("bytes", "bytes"),
    ("total", "total_ns"),
    ("mean", "mean_ns"),
    ("p50", "p50_ns"),
    ("p99", "p99_ns"),
    ("max", "max_ns"),
];
const NODES: Pairs = &[
    ("node", "node"),
    ("parent", "parent"),
    ("pid", "pid"),
    ("event", "start_event"),
    ("start", "start_ns"),
    ("duration", "duration_ns"),
    ("user", "utime_ns"),
    ("system", "stime_ns"),
    ("calls", "calls"),
    ("failed", "failed"),
    ("changed", "files_changed"),
    ("exe", "exe"),
    ("depth", "depth"),
];
const FILES: Pairs = &[
    ("path", "path"),
    ("read", "bytes_read"),
    ("written", "bytes_written"),
    ("missing", "not_found"),
    ("event", "first_event"),
    ("last", "last_event"),
];
const ENDPOINTS: Pairs = &[
    ("role", "role"),
    ("protocol", "protocol"),
    ("address", "address"),
    ("outcome", "outcome"),
    ("sockets", "sockets"),
    ("received", "received"),
    ("sent", "sent"),
    ("event", "event"),
];
const WAITS: Pairs = &[
    ("cause", "cause"),
    ("object", "object"),
    ("exe", "exe"),
    ("calls", "calls"),
    ("total", "total_ns"),
    ("max", "max_ns"),
    ("event", "max_event"),
];
const SEARCHES: Pairs = &[("name", "name"), ("times", "times"), ("event", "first_event")];
const HABITS: Pairs =
    &[("rule", "rule"), ("message", "message"), ("count", "count"), ("event", "event")];
const SLOWEST: Pairs = &[("event", "event"), ("duration", "duration_ns"), ("call", "call")];

/// A table, the view that has the same, its list, and what of both is compared.
const SAME: &[(&str, &[&str], &str, Pairs)] = &[
    ("by-call", &["stat"], "groups", NUMBERS),
    ("by-error", &["stat", "--by", "errno,call", "-F", "failed"], "groups", NUMBERS),
    ("by-process", &["stat", "--by", "pid,exe"], "groups", NUMBERS),
    ("slowest", &["stat", "--slowest", "100"], "slowest", SLOWEST),
    ("processes", &["tree"], "nodes", NODES),
    ("files", &["files"], "files", FILES),
    ("searches", &["files"], "searches", SEARCHES),
    ("network", &["net"], "endpoints", ENDPOINTS),
    ("blocked", &["waits", "--top", "-n", "100000"], "rows", WAITS),
    ("habits", &["lint"], "warnings", HABITS),
];

#[test]
fn the_numbers_are_those_of_the_views() {
    if !installed("the_numbers_are_those_of_the_views", &["python3"]) {
        return;
    }
    let stage = record(SCRIPT);
    page(&stage);
    let data = data_of(&stage, "r.html");
    for (table, words, list, pairs) in SAME {
        let (view, _) = view(&stage, &[*words, &["r.reel"]].concat());
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        // An absent text is an empty one on the page.
        let text = |rows: Vec<String>| rows.into_iter().map(|row| row.replace("null", "\"\""));
        let ours: Vec<_> = text(sorted(all(&data, table), &ours)).collect();
        let theirs: Vec<_> = text(sorted(all(&view, list), &theirs)).collect();
        assert_eq!(ours, theirs, "{table}");
        assert!(!ours.is_empty() || *table == "habits", "{table}");
    }
    let info = stage.sysreel(&["info", "--json", "r.reel"]);
    let info: Value = serde_json::from_slice(&info.stdout).unwrap();
    let meta = &data["meta"];
    assert_eq!((&meta["events"], &meta["calls"]), (&info["events"], &info["syscalls"]));
    assert_eq!((&meta["failed"], &meta["exit"]), (&info["errors"], &info["ending"]["exit"]));
    // A small log is on the page as a whole.
    assert_eq!(json!(all(&data, "calls").len()), info["syscalls"]);
}

#[test]
fn what_is_wrong_is_said() {
    let stage = record("echo >made; mv made moved");
    let bytes = fs::read(stage.path("r.reel")).unwrap();
    stage.write("cut.reel", &bytes[..bytes.len() - 100]);
    for (words, status, message) in [
        (&["report", "r.reel", "cut.reel", "-o", "p"][..], 2, "--diff"),
        (&["report", "--diff", "r.reel", "-o", "p"], 2, "two logs are needed"),
        (&["report", "--root", "A=/a", "r.reel", "-o", "p"], 2, "--diff"),
        (&["report", "--diff", "r.reel", "missing", "-o", "p"], 1, "missing"),
        (&["report", "missing", "-o", "p"], 1, "missing"),
        (&["report", "r.reel", "-o", "cut.reel"], 1, "cut.reel"),
        (&["report", "r.reel", "-o", "none/p"], 1, "none/p"),
    ] {
        let ran = stage.sysreel(words);
        ran.fails(status, &[message]);
        assert!(!stage.path("p").exists(), "{words:?}");
    }
    let ran = stage.sysreel(&["report", "cut.reel", "-o", "p"]);
    ran.fails(3, &["cut.reel"]);
    if installed("what_is_wrong_is_said", &["python3"]) {
        let data = data_of(&stage, "p");
        assert!(!all(&data["meta"], "missing").is_empty(), "{data}");
        assert_eq!(data["meta"]["isWhole"], false);
    }
    // From a pipe to a pipe.
    let ran = stage.sh("cat r.reel | \"$SYSREEL\" report - | head -c 15");
    assert_eq!(ran.text(), "<!doctype html>", "{ran:?}");
    // A page is made of the log alone.
    let twice = [0, 1].map(|_| stage.sysreel(&["report", "r.reel"]).stdout);
    assert!(twice[0] == twice[1] && twice[0].len() > 10_000);
}

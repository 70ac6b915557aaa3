//! `sysreel export`: each format is read by a program that knows only the format.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;

use serde_json::Value;
use sysreel_export::{Content, FORMATS};

use crate::stage::{Ran, Running, SYSREEL, Stage, installed, kill, until};
use crate::views::{check, perl, record, view};

/// Runs a script of Python in a stage.
pub(crate) fn python(stage: &Stage, script: &str) -> Ran {
    stage.run(stage.command("python3").args(["-c", script]).env("PYTHONUTF8", "1"))
}

/// Undoes the escapes that docs/export.md describes.
const UNESCAPE: &str = include_str!("exporting/unescape.py");

/// Names of files with everything that some format could take for its own.
const NAMES: &[&[u8]] = &[
    b"plain",
    b"new\nline",
    b"tab\tquote\"comma,semi;",
    b"back\\slash\\n",
    b"esc\x1b[2J",
    b"invalid\xff\xfe",
    "bidi\u{202e}fdp.exe".as_bytes(),
    "c1\u{9b}31m".as_bytes(),
    b"=1+1",
    b"<b>&amp;]]>",
    b"${x}`y`$(z)",
    "日本語".as_bytes(),
];

/// Records a program that looks for files with the names in vain.
fn with_names() -> Stage {
    let stage = Stage::new();
    fs::write(stage.path("names"), NAMES.join(&0)).unwrap();
    let script = "chomp; -e \"/nowhere/$_\"";
    let ran = stage
        .sysreel(&["record", "-q", "-o", "n.reel", "--", "perl", "-0", "-ne", script, "names"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    stage
}

/// Reads what Python printed of the names: each in hexadecimal, on a line of its own.
fn names_of(ran: &Ran) -> Vec<Vec<u8>> {
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let text = ran.text();
    let bytes = |line: &str| data_encoding::HEXLOWER.decode(line.as_bytes()).unwrap();
    text.lines().map(bytes).collect()
}

#[test]
fn names_survive_every_table() {
    if !installed("names_survive_every_table", &["python3", "perl"]) {
        return;
    }
    let stage = with_names();
    let expected: Vec<Vec<u8>> = NAMES.iter().map(|name| [b"/nowhere/", *name].concat()).collect();
    let filter = "path ~ \"/nowhere/**\"";
    let print = "for p in paths: print(unescape(p).hex())";
    let readers = [
        (
            "ndjson",
            "import json\nrows = map(json.loads, open('out'))\n\
             paths = [r['path'] for r in rows if r['row'] == 'call']",
        ),
        ("csv", "import csv\npaths=[r['path'] for r in csv.DictReader(open('out', newline=''))]"),
    ];
    for (format, read) in readers {
        let ran = stage.sysreel(&["export", "--to", format, "-o", "out", "-F", filter, "n.reel"]);
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{format}");
        let text = fs::read_to_string(stage.path("out")).unwrap();
        assert!(
            text.chars().all(|c| c == '\n' || sysreel_inspect::visible::is_visible(c)),
            "{format}: {text}"
        );
        let ran = python(&stage, &format!("{UNESCAPE}\n{read}\n{print}"));
        assert_eq!(names_of(&ran), expected, "{format}");
    }
}

#[test]
fn rows_agree_with_the_views() {
    if !installed("rows_agree_with_the_views", &["python3"]) {
        return;
    }
    let stage = record("cat /etc/passwd missing | head -c 100 >out; kill -USR1 $$ & wait; true");
    let (stat, _) = view(&stage, &["stat", "r.reel"]);
    let (ps, _) = view(&stage, &["ps", "r.reel"]);
    let ran = stage.sysreel(&["export", "--to", "ndjson", "r.reel"]);
    let text = ran.text();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in &rows {
        let mut row = row.clone();
        row["schema"] = Value::from("sysreel/export/1");
        check(&row);
    }
    let of = |kind: &str| rows.iter().filter(|row| row["row"] == kind).collect::<Vec<_>>();
    let calls = of("call");
    let sum = |key: &str| calls.iter().filter_map(|row| row[key].as_u64()).sum::<u64>();
    let total = &stat["total"];
    assert_eq!(Some(calls.len() as u64), total["calls"].as_u64());
    assert_eq!(Some(sum("duration_ns")), total["total_ns"].as_u64());
    assert_eq!(Some(sum("bytes")), total["bytes"].as_u64());
    let failed = calls.iter().filter(|row| row["outcome"] == "failed").count();
    assert_eq!(Some(failed as u64), total["errors"].as_u64());
    let execs: BTreeSet<_> = of("exec").iter().map(|row| row["exe"].to_string()).collect();
    let nodes = ps["nodes"].as_array().unwrap().iter();
    let executed: BTreeSet<_> =
        nodes.filter(|n| n["executed"] == true).map(|n| n["exe"].to_string()).collect();
    assert_eq!(execs, executed);
    assert!(execs.len() >= 3, "{execs:?}");
    assert_eq!(of("task_start").len(), of("task_end").len());
    assert_eq!(of("end")[0]["complete"], true);
    // The table has the same calls, and Python reads it.
    stage.sysreel(&["export", "--to", "csv", "-o", "r.csv", "r.reel"]);
    let script = "import csv\nr=list(csv.DictReader(open('r.csv', newline='')))\n\
                  print(len(r), sum(int(x['duration_ns'] or 0) for x in r), \
                  sum(int(x['bytes'] or 0) for x in r))";
    let expected = format!("{} {} {}\n", calls.len(), sum("duration_ns"), sum("bytes"));
    assert_eq!(python(&stage, script).text(), expected);
}

#[test]
fn strace_is_what_print_writes() {
    let stage = record("cat /etc/passwd | wc -l");
    let ran = stage.sysreel(&["export", "--to", "strace", "-o", "e", "-F", "%file", "r.reel"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    stage.sysreel(&["print", "-ttt", "-T", "-y", "-o", "p", "-F", "%file", "r.reel"]);
    let (exported, printed) = (stage.path("e"), stage.path("p"));
    assert_eq!(fs::read(&exported).unwrap(), fs::read(printed).unwrap());
    assert!(fs::metadata(exported).unwrap().len() > 1000);
}

#[test]
fn files_are_named_after_logs() {
    let stage = record("true");
    fs::create_dir(stage.path("d")).unwrap();
    fs::copy(stage.path("r.reel"), stage.path("s.reel")).unwrap();
    fs::copy(stage.path("r.reel"), stage.path("d/r.reel")).unwrap();
    let ran = stage.sysreel(&["export", "--to", "strace", "-o", "new/", "r.reel", "s.reel"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let text = |name: &str| fs::read_to_string(stage.path(name)).unwrap();
    assert_eq!(text("new/r.strace"), text("new/s.strace"));
    stage
        .sysreel(&["export", "--to", "strace", "-o", "d", "r.reel", "d/r.reel"])
        .fails(2, &["two logs have the same name"]);
    stage
        .sysreel(&["export", "--to", "strace", "-o", "x", "r.reel", "s.reel"])
        .fails(2, &["one log", "-o DIR/"]);
    assert!(!stage.path("x").exists());
    // One file with both.
    stage.sysreel(&["export", "--to", "csv", "-o", "both", "r.reel", "s.reel"]);
    let both = text("both");
    let of = |log: &str| both.lines().filter(|line| line.starts_with(log)).count();
    assert!(of("r.reel,") > 10 && of("r.reel,") == of("s.reel,"), "{both}");
}

/// An export to a directory can be repeated: what is there and not older than its log is kept.
#[test]
fn an_export_to_a_directory_goes_on_where_it_was() {
    let stage = record("true");
    let logs: Vec<String> = (0..7).map(|n| format!("log{n}.reel")).collect();
    for log in &logs {
        fs::copy(stage.path("r.reel"), stage.path(log)).unwrap();
    }
    let export = |options: &[&str]| {
        let mut all = vec!["export", "--to", "csv", "-o", "out/"];
        all.extend(options);
        all.extend(logs.iter().map(String::as_str));
        stage.sysreel(&all)
    };
    let csv = |n: usize| stage.path(&format!("out/log{n}.csv"));
    let ran = export(&["--jobs", "3"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""));
    let first = fs::read_to_string(csv(0)).unwrap();
    for n in 1..7 {
        let text = fs::read_to_string(csv(n)).unwrap();
        assert_eq!(text.replace(&format!("log{n}.reel,"), "log0.reel,"), first, "{n}");
    }
    // One is missing, one is older than its log, and one was changed since: only that is kept.
    fs::remove_file(csv(2)).unwrap();
    let set_age = |path: &std::path::Path, seconds: u64| {
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    };
    fs::write(csv(3), "an export of an older log").unwrap();
    set_age(&csv(3), 9000);
    fs::write(csv(4), "kept").unwrap();
    set_age(&stage.path("log4.reel"), 9000);
    let ran = export(&["--update"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""));
    let texts: Vec<_> = [2, 3, 4].map(|n| fs::read_to_string(csv(n)).unwrap()).into();
    assert!(texts[..2].iter().all(|text| text.len() == first.len()) && texts[2] == "kept");
    // A log that cannot be read keeps no other from it.
    fs::write(stage.path("log5.reel"), "no log").unwrap();
    fs::remove_file(csv(6)).unwrap();
    export(&["-u", "-j1"]).fails(1, &["log5.reel"]);
    assert_eq!(fs::read_to_string(csv(6)).unwrap().len(), first.len());
    for option in ["--update", "--jobs=2"] {
        let ran = stage.sysreel(&["export", "--to", "csv", option, "-o", "x", "r.reel"]);
        ran.fails(2, &["-o DIR/"]);
    }
    stage.sysreel(&["export", "--to", "csv", "-j0", "-o", "out/", "r.reel"]).fails(2, &["--jobs"]);
}

#[test]
fn mistakes_are_explained() {
    let stage = record("true");
    let log = fs::read(stage.path("r.reel")).unwrap();
    stage.sysreel(&["export", "--to", "nsjson", "r.reel"]).fails(2, &["ndjson", "csv", "strace"]);
    stage.sysreel(&["export", "r.reel"]).fails(2, &["--to"]);
    stage
        .sysreel(&["export", "--to", "csv", "-o", "r.reel", "r.reel"])
        .fails(1, &["r.reel", "is a log and will not be overwritten"]);
    stage
        .sysreel(&["export", "--to", "csv", "-o", "none/x", "r.reel"])
        .fails(1, &["cannot write none/x: No such file or directory (os error 2)\n"]);
    // No file remains of an export that failed, and an older one is as it was.
    fs::write(stage.path("old"), "old").unwrap();
    stage.sysreel(&["export", "--to", "csv", "-o", "old", "r.reel", "missing.reel"]).fails(1, &[]);
    assert_eq!(fs::read(stage.path("old")).unwrap(), b"old");
    assert_eq!(fs::read(stage.path("r.reel")).unwrap(), log);
    let ran = stage.sysreel(&["export", "--to", "csv", "-F", "brk and not brk", "r.reel"]);
    assert_eq!(ran.status.code(), Some(0));
    assert!(ran.stderr.contains("nothing matches"), "{ran:?}");
    let ran = stage.sh("\"$SYSREEL\" export --to csv r.reel >/dev/full");
    ran.fails(1, &["cannot write"]);
    let left: Vec<_> =
        fs::read_dir(stage.folder()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
}

/// A signal ends an export as it would have anyway, and nothing of the file is left.
#[test]
fn a_signal_leaves_no_part_of_a_file() {
    let stage = record("for i in 1 2 3 4 5 6; do cat /etc/passwd >/dev/null; done");
    let files = || fs::read_dir(stage.folder()).unwrap().map(|file| file.unwrap().file_name());
    let is_partial = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".partial");
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let mut command = stage.command(SYSREEL);
        // The same log many times takes longer than a signal.
        command.args(["export", "--to", "ndjson", "-o", "out"]).args(vec!["r.reel"; 500]);
        let running = Running::start(&mut command);
        until("a temporary file", || files().any(is_partial));
        kill(running.pid(), signal);
        assert_eq!(running.wait().signal(), Some(number));
        let left: Vec<_> = files().collect();
        assert!(!left.iter().any(|name| name == "out" || is_partial(name.clone())), "{left:?}");
    }
}

/// Every format exports what is left of a damaged log, and says that it is not all.
#[test]
fn what_is_left_of_a_damaged_log_is_exported() {
    let stage = record("for i in 1 2 3 4 5 6; do cat /etc/passwd >/dev/null; done");
    let bytes = fs::read(stage.path("r.reel")).unwrap();
    // Without its last bytes a log has no footer, and nothing says that it is whole.
    fs::write(stage.path("cut.reel"), &bytes[..bytes.len() - 16]).unwrap();
    for format in FORMATS.iter().filter(|format| format.is_built()) {
        let ran = stage.sysreel(&["export", "--to", format.name, "-o", "out", "cut.reel"]);
        assert_eq!(ran.status.code(), Some(3), "{}: {ran:?}", format.name);
        assert!(ran.stderr.contains("cut.reel: "), "{}: {ran:?}", format.name);
        let written = take_files(&stage, "out");
        stage.sysreel(&["export", "--to", format.name, "-o", "whole", "r.reel"]);
        let whole = take_files(&stage, "whole");
        assert!(written * 10 > whole * 9, "{}: {written} of {whole}", format.name);
    }
    let ran = stage.sysreel(&["export", "--to", "ndjson", "cut.reel"]);
    let last: Value = serde_json::from_str(ran.text().lines().last().unwrap()).unwrap();
    assert_eq!((&last["row"], &last["complete"]), (&"end".into(), &false.into()));
    assert!(!last["missing"].as_array().unwrap().is_empty());
    assert!(FORMATS.len() > 3);
}

/// Removes the files of an export, and returns how many bytes they had.
fn take_files(stage: &Stage, name: &str) -> u64 {
    let mut bytes = 0;
    for file in fs::read_dir(stage.folder()).unwrap().map(|file| file.unwrap()) {
        let found = file.file_name().into_string().unwrap();
        if found == name || found.starts_with(&format!("{name}.")) {
            bytes += file.metadata().unwrap().len();
            fs::remove_file(file.path()).unwrap();
        }
    }
    bytes
}

/// What is not in this build says how to get it; what is needs a file.
#[test]
fn databases_need_the_feature_and_a_file() {
    let stage = record("true");
    for format in FORMATS.iter().filter(|format| format.content == Content::Database) {
        let words = match format.is_built() {
            true => ["standard output", "-o FILE."],
            false => ["built without", "--features tables"],
        };
        stage.sysreel(&["export", "--to", format.name, "r.reel"]).fails(2, &words);
        if format.is_built() {
            let to_null = ["export", "--to", format.name, "-o", "/dev/null", "r.reel"];
            stage.sysreel(&to_null).fails(1, &["not a regular file"]);
        }
    }
}

/// Asks the database in Python's own library what the views know.
const ASK_SQLITE: &str = include_str!("exporting/sqlite.py");

#[test]
fn a_database_agrees_with_the_views() {
    if !FORMATS.iter().any(|format| format.name == "sqlite" && format.is_built())
        || !installed("a_database_agrees_with_the_views", &["python3", "perl"])
    {
        return;
    }
    let pair = perl("use Socket; socketpair(A,B,AF_UNIX,SOCK_STREAM,0); syswrite A, 1");
    let stage = record(&format!("echo what was written >out; cat missing; {pair}"));
    fs::copy(stage.path("r.reel"), stage.path("s.reel")).unwrap();
    let export = ["export", "--to", "sqlite", "-o", "out", "-s", "all", "r.reel", "s.reel"];
    let ran = stage.sysreel(&export);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let (stat, _) = view(&stage, &["stat", "r.reel"]);
    let (ps, _) = view(&stage, &["ps", "--threads", "r.reel"]);
    let nodes = ps["nodes"].as_array().unwrap();
    let executed = nodes.iter().filter(|node| node["executed"] == true).count();
    let tasks = nodes.iter().filter(|node| node["origin"] != "exec").count();
    let total = |key: &str| &stat["total"][key];
    let expected = format!(
        "{} {} {} {}\n{tasks} {tasks}\n{executed}\nwhat was written\n\nunix 1\n-e\n1 \n",
        total("calls"),
        total("total_ns"),
        total("errors"),
        total("bytes")
    );
    let ran = python(&stage, ASK_SQLITE);
    assert_eq!(ran.text(), expected, "{ran:?}");
}

#[test]
fn binary_formats_are_not_written_to_a_terminal() {
    let stage = record("true");
    for format in FORMATS.iter().filter(|format| format.content == Content::Binary) {
        let line = format!("{} export --to {} r.reel", crate::stage::SYSREEL, format.name);
        let ran = stage.sh(&format!("script -qec '{line}' /dev/null"));
        assert_eq!(ran.status.code(), Some(2), "{}: {ran:?}", format.name);
        assert!(ran.text().contains("binary") && ran.text().contains("-o FILE."), "{ran:?}");
        let piped = stage.sh(&format!("{line} | head -c 20 | wc -c"));
        assert_eq!(piped.text().trim(), "20", "{}: {piped:?}", format.name);
    }
}

//! `sysreel export` to several files, and to files in columns.

use std::fs;

use sysreel_export::FORMATS;

use crate::exporting::python;
use crate::stage::installed;
use crate::views::record;

/// Merged by time, also by strace-log-merge(1), the files of the threads have the lines of the one
/// file with whole calls, and a file has the lines of one thread.
#[test]
fn each_thread_has_a_file() {
    let stage = record("(cat missing; exec true) & (exit 3); wait");
    let ran = stage.sysreel(&["export", "--to", "strace-ff", "-o", "parts/", "r.reel"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let mut found = Vec::new();
    for file in fs::read_dir(stage.path("parts")).unwrap().map(|file| file.unwrap()) {
        let name = file.file_name().into_string().unwrap();
        let tid = name.strip_prefix("r.strace.").unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.contains('.')), "{name}");
        found.extend(text.lines().map(|line| plain(&format!("{tid} {line}"))));
    }
    let print = ["print", "-f", "-ttt", "-T", "-y", "--join", "-s", "32", "r.reel"];
    let printed = stage.sysreel(&print).text();
    let of_threads = printed.lines().filter(|line| !line.contains("--- sysreel"));
    let mut expected: Vec<String> = of_threads.map(plain).collect();
    assert!(expected.len() > 100 && expected.iter().any(|line| line.contains("exited with 3")));
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    if installed("each_thread_has_a_file", &["strace-log-merge"]) {
        let merged = stage.sh("strace-log-merge parts/r.strace").text();
        let mut merged: Vec<String> = merged.lines().map(plain).collect();
        merged.sort_unstable();
        assert_eq!(merged, expected);
    }
    let none = stage.sysreel(&["export", "--to", "strace-ff", "r.reel"]);
    none.fails(2, &["-o FILE"]);
}

/// A line with its tid alone in front, and no columns.
fn plain(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    match line.strip_prefix("[pid ").and_then(|line| line.split_once("] ")) {
        Some((tid, rest)) => format!("{tid} {rest}"),
        None => line,
    }
}

/// Reads the tables in columns by another program, and prints what they have.
const ASK_COLUMNS: &str = include_str!("exporting/columns.py");

/// Arrow files have the rows of Parquet files and of the table, and so does DuckDB say.
#[test]
#[ignore = "pip install duckdb pyarrow"]
fn columns_agree_with_the_table() {
    if !FORMATS.iter().any(|format| format.name == "arrow" && format.is_built())
        || !installed("columns_agree_with_the_table", &["python3"])
    {
        return;
    }
    let stage = record("cat missing names; (exit 3); kill -9 $$");
    for format in ["csv", "parquet", "arrow", "parquet-tasks", "arrow-tasks"] {
        let out = format!("out.{format}");
        let ran = stage.sysreel(&["export", "--to", format, "-o", &out, "r.reel"]);
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{format}: {ran:?}");
    }
    let ran = python(&stage, ASK_COLUMNS);
    assert_eq!(ran.text(), "the same\n", "{ran:?}");
}

/// Reads the tables of paths, sockets and memory by other programs, and compares them.
const ASK_FOUND: &str = include_str!("exporting/found.py");

/// What the tables are made of: a renamed file, a connect that fails, and one that does not.
const ACTS: &str = "echo hello >one; mv one two; cat missing; cat two two >/dev/null; perl -e '
    use Socket; my $here = inet_aton(\"127.0.0.1\");
    socket(R, PF_INET, SOCK_STREAM, 0); connect(R, pack_sockaddr_in(1, $here));
    socket(L, PF_INET, SOCK_STREAM, 0); bind(L, pack_sockaddr_in(0, $here)); listen(L, 1);
    socket(C, PF_INET, SOCK_STREAM, 0); connect(C, getsockname(L)); accept(A, L);
    syswrite(C, \"hello\"); sysread(A, $_, 100); '";

/// The table of paths has the numbers of `files`, that of sockets those of `net`, and that of
/// memory those of the database; Arrow files and the database have the rows of Parquet files.
#[test]
#[ignore = "pip install duckdb pyarrow"]
fn found_tables_agree_with_the_views() {
    if !FORMATS.iter().any(|format| format.name == "arrow-files" && format.is_built())
        || !installed("found_tables_agree_with_the_views", &["python3", "perl", "sqlite3"])
    {
        return;
    }
    let stage = record(ACTS);
    let tables = ["files", "sockets", "regions"];
    let of = |kind: &str| tables.map(|table| format!("{kind}-{table}"));
    let formats = of("parquet").into_iter().chain(of("arrow"));
    for format in formats.chain(["parquet", "parquet-tasks", "sqlite"].map(String::from)) {
        let out = format!("out.{format}");
        let export = ["export", "--to", &format, "-s", "all", "-o", &out, "r.reel"];
        let ran = stage.sysreel(&export);
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{format}: {ran:?}");
    }
    for view in ["files", "net"] {
        let ran = stage.sysreel(&[view, "--json", "r.reel"]);
        fs::write(stage.path(&format!("{view}.json")), ran.text()).unwrap();
    }
    let ran = python(&stage, ASK_FOUND);
    assert_eq!(ran.text(), "the same\n", "{ran:?}");
}

/// Asks a file of columns for a moment.
const ASK_PRUNES: &str = include_str!("exporting/prunes.py");

/// Row groups tell from when to when they are, so an engine reads those alone that it needs.
#[test]
#[ignore = "pip install duckdb pyarrow"]
fn long_engines_skip_row_groups_by_time() {
    if !FORMATS.iter().any(|format| format.name == "parquet" && format.is_built())
        || !installed("long_engines_skip_row_groups_by_time", &["python3", "perl"])
    {
        return;
    }
    let stage = record("perl -e 'getppid for 1..130000'");
    let ran = stage.sysreel(&["export", "--to", "parquet", "-o", "out.parquet", "r.reel"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let ran = python(&stage, ASK_PRUNES);
    assert_eq!(ran.text(), "the same\n", "{ran:?}");
}

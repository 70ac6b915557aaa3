//! The same program under strace(1) and under sysreel: every call is printed alike, with its
//! arguments, strings, structures and result.
//!
//! [`same`] names each legitimate difference and removes it.

use crate::stage::{SYSREEL, Stage, installed};
use std::collections::BTreeMap;
use std::fs;

#[test]
fn ls() {
    same(&["ls", "-la", "d"], 100);
}

#[test]
fn cat() {
    same(&["cat", "d/1", "d/2", "missing"], 40);
}

#[test]
fn tar() {
    same(&["tar", "-cf", "out.tar", "d"], 100);
}

#[test]
fn git_log() {
    same(&["git", "-C", "repository", "log", "--stat"], 150);
}

/// Asserts that at least `least` lines are equal, apart from the column of results, random bytes of
/// the kernel, the address of the environment in the tracer's child, the task's id, and the padding
/// of octal escapes.
#[track_caller]
fn same(words: &[&str], least: usize) {
    if !installed(words[0], &[words[0], "strace", "setarch", "git"]) {
        return;
    }
    let stage = Stage::new();
    let made = stage.sh(
        r#"mkdir d; for i in 1 2 3; do seq 1 ${i}00 > d/$i; done; ln -s 1 d/link
           export GIT_AUTHOR_DATE='2001-01-01T00:00:00Z' GIT_COMMITTER_DATE='2001-01-01T00:00:00Z'
           git init -q repository; cd repository; git config user.name n; git config user.email e@example.org
           for i in 1 2; do echo $i > f$i; git add f$i; git commit -q -m "commit $i"; done; git status > /dev/null"#,
    );
    assert!(made.status.success(), "{made:?}");
    let traced = |tracer: &[&str]| {
        _ = fs::remove_file(stage.path("out.tar"));
        let mut command = stage.command("setarch");
        stage.run(command.arg("-R").args(tracer).args(words))
    };
    let strace = traced(&["strace", "-f", "-o", "strace.out", "-s", "65536", "-a1"]);
    let sysreel = traced(&[
        SYSREEL,
        "record",
        "-q",
        "--cpu",
        "free",
        "--capture-limit",
        "all",
        "-o",
        "run.reel",
        "--",
    ]);
    assert_eq!((strace.status, strace.text()), (sysreel.status, sysreel.text()));
    let printed = stage.sysreel(&["print", "-s", "65536", "-o", "sysreel.out", "run.reel"]);
    assert!(printed.status.success(), "{printed:?}");
    let [strace, sysreel] = ["strace.out", "sysreel.out"]
        .map(|name| normal(&fs::read_to_string(stage.path(name)).unwrap()));
    for (i, (theirs, ours)) in strace.iter().zip(&sysreel).enumerate() {
        assert_eq!(theirs, ours, "line {i} of {words:?}");
    }
    assert_eq!(strace.len(), sysreel.len());
    assert!(strace.len() > least, "{} lines are too few to be {words:?}", strace.len());
}

fn normal(text: &str) -> Vec<String> {
    let main = text.split(' ').next().unwrap_or_default();
    text.lines()
        .map(|line| {
            let line = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
            let (call, result) = line.rsplit_once(" = ").unwrap_or((line, ""));
            // Another number may be equal to a small id by chance.
            let is_id = ["set_tid_address(", "getpid(", "gettid("]
                .iter()
                .any(|name| call.starts_with(name));
            let result = if is_id && result == main { "MAIN" } else { result };
            let call = octal(call.trim_end());
            if call.starts_with("getrandom(\"") {
                return format!("getrandom({}", call.rsplit_once('"').unwrap().1);
            }
            match (call.starts_with("execve("), call.rsplit_once(", 0x")) {
                (true, Some((before, after))) => format!(
                    "{before}, ENVIRONMENT{} = {result}",
                    after.trim_start_matches(|c: char| c.is_ascii_hexdigit())
                ),
                _ => format!("{call} = {result}"),
            }
        })
        .collect()
}

/// Spells every octal escape with three digits.
fn octal(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        out.push(c);
        if c != '\\' {
            continue;
        }
        let mut digits = String::new();
        while digits.len() < 3 && rest.peek().is_some_and(|c| ('0'..='7').contains(c)) {
            digits.extend(rest.next());
        }
        match digits.is_empty() {
            true => out.extend(rest.next()),
            false => out += &format!("{digits:0>3}"),
        }
    }
    out
}

#[test]
fn escapes_are_made_equal() {
    assert_eq!(octal(r"a\08\0008\\0\n\1777"), r"a\0008\0008\\0\n\1777");
}

/// The counts of calls and errors are those of strace's summary.
#[test]
fn summary() {
    let program = "ls -l /proc/self; cat missing; (exec true)";
    if !installed("summary", &["sh", "strace"]) {
        return;
    }
    let stage = Stage::new();
    let strace =
        ["strace", "-f", "-c", "-U", "name,calls,errors", "-o", "strace.out", "sh", "-c", program];
    stage.run(stage.command(strace[0]).args(&strace[1..]));
    stage.sysreel(&["record", "-q", "-o", "run.reel", "--", "sh", "-c", program]);
    let table = fs::read_to_string(stage.path("strace.out")).unwrap();
    let mut theirs = BTreeMap::new();
    for line in table.lines().skip(2).take_while(|line| !line.starts_with('-')) {
        let [name, calls, errors @ ..] = &line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let number = |text: &str| text.parse::<u64>().unwrap();
        theirs.insert((*name).to_owned(), (number(calls), errors.first().map_or(0, |n| number(n))));
    }
    let ran = stage.sysreel(&["print", "-c", "--json", "run.reel"]);
    let json: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let ended = |count: &serde_json::Value| {
        let number = |key: &str| count[key].as_u64().unwrap();
        // strace counts exits, and exit_group(2) has none.
        (
            count["name"].as_str().unwrap().to_owned(),
            (number("calls") - number("unfinished"), number("errors")),
        )
    };
    let mut ours: BTreeMap<_, _> = json["calls"].as_array().unwrap().iter().map(ended).collect();
    assert_eq!(ours.remove("exit_group"), Some((0, 0)));
    assert_eq!(ours, theirs);
    assert!(ours.len() > 20, "{ours:?}");
}

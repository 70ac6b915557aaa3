//! Several logs of a side, secrets, and explanations.

use crate::stage::{Ran, Stage};
use serde_json::Value;
use std::fs;

/// Records scripts in one folder: `NAME SCRIPT`, in order.
fn recorded(scripts: &[(&str, &str)]) -> Stage {
    let stage = Stage::new();
    for (name, script) in scripts {
        stage.write("run.sh", script);
        let ran =
            stage.sysreel(&["record", "-q", "-o", &format!("{name}.reel"), "--", "sh", "run.sh"]);
        assert!(ran.status.success(), "{name}: {ran:?}");
    }
    stage
}

#[track_caller]
fn json(ran: &Ran) -> Value {
    ran.never_panics();
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// Returns the differences from `note` on, and the unstable ones with their side and counts.
fn told(report: &Value) -> (Vec<String>, Vec<String>) {
    let line = |d: &Value| {
        let text = |key: &str| d[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("rule"), text("change"), text("what"))
    };
    let all = |key: &str| report[key].as_array().unwrap().clone();
    let unstable = all("unstable");
    (
        all("differences").iter().filter(|d| d["severity"] != "info").map(line).collect(),
        unstable
            .iter()
            .map(|u| format!("{} {}/{} {}", u["side"], u["seen"], u["of"], line(&u["difference"])))
            .collect(),
    )
}

const ALWAYS: &str = ": > out\n";
const NEW: &str = ": > out; : > new\n";
const RACES: &str = ": > out; read x < /etc/passwd\n";

#[test]
fn what_differs_within_a_side_is_unstable_there() {
    let stage = recorded(&[
        ("a1", ALWAYS),
        ("a2", RACES),
        ("a3", RACES),
        ("b1", NEW),
        ("b2", NEW),
        ("b3", &format!("{NEW}exit 0 # and {RACES}")),
    ]);
    let ran = stage.sysreel(&[
        "diff", "--format", "json", "a1.reel", "a2.reel", "a3.reel", "--", "b1.reel", "b2.reel",
    ]);
    let report = json(&ran);
    let (found, unstable) = told(&report);
    assert_eq!(found, ["fs.write.new added write $WS/new"], "{ran:?}");
    assert_eq!(unstable, ["0 2/3 fs.read.new added read /etc/passwd"]);
    assert_eq!(report["sides"][0]["logs"].as_array().map(Vec::len), Some(3));
    assert_eq!(ran.status.code(), Some(1));

    // The other way round the second side is the unstable one.
    let ran = stage
        .sysreel(&["diff", "--format", "json", "b1.reel", "--", "a2.reel", "a3.reel", "a1.reel"]);
    let (found, unstable) = told(&json(&ran));
    assert_eq!(found, ["fs.change.gone removed write $WS/new"], "{ran:?}");
    assert_eq!(unstable, ["1 2/3 fs.read.gone removed read /etc/passwd"]);

    // In text with the call that only some runs make.
    let text = stage.sysreel(&["diff", "a1.reel", "a2.reel", "--", "b1.reel"]).text();
    for part in [
        "A a1.reel and 1 other log",
        "in 1 of 2 runs of A: fs.read.new sh + read /etc/passwd",
        "A, run 2, around event",
        "\"/etc/passwd\"",
        "1 difference at or above note",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }

    // Runs of one program on both sides.
    let ran = stage.sysreel(&["diff", "a1.reel", "a2.reel", "--", "a3.reel", "a1.reel"]);
    assert!(ran.status.success(), "{ran:?}");
}

/// Processes that differ in the same way are seen in one run all the same.
#[test]
fn what_is_unstable_is_counted_by_run() {
    const ENDS: &str = "(exit $N); (exit $N); (exit $N); :";
    let stage = recorded(&[("a1", &ENDS.replace("$N", "0")), ("a2", &ENDS.replace("$N", "1"))]);
    let ran = stage.sysreel(&["diff", "--format", "json", "a1.reel", "a2.reel", "--", "a1.reel"]);
    let (_, unstable) = told(&json(&ran));
    assert_eq!(unstable, ["0 1/2 exit.status changed exit"], "{ran:?}");
}

/// A name that all runs of a side have is not made up, however random it looks.
#[test]
fn a_name_of_all_runs_of_a_side_is_not_made_up() {
    let script = |name: &str| format!("mkdir {name}; rmdir {name}\n");
    let (one, other) = (script("build-x7Kq2f"), script("build-Zp91Lw"));
    let stage = recorded(&[("a1", &one), ("a2", &one), ("b1", &other), ("b2", &other)]);
    let of = |words: &[&str]| {
        let ran = stage.sysreel(&[&["diff", "--format", "json"], words].concat());
        told(&json(&ran)).0.len()
    };
    assert_eq!(of(&["a1.reel", "b1.reel"]), 0);
    assert!(of(&["a1.reel", "a2.reel", "--", "b1.reel", "b2.reel"]) > 0);
    // Names that vary on both sides are made up.
    assert_eq!(of(&["a1.reel", "b1.reel", "--", "a2.reel", "b2.reel"]), 0);
}

#[test]
fn which_log_is_on_which_side_must_be_clear() {
    let stage = recorded(&[("a", ALWAYS)]);
    for (words, why) in [
        (&["diff"][..], "two logs are needed"),
        (&["diff", "a.reel"], "two logs are needed"),
        (&["diff", "a.reel", "a.reel", "a.reel"], "which logs belong to which side"),
        (&["diff", "--", "a.reel"], "which logs belong to which side"),
        (&["diff", "-", "--", "-"], "standard input can be only one"),
        (&["diff", "--explain", "fs.read.neu"], "did you mean `fs.read.new`"),
        (&["diff", "a.reel", "a.reel", "--explain", "exec.new"], "cannot be used with"),
    ] {
        stage.sysreel(words).fails(2, &[why]);
    }
    for words in [&["diff", "a.reel", "--", "a.reel"][..], &["diff", "--", "a.reel", "a.reel"]] {
        let ran = stage.sysreel(words);
        assert!(ran.status.success(), "{words:?}: {ran:?}");
    }
    let piped = stage.sh("\"$SYSREEL\" diff - a.reel < a.reel");
    assert!(piped.status.success(), "{piped:?}");
    // The calls are read from standard input too, once.
    fs::copy(stage.path("a.reel"), stage.path("other.reel")).unwrap();
    let ran = stage.sysreel(&["diff", "--explain"]);
    assert!(ran.text().contains("fs.read.new       note   reads another file"), "{ran:?}");
    let ran = stage.sysreel(&["diff", "--explain", "exec.argv"]);
    assert!(ran.text().contains("    rule = \"exec.argv\"\n"), "{ran:?}");
}

const FORMATS: [&str; 5] = ["text", "json", "junit", "markdown", "github"];

#[test]
fn secrets_are_masked_in_every_format() {
    let script = |secret: &str| {
        format!("env API_TOKEN={secret} true --password {secret} https://me:{secret}@h/ || :\n")
    };
    let stage = recorded(&[("a", &script("hunter2")), ("b", &script("sesame3"))]);
    for format in FORMATS {
        let masked = stage.sysreel(&["diff", "--format", format, "a.reel", "b.reel"]);
        let text = masked.text();
        assert!(!text.contains("hunter2") && !text.contains("sesame3"), "{format}: {text}");
        // Two masks, one for each secret.
        let masks: std::collections::BTreeSet<&str> =
            text.match_indices("***").filter_map(|(at, _)| text.get(at..at + 7)).collect();
        assert_eq!(masks.len(), 2, "{format}: {text}");
        let shown =
            stage.sysreel(&["diff", "--show-secrets", "--format", format, "a.reel", "b.reel"]);
        let text = shown.text();
        assert!(text.contains("hunter2") && text.contains("sesame3"), "{format}: {text}");
        assert_eq!((masked.status.code(), shown.status.code()), (Some(1), Some(1)));
    }
    // Exchanged secrets make no other difference.
    let report = json(&stage.sysreel(&["diff", "--format", "json", "a.reel", "b.reel"]));
    assert!(told(&report).0.iter().all(|line| line.starts_with("exec.argv")), "{report}");
    assert!(report["masked"].as_u64() > Some(1));
}

#[test]
fn a_baseline_holds_no_secret() {
    let stage = Stage::new();
    let command = ["sh", "-c", "mkdir -p \"d/$0\"; : > \"d/$0/x\"", "API_KEY=hunter2"];
    let record = [&["baseline", "record", "-n", "2", "--"][..], &command].concat();
    assert!(stage.sysreel(&record).status.success());
    let text = fs::read_to_string(stage.path("sysreel.baseline")).unwrap();
    assert!(!text.contains("hunter2") && text.contains("API_KEY=***"), "{text}");
    stage.sysreel(&["baseline", "check"]).fails(2, &["give it again"]);
    let check = [&["baseline", "check", "--gate", "note", "--"][..], &command].concat();
    let ran = stage.sysreel(&check);
    assert!(ran.status.success(), "{ran:?}");
    // Another secret is another name.
    let other = check.iter().map(|word| word.replace("hunter2", "sesame3")).collect::<Vec<_>>();
    let other: Vec<&str> = other.iter().map(String::as_str).collect();
    let ran = stage.sysreel(&other);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
}

#[test]
fn small_contents_are_shown_at_level_fields() {
    let stage = recorded(&[
        ("a", "printf 'one\\ntwo\\n' > out\n"),
        ("b", "printf 'one\\nTWO token=hunter2\\n' > out\n"),
        ("c", "head -c 9000 /dev/zero > out\n"),
        ("d", "head -c 9000 /dev/zero | tr '\\0' 'x' > out\n"),
    ]);
    let of = |options: &[&str]| stage.sysreel(&[&["diff", "--level", "fields"], options].concat());
    let text = of(&["a.reel", "b.reel"]).text();
    for part in ["        line 2:\n        -two\n        +TWO token=***", "masked in"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let report = json(&of(&["--format", "json", "--show-secrets", "a.reel", "b.reel"]));
    let content: Vec<_> = report["differences"][0]["content"].as_array().unwrap().clone();
    assert_eq!(content, ["line 2:", "-two", "+TWO token=hunter2"]);
    // At lower levels contents do not count, and long ones are not shown.
    assert!(stage.sysreel(&["diff", "a.reel", "b.reel"]).status.success());
    let ran = of(&["c.reel", "d.reel"]);
    assert!(
        !ran.text().contains("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        "{ran:?}"
    );
}

#[test]
fn one_line_tells_a_flag_of_many_command_lines() {
    let script = |flag: &str| format!("for i in 1 2 3 4 5; do /bin/true {flag} $i.c; done\n");
    let stage = recorded(&[("a", &script("-O2")), ("b", &script("-O3"))]);
    let folded = stage.sysreel(&["diff", "a.reel", "b.reel"]).text();
    assert!(folded.contains("~ exec.argv: true: -O2 => -O3 (in 5 processes)"), "{folded}");
    assert!(folded.ends_with("1 difference at or above note\n"), "{folded}");
    let all = stage.sysreel(&["diff", "--all", "a.reel", "b.reel"]).text();
    assert!(all.contains("/bin/true -O2 3.c => /bin/true -O3 3.c"), "{all}");
    assert!(all.ends_with("5 differences at or above note\n"), "{all}");
}

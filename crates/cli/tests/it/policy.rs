//! Policies applied to real differences.

use crate::stage::{Ran, Stage};
use serde_json::Value;

/// Two runs of a script, before and after a change.
struct Change {
    stage: Stage,
}

impl Change {
    fn new(before: &str, after: &str) -> Self {
        let stage = Stage::new();
        for (log, script) in [("a.reel", before), ("b.reel", after)] {
            stage.write("s.sh", script);
            std::fs::create_dir_all(stage.path("d")).unwrap();
            let ran = stage.sysreel(&["record", "-q", "-o", log, "sh", "s.sh"]);
            assert!(ran.status.code().is_some_and(|code| code < 124), "{ran:?}");
        }
        Self { stage }
    }

    fn judged(&self, policy: &str, options: &[&str]) -> Ran {
        self.stage.write("p.toml", policy);
        self.stage.sysreel(&[&["diff", "--policy", "p.toml", "a.reel", "b.reel"], options].concat())
    }

    /// Returns rule and subject of the differences from note on, and the exit status.
    #[track_caller]
    fn left(&self, policy: &str) -> (Vec<String>, i32) {
        let ran = self.judged(policy, &["--format", "json"]);
        ran.never_panics();
        let value: Value =
            serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        let differences = value["differences"].as_array().unwrap().iter();
        let left = differences
            .filter(|d| d["severity"] != "info")
            .map(|d| format!("{} {}", d["rule"].as_str().unwrap(), d["what"].as_str().unwrap()))
            .collect();
        (left, ran.status.code().unwrap())
    }
}

#[test]
fn policy_entries_match_what_they_describe() {
    let change =
        Change::new("echo a > out", "read x < /etc/passwd; echo a > out; echo b > d/new; exit 2");
    let all = ["exit.status exit", "fs.write.new write $WS/d/new", "fs.read.new read /etc/passwd"];
    for (policy, left) in [
        ("", &all[..]),
        ("[[ignore]]\nrule = \"exit.status\"\nreason = \"x\"", &all[1..]),
        ("[[ignore]]\nop = \"write\"\nresource = \"$WS/**\"\nreason = \"x\"", &[all[0], all[2]]),
        ("[[allow]]\nrule = \"fs.read.new\"\nresource = \"/etc/*\"\nrole = \"sh\"", &all[..2]),
        ("[[allow]]\nrule = \"fs.read.new\"\nresource = \"/etc/*\"\nrole = \"ls\"", &all),
        ("[[ignore]]\nop = \"read\"\nreason = \"x\"\nexpires = 2001-01-01", &all),
        ("[[ignore]]\nop = \"read\"\nreason = \"x\"\nexpires = 9999-12-31", &all[..2]),
        ("[[ignore]]\nprocess = \"sh\"\nreason = \"x\"", &[]),
    ] {
        let (found, status) = change.left(policy);
        assert_eq!(found, left, "{policy}");
        assert_eq!(status, i32::from(!left.is_empty()), "{policy}");
    }
}

#[test]
fn removed_differences_are_counted() {
    let change = Change::new("true", "read x < /etc/passwd");
    let policy = "[[ignore]]\nop = \"read\"\nreason = \"who is who\"\n\n[[ignore]]\nop = \
        \"write\"\nreason = \"y\"\n\n\
                  [[allow]]\nrule = \"exec.new\"\nexpires = 2001-01-01\n";
    let text = change.judged(policy, &[]).text();
    let policy = &format!("{policy}\n[[budget]]\nscope = \"mark:start\"\nop = \"open\"\nmax = 1\n");
    let text = text + &change.judged(policy, &[]).text();
    for part in [
        "budget at p.toml:13: mark:start is not in the run",
        "ignored 1 (p.toml:1): who is who",
        "p.toml:5: this ignore matches nothing here",
        "p.toml:9: this allow has expired on 2001-01-01",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn the_policy_sets_the_gate() {
    let change = Change::new("true", "read x < /etc/passwd; echo b > d/new");
    for (policy, options, status) in [
        ("", &[][..], 1),
        ("[gate]\nfail-on = \"error\"", &[], 0),
        ("[gate]\nfail-on = \"warn\"", &[], 1),
        ("[gate]\nfail-on = \"warn\"\ntolerate = 1", &[], 0),
        ("[gate]\nfail-on = \"error\"", &["--gate", "note"], 1),
    ] {
        let ran = change.judged(policy, options);
        assert_eq!(ran.status.code(), Some(status), "{policy} {options:?}: {ran:?}");
    }
}

#[test]
fn secrets_and_forbidden_effects() {
    let script = "read x < /etc/passwd; echo b > d/new";
    let change = Change::new("true", script);
    let (left, _) = change.left("secrets = [\"/etc/p*\"]");
    assert_eq!(left, ["secret.read read /etc/passwd", "fs.write.new write $WS/d/new"]);
    // Ignoring reads does not ignore those of secrets.
    let policy = "secrets = [\"/etc/p*\"]\n[[ignore]]\nop = \"read\"\nreason = \"x\"\n";
    assert_eq!(change.left(policy).0.len(), 2);
    let (left, _) = change.left(&policy.replace("op = \"read\"", "rule = \"secret.read\""));
    assert_eq!(left, ["fs.write.new write $WS/d/new"]);
    // What the policy forbids fails even if both runs do it, and is reported once.
    for change in [change, Change::new(script, script)] {
        let (left, status) = change
            .left("[[forbid]]\nop = \"write\"\nresource = \"$WS/d/*\"\nreason = \"d is given\"");
        assert_eq!((left[0].as_str(), status), ("policy.forbid write $WS/d/new", 1));
        assert_eq!(left.iter().filter(|line| line.contains("$WS/d/new")).count(), 1, "{left:?}");
        assert_eq!(
            change.left("[[forbid]]\nop = \"write\"\nresource = \"$WS/e/*\"").0.len(),
            left.len() - 1 + usize::from(left.len() > 1)
        );
    }
}

/// A home directory other than the working directory.
#[test]
fn secrets_of_the_home_directory() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.path("me/.ssh")).unwrap();
    std::fs::create_dir(stage.path("t")).unwrap();
    stage.write("me/.ssh/id", "key\n");
    stage.write("p.toml", "secrets = [\"$HOME/.ssh/**\"]\n");
    for (log, script) in
        [("a.reel", "true"), ("b.reel", "read x < me/.ssh/id; echo $x > $TMPDIR/x")]
    {
        let mut command = stage.command(crate::stage::SYSREEL);
        command.args(["record", "-q", "-o", log, "sh", "-c", script]);
        command.env("HOME", stage.path("me")).env("TMPDIR", stage.path("t"));
        assert!(stage.run(&mut command).status.success());
    }
    let text = stage.sysreel(&["diff", "--policy", "p.toml", "a.reel", "b.reel"]).text();
    for part in ["secret.read: read $HOME/.ssh/id", "so + write $TMP/x"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn roots_are_named() {
    let change = Change::new("true", "echo b > d/new");
    let (left, _) = change.left("[roots]\nDATA = \"d\"");
    assert_eq!(left, ["fs.write.new write $DATA/new"]);
    // Folders of a policy are relative to it.
    std::fs::create_dir(change.stage.path("d/ci")).unwrap();
    change.stage.write("d/ci/p.toml", "[roots]\nDATA = \"..\"");
    let ran = change.stage.sysreel(&["diff", "--policy", "d/ci/p.toml", "a.reel", "b.reel"]);
    assert!(ran.text().contains("write $DATA/new"), "{ran:?}");
}

/// A program that saves a file safely or not, and marks where it begins.
const SAVE: &str = r#"
import os, sys
how = sys.argv[1]
def mark(name): os.path.exists("/dev/null/sysreel-mark/" + name)
mark("save")
fd = os.open("d/db.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
os.write(fd, b"one"); os.write(fd, b"two")
if "no-sync" not in how: os.fsync(fd)
if "late-write" in how: os.write(fd, b"three")
os.close(fd)
os.rename("d/db.tmp", "d/db")
if "no-folder" not in how:
    folder = os.open("d", os.O_RDONLY); os.fsync(folder); os.close(folder)
mark("load")
for i in range(4 if "many" in how else 2):
    fd = os.open("d/db", os.O_RDONLY); os.read(fd, 100); os.close(fd)
if "no-mark" not in how: mark("end")
os.stat("d/db")
"#;

const ASSERTIONS: &str = r#"
[[assert]]
scope = "mark:save"
sequence = "write($WS/d/db.tmp) sync($WS/d/db.tmp) rename($WS/d/db.tmp -> $WS/d/db) sync($WS/d)"
reason = "a power cut must not lose the file"

[[budget]]
scope = "mark:load"
op = "open"
resource = "$WS/d/db"
max = 2

[[budget]]
scope = "mark:load"
op = "stat"
max = 0

[[assert]]
scope = "mark:end"
sequence = "stat($WS/d/db)"
"#;

#[test]
fn sequences_and_budgets_hold_within_marks() {
    if !crate::stage::installed("sequences_and_budgets_hold_within_marks", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("save.py", SAVE);
    stage.write("p.toml", ASSERTIONS);
    std::fs::create_dir(stage.path("d")).unwrap();
    for (how, broken) in [
        ("well", &[][..]),
        (
            "no-sync",
            &["p.toml:2: a power cut must not lose the file: write($WS/d/db.tmp) \
                    sync($WS/d/db.tmp) rename($WS/d/db.tmp -> $WS/d/db) sync($WS/d) => \
                    write($WS/d/db.tmp) rename($WS/d/db.tmp -> $WS/d/db) sync($WS/d)"],
        ),
        ("late-write", &["=> write($WS/d/db.tmp) sync($WS/d/db.tmp) write($WS/d/db.tmp) rename("]),
        (
            "no-folder",
            &["=> write($WS/d/db.tmp) sync($WS/d/db.tmp) rename($WS/d/db.tmp -> $WS/d/db)  ["],
        ),
        ("many", &["policy.budget: budget at p.toml:7: at most 2 => 4"]),
        (
            "no-mark",
            &[
                "policy.budget: budget at p.toml:13: at most 0 => ",
                "p.toml:18: stat($WS/d/db) => mark:end is not in the run",
            ],
        ),
    ] {
        let log = format!("{how}.reel");
        let ran = stage.sysreel(&["record", "-q", "-o", &log, "python3", "-S", "save.py", how]);
        assert!(ran.status.success(), "{ran:?}");
        // A log compared with itself: only assertions can fail.
        let ran = stage.sysreel(&["diff", "--policy", "p.toml", &log, &log]);
        let text = ran.text();
        assert_eq!(ran.status.code(), Some(i32::from(!broken.is_empty())), "{how}: {ran:?}");
        for part in broken {
            assert!(text.contains(part), "{how}: {part} is not in\n{text}");
        }
        assert_eq!(text.matches("~ policy.").count(), broken.len(), "{how}: {text}");
    }
}

#[test]
fn bad_policies_are_errors() {
    let change = Change::new("true", "true");
    change
        .judged("[[ignore]]\nop = \"read\"\n", &[])
        .fails(2, &["p.toml:1: [[ignore]] needs a `reason`"]);
    change.judged("[roots]\nX = 3", &[]).fails(2, &["p.toml:2:"]);
    change
        .stage
        .sysreel(&["diff", "--policy", "missing.toml", "a.reel", "b.reel"])
        .fails(2, &["missing.toml"]);
}

/// Entries may choose calls by an expression of the filter language.
#[test]
fn policy_entries_choose_calls_by_an_expression() {
    let script = "read x </etc/passwd; echo a >out; cat missing; cat missing";
    let change = Change::new(script, script);
    let forbids = |where_: &str| format!("[[forbid]]\nwhere = '{where_}'\nreason = \"no\"\n");
    let limits = |where_: &str, max: u32| format!("[[budget]]\nwhere = '{where_}'\nmax = {max}\n");
    for (policy, left) in [
        (
            forbids("openat and path == \"/etc/passwd\""),
            Some("policy.forbid forbidden at p.toml:1: no"),
        ),
        (forbids("path ~ \"/nowhere/**\""), None),
        (limits("failed and path ~ \"**/missing\"", 2), None),
        (limits("failed and path ~ \"**/missing\"", 1), Some("policy.budget budget at p.toml:1")),
        (
            limits("comm == \"cat\" and errno == ENOENT and path ~ /missing$/", 1),
            Some("policy.budget budget at p.toml:1"),
        ),
    ] {
        let (found, status) = change.left(&policy);
        assert_eq!(found, left.into_iter().collect::<Vec<_>>(), "{policy}");
        assert_eq!(status, i32::from(left.is_some()), "{policy}");
    }
    let told =
        change.judged(&limits("comm == \"cat\" and errno == ENOENT and path ~ /missing$/", 1), &[]);
    let text = told.text();
    assert!(text.contains("at most 1 where comm == \"cat\"") && text.contains("2 calls"), "{text}");
    for (policy, why) in [
        ("[[forbid]]\nwhere = 'faild'", "p.toml:2: "),
        ("[[forbid]]\nwhere = 'signal == SIGUSR1'", "calls, which have no `signal`"),
        ("[[forbid]]\nwhere = 'failed'\nop = \"read\"", "`where` chooses calls alone"),
        ("[[ignore]]\nwhere = 'failed'\nreason = \"x\"", "`where` is not a key of [[ignore]]"),
        ("[[budget]]\nwhere = 'failed'", "needs `max`"),
    ] {
        change.judged(policy, &[]).fails(2, &[why]);
    }
}

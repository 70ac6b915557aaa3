//! A baseline is recorded, holds, is broken by a change, and is reviewed and accepted.

use crate::stage::{Ran, SYSREEL, Stage, installed};
use std::fs;

/// A script with much that varies between runs: temporary names, pids, times, the order of lines.
const NOISY: &str = "t=$(mktemp); echo $$ > \"$t\"; echo $$ > state.$$; sort -R in > out; cat \
    \"$t\" | wc -c > /dev/null; rm \"$t\" state.$$\n";

fn stage(script: &str) -> Stage {
    let stage = Stage::new();
    stage.write("in", "1\n2\n3\n");
    stage.write("s.sh", script);
    stage
}

/// Runs `sysreel baseline` outside of any CI that the tests may run in.
pub(crate) fn baseline(stage: &Stage, words: &[&str]) -> Ran {
    let mut command = stage.command(SYSREEL);
    command.arg("baseline").args(words);
    stage.run(&mut command)
}

#[track_caller]
pub(crate) fn recorded(script: &str, words: &[&str]) -> Stage {
    let stage = stage(script);
    let ran = baseline(&stage, &[&["record", "-n", "2"], words, &["--", "sh", "s.sh"]].concat());
    assert!(ran.status.success(), "{ran:?}");
    stage
}

pub(crate) fn text(stage: &Stage, name: &str) -> String {
    fs::read_to_string(stage.path(name)).unwrap()
}

#[test]
fn the_same_program_keeps_its_baseline() {
    let stage = recorded(NOISY, &[]);
    let text = text(&stage, "sysreel.baseline");
    assert!(
        text.starts_with("sysreel-baseline 2\n") && text.contains("\ncommand [\"sh\",\"s.sh\"]\n"),
        "{text}"
    );
    assert!(text.contains("\n~ 2/2 mktemp write $TMP/tmp.<alnum:10> ok\n"), "{text}");
    // One effect per line, sorted.
    let effects: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("= ")).collect();
    assert!(
        effects.len() > 10
            && effects.contains(&"sh exit - 0")
            && effects.contains(&"sort read $WS/in ok")
    );
    for _ in 0..3 {
        let ran = baseline(&stage, &["check", "--gate", "note"]);
        assert!(ran.status.success(), "{ran:?}");
        assert!(ran.text().contains("muted by what the baseline has learned"), "{ran:?}");
    }
    assert!(!stage.path("sysreel.baseline.new").exists());
}

#[test]
fn a_change_is_found_reviewed_and_accepted() {
    let stage = recorded(NOISY, &[]);
    let before = text(&stage, "sysreel.baseline");
    stage.write("s.sh", NOISY.to_owned() + "head -n 1 in > first; exit 4\n");
    let ran = baseline(&stage, &["check"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let said = ran.text();
    for part in [
        "exit.status: exit: 0 => 4",
        "exec.new: exec ",
        "so + read $WS/in",
        "fs.write.new: write $WS/first",
        "2 differences at or above error",
    ] {
        assert!(
            said.contains(part),
            "{part} is not in
{said}"
        );
    }
    if installed("a_change_is_found_reviewed_and_accepted", &["jsonschema"]) {
        baseline(&stage, &["check", "--report", "json=check.json"]);
        let value = crate::formats::valid(&stage, "check.json");
        assert_eq!(value["failing"], 2);
        assert!(!value["noise"].as_array().unwrap().is_empty());
    }
    // The new baseline waits for a review; until then nothing changes.
    assert_eq!(text(&stage, "sysreel.baseline"), before);
    let review = baseline(&stage, &["review"]).text();
    for line in [
        "- = sh exit - 0",
        "+ = sh exit - 4",
        "+ = head read $WS/in ok",
        "+ = sh write $WS/first ok",
    ] {
        assert!(review.lines().any(|l| l == line), "{line} is not in\n{review}");
    }
    assert!(!review.contains("mktemp"), "{review}");
    assert!(baseline(&stage, &["accept"]).status.success());
    let ran = baseline(&stage, &["check", "--gate", "note"]);
    assert!(ran.status.success() && !stage.path("sysreel.baseline.new").exists(), "{ran:?}");
    // Changing back is a removal, which is found too.
    stage.write("s.sh", NOISY);
    let ran = baseline(&stage, &["check", "--gate", "warn"]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    for part in ["exit: 4 => 0", "- exec.gone: exec ", "- fs.change.gone: write $WS/first"] {
        assert!(ran.text().contains(part), "{part} is not in {ran:?}");
    }
    baseline(&stage, &["accept"]);
    assert_eq!(text(&stage, "sysreel.baseline"), before);
}

/// A file counts the runs: only what every repetition shows fails.
#[test]
fn differences_that_do_not_repeat_are_unstable() {
    let script = "n=$(cat n); echo x$n > n; case $n in ONCE) read x < /etc/passwd; exit 3;; esac\n";
    for (once, status) in [("xxx", 0), ("x*", 1)] {
        let stage = stage(&script.replace("ONCE", "xxx"));
        stage.write("n", "");
        assert!(baseline(&stage, &["record", "-n", "3", "sh", "s.sh"]).status.success());
        stage.write("s.sh", script.replace("ONCE", once));
        let ran = baseline(&stage, &["check", "--gate", "note"]);
        assert_eq!(ran.status.code(), Some(status), "{once}: {ran:?}");
        let unstable = ran.text().contains("in 1 of 3: exit.status sh ~ exit: 0 => 3");
        assert_eq!(unstable, status == 0, "{once}: {ran:?}");
        // Without confirmation one run is enough to fail.
        stage.write("n", "xxx");
        assert_eq!(baseline(&stage, &["check", "--confirm", "0"]).status.code(), Some(1));
    }
}

#[test]
fn the_first_runs_teach_nothing() {
    let script = "if mkdir d 2> /dev/null; then exit 3; fi\n";
    let stage = stage(script);
    let ran = baseline(&stage, &["record", "-n", "2", "--warmup", "1", "sh", "s.sh"]);
    assert!(ran.status.success() && !ran.stderr.contains("never learned"), "{ran:?}");
    let text = text(&stage, "sysreel.baseline");
    assert!(
        text.contains("= sh exit - 0\n") && text.contains("runs=2\n") && !text.contains("exit - 3"),
        "{text}"
    );
}

#[test]
fn changes_of_protected_kinds_are_never_learned() {
    let script = "n=$(cat n); echo x$n > n; case $n in x) exit 3;; esac; read a < $n.txt; true\n";
    let stage = stage(script);
    for name in ["n", ".txt", "x.txt", "xx.txt"] {
        stage.write(name, "");
    }
    stage.write("p.toml", "secrets = [\"$WS/*.txt\"]\n");
    let ran = baseline(&stage, &["record", "-n", "3", "--policy", "p.toml", "sh", "s.sh"]);
    assert!(ran.status.success() && ran.stderr.contains("never learned as noise"), "{ran:?}");
    let text = text(&stage, "sysreel.baseline");
    for line in ["! 2/3 sh exit - 0", "! 1/3 sh exit - 3", "! 1/3 sh read $WS/xx.txt ok"] {
        assert!(
            text.lines().any(|l| l == line) && ran.stderr.contains(line),
            "{line} is not in\n{text}"
        );
    }
    // It fails until the policy gives a reason.
    assert_eq!(baseline(&stage, &["check", "--policy", "p.toml"]).status.code(), Some(1));
    stage.write("n", "");
    stage.write(
        "p.toml",
        "[[ignore]]\nop = \"exit\"\nreason = \"one in three fails\"\n[[ignore]]\nresource = \
         \"$WS/*.txt\"\nreason = \"another one each time\"\n",
    );
    let ran =
        baseline(&stage, &["check", "--policy", "p.toml", "--gate", "note", "--confirm", "0"]);
    assert!(ran.status.success(), "{ran:?}");
}

#[test]
fn ci_never_writes() {
    let stage = recorded("true\n", &[]);
    stage.write("s.sh", "exit 1\n");
    let before = text(&stage, "sysreel.baseline");
    let in_ci = |words: &[&str]| {
        let mut command = stage.command(SYSREEL);
        command.arg("baseline").args(words).env("CI", "true");
        stage.run(&mut command)
    };
    assert_eq!(in_ci(&["check"]).status.code(), Some(1));
    assert_eq!(baseline(&stage, &["check", "--ci"]).status.code(), Some(1));
    in_ci(&["record", "sh", "s.sh"]).fails(2, &["CI never writes"]);
    assert!(!stage.path("sysreel.baseline.new").exists());
    baseline(&stage, &["check"]);
    in_ci(&["accept"]).fails(2, &["CI never writes"]);
    assert!(in_ci(&["review"]).status.success() && stage.path("sysreel.baseline.new").exists());
    assert_eq!(text(&stage, "sysreel.baseline"), before);
}

#[test]
fn another_environment_is_not_comparable() {
    let stage = recorded("true\n", &["--image", "one"]);
    let ran = baseline(&stage, &["check", "--image", "two"]);
    ran.fails(4, &["image two", "image one", "record a variant", "--allow-env-drift"]);
    assert!(baseline(&stage, &["check", "--image", "two", "--allow-env-drift"]).status.success());
    stage.write("p.toml", "[environment]\nkey = [\"machine\"]\n");
    assert!(baseline(&stage, &["check", "--image", "two", "--policy", "p.toml"]).status.success());
    // A second variant is added to the first.
    assert!(
        baseline(&stage, &["record", "-n", "2", "--image", "two", "sh", "s.sh"]).status.success()
    );
    assert!(baseline(&stage, &["accept"]).status.success());
    assert_eq!(text(&stage, "sysreel.baseline").matches("\nvariant ").count(), 2);
    for image in ["one", "two"] {
        assert!(baseline(&stage, &["check", "--image", image]).status.success(), "{image}");
    }
    let elsewhere = text(&stage, "sysreel.baseline").replace("machine=", "machine=not-");
    stage.write("sysreel.baseline", elsewhere);
    baseline(&stage, &["check", "--image", "one", "--policy", "p.toml"])
        .fails(4, &["not comparable"]);
}

#[test]
fn ignored_effects_are_not_in_the_baseline() {
    let stage = stage(NOISY);
    stage.write(
        "p.toml",
        "[[ignore]]\nresource = \"/**\"\nreason = \"the machine's\"\n[[ignore]]\nresource = \
         \"$TMP/**\"\nreason = \"temporary\"\n",
    );
    assert!(
        baseline(&stage, &["record", "-n", "2", "--policy", "p.toml", "sh", "s.sh"])
            .status
            .success()
    );
    let text = text(&stage, "sysreel.baseline");
    let effects: Vec<&str> =
        text.lines().filter(|line| line.starts_with(['=', '~', '?', '!'])).collect();
    assert!(effects.len() < 20 && effects.iter().all(|line| !line.contains(" /")), "{text}");
    let ran = baseline(&stage, &["check", "--policy", "p.toml", "--gate", "note"]);
    assert!(ran.status.success() && ran.text().contains("(p.toml:1): the machine's"), "{ran:?}");
}

#[test]
fn impossible_requests_are_errors() {
    let stage = stage("true\n");
    for (words, code, said) in [
        (&["check"][..], 4, "there is no sysreel.baseline"),
        (&["review"], 2, "there is no sysreel.baseline.new"),
        (&["accept"], 2, "there is no sysreel.baseline.new"),
        (&["record"], 2, "no command given"),
        (&["record", "./missing"], 3, "run-1 was not recorded"),
        (&["record", "--policy", "missing.toml", "true"], 2, "missing.toml"),
        (&["record", "-f", "no/such/folder", "-n", "1", "true"], 3, "no/such/folder"),
        (&["frob"], 2, "frob"),
    ] {
        baseline(&stage, words).fails(code, &[said]);
    }
    let ran = baseline(&stage, &["record", "-n", "1", "true"]);
    assert!(
        ran.status.success() && ran.stderr.contains("noise cannot be learned from one run"),
        "{ran:?}"
    );
    stage.write("sysreel.baseline", "sysreel-baseline 7\n");
    baseline(&stage, &["check"]).fails(2, &["sysreel.baseline:1", "newer"]);
    stage.write("sysreel.baseline", "sysreel-baseline 1\ncommand [\"./missing\"]\n");
    baseline(&stage, &["check"]).fails(3, &["check-1 was not recorded"]);
}

/// One change per case, with the rule that must report it. The baseline is that of the first
/// script.
#[test]
fn seeded_changes_break_a_baseline() {
    let before = "mkdir -p d; cp in d/x; sync d/x; mv d/x d/y; chmod 600 d/y; (exit 0); cat in > \
        out; rm d/y\n";
    for (what, after, found) in [
        ("nothing", before.to_owned(), &[][..]),
        (
            "another status",
            before.replace("(exit 0)", "(exit 5)"),
            &["~ exit.status: exit: 0 => 5"],
        ),
        (
            "a signal",
            before.to_owned() + "kill -s TERM $$\n",
            &["~ exit.signal: exit: 0 => SIGTERM"],
        ),
        ("no flush", before.replace("sync d/x; ", ""), &["- exec.gone: exec /usr/bin/sync"]),
        ("another mode", before.replace("600", "666"), &["~ fs.perm: chmod $WS/d/y: 0600 => 0666"]),
        (
            "another name",
            before.replace("d/y", "d/z"),
            &["+ fs.rename.new: rename $WS/d/x -> $WS/d/z", "so + chmod $WS/d/z 0600 (fs.perm)"],
        ),
        ("not removed", before.replace("; rm d/y", ""), &["- exec.gone: exec /usr/bin/rm"]),
        (
            "another file read",
            before.replace("cat in", "cat in d/y"),
            &["+ fs.read.new: read $WS/d/y"],
        ),
        (
            "another file written",
            before.replace("> out", "> out2"),
            &["+ fs.write.new: write $WS/out2", "- fs.change.gone: write $WS/out"],
        ),
        (
            "another result",
            before.replace("mkdir -p d", "rm -rf d"),
            &["~ err.changed: write $WS/d/x: ok => ENOENT"],
        ),
    ] {
        let stage = stage(before);
        // The policy ignores what depends on the machine, so that only the change is left.
        stage.write(
            "p.toml",
            "[[ignore]]\nop = \"stat\"\nreason = \"x\"\n[[ignore]]\nop = \"read\"\nresource = \
             \"/**\"\nreason = \"x\"\n",
        );
        let ran = baseline(
            &stage,
            &["record", "-n", "2", "--warmup", "1", "--policy", "p.toml", "sh", "s.sh"],
        );
        assert!(ran.status.success(), "{ran:?}");
        stage.write("s.sh", after);
        let ran =
            baseline(&stage, &["check", "--policy", "p.toml", "--gate", "note", "--confirm", "0"]);
        assert_eq!(ran.status.code(), Some(i32::from(!found.is_empty())), "{what}: {ran:?}");
        for line in found {
            assert!(ran.text().contains(line), "{what}: {line} is not in\n{}", ran.text());
        }
    }
}

/// Temporary names of real programs are learned from two runs.
#[test]
fn real_programs_keep_their_baseline() {
    const PYTHON: &str = "import tempfile, threading, asyncio, os, json, subprocess\n\
        def work():\n    with tempfile.NamedTemporaryFile() as f: f.write(b'x')\n\
        threads = [threading.Thread(target=work) for _ in range(4)]\n\
        [t.start() for t in threads]; [t.join() for t in threads]\n\
        asyncio.run(asyncio.sleep(0.001))\n\
        [open('o' + x, 'w').close() for x in {str(i) for i in range(5)}]\n\
        with tempfile.TemporaryDirectory() as d: open(d + '/a', 'w').close()\n";
    const MAKEFILE: &str = "all: a.o b.o c.o d.o\n\tar rcs lib.a $^\n%.o: %.c\n\tgcc -c -o $@ $<\n";
    const GIT: &str = "rm -rf r; git init -q r; cd r; git config maintenance.auto false; \
        echo a > a; git add a; \
        export GIT_AUTHOR_DATE=@1000000000 GIT_COMMITTER_DATE=@1000000000; \
        git -c user.name=a -c user.email=a@b commit -qm x; git log --stat > /dev/null";
    for (program, files, words) in [
        ("python3", &[("t.py", PYTHON)][..], &["python3", "t.py"][..]),
        ("make", &[("Makefile", MAKEFILE)], &["sh", "-c", "rm -f *.o lib.a; make -s -j4"]),
        ("git", &[("s.sh", GIT)], &["sh", "s.sh"]),
    ] {
        if !installed("real_programs_keep_their_baseline", &[program, "gcc"]) {
            continue;
        }
        let stage = Stage::new();
        for name in ["a", "b", "c", "d"] {
            stage.write(&format!("{name}.c"), format!("int {name};\n"));
        }
        files.iter().for_each(|(name, text)| _ = stage.write(name, text));
        let ran =
            baseline(&stage, &[&["record", "-n", "3", "--warmup", "1", "--"], words].concat());
        assert!(
            ran.status.success() && !ran.stderr.contains("never learned"),
            "{program}: {ran:?}"
        );
        for _ in 0..2 {
            let ran = baseline(&stage, &["check", "--gate", "note", "--confirm", "0"]);
            assert!(ran.status.success(), "{program}: {ran:?}");
        }
    }
}

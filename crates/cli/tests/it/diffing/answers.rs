//! The answers of diff when it cannot compare, and the presentation of what it finds.

use super::{Take, diff, lines};
use crate::stage::{Ran, SYSREEL};
use std::fs;
use std::path::Path;

/// Runs `sysreel diff` for people.
fn text(take: &Take, options: &[&str], logs: [&Path; 2]) -> Ran {
    let mut command = take.stage.command(SYSREEL);
    take.stage.run(command.arg("diff").args(options).args(logs))
}

fn echo(word: &str) -> Take {
    Take::of(
        "printf 'echo %s > out\n' \"$0\" > run.sh",
        &["sh", "-c", &format!("echo {word} > out")],
    )
}

#[test]
fn an_incomplete_log_is_compared_with_a_warning() {
    let take = echo("a");
    let whole = fs::read(take.log()).unwrap();
    let cut = take.stage.write("cut.reel", &whole[..whole.len() - 40]);
    let ran = text(&take, &[], [&take.log(), &cut]);
    ran.fails(3, &["cut.reel is incomplete"]);
    let ran = text(&take, &[], [&take.log(), &take.stage.write("none.reel", "no log")]);
    ran.fails(3, &["none.reel"]);
    let ran = text(&take, &[], [&take.log(), &take.stage.path("missing.reel")]);
    ran.fails(3, &["missing.reel"]);
}

#[test]
fn any_damage_is_survived() {
    let take = echo("a");
    let whole = fs::read(take.log()).unwrap();
    for (round, step) in [97, 193, 389].into_iter().enumerate() {
        let mut damaged = whole.clone();
        damaged
            .iter_mut()
            .skip(300 + round)
            .step_by(whole.len() / step + 1)
            .for_each(|byte| *byte ^= 0x40);
        let path = take.stage.write("damaged.reel", &damaged);
        let ran = text(&take, &["--level", "fields"], [&take.log(), &path]);
        ran.never_panics();
        assert!(matches!(ran.status.code(), Some(3 | 4)), "{ran:?}");
    }
}

#[test]
fn logs_with_different_contents_are_not_compared() {
    let take = echo("a");
    let record = |name: &str, option: &[&str]| {
        let words = [&["record", "-q", "-o", name], option, &["sh", "-c", "echo a > out"]].concat();
        assert!(take.stage.sysreel(&words).status.success());
        take.stage.path(name)
    };
    let (structs, unnamed) = (
        record("structs.reel", &["--capture-limit", "0"]),
        record("unnamed.reel", &["--no-names"]),
    );
    text(&take, &[], [&take.log(), &structs]).fails(4, &["structs only"]);
    text(&take, &[], [&structs, &structs]).fails(4, &["no memory"]);
    text(&take, &[], [&take.log(), &unnamed]).fails(4, &["no names"]);
    // Two logs without names can be compared with each other.
    let ran = text(&take, &["--level", "sequence"], [&unnamed, &unnamed]);
    assert!(ran.status.success(), "{ran:?}");
}

/// What the first program is given from outside is told, each kind with its severity.
#[test]
fn the_surroundings_of_the_first_program_are_told() {
    let take = echo("a");
    let run = |before: &str, name: &str| {
        let script = format!("{before} \"$SYSREEL\" record -q -o {name} -- /bin/true");
        let ran = take.stage.sh(&script);
        assert!(ran.status.success(), "{ran:?}");
        take.stage.path(name)
    };
    let plain = run("umask 022;", "plain.reel");
    for (before, shows) in [
        ("umask 022;", &[][..]),
        ("umask 077;", &["note umask: 0022 => 0077"]),
        ("umask 022; export MODE=fast;", &["info environment: - => MODE=***"]),
        (
            "umask 022; export LD_BIND_NOW=1 PYTHONPATH=/x;",
            &[
                "note environment that loads code: - => PYTHONPATH=***",
                "info environment: - => LD_BIND_NOW=***",
            ],
        ),
        ("umask 022; trap '' HUP;", &["note ignored signals: - => SIGHUP"]),
        ("umask 022; exec 8<run.sh;", &["info open files: - => $WS/run.sh"]),
    ] {
        let other = run(before, "other.reel");
        for (logs, sides) in
            [([&*plain, &*other], ["before", "after"]), ([&*other, &*plain], ["after", "before"])]
        {
            let ran = text(&take, &["--format", "json"], logs);
            let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
            let differences = report["differences"].as_array().unwrap().iter();
            let found: Vec<String> = differences
                .map(|one| {
                    assert_eq!(one["rule"], "run.state", "{one}");
                    let word = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
                    let [old, new] = sides.map(word);
                    // The digits of a hash.
                    let hash = new.find("***").map_or(new.len(), |at| at + 3);
                    assert!(matches!(new.len() - hash, 0 | 4), "{new}");
                    format!("{} {}: {old} => {}", word("severity"), word("what"), &new[..hash])
                })
                .collect();
            assert_eq!(found, shows, "{before}");
        }
    }
    run("umask 022; export MODE=fast;", "other.reel");
    let logs = [&*plain, &take.stage.path("other.reel")];
    let shown = text(&take, &["--gate", "info", "--show-secrets"], logs);
    assert!(shown.text().contains("environment: - => MODE=fast"), "{shown:?}");
}

#[test]
fn bad_options_are_usage_errors() {
    let take = echo("a");
    for words in
        [&["--gate", "grave"][..], &["--level", "deep"], &["--root", "X"], &["--root", "X=y"], &[]]
    {
        let ran = text(&take, words, [&take.log(), Path::new("--nonsense")]);
        ran.fails(2, &["error:"]);
    }
}

#[test]
fn the_text_shows_the_first_difference_in_context() {
    let (a, b) = (echo("a"), echo("b"));
    let ran = text(&a, &[], [&a.log(), &b.log()]);
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let said = ran.text();
    for words in [
        "warn (1)",
        "~ exec.argv: sh: sh -c 'echo a > out' => sh -c 'echo b > out'",
        "where it shows first: exec.argv sh",
        "A, around event",
        "B, around event",
        "execve(",
        "not compared call by call (A/B):",
    ] {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
    assert!(text(&a, &["--gate", "error"], [&a.log(), &b.log()]).status.success());
}

#[test]
fn roots_are_compared_by_name() {
    let there = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| there.path().join(name));
    for folder in [&one, &two] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("data"), "data").unwrap();
    }
    let script = "cp \"$(readlink place)/data\" copy";
    let take = |folder: &Path| {
        Take::of(&format!("ln -s {} place", folder.display()), &["sh", "-c", script])
    };
    let (a, b) = (take(&one), take(&two));
    let (report, status) = diff(&a, &b, &[]);
    assert!(status == 1 && !lines(&report, "note").is_empty());
    let roots = [&one, &two].map(|folder| format!("PLACE={}", folder.display()));
    let (report, status) = diff(&a, &b, &["--root", &roots[0], "--root", &roots[1]]);
    assert_eq!((lines(&report, "info"), status), (Vec::<String>::new(), 0));
}

#[test]
fn the_time_that_calls_take_is_listed_on_request() {
    let take = echo("a");
    let (report, status) = diff(&take, &take, &["--level", "timing"]);
    let calls: Vec<&str> = report["times"]
        .as_array()
        .unwrap()
        .iter()
        .map(|time| time["call"].as_str().unwrap())
        .collect();
    assert!(status == 0 && calls.contains(&"openat") && calls.contains(&"execve"), "{calls:?}");
}

/// Logs of attached, 32-bit, damaged and synthetic programs.
#[test]
fn every_golden_log_is_the_same_as_itself() {
    let stage = crate::stage::Stage::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    let logs = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut compared = 0;
    for log in logs.filter(|path| path.extension().is_some_and(|extension| extension == "reel")) {
        let mut command = stage.command(SYSREEL);
        command
            .args(["diff", "--level", "fields", "--gate", "info", "--format", "json"])
            .arg("--allow-incomplete")
            .args([&log, &log]);
        let ran = stage.run(&mut command);
        assert!(ran.status.success(), "{}: {ran:?}", log.display());
        let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(lines(&report, "info"), Vec::<String>::new(), "{}", log.display());
        compared += 1;
    }
    assert!(compared >= 10, "only {compared} golden logs");
}

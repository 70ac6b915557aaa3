//! `ab`: two commands, run in turn and compared.

use crate::stage::{Ran, Running, SYSREEL, Stage, kill, state_of, status_of, until};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

/// Makes a folder with two builds of one program, as scripts.
fn builds(a: &str, b: &str) -> Stage {
    let stage = Stage::new();
    for (folder, script) in [("old", a), ("new", b)] {
        fs::create_dir(stage.path(folder)).unwrap();
        let path = stage.write(&format!("{folder}/prog"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    stage
}

/// Returns the failing and the unstable differences: rule, sign and subject.
#[track_caller]
fn told(ran: &Ran) -> (Vec<String>, Vec<String>) {
    ran.never_panics();
    let value: Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    let line = |d: &Value| {
        let text = |key: &str| d[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("rule"), text("change"), text("what"))
    };
    let of = |key: &str| value[key].as_array().unwrap().clone();
    let shown = of("differences").iter().filter(|d| d["severity"] != "info").map(line).collect();
    (shown, of("unstable").iter().map(|unstable| line(&unstable["difference"])).collect())
}

#[test]
fn the_same_program_in_two_places_is_the_same() {
    let script = "t=$(mktemp); echo x > $t; sort $t > out; rm $t; ls > /dev/null";
    let stage = builds(script, script);
    for words in [
        &["-a", "old/prog", "-b", "./new/prog"][..],
        &["--dir-a", "old", "--dir-b", "new", "./prog"],
        &["--dir-a", "old", "--dir-b", "new", "-a", "./prog 'a b'", "-b", "./prog c"],
    ] {
        let ran = stage
            .sysreel(&[&["ab", "-n", "2", "--gate", "note", "--format", "json"], words].concat());
        assert_eq!(told(&ran).0, [""; 0], "{words:?}: {ran:?}");
        assert!(ran.status.success(), "{words:?}: {ran:?}");
    }
}

#[test]
fn a_repeatable_difference_fails() {
    let stage =
        builds("echo a > out", "echo a > out; read x < /etc/passwd; echo b > 'new file'; exit 3");
    let ran = stage.sysreel(&["ab", "-a", "old/prog", "-b", "new/prog", "--format", "json"]);
    let (found, unstable) = told(&ran);
    let wanted = [
        "exit.status changed exit",
        "fs.write.new added write $WS/new\\x20file",
        "fs.read.new added read /etc/passwd",
    ];
    assert_eq!(
        (found, unstable.len(), ran.status.code()),
        (wanted.map(str::to_owned).to_vec(), 0, Some(1))
    );
    // Exchanged sides turn an addition into a removal.
    let ran =
        stage.sysreel(&["ab", "-n", "1", "-a", "new/prog", "-b", "old/prog", "--format", "json"]);
    let wanted = [
        "exit.status changed exit",
        "fs.change.gone removed write $WS/new\\x20file",
        "fs.read.gone removed read /etc/passwd",
    ];
    assert_eq!(told(&ran).0, wanted);
    // In text, each side is named by its command, and the gate is `error`.
    let ran = stage.sysreel(&["ab", "-n", "1", "-a", "old/prog", "-b", "new/prog 'x y'"]);
    let text = ran.text();
    // The calls around the first difference are shown for both sides.
    for words in ["where it shows first: exit.status exit", "exit_group(0)", "exit_group(3)"] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    assert!(
        text.contains("B new/prog x y: ") && text.contains("1 difference at or above error"),
        "{text}"
    );
}

/// A file counts the runs, so that one side does something in its second run only.
#[test]
fn an_irregular_difference_is_unstable() {
    let count = "n=$(cat n 2> /dev/null); echo x$n > n";
    let stage = builds(
        count,
        &format!("{count}; case $n in xx) read x < /etc/passwd; kill -s KILL $$;; esac"),
    );
    let ran = stage.sysreel(&[
        "ab", "-n", "3", "--dir-a", "old", "--dir-b", "new", "--format", "json", "./prog",
    ]);
    let (found, unstable) = told(&ran);
    assert!(ran.status.success() && found.is_empty(), "{ran:?}");
    let has = |what: &str| unstable.iter().any(|line| line == what);
    assert!(
        has("fs.read.new added read /etc/passwd") && has("exit.signal changed exit"),
        "{unstable:?}"
    );
}

#[test]
fn kept_logs_are_complete() {
    let stage = builds("echo said", "echo said; echo warned >&2");
    let ran =
        stage.sysreel(&["ab", "-n", "2", "-a", "old/prog", "-b", "new/prog", "--keep", "logs"]);
    assert!(ran.stderr.contains("logs and outputs are in"), "{ran:?}");
    for name in ["a-1", "b-1", "a-2", "b-2"] {
        crate::stage::each(&stage.path(&format!("logs/{name}.reel")), |_, _| {}).is_clean();
        assert_eq!(
            fs::read_to_string(stage.path(&format!("logs/{name}.stdout"))).unwrap(),
            "said\n"
        );
    }
    assert_eq!(fs::read_to_string(stage.path("logs/b-2.stderr")).unwrap(), "warned\n");
    assert!(!ran.text().contains("said"), "{ran:?}");
    // Once more into the same folder.
    stage
        .sysreel(&["ab", "-n", "1", "-a", "old/prog", "-b", "old/prog", "--keep", "logs"])
        .never_panics();
    crate::stage::each(&stage.path("logs/a-1.reel"), |_, _| {}).is_clean();
}

#[test]
fn usage_errors_and_missing_programs() {
    let stage = builds("true", "true");
    for (words, code, said) in [
        (&["-a", "old/prog"][..], 2, "-b"),
        (&["-a", "old/prog", "-b", "'x"], 2, "`'x` is not a command"),
        (&["-a", "old/prog", "-b", ""], 2, "`` is not a command"),
        (&["old/prog"], 2, "both sides are the same"),
        (&["--dir-a", "missing", "--dir-b", "new", "true"], 2, "missing is not a directory"),
        (&["--dir-a", "old", "--dir-b", "new", "-n", "0", "true"], 2, "--runs"),
        (&["-a", "old/prog", "-b", "./no-such-program"], 3, "b-1 was not recorded"),
        (&[], 2, "CMD"),
    ] {
        stage.sysreel(&[&["ab"], words].concat()).fails(code, &[said]);
    }
    let ran = stage.sysreel(&["ab", "-a", "old/prog", "-b", "./no-such-program"]);
    ran.fails(3, &["No such file"]);
}

/// A signal in the middle of a run ends `ab` without leaving files or processes behind.
#[test]
fn a_signal_leaves_no_folder_and_no_recorder() {
    for (signal, number) in [("TERM", 15), ("HUP", 1), ("INT", 2)] {
        let stage = Stage::new();
        let temporary = stage.path("temporary");
        fs::create_dir(&temporary).unwrap();
        let mut command = stage.command(SYSREEL);
        command.args(["ab", "-a", "sh -c 'echo $$ > pid; exec sleep 1000'", "-b", "true"]);
        let mut ab = Running::start(command.env("TMPDIR", &temporary));
        let mut program = 0;
        until("the program runs", || {
            assert!(!ab.has_ended(), "{signal}");
            let said = fs::read_to_string(stage.path("pid")).unwrap_or_default();
            program = said.trim_end().parse().unwrap_or(0);
            said.ends_with('\n')
        });
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 1);
        kill(ab.pid(), signal);
        if signal == "INT" {
            // A terminal would send the signal to the program as well, and the recorder waits for
            // that.
            kill(program, signal);
        }
        assert_eq!(ab.wait().signal(), Some(number));
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "{signal}");
        if signal != "INT" {
            assert_eq!(status_of(program, "TracerPid").as_deref(), Some("0"), "{signal}");
            kill(program, "KILL");
        }
        until("the program is gone", || state_of(program).is_none());
    }
}

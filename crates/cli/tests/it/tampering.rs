//! The log's files are removed, renamed, replaced, cut and overwritten during the recording. The
//! program and the recorder go on, everything that can be kept is kept, and what is lost is
//! reported.

use crate::program::program;
use crate::stage::{Ran, Running, SYSREEL, Stage, each, installed, is_root, kill, until};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use sysreel_abi::{Abi, number::number};
use sysreel_format::{Body, Ending};
use sysreel_inspect::syscall_info::{self, What};

/// A script that is recorded to x.reel, what is reported, where the log is then, and whether it has
/// all events.
const ON_THE_LOG: &[(&str, &[&str], &str, bool)] = &[
    ("rm x.reel", &["x.reel was removed", "recreated"], "x.reel", true),
    ("rm x.reel*", &["x.reel was removed", "x.reel.tail was removed"], "x.reel", true),
    ("mv x.reel y.reel", &["x.reel was renamed", "/y.reel"], "y.reel", true),
    (
        "mv x.reel y.reel; mv x.reel.tail y.reel.tail",
        &["x.reel was renamed", "/y.reel"],
        "y.reel",
        true,
    ),
    ("mkdir d; mv x.reel* d", &["x.reel was renamed", "/d/x.reel"], "d/x.reel", true),
    ("cp x.reel z; mv z x.reel", &["x.reel was replaced", "x.1.reel"], "x.1.reel", true),
    ("rm x.reel; mkdir x.reel", &["x.reel was replaced", "x.1.reel"], "x.1.reel", true),
    ("ln x.reel other; rm x.reel", &["x.reel was"], "x.reel", true),
    ("mv x.reel.tail t", &["x.reel.tail was renamed"], "x.reel", true),
    ("echo more >> x.reel", &["another program appended to x.reel"], "x.reel", true),
    (": > x.reel", &["x.reel was cut to 0 bytes", "are lost"], "x.reel", true),
    ("echo no log > x.reel", &["x.reel was cut to 7 bytes"], "x.reel", true),
    ("printf XXXX | dd of=x.reel conv=notrunc status=none", &["written over"], "x.reel", true),
];

#[test]
fn attacks_on_the_log() {
    for (script, said, log, whole) in ON_THE_LOG {
        let stage = Stage::new();
        let script = format!("{script}; exit 7");
        let ran = stage.sysreel(&["record", "-q", "-o", "x.reel", "sh", "-c", &script]);
        ran.fails(125, said);
        let read = each(&stage.path(log), |_, _| {});
        assert_eq!(read.ending, Ending::Clean, "{script}: {ran:?}");
        assert_eq!(read.missing.is_empty(), *whole, "{script}: {read:?}");
        let left = fs::read_dir(stage.folder()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains(".tail")).collect();
        assert!(left.is_empty(), "{script}: {left:?}");
    }
}

/// A log whose folder was removed has no name any more; the program is not affected.
#[test]
fn the_folder_of_the_log_is_removed() {
    let stage = Stage::new();
    fs::create_dir(stage.path("d")).unwrap();
    let ran = stage.sysreel(&["record", "-q", "-o", "d/x.reel", "sh", "-c", "rm -r d; echo done"]);
    ran.fails(125, &["d/x.reel was removed", "cannot be recreated", "No such file"]);
    assert_eq!(ran.text(), "done\n");
}

/// Returns the numbers in the arguments of tail_attack's calls that are in the log, and how many
/// events are reported missing.
fn numbers_in(stage: &Stage) -> (Vec<u64>, u64) {
    let getppid = number(Abi::X86_64, "getppid").unwrap();
    let mut numbers = Vec::new();
    let log = stage.path("x.reel");
    let read = each(&log, |_, event| {
        if let Body::Stop(stop) = event.decode().unwrap()
            && let What::Entry(call) = syscall_info::decode(stop.layout, stop.info).what
            && call.nr == getppid
        {
            numbers.push(call.args[0]);
        }
    });
    assert_eq!(read.ending, Ending::Clean, "{read:?}");
    assert!(read.missing.iter().all(|why| why.contains("tail overwritten")), "{read:?}");
    let lost = sysreel_inspect::open(&log).unwrap().log().summary().unwrap().lost;
    (numbers, lost)
}

#[test]
fn attacks_on_the_tail() {
    // A few calls, and more than a segment holds.
    for (how, times) in ["truncate", "shrink", "scribble", "punch", "remove"]
        .into_iter()
        .flat_map(|how| [(how, 3), (how, 200)])
    {
        let stage = Stage::new();
        let attack = program("tail_attack");
        let mut command = stage.command(SYSREEL);
        command.args(["record", "-q", "-o", "x.reel", "--"]).arg(&attack.binary);
        let ran = stage.run(command.args([how, "x.reel.tail", &times.to_string()]));
        ran.fails(125, &["x.reel", "while it was recorded"]);
        let (numbers, lost) = numbers_in(&stage);
        // What is there is true: each number once, in order.
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{how}: {numbers:?}");
        let all = times * 100;
        assert!(numbers.last().is_none_or(|&last| last < all));
        assert!(
            all - numbers.len() as u64 <= lost,
            "{how}: {} of {all}, {lost} events lost",
            numbers.len()
        );
        assert_eq!(lost == 0, how == "remove", "{how}: {ran:?}");
        assert!(!stage.path("x.reel.tail").exists());
    }
}

#[test]
fn a_name_stays_locked_when_its_file_is_removed() {
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "x.reel", "sh", "-c", "rm x.reel*; echo removed; read x"]);
    let mut first = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(first.first_line(), "removed\n");
    let second = stage.sysreel(&["record", "-q", "-o", "x.reel", "--force", "touch", "started"]);
    second.fails(125, &["x.reel is being recorded", "-o"]);
    assert!(!stage.path("started").exists());
    drop(first.child().stdin.take());
    assert_eq!(first.wait().code(), Some(125));
    each(&stage.path("x.reel"), |_, _| {}).is_clean();
}

fn record_to(stage: &Stage, options: &[&str]) -> Ran {
    stage.sysreel(
        &[&["record", "-q"], options, &["sh", "-c", "echo said; echo done >> ran"]].concat(),
    )
}

#[test]
fn only_logs_are_overwritten() {
    let stage = Stage::new();
    let refused = |options: &[&str], words: &[&str]| {
        record_to(&stage, options).fails(125, words);
        assert!(!stage.path("ran").exists(), "{options:?}: the program ran without a log");
    };
    stage.write("main.c", "int main;\n");
    refused(&["-o", "main.c"], &["main.c exists", "--force"]);
    assert_eq!(fs::read(stage.path("main.c")).unwrap(), b"int main;\n");
    stage.write("x.reel.tail", "a story\n");
    refused(&["-o", "x.reel"], &["x.reel.tail exists", "--force"]);
    assert!(!stage.path("x.reel").exists());
    fs::remove_file(stage.path("x.reel.tail")).unwrap();
    refused(&["-o", "/dev/full"], &["/dev/full exists", "--force"]);
    for (log, options) in [("main.c", &["--force"][..]), ("empty", &[]), ("empty", &[])] {
        // The second time an older log exists.
        if log == "empty" && !stage.path(log).exists() {
            stage.write(log, "");
        }
        let ran = record_to(&stage, &[&["-o", log], options].concat());
        assert!(ran.status.success(), "{log}: {ran:?}");
        each(&stage.path(log), |_, _| {}).is_clean();
    }
    for log in ["/dev/null", "/dev/stderr"] {
        let ran = record_to(&stage, &["-o", log]);
        assert!(ran.status.success() && ran.text() == "said\n", "{log}: {ran:?}");
    }
}

/// Root's recorder does not write to a file that another user placed at the log's name.
#[test]
fn files_and_links_of_others_are_not_written_to() {
    let stage = Stage::new();
    let root = is_root();
    symlink("target.reel", stage.path("link")).unwrap();
    let ran = record_to(&stage, &["-o", "link"]);
    if root {
        ran.fails(125, &["link is a symbolic link to target.reel"]);
        assert!(!stage.path("target.reel").exists());
    } else {
        assert!(ran.status.success(), "{ran:?}");
        each(&stage.path("target.reel"), |_, _| {}).is_clean();
    }
    if !root {
        crate::stage::skipped("only root can give files away");
        return;
    }
    for name in ["theirs", "theirs.reel.tail"] {
        std::os::unix::fs::chown(stage.write(name, ""), Some(65534), Some(65534)).unwrap();
    }
    record_to(&stage, &["-o", "theirs", "--force"])
        .fails(125, &["theirs belongs to another user (uid 65534)"]);
    record_to(&stage, &["-o", "theirs.reel"]).fails(125, &["theirs.reel.tail exists"]);
    let ran = stage.sh(
        r#"mkfifo pipe; chown 65534 pipe; cat pipe > got & exec "$SYSREEL" record -q -o pipe true"#,
    );
    ran.fails(125, &["pipe belongs to another user"]);
    // The reader waits for a writer.
    fs::File::options().write(true).open(stage.path("pipe")).unwrap();
}

#[test]
fn standard_output_has_the_log_and_nothing_else() {
    let stage = Stage::new();
    for out in ["> x.reel", "| cat > x.reel", ">> x.reel"] {
        _ = fs::remove_file(stage.path("x.reel"));
        let ran =
            stage.sh(&format!(r#""$SYSREEL" record -o - sh -c 'echo said; echo more >&2' {out}"#));
        assert_eq!((ran.status.code(), ran.text().as_str()), (Some(0), ""), "{out}: {ran:?}");
        assert!(ran.stderr.starts_with("said\nmore\n"), "{out}: {ran:?}");
        each(&stage.path("x.reel"), |_, _| {}).is_clean();
        assert!(!stage.path("-").exists() && !stage.path("-.tail").exists());
    }
    let ran = stage.sh(r#"exec "$SYSREEL" record -o - touch started >&-"#);
    ran.fails(125, &["cannot write the log -", "Bad file descriptor"]);
    assert!(!stage.path("started").exists());
    stage
        .sysreel(&["record", "--print", "-o", "-", "true"])
        .fails(2, &["--print", "standard output", "-o FILE"]);
    if installed("standard_output_has_the_log_and_nothing_else", &["script"]) {
        let on_terminal = r#"script -qec '"$SYSREEL" record -q -o - touch started' /dev/null"#;
        let ran = stage.sh(on_terminal);
        assert!(ran.status.code() == Some(125) && ran.text().contains("is a terminal"), "{ran:?}");
        assert!(!stage.path("started").exists());
    }
    // Other names of descriptors are not opened again.
    let ran = stage.sh(r#"{ echo before; "$SYSREEL" record -q -o /dev/fd/5 true; } 5> x.reel"#);
    assert!(ran.status.success() && ran.text() == "before\n", "{ran:?}");
    each(&stage.path("x.reel"), |_, _| {}).is_clean();
}

/// A recorder whose files were removed is killed: the log, and the tail that it made anew, have
/// what was committed.
#[test]
fn a_tail_that_was_removed_still_keeps_what_was_committed() {
    let stage = Stage::new();
    let (ledger, log) = (stage.path("ledger"), stage.path("x.reel"));
    let mut command = stage.command(SYSREEL);
    command
        .args(["record", "-q", "-o", "x.reel", "--"])
        .arg(&program("ledger").binary)
        .arg(&ledger);
    let recorder = Running::start(&mut command);
    let count = || crate::crash::count(&ledger);
    until("the program is so far", || count() >= 500);
    let tail = stage.path("x.reel.tail");
    fs::remove_file(&tail).unwrap();
    fs::remove_file(&log).unwrap();
    until("both are there again", || tail.exists() && log.exists());
    let seen = count();
    until("the program goes on", || count() > seen + 2000);
    let entered = count();
    kill(recorder.pid(), "KILL");
    recorder.wait();
    let program = crate::crash::spawned(&log);
    let (written, _) = crate::crash::written(&log);
    let missing: Vec<_> = (1..=entered).filter(|number| !written.contains(number)).collect();
    assert!(missing.is_empty(), "{} of {entered} are lost: {missing:?}", missing.len());
    kill(program, "KILL");
}

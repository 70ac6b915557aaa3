//! Every failure has a message and the documented exit code, never a panic, and destroys no
//! existing file.

use crate::stage::{Ran, Running, SYSREEL, Stage, each, installed, is_root, kill, skipped, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use sysreel_format::{
    BlockWriter, Completeness, Ending, Extras, FILE_HEADER_LEN, FileHeader, FileId, FileMeta,
};

/// Records `true` and returns the log.
fn log_of_true(stage: &Stage) -> PathBuf {
    let ran = stage.sysreel(&["record", "-q", "-o", "true.reel", "true"]);
    assert!(ran.status.success(), "{ran:?}");
    stage.path("true.reel")
}

/// Lists the folder.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[test]
fn programs_that_cannot_be_executed() {
    let stage = Stage::new();
    let record =
        |program: &str| stage.sysreel(&["record", "-q", "-o", "x.reel", "--", program, "argument"]);
    for (program, words) in [
        ("no-such-program", &["cannot run no-such-program", "No such file"]),
        ("./missing", &["cannot run ./missing", "No such file"]),
        ("", &["cannot run", "No such file"]),
    ] {
        record(program).fails(127, words);
        assert!(files(stage.folder()).is_empty(), "{program}: a log of nothing is left behind");
    }
    stage.write("plain", "echo no");
    record("./plain").fails(126, &["cannot run ./plain", "Permission denied"]);
    record("/tmp").fails(126, &["cannot run /tmp", "Permission denied"]);
    let interpreter = stage.write("interpreter", "#!/no/such/interpreter\n");
    fs::set_permissions(interpreter, fs::Permissions::from_mode(0o755)).unwrap();
    record("./interpreter").fails(127, &["cannot run ./interpreter"]);
    // What was recorded until then is a valid log.
    each(&stage.path("x.reel"), |_, _| {}).is_clean();
}

#[test]
fn a_script_without_an_interpreter_is_run_by_the_shell() {
    let stage = Stage::new();
    let script = stage.write("script", "echo \"$0 $*\"; exit 9\n");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    // As execvp(3) does, through env(1).
    let bare = stage.run(stage.command("env").args(["./script", "a", "b c"]));
    let recorded = stage.sysreel(&["record", "-q", "-o", "x.reel", "./script", "a", "b c"]);
    assert_eq!((bare.status, bare.text()), (recorded.status, recorded.text()), "{recorded:?}");
    assert_eq!(recorded.status.code(), Some(9));
}

/// When the log cannot be created, the program is not started.
#[test]
fn logs_that_cannot_be_made() {
    let stage = Stage::new();
    let record = |log: &str, code: &str| -> Ran {
        let ran = stage.sh(&format!(r#"{code} exec "$SYSREEL" record -o {log} touch started"#));
        assert!(!stage.path("started").exists(), "the program ran without a log: {ran:?}");
        ran
    };
    record("missing/x.reel", "")
        .fails(125, &["missing/x.reel", "No such file", "the directory does not exist"]);
    record(".", "").fails(125, &["cannot write the log .", "directory"]);
    record("/dev/full --force", "")
        .fails(125, &["cannot write the log /dev/full", "No space left"]);
    record("/proc/x.reel", "").fails(125, &["cannot write the log /proc/x.reel"]);
    record("x.reel", "ulimit -f 100;").fails(125, &["x.reel", "ulimit -f"]);
    fs::create_dir(stage.path("readonly")).unwrap();
    fs::set_permissions(stage.path("readonly"), fs::Permissions::from_mode(0o555)).unwrap();
    if is_root() && installed("logs_that_cannot_be_made", &["setpriv"]) {
        fs::set_permissions(stage.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(SYSREEL, stage.path("sysreel")).unwrap();
        let ran = stage.sh("exec setpriv --reuid 65534 --regid 65534 --clear-groups ./sysreel \
            record -o readonly/x.reel touch started");
        ran.fails(125, &["readonly/x.reel", "Permission denied", "-o FILE"]);
    }
    assert!(files(&stage.path("readonly")).is_empty());
    assert!(!stage.path("x.reel").exists() && !stage.path("x.reel.tail").exists());
}

/// A disk too small for the beginning of a log fails at once and keeps the existing log.
#[test]
fn disks_that_are_too_small() {
    if !is_root() || !installed("disks_that_are_too_small", &["unshare", "mount"]) {
        skipped("only root can mount");
        return;
    }
    let stage = Stage::new();
    let on_disk = |size: &str, script: &str| {
        fs::create_dir_all(stage.path("disk")).unwrap();
        let mut command = stage.command("unshare");
        let mount = format!("mount -t tmpfs -o size={size} none disk && {script}");
        command.args(["-m", "sh", "-c", &mount]).env("SYSREEL", SYSREEL);
        command.env("STORM", &crate::program::program("stop_storm").binary);
        stage.run(&mut command)
    };
    log_of_true(&stage);
    let ran = on_disk(
        "100k",
        r#"cp true.reel disk/x.reel; "$SYSREEL" record -o disk/x.reel touch started; echo $?
        ls disk; cmp true.reel disk/x.reel"#,
    );
    assert_eq!(ran.text(), "125\nx.reel\n", "{ran:?}");
    assert!(ran.never_panics().stderr.contains("the disk is full"), "{ran:?}");
    assert!(!stage.path("started").exists());
    // Small, but large enough for the log: the tail leaves room for it.
    let ran = on_disk(
        "2M",
        r#""$SYSREEL" record -q -o disk/x.reel "$STORM" 60000; echo $?; cp disk/x.reel ."#,
    );
    assert_eq!(ran.text(), "0\n", "{ran:?}");
    each(&stage.path("x.reel"), |_, _| {}).is_clean();
    // The disk fills up in the middle: the log says what it lacks, and the program is not affected.
    let script = r#"ulimit -f LIMIT; "$SYSREEL" record -q -o disk/x.reel -- python3 -c '
import os
for i in range(400):
    f = os.open("/dev/null", os.O_WRONLY); os.write(f, os.urandom(60000)); os.close(f)
raise SystemExit(3)'; echo $?; ls disk; cp disk/x.reel full.reel"#;
    if installed("disks_that_are_too_small", &["python3"]) {
        for (size, limit) in [("4M", "unlimited"), ("28M", "unlimited"), ("100M", "36000")] {
            let ran = on_disk(size, &script.replace("LIMIT", limit));
            assert_eq!(ran.text(), "125\nx.reel\n", "{size}: {ran:?}");
            let read = each(&stage.path("full.reel"), |_, _| {});
            assert!(
                read.ending == Ending::Clean
                    && read.missing.iter().any(|why| why.contains("disk full")),
                "{size}: {read:?}"
            );
            // The number of lost events is exact.
            let log = sysreel_inspect::open(&stage.path("full.reel")).unwrap();
            let summary = log.log().summary().unwrap();
            let told =
                format!("{} of {} events could not be written", summary.lost, summary.events);
            assert!(ran.never_panics().stderr.contains(&told), "{size}: {told}: {ran:?}");
            assert!(summary.lost < summary.events, "{told}");
            stage.sysreel(&["print", "full.reel"]).fails(3, &["missing"]);
            stage.sysreel(&["info", "full.reel"]).fails(3, &[]);
        }
    }
}

#[test]
fn readers_of_a_pipe_that_go_away() {
    let stage = Stage::new();
    let storm = crate::program::program("stop_storm");
    let storm = storm.binary.display();
    let ran = stage.sh(&format!(
        r#"{{ "$SYSREEL" record -o /dev/stdout {storm} 20000; echo $? >&2; }} | head -c 10 | wc -c"#
    ));
    assert_eq!(ran.text().trim(), "10");
    assert!(
        ran.never_panics().stderr.ends_with("\n125\n") && ran.stderr.contains("Broken pipe"),
        "{ran:?}"
    );
    let ran = stage.sh(&format!(
        r#"mkfifo pipe; head -c 10 pipe >/dev/null & "$SYSREEL" record -q -o pipe {storm} 20000"#
    ));
    ran.fails(125, &["pipe", "Broken pipe"]);
    // A disk with enough room gets a whole log.
    let ran = stage.sh(
        r#"cat pipe > piped.reel & "$SYSREEL" record -q -o pipe true; code=$?; wait; exit $code"#,
    );
    assert!(ran.status.success(), "{ran:?}");
    each(&stage.path("piped.reel"), |_, _| {}).is_clean();
    assert!(!stage.path("pipe.tail").exists());
}

#[test]
fn names_are_new_and_files_private() {
    let stage = Stage::new();
    for expected in ["true.reel", "true.1.reel", "true.2.reel"] {
        let ran = stage.sh(r#"umask 0; exec "$SYSREEL" record true"#);
        assert!(
            ran.status.success() && ran.stderr.contains(&format!("events in {expected} ")),
            "{ran:?}"
        );
        assert_eq!(fs::metadata(stage.path(expected)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(files(stage.folder()), ["true.1.reel", "true.2.reel", "true.reel"]);
    // While it is recorded, the tail has the mode of the log, and a second recorder is refused.
    let mut command = stage.command(SYSREEL);
    let mut first =
        Running::start(command.args(["record", "-q", "-o", "x.reel", "cat"]).stdin(Stdio::piped()));
    let tail = stage.path("x.reel.tail");
    until("it is being recorded", || {
        stage.path("x.reel").metadata().is_ok_and(|data| data.len() > 0) && tail.exists()
    });
    assert_eq!(fs::metadata(&tail).unwrap().permissions().mode() & 0o777, 0o600);
    stage
        .sysreel(&["record", "-o", "x.reel", "touch", "started"])
        .fails(125, &["x.reel is being recorded", "-o"]);
    assert!(!stage.path("started").exists());
    drop(first.child().stdin.take());
    assert!(first.wait().success());
    each(&stage.path("x.reel"), |_, _| {}).is_clean();
    assert!(!tail.exists());
}

/// A signal that was ignored at the start, as by nohup(1) or `trap '' HUP`, does not end the
/// recorder.
#[test]
fn an_ignored_signal_does_not_end_a_recording() {
    let stage = Stage::new();
    let mut command = stage.command("sh");
    command.args([
        "-c",
        r#"trap '' HUP; exec "$0" record -q -o x.reel sh -c 'echo go; read x; exit 3'"#,
        SYSREEL,
    ]);
    let mut recorder = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(recorder.first_line(), "go\n");
    kill(recorder.pid(), "HUP");
    drop(recorder.child().stdin.take());
    assert_eq!(recorder.wait().code(), Some(3));
    each(&stage.path("x.reel"), |_, _| {}).is_clean();
}

#[test]
fn files_that_are_not_logs() {
    let stage = Stage::new();
    fs::create_dir(stage.path("folder")).unwrap();
    stage.write("empty", "");
    stage.write(
        "text",
        "#!/bin/sh\necho no log at all, but quite a few bytes of something else, so that a header \
         would fit\n",
    );
    let noise: Vec<u8> =
        (0u64..70_000).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7]).collect();
    stage.write("noise", noise);
    for (file, word) in [
        ("missing", "No such file"),
        ("folder", "directory"),
        ("empty", "empty"),
        ("text", "text"),
        ("noise", "noise"),
        ("/dev/null", ""),
    ] {
        for command in
            [&["print"][..], &["print", "--format", "raw"], &["info"], &["info", "--json"]]
        {
            let ran = stage.sysreel(&[command, &[file]].concat());
            ran.fails(1, &["sysreel: ", file, word]);
            assert!(ran.stdout.is_empty(), "{ran:?}");
        }
    }
}

#[test]
fn wrong_usage() {
    let stage = Stage::new();
    for (arguments, code) in [
        (&["print"][..], 2),
        (&["info"], 2),
        (&[], 2),
        (&["nonsense"], 2),
        (&["print", "--nonsense", "x"], 2),
        (&["record"], 2),
        (&["record", "--nonsense", "true"], 2),
        (&["record", "--capture-limit", "x", "true"], 2),
        (&["print", "a", "b"], 2),
    ] {
        stage.sysreel(arguments).fails(code, &["--help"]);
    }
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["record", "--help"],
        &["print", "--help"],
        &["info", "--help"],
    ] {
        let ran = stage.sysreel(arguments);
        assert!(ran.status.success() && !ran.stdout.is_empty() && ran.stderr.is_empty(), "{ran:?}");
    }
}

/// A log cut at any place can be read up to there.
#[test]
fn logs_that_are_cut() {
    let stage = Stage::new();
    let whole = fs::read(log_of_true(&stage)).unwrap();
    let lines = stage.sysreel(&["print", "true.reel"]).text().lines().count();
    for len in (1..whole.len()).step_by(1000).chain(whole.len() - 70..whole.len()) {
        stage.write("cut.reel", &whole[..len]);
        let printed = stage.sysreel(&["print", "cut.reel"]);
        let info = stage.sysreel(&["info", "cut.reel"]);
        let code = if len < FILE_HEADER_LEN { 1 } else { 3 };
        printed.fails(code, &["cut.reel"]);
        info.fails(code, &[]);
        assert!(printed.text().lines().count() <= lines + 2, "{len}: more than there was");
    }
}

#[test]
fn a_log_of_a_newer_version_says_so() {
    let stage = Stage::new();
    let header =
        FileHeader { major: 7, ..FileHeader::new(FileId([7; 16]), Completeness::default()) };
    let writer = BlockWriter::create(Vec::new(), header, &FileMeta::default()).unwrap();
    let bytes = writer.finish(Completeness::default(), &Extras::default()).unwrap();
    stage.write("newer.reel", &bytes);
    for command in [&["print"][..], &["print", "--format", "raw"], &["info"]] {
        stage
            .sysreel(&[command, &["newer.reel"]].concat())
            .fails(1, &["newer.reel", "version 7", "newer"]);
    }
}

#[test]
fn printing_to_what_cannot_be_written() {
    let stage = Stage::new();
    log_of_true(&stage);
    for command in [
        "print true.reel",
        "print --format raw true.reel",
        "info true.reel",
        "info --json true.reel",
    ] {
        let closed = stage.sh(&format!(r#"exec "$SYSREEL" {command} >&-"#));
        closed.fails(1, &["standard output is closed"]);
        let full = stage.sh(&format!(r#"exec "$SYSREEL" {command} > /dev/full"#));
        full.fails(1, &["No space left"]);
    }
    stage.sysreel(&["print", "-o", "missing/x", "true.reel"]).fails(1, &["missing/x"]);
    stage
        .sysreel(&["print", "-o", "/dev/full", "true.reel"])
        .fails(1, &["/dev/full: No space left"]);
    // The program keeps standard output; the recorder prints to standard error.
    let ran = stage.sysreel(&["record", "--print", "-q", "-o", "x.reel", "echo", "said"]);
    assert!(
        ran.status.success() && ran.text() == "said\n" && ran.stderr.contains("execve("),
        "{ran:?}"
    );
}

//! Standard output or standard error that cannot be written: each command reports it where it still
//! can, exits with the documented status, and never panics. `record` keeps the status of the
//! program.

use crate::stage::{Ran, Running, SYSREEL, Stage};
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

/// The number of SIGPIPE in POSIX.
const SIGPIPE: i32 = 13;

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Nothing: it is a file.
    Nothing,
    /// A full disk.
    Full,
    /// A pipe without a reader.
    Abandoned,
    /// The descriptor is closed.
    Closed,
}

impl Wrong {
    fn stream(self, file: &std::path::Path) -> Stdio {
        match self {
            Wrong::Full => File::options().write(true).open("/dev/full").unwrap().into(),
            Wrong::Abandoned => std::io::pipe().unwrap().1.into(),
            Wrong::Nothing | Wrong::Closed => File::create(file).unwrap().into(),
        }
    }
}

/// Runs a command line of sysreel with these two streams.
fn run(stage: &Stage, words: &str, out: Wrong, err: Wrong) -> Ran {
    let (out_file, err_file) = (stage.path(".out"), stage.path(".err"));
    let close = |wrong: Wrong, fd: &str| {
        if wrong == Wrong::Closed { format!(" {fd}>&-") } else { String::new() }
    };
    let mut command = stage.command("sh");
    command.arg("-c").arg(format!(
        "exec '{SYSREEL}' {words}{}{}",
        close(out, "1"),
        close(err, "2")
    ));
    command.env("CI", "");
    command.stdout(out.stream(&out_file)).stderr(err.stream(&err_file));
    let status = Running::start(&mut command).wait();
    let read = |wrong, file| {
        if wrong == Wrong::Nothing { std::fs::read(file).unwrap() } else { Vec::new() }
    };
    let stderr = String::from_utf8_lossy(&read(err, &err_file)).into_owned();
    Ran { status, stdout: read(out, &out_file), stderr, statements: String::new() }
}

/// Makes a folder with a log of each kind, and a baseline that waits for a review.
fn stage() -> Stage {
    let stage = Stage::new();
    for words in [
        "record -q -o a.reel true",
        "record -q -o b.reel sh -c 'echo >new; exit 3'",
        "record -q --replayable -o r.reel -- sh -c 'echo out; echo err >&2'",
        "baseline record -n 1 -- true",
        "baseline record -n 1 -- touch other",
    ] {
        let ran = run(&stage, words, Wrong::Nothing, Wrong::Nothing);
        assert!(matches!(ran.status.code(), Some(0 | 3)), "{words}: {ran:?}");
    }
    assert!(stage.path("sysreel.baseline.new").exists());
    stage
}

/// Commands that write a result to standard output, in every format.
const RESULTS: &[&str] = &[
    "--help",
    "--version",
    "help record",
    "record --help",
    "print a.reel",
    "print --format raw a.reel",
    "print -c a.reel",
    "print -c --json a.reel",
    "info a.reel",
    "info --json a.reel",
    "tree a.reel",
    "tree --json a.reel",
    "ps a.reel",
    "files a.reel",
    "files --missing a.reel",
    "files --json a.reel",
    "env a.reel",
    "env --json a.reel",
    "maps a.reel",
    "maps --json a.reel",
    "doctor",
    "doctor --json",
    "diff a.reel a.reel",
    "diff a.reel b.reel",
    "diff --format json a.reel b.reel",
    "diff --format junit a.reel b.reel",
    "diff --format markdown a.reel b.reel",
    "diff --format github a.reel b.reel",
    "ab -n 1 -a true -b 'sh -c :'",
    "baseline check --confirm 0 -- touch another",
    "baseline review",
    "replay r.reel",
    "replay --json r.reel",
    "replay --json --until 5 r.reel",
    "replay --json a.reel",
    "verify -n 2 -- echo said",
    "verify -n 2 --json -- true",
    "verify --json a.reel",
];

#[test]
fn results_that_cannot_be_written() {
    let stage = stage();
    for words in RESULTS {
        let good = run(&stage, words, Wrong::Nothing, Wrong::Nothing);
        assert!(!good.never_panics().stdout.is_empty(), "{words}: {good:?}");
        let full = run(&stage, words, Wrong::Full, Wrong::Nothing);
        full.fails(1, &["sysreel: cannot write", "No space left"]);
        let closed = run(&stage, words, Wrong::Closed, Wrong::Nothing);
        closed.fails(1, &["sysreel: cannot write", "standard output is closed"]);
        let abandoned = run(&stage, words, Wrong::Abandoned, Wrong::Nothing);
        assert_eq!(
            abandoned.never_panics().status.signal(),
            Some(SIGPIPE),
            "{words}: {abandoned:?}"
        );
        // Nothing about the pipe; the program's own output is passed on.
        assert!(!abandoned.stderr.contains("cannot write"), "{words}: {abandoned:?}");
        // Neither stream can be written.
        let neither = run(&stage, words, Wrong::Full, Wrong::Full);
        assert_eq!(neither.status.code(), Some(1), "{words}: {neither:?}");
    }
}

/// A lost message does not change a failing status.
#[test]
fn messages_that_cannot_be_written() {
    let stage = stage();
    for (words, code) in [
        ("print missing.reel", 1),
        ("print --nonsense", 2),
        ("nonsense", 2),
        ("info missing.reel", 1),
        ("diff a.reel missing.reel", 3),
        ("diff a.reel b.reel", 1),
        ("ab -n 1 -a true -b '\"'", 2),
        ("ab -n 1 -a true -b no-such-program", 3),
        ("baseline check -f missing", 4),
        ("baseline accept --ci", 2),
        ("baseline review -f missing", 2),
        ("replay a.reel", 3),
        ("replay -q r.reel", 0),
        ("verify a.reel", 3),
    ] {
        for err in [Wrong::Full, Wrong::Abandoned, Wrong::Closed] {
            let ran = run(&stage, words, Wrong::Nothing, err);
            assert_eq!(ran.status.code(), Some(code), "{words}, {err:?}: {ran:?}");
        }
    }
    // A success that could not be reported.
    for words in
        ["replay r.reel", "verify -q -n 2 -- true", "baseline record -n 1 -f new.baseline -- true"]
    {
        let ran = run(&stage, words, Wrong::Nothing, Wrong::Full);
        assert_eq!(ran.status.code(), Some(1), "{words}: {ran:?}");
        let ran = run(&stage, words, Wrong::Nothing, Wrong::Abandoned);
        assert_eq!(ran.status.signal(), Some(SIGPIPE), "{words}: {ran:?}");
        let ran = run(&stage, words, Wrong::Nothing, Wrong::Closed);
        assert_eq!(ran.status.code(), Some(0), "{words}: {ran:?}");
    }
}

/// The program's status is passed on even if the recorder cannot report.
#[test]
fn a_recording_keeps_the_status_of_its_program() {
    let stage = Stage::new();
    for options in ["", "--print", "--replayable", "--audit", "-q --print"] {
        for wrong in [Wrong::Full, Wrong::Abandoned, Wrong::Closed] {
            for (out, err) in [(Wrong::Nothing, wrong), (wrong, Wrong::Nothing), (wrong, wrong)] {
                let words = format!("record {options} -o x.reel -- sh -c 'exit 7'");
                let ran = run(&stage, &words, out, err);
                assert_eq!(
                    ran.never_panics().status.code(),
                    Some(7),
                    "{words}, {out:?} {err:?}: {ran:?}"
                );
            }
        }
    }
    let ran = run(&stage, "record -- no-such-program", Wrong::Nothing, Wrong::Full);
    assert_eq!(ran.status.code(), Some(127));
}

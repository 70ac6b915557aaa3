//! `record --only`: what is wanted is recorded, the rest does not stop, and the program sees none
//! of it.

use crate::fixtures::{PROGRAMS, breaks_under_a_filter};
use crate::program::program;
use crate::session::{Session, is_root};
use crate::stage::{Running, SYSREEL, Stage, each, kill, until};
use std::path::Path;
use sysreel_abi::{AuditArch, CallSet, Filter};
use sysreel_format::{Body, Completeness};
use sysreel_inspect::syscall_info::{self, What};

/// Every call in a log, however its beginning was told.
fn calls(log: &Path) -> Vec<(AuditArch, u64)> {
    let mut calls = Vec::new();
    each(log, |_, event| {
        if let Ok(Body::Stop(stop)) = event.decode() {
            let info = syscall_info::decode(stop.layout, stop.info);
            if let (What::Entry(call) | What::Seccomp(call, _), Some(arch)) = (info.what, info.arch)
            {
                calls.push((arch, call.nr));
            }
        }
    })
    .is_clean();
    calls
}

/// Numbers of all architectures, junk above bit 31, i386 images, filters of the program's own: it
/// runs as it does without a recorder.
#[test]
fn programs_run_as_ever_and_nothing_unwanted_is_in_the_log() {
    let watch = CallSet::new(&Filter::parse("getppid,mkdir").unwrap(), false);
    for name in PROGRAMS.iter().filter(|name| !breaks_under_a_filter(name)) {
        let program = program(name);
        let session = Session::new(&program);
        let bare = session.bare(&program);
        if bare.skipped() {
            continue;
        }
        let run = session.recorded(&program, &["--only", "getppid,mkdir", "--no-names"]);
        assert!(run.ended(&program.end), "{name}: {:?}\n{}", run.status, run.stderr);
        assert_eq!((run.stdout, run.stderr), (bare.stdout, bare.stderr), "{name}");
        for (arch, nr) in calls(&session.log()) {
            // A filter of the program's own that asks for a tracer makes a stop whatever the call.
            let asked = ["seccomp_trace"].contains(name);
            assert!(watch.contains(arch, nr) || asked, "{name}: call {nr:#x} of {arch:?}");
        }
    }
}

#[test]
fn calls_that_are_not_wanted_do_not_stop() {
    let stage = Stage::new();
    let storm = program("stop_storm");
    let run = stage.run(
        stage
            .command(SYSREEL)
            .args(["record", "-q", "-o", "x.reel", "--only", "%network", "--"])
            .arg(&storm.binary)
            .args(&storm.arguments),
    );
    assert!(run.status.success(), "{run:?}");
    let read = each(&stage.path("x.reel"), |log, _| {
        assert!(log.header().completeness.contains(Completeness::FILTERED));
    });
    assert!(read.is_clean().events < 200, "{read:?}");
    let text = stage.sysreel(&["print", "--only", "all", "x.reel"]).text();
    assert!(
        text.starts_with("--- sysreel: not all system calls were recorded: --only %network ---\n"),
        "{text}"
    );
    assert!(
        text.contains("execve(") && text.contains(" given ") && text.contains("instructions ---"),
        "{text}"
    );
    let info = stage.sysreel(&["info", "x.reel"]).text();
    assert!(
        info.contains("some system calls were filtered out") && info.contains("only=%network"),
        "{info}"
    );
}

/// What is printed of the calls that are wanted is what is printed of them without a filter.
#[test]
fn wanted_calls_are_printed_as_ever() {
    let stage = Stage::new();
    let printed = |options: &[&str]| {
        let mut arguments = vec!["record", "-q", "-o", "x.reel"];
        arguments.extend_from_slice(options);
        arguments.extend_from_slice(&["--", "sh", "-c", "read word <.x; echo $word >.y"]);
        stage.write(".x", "text\n");
        assert!(stage.sysreel(&arguments).status.success());
        let text = stage.sysreel(&["print", "-yy", "-n", "-o", "text", "x.reel"]);
        assert!(text.status.success(), "{text:?}");
        std::fs::read_to_string(stage.path("text")).unwrap()
    };
    let reads = |text: String| {
        let read = |line: &&str| line.contains("] read(") || line.contains("] write(");
        let call = |line: &str| line.split_once(' ').map(|(_, call)| call.trim_start().to_owned());
        text.lines().filter(read).filter_map(call).collect::<Vec<_>>()
    };
    let (all, only) = (reads(printed(&[])), reads(printed(&["--only", "read,write"])));
    assert!(all.len() >= 4 && all.iter().any(|line| line.contains("/.x>, \"t\"")), "{all:?}");
    assert_eq!(all, only);
}

#[test]
fn mistakes_are_told() {
    let stage = Stage::new();
    let only = |filter: &str, rest: &[&str]| {
        let mut arguments = vec!["record", "-o", "x.reel", "--only", filter];
        arguments.extend_from_slice(rest);
        stage.sysreel(&arguments)
    };
    only("opnat", &["true"])
        .fails(2, &["`opnat`", "unknown system call", "did you mean `openat`?"]);
    only("%fiel", &["true"]).fails(2, &["`%fiel`", "%file %network"]);
    only("read", &["--audit", "true"]).fails(2, &["--audit"]);
    let mut sleeper = Running::start(stage.command("sleep").arg("100"));
    only("read", &["-p", &sleeper.pid().to_string()])
        .fails(2, &["--only", "runs already", "leave out --only"]);
    assert!(!sleeper.has_ended() && !stage.path("x.reel").exists());
}

/// Without a tracer the filter would make every wanted call fail: the program cannot be left alone
/// with it.
#[test]
fn the_program_ends_with_its_recorder() {
    for (signal, told) in [("TERM", Some("TERM")), ("KILL", None)] {
        let stage = Stage::new();
        let script = "trap 'echo TERM >ended; exit 3' TERM; echo $$ >.pid; mv .pid pid; while :; \
            do read x <fifo; done";
        assert!(stage.sh("mkfifo fifo").status.success());
        let mut command = stage.command(SYSREEL);
        command
            .args(["record", "-q", "-o", "x.reel", "--only", "openat", "--", "sh", "-c", script]);
        let recorder = Running::start(&mut command);
        until("the shell has started", || stage.path("pid").exists());
        let shell: u32 =
            std::fs::read_to_string(stage.path("pid")).unwrap().trim().parse().unwrap();
        kill(recorder.pid(), signal);
        let status = recorder.wait();
        if told.is_some() {
            assert_eq!(
                status.code(),
                Some(3),
                "the program was asked to end, and its status is passed on"
            );
            assert!(stage.path("ended").exists());
            each(&stage.path("x.reel"), |_, _| {}).is_clean();
        }
        until("the shell has ended", || !Path::new(&format!("/proc/{shell}/root")).exists());
    }
}

/// An errno from a filter that was there before outranks a filter of ours: then every call is
/// stopped at, and what is not wanted left out.
#[test]
fn a_recorder_under_a_filter_misses_nothing() {
    let stage = Stage::new();
    let script = "cat /etc/hostname >/dev/null";
    let mut command = stage.command(&program("deny_call").binary);
    command.args([
        "13", "getppid", SYSREEL, "record", "-q", "-o", "x.reel", "--only", "getppid", "--", "sh",
        "-c", script,
    ]);
    let run = stage.run(&mut command);
    assert!(run.status.success(), "{run:?}");
    let text = stage.sysreel(&["print", "--only", "all", "x.reel"]).text();
    let denied = |line: &str| {
        line.contains("] getppid() ") && line.ends_with("= -1 EACCES (Permission denied)")
    };
    assert!(text.lines().any(denied), "{text}");
    assert!(text.contains("the recorder runs under a seccomp filter"), "{text}");
    assert!(
        !text.contains("instructions ---") && !text.contains("mmap(") && text.contains("execve("),
        "{text}"
    );
}

#[test]
fn no_new_privs_is_set_where_it_must_and_told() {
    let program = program("rw_buffers");
    let printed = |session: &Session| {
        assert!(session.recorded(&program, &["--only", "read"]).ended(&program.end));
        let run = session.sysreel(&["print".as_ref(), session.log().as_ref()]);
        String::from_utf8(run.stdout).unwrap().contains("altered no_new_privs: kernel 00, given 01")
    };
    if !is_root() {
        assert!(printed(&Session::new(&program)));
        return;
    }
    assert!(!printed(&Session::new(&program)), "root keeps the privileges of setuid programs");
    assert!(printed(&Session::unprivileged(&program)));
}

/// What was kept to follow tasks and descriptors is shown on demand only, and a filter of a
/// printing hides nothing else.
#[test]
fn lines_are_those_of_the_calls_that_were_asked_for() {
    let stage = Stage::new();
    let script = "read word <x; exec 3>y; kill -s URG $$";
    stage.write("x", "text\n");
    for only in [None, Some("openat,%net,!socket")] {
        let options: Vec<&str> = only.iter().flat_map(|only| ["--only", only]).collect();
        let words =
            [&["record", "-q", "-o", "run.reel"], &options[..], &["sh", "-c", script]].concat();
        assert!(stage.sysreel(&words).status.success());
        let print =
            |more: &[&str]| stage.sysreel(&[&["print", "run.reel", "-y"], more].concat()).text();
        let (all, files) = (print(&["--only", "all"]), print(&["--only", "openat"]));
        let begins = |line: &&str, names: &[&str]| names.iter().any(|name| line.starts_with(name));
        assert!(all.contains("\nexecve(") && all.contains("\nclose("), "{all}");
        // Lines of calls by their names; signals, the end and remarks stay.
        let expected: Vec<&str> =
            all.lines().filter(|line| begins(line, &["openat(", "---", "+++"])).collect();
        assert_eq!(files.lines().collect::<Vec<_>>(), expected);
        assert!(files.contains("--- SIGURG") && files.contains("/y>"), "{files}");
        assert_eq!(print(&[]), if only.is_some() { files } else { all });
    }
    stage
        .sysreel(&["print", "run.reel", "--format", "raw", "--only", "read"])
        .fails(2, &["--only", "jq"]);
    stage
        .sysreel(&["print", "run.reel", "--only", "raed"])
        .fails(2, &["raed", "did you mean `read`?"]);
}

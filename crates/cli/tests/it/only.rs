//! `record --only`: selected calls are recorded, the others do not stop, and the program notices
//! nothing.

use crate::fixtures::{PROGRAMS, breaks_under_a_filter};
use crate::program::program;
use crate::stage::{Running, SYSREEL, Stage, each, is_root, kill, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use sysreel_abi::{AuditArch, CallSet, Filter};
use sysreel_format::{Body, Completeness};
use sysreel_inspect::syscall_info::{self, What};

/// Returns every call of a log, whether it begins with an entry or a filter's stop.
fn calls(log: &Path) -> Vec<(AuditArch, u64)> {
    let mut calls = Vec::new();
    each(log, |_, event| {
        if let Ok(Body::Stop(stop)) = event.decode() {
            let info = syscall_info::decode(stop.layout, stop.info);
            if let (What::Entry(call) | What::Seccomp(call, _), Some(arch)) = (info.what, info.arch)
            {
                calls.push((AuditArch(arch), call.nr));
            }
        }
    })
    .is_clean();
    calls
}

/// Numbers of all architectures, junk above bit 31, i386 images and the program's own filters: the
/// program behaves as without a recorder.
#[test]
fn programs_are_unaffected_and_only_selected_calls_are_recorded() {
    let watch = CallSet::new(&Filter::parse("getppid,mkdir").unwrap(), false);
    for name in PROGRAMS.iter().filter(|name| !breaks_under_a_filter(name)) {
        let program = program(name);
        let stage = Stage::new();
        let bare = stage.bare(&program);
        if bare.skipped() {
            continue;
        }
        let run = stage.record(&program, &["--only", "getppid,mkdir", "--no-names"]);
        assert!(run.ended(&program.end), "{name}: {:?}\n{}", run.status, run.stderr);
        assert_eq!((run.stdout, run.stderr), (bare.stdout, bare.stderr), "{name}");
        for (arch, nr) in calls(&stage.log()) {
            // A filter of the program that asks for a tracer stops at any call.
            let asked = ["seccomp_trace"].contains(name);
            assert!(watch.contains(arch, nr) || asked, "{name}: call {nr:#x} of {arch:?}");
        }
    }
}

#[test]
fn calls_that_are_not_selected_do_not_stop() {
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

/// Selected calls are printed as a plain recording prints them.
#[test]
fn selected_calls_are_printed_unchanged() {
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
fn bad_filters_are_errors() {
    let stage = Stage::new();
    let only = |filter: &str, rest: &[&str]| {
        let mut arguments = vec!["record", "-o", "x.reel", "--only", filter];
        arguments.extend_from_slice(rest);
        stage.sysreel(&arguments)
    };
    only("opnat", &["true"])
        .fails(2, &["`opnat`", "neither a field nor a system call", "did you mean `openat`?"]);
    only("%fiel", &["true"]).fails(2, &["`%fiel`", "%file %network"]);
    only("read", &["--audit", "true"]).fails(2, &["--audit"]);
    let mut sleeper = Running::start(stage.command("sleep").arg("100"));
    only("read", &["-p", &sleeper.pid().to_string()])
        .fails(2, &["--only", "running process", "leave out --only"]);
    assert!(!sleeper.has_ended() && !stage.path("x.reel").exists());
}

/// Without a tracer the filter makes every selected call fail, so the program must not outlive its
/// recorder.
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

/// An errno from an earlier filter outranks ours. Then the task stops at every call, and the
/// recorder leaves out what is not selected.
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
fn no_new_privs_is_set_only_without_root_and_recorded() {
    let program = program("rw_buffers");
    let printed = |stage: &Stage| {
        assert!(stage.record(&program, &["--only", "read"]).ended(&program.end));
        stage.printed("text").contains("altered no_new_privs: kernel 00, given 01")
    };
    if !is_root() {
        assert!(printed(&Stage::new()));
        return;
    }
    assert!(!printed(&Stage::new()), "root keeps the privileges of setuid programs");
    assert!(printed(&Stage::unprivileged(&program)));
}

/// Calls that are recorded only to follow tasks and descriptors are printed on request; `print
/// --only` hides nothing else.
#[test]
fn only_selected_calls_are_printed() {
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
        // Signals, ends and remarks are kept along with the named calls.
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

/// Counting reads no memory, except where a count is in memory: bytes of sendmmsg(2), and the calls
/// that i386's socketcall(2) and ipc(2) make. The oracle is counting by a field that needs memory.
#[test]
fn counts_that_are_in_memory_are_found_without_reading_all() {
    let stage = Stage::new();
    for (name, options) in [
        ("all_sockets", &[][..]),
        ("all_sockets", &["--only", "%network"]),
        ("i386_ipc", &[]),
        ("i386_ipc", &["--only", "socketcall,ipc"]),
    ] {
        let fixture = program(name).binary.clone();
        let record = [&["record", "-q", "--force", "-o", "x.reel"], options, &["--"]].concat();
        stage.sysreel(&[&record[..], &[fixture.to_str().unwrap()]].concat());
        let groups = |by: &str| -> BTreeMap<String, (u64, u64)> {
            let ran = stage.sysreel(&["stat", "--json", "--by", by, "x.reel"]);
            let stat: Value = serde_json::from_str(&ran.text()).unwrap();
            let mut found = BTreeMap::new();
            for group in stat["groups"].as_array().unwrap() {
                let of = found.entry(group["key"][0].to_string()).or_insert((0, 0));
                of.0 += group["calls"].as_u64().unwrap();
                of.1 += group["bytes"].as_u64().unwrap();
            }
            found
        };
        let (fast, whole) = (groups("call"), groups("call,comm"));
        assert_eq!(fast, whole, "{name} {options:?}");
        let of = |call: &str| whole.get(&format!("{call:?}")).copied().unwrap_or_default();
        let (bulk, pairs) = (of("recvmmsg").1, of("socketpair").0);
        assert!(bulk > 0 && pairs > 0, "{name} {options:?}: {whole:?}");
    }
}

//! A recording ends when its program ends or when the recorder is asked to end, whatever the
//! program does.

use crate::program::program;
use crate::stage::{Ran, Running, SYSREEL, Stage, each, installed, kill, state_of, until};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use sysreel_format::{Altering, Body, Completeness, GoneHow, NoteCode};

/// How a process ends while its threads create tasks. Each is recorded with several options.
const HOWS: [&str; 3] = ["exit", "kill", "exec"];
const WHATS: [&str; 2] = ["threads", "processes"];
const OPTIONS: [&[&str]; 3] = [&["--cpu", "free"], &["--cpu", "auto"], &["--only", "openat"]];

#[test]
fn a_process_ends_while_its_threads_make_tasks() {
    newborns_die(10);
}

#[test]
#[ignore = "several minutes"]
fn long_a_process_ends_while_its_threads_make_tasks() {
    newborns_die(500);
}

fn newborns_die(rounds: u32) {
    let program = program("newborns_die");
    let stage = Stage::new();
    let log = stage.path("run.reel");
    for (how, what) in HOWS.into_iter().flat_map(|how| WHATS.map(|what| (how, what))) {
        for options in OPTIONS {
            for round in 0..rounds {
                let mut command = stage.command(SYSREEL);
                command.args(["record", "-q", "-o"]).arg(&log).args(options).arg("--");
                let run = stage.run(command.arg(&program.binary).args([how, what]));
                let expected = if how == "kill" { (None, Some(9)) } else { (Some(7), None) };
                let ended = (run.status.code(), run.status.signal());
                assert_eq!(ended, expected, "{how} {what} {options:?}, round {round}: {run:?}");
                each(&log, |_, _| {}).is_clean();
            }
            eprintln!("{how} {what} {options:?}: {rounds} runs, none hangs");
        }
    }
}

/// The signal comes when the file has been created and nothing is written to it yet: flock(2) is
/// delayed.
#[test]
fn a_request_to_end_leaves_no_empty_file() {
    if !installed("a_request_to_end_leaves_no_empty_file", &["strace", "sleep"]) {
        return;
    }
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let stage = Stage::new();
        let log = stage.path("run.reel");
        let target = Running::start(stage.command("sleep").arg("1000"));
        let mut command = stage.command("strace");
        command.args(["-o", "/dev/null", "-e", "trace=flock", "-e"]);
        command.args(["inject=flock:delay_enter=500000", SYSREEL, "record", "-q", "-o"]);
        command.arg(&log).args(["-p", &target.pid().to_string()]);
        let strace = Running::start(&mut command);
        until("the log is there", || log.exists());
        let children = format!("/proc/{0}/task/{0}/children", strace.pid());
        let recorder = std::fs::read_to_string(children).unwrap();
        kill(recorder.trim().parse().unwrap(), signal);
        // strace ends as the program does.
        let status = strace.wait();
        let ended = (status.code(), status.signal());
        assert!([(Some(128 + number), None), (None, Some(number))].contains(&ended), "{ended:?}");
        each(&log, |_, _| {}).is_clean();
    }
}

/// A program that ignores SIGTERM, and so does its child.
const STUBBORN: &str =
    "trap '' TERM HUP; sleep 1000 & echo $$ > ready; wait; while :; do sleep 1000; done";

/// Records that program and asks the recorder to end. Returns the recorder's status and how long it
/// took.
fn asked_to_end(stage: &Stage, options: &[&str], signal: &str) -> (Option<i32>, f64, u32) {
    let mut command = stage.command(SYSREEL);
    command
        .args(["record", "-q", "-o", "run.reel"])
        .args(options)
        .args(["--", "sh", "-c", STUBBORN]);
    let recorder = Running::start(&mut command);
    let mut pid = String::new();
    until("the program runs", || {
        pid = std::fs::read_to_string(stage.path("ready")).unwrap_or_default();
        pid.ends_with('\n')
    });
    let begun = Instant::now();
    kill(recorder.pid(), signal);
    let status = recorder.wait();
    (status.signal(), begun.elapsed().as_secs_f64(), pid.trim().parse().unwrap())
}

#[test]
fn sigterm_ends_a_recording_of_a_program_that_ignores_it() {
    for options in [&[][..], &["--replayable"], &["--audit"]] {
        for (signal, number) in [("TERM", 15), ("HUP", 1)] {
            let stage = Stage::new();
            let (status, _, pid) = asked_to_end(&stage, options, signal);
            assert_eq!(status, Some(number), "{options:?}");
            // The program runs on without its recorder.
            assert!(matches!(state_of(pid), Some('S' | 'R')), "{options:?}: {:?}", state_of(pid));
            let log = stage.path("run.reel");
            let mut detached = 0;
            each(&log, |_, event| {
                detached += u32::from(
                    matches!(event.decode(), Ok(Body::Gone(gone)) if gone.how == GoneHow::DETACHED),
                );
            })
            .is_clean();
            assert!(detached >= 2, "{options:?}: {detached} tasks were let go");
            end_group(pid);
        }
    }
}

/// A program with the filter of `--only` cannot go on without its tracer: it gets five seconds,
/// then SIGKILL.
#[test]
fn a_filtered_program_is_killed_after_a_grace_period() {
    let stage = Stage::new();
    let (status, took, pid) = asked_to_end(&stage, &["--only", "openat"], "TERM");
    assert_eq!(status, Some(9));
    assert!(took >= 5.0, "it was killed after {took} s");
    assert!(matches!(state_of(pid), None | Some('Z')));
    let mut told = false;
    each(&stage.path("run.reel"), |_, event| {
        if let Ok(Body::Note(note)) = event.decode() {
            told |= note.code == NoteCode::STOPPING
                && String::from_utf8_lossy(note.text).contains("were killed");
        }
    })
    .is_clean();
    assert!(told, "the log says that processes were killed");
}

/// Kills what a test left running: the shell and its child.
fn end_group(pid: u32) {
    let children =
        std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    kill(pid, "KILL");
    for child in children.split_whitespace() {
        kill(child.parse().unwrap(), "KILL");
    }
}

/// After detaching, a program whose rdtsc trapped reads the counter again.
#[test]
fn a_replayable_program_goes_on_with_its_time_stamp_counter() {
    let stage = Stage::new();
    let source = r#"
        #include <pthread.h>
        #include <stdio.h>
        #include <unistd.h>
        static unsigned long long stamp(void) { unsigned a, d; __asm__ volatile("rdtsc" : "=a"(a), "=d"(d)); return a | (unsigned long long)d << 32; }
        static void *waits(void *end) { char byte; while (read(((int *)end)[0], &byte, 1) == 1) { stamp(); if (write(((int *)end)[1], "t", 1) != 1) break; } return 0; }
        int main(void) {
            int to[2], from[2]; char byte;
            if (pipe(to) || pipe(from)) return 1;
            int ends[2] = {to[0], from[1]};
            pthread_t thread;
            pthread_create(&thread, 0, waits, ends);
            printf("ready %d\n", getpid()); fflush(stdout);
            for (;;) {
                if (read(0, &byte, 1) != 1) return 2;
                stamp();
                if (write(to[1], "x", 1) != 1 || read(from[0], &byte, 1) != 1) return 3;
                printf("alive\n"); fflush(stdout);
            }
        }"#;
    stage.write("stamps.c", source);
    let built =
        stage.run(stage.command("gcc").args(["-O1", "-pthread", "-o", "stamps", "stamps.c"]));
    assert!(built.status.success(), "{built:?}");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "--replayable", "-o", "run.reel", "./stamps"]);
    let mut recorder = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert!(recorder.first_line().starts_with("ready "));
    let mut input = recorder.child().stdin.take().unwrap();
    let mut ask = || std::io::Write::write_all(&mut input, b"x").unwrap();
    ask();
    assert_eq!(recorder.first_line(), "alive\n");
    kill(recorder.pid(), "TERM");
    until("the recorder ends", || recorder.has_ended());
    for _ in 0..3 {
        ask();
        assert_eq!(recorder.first_line(), "alive\n");
    }
}

#[test]
fn a_recording_can_end_with_its_command() {
    let stage = Stage::new();
    for options in [&[][..], &["--replayable"]] {
        let mut command = stage.command(SYSREEL);
        command.args(["record", "-q", "--until-exit", "-o", "run.reel"]).args(options);
        let run = stage.run(command.args(["--", "sh", "-c", "sleep 1000 & echo $!; exit 3"]));
        assert_eq!(run.status.code(), Some(3), "{options:?}: {run:?}");
        let left: u32 = run.text().trim().parse().unwrap();
        until("what the command left runs on", || state_of(left) == Some('S'));
        kill(left, "KILL");
    }
}

/// The parent of a vfork does not stop before its child ends. The recorder names it and ends
/// without it.
#[test]
#[ignore = "5 seconds of waiting"]
fn long_a_task_that_does_not_stop_is_named_and_left() {
    let stage = Stage::new();
    stage.write(
        "parent.c",
        "#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf(\"%d\\n\", getpid()); \
         fflush(stdout); \
         if (vfork() == 0) for (;;) pause(); return 0; }\n",
    );
    let built = stage.run(stage.command("gcc").args(["-o", "parent", "parent.c"]));
    assert!(built.status.success(), "{built:?}");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "run.reel", "./parent"]);
    let log = stage.path("stderr");
    let stderr = std::fs::File::create(&log).unwrap();
    let mut recorder = Running::start(command.stdout(Stdio::piped()).stderr(stderr));
    let pid: u32 = recorder.first_line().trim().parse().unwrap();
    until("it waits for its child", || state_of(pid) == Some('D'));
    kill(recorder.pid(), "TERM");
    assert_eq!(recorder.wait().signal(), Some(15));
    let said = std::fs::read_to_string(log).unwrap();
    let named = format!(
        "waited for 5 s for task {pid} (parent) to stop so that it can be detached; its state is D"
    );
    assert!(said.contains(&named), "{said}");
    assert!(said.contains("; the kernel detaches it when the recorder ends"), "{said}");
    each(&stage.path("run.reel"), |_, _| {}).is_clean();
    end_group(pid);
}

/// `verify`, `ab` and `baseline` do not wait for a daemon that the command leaves running. What it
/// did later is not in the log, so the runs are compared only if asked.
#[test]
fn daemons_are_not_waited_for() {
    let stage = Stage::new();
    let command = "sh -c 'sleep 1000 > /dev/null 2>&1 & echo $! >> left; exit 3'";
    let ab = ["ab", "-n", "2", "-a", command, "-b", command];
    let run = stage.sysreel(&ab);
    let asked = stage.sysreel(&[&ab[..], &["--allow-incomplete"]].concat());
    for left in std::fs::read_to_string(stage.path("left")).unwrap_or_default().lines() {
        kill(left.parse().unwrap(), "KILL");
    }
    run.fails(4, &["went on after the recorder had detached", "--allow-incomplete"]);
    assert!(matches!(asked.status.code(), Some(0 | 1)), "{asked:?}");
}

/// Records as the first process of a PID namespace.
fn as_init(stage: &Stage, script: &str) -> Option<Ran> {
    let mut probe = stage.command("unshare");
    if !stage.run(probe.args(["-fp", "--mount-proc", "true"])).status.success() {
        crate::stage::skipped("this user may not make a PID namespace");
        return None;
    }
    let mut command: Command = stage.command("unshare");
    command.args([
        "-fp",
        "--mount-proc",
        SYSREEL,
        "record",
        "-q",
        "-o",
        "run.reel",
        "--",
        "sh",
        "-c",
        script,
    ]);
    Some(stage.run(&mut command))
}

/// As the entry point of a container, the recorder reaps orphans and ends with its program.
#[test]
fn the_first_process_of_a_container_ends_with_its_program() {
    let stage = Stage::new();
    let script = "(sh -c 'exit 3' &); (setsid sleep 1000 &); [ $PPID = 1 ] || exit 5; exit 4";
    let Some(run) = as_init(&stage, script) else { return };
    assert_eq!(run.status.code(), Some(4), "{run:?}");
    assert!(info(&stage.path("run.reel")).contains(Completeness::DETACHED));
}

/// The first process of a container passes signals on to its program.
#[test]
fn the_first_process_of_a_container_passes_signals_on() {
    let stage = Stage::new();
    let script =
        "trap 'exit 9' TERM; trap 'exit 10' USR1; kill -$0 1; while :; do sleep 0.01; done";
    for (signal, status) in [("TERM", 9), ("USR1", 10)] {
        let script = script.replace("$0", signal);
        let Some(run) = as_init(&stage, &script) else { return };
        assert_eq!(run.status.code(), Some(status), "{run:?}");
    }
}

fn info(log: &Path) -> Completeness {
    let mut word = Completeness::default();
    each(log, |log, _| word = log.summary().map_or(word, |summary| summary.completeness));
    word
}

/// A process in a sandbox that kills for restart_syscall survives attach and detach.
#[test]
fn a_sandboxed_wait_survives_attach_and_detach() {
    attach_to_sandbox(40);
}

#[test]
#[ignore = "half a minute"]
fn long_a_sandboxed_wait_survives_attach_and_detach() {
    attach_to_sandbox(1000);
}

fn attach_to_sandbox(rounds: u32) {
    let stage = Stage::new();
    let mut command = stage.command(&program("sandboxed_poll").binary);
    let mut server = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    assert_eq!(server.first_line(), "ready\n");
    let mut input = server.child().stdin.take().unwrap();
    let (mut restarted, mut shortened) = (0, 0);
    for round in 0..rounds {
        let log = stage.path("run.reel");
        _ = std::fs::remove_file(&log);
        let mut command = stage.command(SYSREEL);
        command.args(["record", "-q", "-p", &server.pid().to_string(), "-o"]).arg(&log);
        let recorder = Running::start(&mut command);
        until("it is attached to", || std::fs::metadata(&log).is_ok_and(|log| log.len() > 0));
        if round % 2 == 0 {
            std::io::Write::write_all(&mut input, b"x").unwrap();
            assert_eq!(server.first_line(), "answer\n", "round {round}");
            // The next wait begins under the recorder, so its remaining time is known.
            let begun = Instant::now();
            until("it waits", || {
                state_of(server.pid()) == Some('S') && begun.elapsed().as_millis() > 20
            });
        }
        kill(recorder.pid(), "TERM");
        assert_eq!(recorder.wait().signal(), Some(15), "round {round}");
        each(&log, |_, event| {
            let Ok(Body::Altered(altered)) = event.decode() else { return };
            let milliseconds =
                |bytes: &[u8]| bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).unwrap();
            match altered.what {
                Altering::REGISTER => {
                    let (before, left) =
                        (milliseconds(altered.kernel), milliseconds(altered.given));
                    assert!(altered.arg == 2 && before <= 60_000, "{altered:?}");
                    assert!(left <= before, "{left} ms are left of {before}");
                    shortened += u32::from(before == 60_000 && left <= 59_990);
                }
                _ => restarted += 1,
            }
        })
        .is_clean();
    }
    assert!(
        restarted > 0 && shortened > 0,
        "restarted {restarted}, with time left {shortened}, in {rounds} rounds"
    );
    std::io::Write::write_all(&mut input, b"q").unwrap();
    let status = server.wait();
    assert!(status.success(), "after {rounds} rounds: {status}");
}

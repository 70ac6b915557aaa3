//! The recorder is killed, the program is killed, the recorder is asked to end: what was committed
//! is in the log, and a program that survives goes on unharmed.

use crate::program::program;
use crate::stage::{Running, SYSREEL, Stage, each, kill, state_of, status_of, until};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use sysreel_abi::{Abi, number::number};
use sysreel_format::{Body, Ending, EventKind, GoneHow, Part};
use sysreel_inspect::syscall_info::{self, What};

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

#[test]
fn events_committed_before_a_kill_are_in_the_log() {
    kill_recorders(8);
}

#[test]
#[ignore = "takes minutes"]
fn long_kills_of_the_recorder() {
    kill_recorders(60);
}

/// A number in the ledger means that its write(2) returned: the exit stop was reported and
/// committed before the task was resumed. So the log must have every number that the ledger had
/// before the kill. The program lives on and adds numbers that are not in the log; therefore the
/// ledger is read first.
fn kill_recorders(times: u64) {
    let (mut numbers, mut events) = (0, 0);
    for turn in 0..times {
        let stage = Stage::new();
        let (ledger, log) = (stage.path("ledger"), stage.path("run.reel"));
        let mut command =
            record(&stage, &log, &["--capture-limit", if turn % 2 == 0 { "64K" } else { "all" }]);
        let recorder = Running::start(command.arg(&program("ledger").binary).arg(&ledger));
        // From a few events to more than all segments of the tail hold, and no round numbers.
        let wanted = [1, 40, 1_000, 20_000, 60_001, 7, 35_003, 90_011]
            [usize::try_from(turn % 8).unwrap()]
            + turn * 13;
        until("the program is so far", || count(&ledger) >= wanted);
        let program = spawned(&log);
        // The recorder is killed while it works. The ledger only grows between this look and the
        // kill.
        let entered = count(&ledger);
        kill(recorder.pid(), "KILL");
        assert_eq!(recorder.wait().signal(), Some(SIGKILL));
        let entered_later = untraced(program, &ledger, entered);
        let (written, shown) = written(&log);
        events += shown;
        for number in 1..=entered {
            assert!(
                written.contains(&number),
                "{number} of {entered} is lost; the log has {} of them",
                written.len()
            );
        }
        numbers += entered;
        // Nothing is invented: the log may be ahead of the ledger only by what was written and not
        // yet entered.
        let most = written.last().copied().unwrap_or(0);
        assert!(most <= entered_later + 1, "the log has {most}, the program wrote {entered_later}");
        assert_eq!(written.len() as u64, most, "a number is missing between others");
        kill(program, "KILL");
    }
    eprintln!(
        "{times} kills: {numbers} numbers were entered, all are in the logs, among {events} events"
    );
}

/// Waits until the program runs without a tracer and returns the count after that.
fn untraced(program: u32, ledger: &Path, entered: u64) -> u64 {
    until("the program runs on, alone", || {
        status_of(program, "TracerPid").as_deref() == Some("0") && count(ledger) > entered + 1
    });
    count(ledger)
}

fn record(stage: &Stage, log: &Path, options: &[&str]) -> Command {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q"]).args(options).arg("-o").arg(log).arg("--");
    command
}

/// Returns the first word of the ledger.
pub(crate) fn count(ledger: &Path) -> u64 {
    use std::os::unix::fs::FileExt;
    let mut word = [0; 8];
    match fs::File::open(ledger).and_then(|file| file.read_exact_at(&mut word, 0)) {
        Ok(()) => u64::from_le_bytes(word),
        Err(_) => 0,
    }
}

/// Returns the id of the program, the first task of the log.
pub(crate) fn spawned(log: &Path) -> u32 {
    let mut tid = None;
    each(log, |_, event| {
        if let Body::Task(task) = event.decode().unwrap() {
            tid.get_or_insert(task.head.tid);
        }
    });
    tid.expect("the program is in the log")
}

/// Returns the numbers that the program wrote, from the memory of its write calls, and the number
/// of events.
pub(crate) fn written(log: &Path) -> (BTreeSet<u64>, u64) {
    let write = number(Abi::X86_64, "write").unwrap();
    let mut numbers = BTreeSet::new();
    let read = each(log, |log, event| {
        let Body::Stop(stop) = event.decode().unwrap() else { return };
        let What::Entry(call) = syscall_info::decode(stop.layout, stop.info).what else { return };
        for part in stop.parts.filter(|_| call.nr == write && call.args[2] == 8) {
            let Part::Region(region) = part.unwrap() else { continue };
            let bytes = log.region_bytes(&region).unwrap();
            numbers.insert(u64::from_le_bytes(bytes.as_ref().try_into().unwrap()));
        }
    });
    assert!(
        read.missing.is_empty() && matches!(read.ending, Ending::Unfinished { .. }),
        "{read:?}"
    );
    (numbers, read.events)
}

/// The log of a killed recorder can be printed together with its tail, and the output says that it
/// has no end.
#[test]
fn a_log_without_an_end_is_printed_and_reported() {
    let stage = Stage::new();
    let (ledger, log) = (stage.path("ledger"), stage.path("run.reel"));
    let recorder =
        Running::start(record(&stage, &log, &[]).arg(&program("ledger").binary).arg(&ledger));
    until("the program is so far", || count(&ledger) >= 500);
    let program = spawned(&log);
    let refused = stage.sysreel(&["record", "-o", "run.reel", "true"]);
    refused.fails(125, &["is being recorded", "-o"]);
    kill(recorder.pid(), "KILL");
    recorder.wait();
    let printed = stage.sysreel(&["print", "run.reel"]);
    printed.fails(3, &["not finished"]);
    assert!(printed.text().matches("write(").count() >= 500);
    let info = stage.sysreel(&["info", "run.reel"]);
    assert!(info.fails(3, &[]).text().contains("unfinished"), "{info:?}");
    // The next recording to the same file starts over and removes the old tail.
    kill(program, "KILL");
    assert!(stage.sysreel(&["record", "-q", "-o", "run.reel", "true"]).status.success());
    assert!(!stage.path("run.reel.tail").exists());
    each(&log, |_, _| {}).is_clean();
}

#[test]
fn a_program_that_is_killed_has_a_clean_log() {
    let stage = Stage::new();
    let (ledger, log) = (stage.path("ledger"), stage.path("run.reel"));
    let recorder =
        Running::start(record(&stage, &log, &[]).arg(&program("ledger").binary).arg(&ledger));
    until("the program is so far", || count(&ledger) >= 500);
    kill(spawned(&log), "KILL");
    assert_eq!(recorder.wait().signal(), Some(SIGKILL));
    let mut ends = Vec::new();
    each(&log, |_, event| {
        if let Body::Gone(gone) = event.decode().unwrap() {
            ends.push((gone.wait_status, gone.how));
        }
    })
    .is_clean();
    assert_eq!(ends, [(9, GoneHow::REAPED)]);
}

/// A recorder that is asked to end finishes its log and detaches from many processes at once. They
/// keep their signals, exit statuses and CPU mask.
#[test]
fn the_program_survives_the_end_of_its_recording() {
    for turn in 0..6 {
        let stage = Stage::new();
        let log = stage.path("run.reel");
        let script = r#"while [ ! -e enough ]; do (exit 3); [ $? = 3 ] || echo bad; /bin/true || echo bad
            x=$(sh -c 'kill -TERM $$' 2>&1; echo $?); [ "$x" = 143 ] || echo "bad $x"; echo turn >> progress; done
            grep Cpus_allowed: /proc/self/status; grep TracerPid /proc/self/status; echo done > end"#;
        let out = fs::File::create(stage.path("out")).unwrap();
        let mut command = record(&stage, &log, &[]);
        command.args(["bash", "-c", script]).stdout(out.try_clone().unwrap()).stderr(out);
        let recorder = Running::start(&mut command);
        let lines =
            || fs::read_to_string(stage.path("progress")).unwrap_or_default().lines().count();
        until("it is under way", || lines() > 3 + turn * 5);
        kill(recorder.pid(), if turn % 2 == 0 { "TERM" } else { "HUP" });
        assert_eq!(recorder.wait().signal(), Some(if turn % 2 == 0 { SIGTERM } else { 1 }));
        let before = lines();
        let mut detached = 0;
        each(&log, |_, event| {
            detached += u32::from(
                event.kind == EventKind::GONE
                    && matches!(event.decode(),
                        Ok(Body::Gone(gone)) if gone.how == GoneHow::DETACHED),
            );
        })
        .is_clean();
        assert!(detached > 0, "no task was detached");
        until("the program runs on", || lines() > before + 20);
        stage.write("enough", "");
        until("the program is done", || stage.path("end").exists());
        let cpus = status_of(std::process::id(), "Cpus_allowed").unwrap();
        let said = fs::read_to_string(stage.path("out")).unwrap();
        assert_eq!(said, format!("Cpus_allowed:\t{cpus}\nTracerPid:\t0\n"), "turn {turn}");
    }
}

/// Tasks that sleep in a call or are stopped by a signal are detached and go on.
#[test]
fn tasks_in_every_state_are_detached() {
    let stage = Stage::new();
    let log = stage.path("run.reel");
    let script = "sleep 1000 & echo $!; sh -c 'kill -STOP $$' & echo $!; exec sleep 1000";
    let mut command = record(&stage, &log, &[]);
    let mut recorder = Running::start(command.args(["sh", "-c", script]).stdout(Stdio::piped()));
    let sleeping: u32 = recorder.first_line().trim().parse().unwrap();
    let stopped: u32 = recorder.first_line().trim().parse().unwrap();
    let main = spawned(&log);
    let comm = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    until("all have come to rest", || {
        comm(main) == "sleep\n"
            && comm(sleeping) == "sleep\n"
            && state_of(main) == Some('S')
            && state_of(sleeping) == Some('S')
            && state_of(stopped) == Some('t')
    });
    kill(recorder.pid(), "TERM");
    assert_eq!(recorder.wait().signal(), Some(SIGTERM));
    each(&log, |_, _| {}).is_clean();
    assert_eq!([main, sleeping, stopped].map(state_of), [Some('S'), Some('S'), Some('T')]);
    for pid in [main, sleeping, stopped] {
        assert_eq!(status_of(pid, "TracerPid").as_deref(), Some("0"));
        kill(pid, "KILL");
    }
}

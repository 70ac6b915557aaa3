//! Signals and stops of a process that is recorded for a part of its life: each signal is delivered
//! once, and each stop is obeyed.

use crate::program::program;
use crate::stage::{Running, SYSREEL, Stage, each, installed, kill, state_of, until};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use sysreel_format::{Body, EventKind};

const PTRACE_EVENT_STOP: u32 = 128;
const SIGSTOP: u32 = 19;

fn record(stage: &Stage, pid: u32, log: &Path) -> Running {
    Running::start(
        stage.command(SYSREEL).args(["record", "-q", "-p", &pid.to_string(), "-o"]).arg(log),
    )
}

fn detach(recorder: Running) {
    kill(recorder.pid(), "TERM");
    assert_eq!(recorder.wait().signal(), Some(15));
}

/// Returns the wait statuses of all stops.
fn statuses(log: &Path) -> Vec<u32> {
    let mut statuses = Vec::new();
    if fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        each(log, |_, event| {
            if event.kind == EventKind::STOP
                && let Body::Stop(stop) = event.decode().unwrap()
            {
                statuses.push(stop.wait_status);
            }
        });
    }
    statuses
}

/// A process that is stopped while it is recorded does not run until it is continued, even if the
/// recorder detaches first.
#[test]
fn a_process_that_stops_stays_stopped() {
    let stage = Stage::new();
    let mut command = stage.command(&program("sleeper").binary);
    let mut target = Running::start(command.arg("read").stdout(Stdio::piped()));
    assert_eq!(target.first_line(), "ready\n");
    let log = stage.path("run.reel");
    let recorder = record(&stage, target.pid(), &log);
    until("it is attached to", || !statuses(&log).is_empty());
    kill(target.pid(), "STOP");
    let group_stop = PTRACE_EVENT_STOP << 16 | SIGSTOP << 8 | 0x7f;
    until("the group stop is seen", || statuses(&log).contains(&group_stop));
    // This signal would end the process if it ran.
    kill(target.pid(), "USR1");
    for _ in 0..50 {
        assert_eq!(state_of(target.pid()), Some('t'));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    detach(recorder);
    assert_eq!(state_of(target.pid()), Some('T'));
    each(&log, |_, _| {}).is_clean();
    kill(target.pid(), "CONT");
    assert!(target.wait().success(), "it ends by the signal that waited");
}

/// Two processes that send each other a signal in turn, each as soon as it has handled the last.
const PAIR: &str = r#"
import os, select, signal
read, write = os.pipe()
os.set_blocking(write, False)
pid = os.fork()
if pid == 0:
    # The byte is written in the very handler, not when the interpreter gets round to it.
    signal.signal(signal.SIGUSR1, lambda *_: None); signal.set_wakeup_fd(write); os.write(write, b"r")
    while True: signal.pause()
def handled(): return select.select([read], [], [], 20)[0] and os.read(read, 99)
assert handled() == b"r"
print(pid, flush=True)
sent = 0
while not os.path.exists("enough"):
    os.kill(pid, signal.SIGUSR1); sent += 1
    got = handled()
    if got != bytes([signal.SIGUSR1]): print("signal", sent, "became", got, flush=True); break
else: print("all handled", flush=True)
os.kill(pid, signal.SIGKILL)
"#;

#[test]
fn no_signal_is_lost_or_made() {
    if !installed("no_signal_is_lost_or_made", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let mut pair =
        Running::start(stage.command("python3").args(["-c", PAIR]).stdout(Stdio::piped()));
    let target: u32 = pair.first_line().trim().parse().unwrap();
    let mut signals = 0;
    for turn in 0..25 {
        let log = stage.path(&format!("{turn}.reel"));
        let recorder = record(&stage, target, &log);
        until("signals are handled while it is recorded", || statuses(&log).len() > 30);
        detach(recorder);
        each(&log, |_, _| {}).is_clean();
        signals += statuses(&log).iter().filter(|&&status| status == 10 << 8 | 0x7f).count();
    }
    stage.write("enough", "");
    assert_eq!(pair.first_line(), "all handled\n", "after {signals} recorded ones");
    pair.wait();
}

/// SIGINT to a recorded process group, as Ctrl-C sends it: each process ends as it would, and so
/// does the recording.
#[test]
fn a_group_of_attached_processes_is_interrupted() {
    let stage = Stage::new();
    let script = "trap 'exit 5' INT; echo $$ > pids; sh -c 'echo $$ >> pids; read line' < fifo & \
        exec 9> fifo; wait; wait";
    assert!(stage.sh("mkfifo fifo").status.success());
    let leader = Running::start(
        stage.command("setsid").args(["-w", "sh", "-c", script]).stdin(Stdio::null()),
    );
    let mut pids = Vec::new();
    until("both run", || {
        let text = fs::read_to_string(stage.path("pids")).unwrap_or_default();
        pids = text.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()).collect();
        pids.len() == 2 && pids.iter().all(|&pid| state_of(pid) == Some('S'))
    });
    let log = stage.path("run.reel");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "--tree", "-p", &pids[0].to_string(), "-o"]).arg(&log);
    let recorder = Running::start(&mut command);
    until("they are attached to", || !statuses(&log).is_empty());
    // The kill of dash takes a negative id only without `--`.
    let run = stage.sh(&format!("kill -INT -{}", pids[0]));
    assert!(run.status.success(), "{run:?}");
    assert_eq!(leader.wait().code(), Some(5));
    // A shell without job control starts background processes with SIGINT ignored (POSIX); this one
    // ends when its pipe does.
    assert!(recorder.wait().success());
    let mut ends = 0;
    each(&log, |_, event| ends += u32::from(matches!(event.decode(), Ok(Body::Gone(_)))))
        .is_clean();
    assert_eq!(ends, 2);
}

//! Several tracers of one recording: nothing in the log comes before its cause.

use crate::program::program;
use crate::stage::{Running, SYSREEL, Stage, installed, kill, until};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    waits: usize,
    child_signals: usize,
    kills: usize,
    births: usize,
}

/// The parts of a log that the order of events of different tasks is judged by.
#[derive(Default)]
struct Order {
    tids: HashMap<u64, i64>,
    /// Tasks that were reported by their makers.
    made: HashSet<i64>,
    ended: HashSet<i64>,
    open: HashMap<u64, (String, Vec<i64>)>,
    /// Signals sent and not delivered yet, by receiver and number.
    sent: HashMap<(i64, i64), usize>,
    counts: Counts,
}

impl Order {
    fn event(&mut self, event: &Value) {
        let number = |field: &str| integer(&event[field]);
        let task = event["task"].as_u64();
        match event["kind"].as_str().unwrap() {
            "task" => {
                let tid = number("tid");
                self.tids.insert(task.unwrap(), tid);
                self.ended.remove(&tid);
                if event["origin"] != "spawned" {
                    assert!(self.made.contains(&tid), "{tid} begins before its maker made it");
                    self.counts.births += 1;
                }
            }
            "gone" => _ = self.ended.insert(self.tids[&task.unwrap()]),
            "stop" => self.stop(event, task.unwrap()),
            _ => {}
        }
    }

    fn stop(&mut self, event: &Value, task: u64) {
        let tid = self.tids[&task];
        assert!(!self.ended.contains(&tid), "a stop after the end of {tid}: {event}");
        match (event["stop"].as_str().unwrap(), event["op"].as_str()) {
            ("syscall", Some("entry")) => {
                let name = event["name"].as_str().unwrap_or_default().to_owned();
                let args: Vec<i64> =
                    event["args"].as_array().unwrap().iter().map(integer).collect();
                if name == "kill" {
                    *self.sent.entry((args[0], args[1])).or_default() += 1;
                }
                self.open.insert(task, (name, args));
            }
            ("syscall", Some("exit")) => {
                let Some((name, _)) = self.open.remove(&task) else { return };
                let rval = integer(&event["rval"]);
                let ended = match name.as_str() {
                    "wait4" if rval > 0 => rval,
                    "waitid" if rval == 0 => pid_of(&event["regions"][0]["data"]),
                    _ => return,
                };
                assert!(self.ended.contains(&ended), "{name} returns {ended} before its end");
                self.counts.waits += 1;
            }
            ("signal", _) if event["signal"] == "SIGCHLD" => {
                let ended = pid_of(&event["siginfo"]);
                assert!(self.ended.contains(&ended), "SIGCHLD of {ended} before its end");
                self.counts.child_signals += 1;
            }
            ("signal", _) => {
                let left = self.sent.get_mut(&(tid, integer(&event["signal_raw"])));
                let left = left.filter(|left| **left > 0).expect("a signal after it was sent");
                *left -= 1;
                self.counts.kills += 1;
            }
            ("event", _) if matches!(event["event"].as_str(), Some("fork" | "vfork" | "clone")) => {
                self.made.insert(integer(&event["message"]));
            }
            _ => {}
        }
    }
}

/// Numbers above 2^53 are strings in JSON.
fn integer(value: &Value) -> i64 {
    match value {
        Value::String(text) => {
            u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap().cast_signed()
        }
        number => number.as_i64().unwrap_or_default(),
    }
}

/// Returns si_pid of a siginfo_t in hexadecimal digits.
fn pid_of(siginfo: &Value) -> i64 {
    const SI_PID: usize = 16;
    let digits = &siginfo.as_str().unwrap()[2 * SI_PID..2 * SI_PID + 8];
    u32::from_str_radix(digits, 16).unwrap().swap_bytes().into()
}

fn order(tracers: &str, rounds: usize) -> Counts {
    let stage = Stage::new();
    let program = program("many_ends");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "x.reel", "--tracers", tracers, "--move-processes", "--"]);
    let recorded = stage.run(command.arg(&program.binary).arg(rounds.to_string()));
    assert_eq!(recorded.status.code(), Some(0), "{recorded:?}");
    let info = stage.sysreel(&["info", "x.reel"]);
    assert!(info.status.success(), "{info:?}");
    let mut order = Order::default();
    for line in stage.sysreel(&["print", "--format", "raw", "x.reel"]).text().lines() {
        order.event(&serde_json::from_str(line).unwrap());
    }
    let counts = order.counts;
    assert_eq!(counts.births, rounds * 5);
    // Signals of the same number that come at once are one (signal(7)).
    assert!(counts.waits == rounds * 4 && counts.kills >= rounds, "{counts:?}");
    assert!(counts.child_signals >= rounds, "{counts:?}");
    counts
}

#[test]
fn nothing_comes_before_its_cause() {
    for tracers in ["2", "3"] {
        order(tracers, 100);
    }
}

/// A request to end reaches every tracer: the log is finished, and the programs run on.
#[test]
fn a_request_to_end_reaches_all_tracers() {
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "x.reel", "--tracers", "3", "--move-processes", "--"]);
    let script = "for i in 1 2 3; do (echo $$ >$i; exec sleep 100) & done; wait";
    let recorder = Running::start(command.args(["sh", "-c", script]));
    let names = || fs::read_dir(stage.path(".")).unwrap().flatten().map(|entry| entry.path());
    let sleeps = || {
        // The program is the child of a thread.
        let children = |pid: u32| {
            let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            threads
                .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
                .collect::<String>()
        };
        let shells = children(recorder.pid());
        let shell = shells.split_whitespace().next().and_then(|pid| pid.parse().ok());
        let all = shell.map(children).unwrap_or_default();
        let all: Vec<u32> = all.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        (shell, all)
    };
    let asleep = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm == "sleep\n")
            && fs::read_to_string(format!("/proc/{pid}/wchan"))
                .is_ok_and(|at| at.contains("nanosleep"))
    };
    until("all sleep", || {
        let (_, all) = sleeps();
        names().count() > 3 && all.len() == 3 && all.iter().all(asleep)
    });
    let (shell, all) = sleeps();
    kill(recorder.pid(), "TERM");
    assert_eq!(recorder.wait().signal(), Some(15));
    // The shell first: it ends when its children have ended.
    for pid in shell.into_iter().chain(all) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(status.contains("TracerPid:\t0\n"), "{status}");
        assert!(status.contains("SigBlk:\t0000000000000000\n"), "{status}");
        kill(pid, "KILL");
    }
    let info = stage.sysreel(&["info", "x.reel"]);
    assert!(info.text().contains("clean"), "{info:?}");
}

/// A program sees the masks of its tasks as without a recorder, also of those of another tracer.
#[test]
fn masks_of_tasks_of_other_tracers_are_their_own() {
    if !installed("masks_of_tasks_of_other_tracers_are_their_own", &["taskset"]) {
        return;
    }
    let stage = Stage::new();
    let script = "taskset -p $$ | sed 's/.*: //'; nproc; taskset -p 1 $$ >/dev/null; \
                  taskset -p $$ | sed 's/.*: //'; nproc";
    let bare = stage.run(stage.command("sh").args(["-c", script]));
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "x.reel", "--tracers", "2", "--move-processes", "--"]);
    let recorded = stage.run(command.args(["sh", "-c", script]));
    assert_eq!(recorded.text(), bare.text());
}

#[test]
#[ignore = "takes minutes"]
fn long_nothing_comes_before_its_cause() {
    let mut pairs = 0;
    for _ in 0..5 {
        let counts = order("2", 300);
        pairs += counts.waits + counts.child_signals + counts.kills + counts.births;
    }
    assert!(pairs >= 10_000, "{pairs}");
    eprintln!("{pairs} pairs of cause and effect");
}

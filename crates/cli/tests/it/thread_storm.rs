//! Attaches to a process whose threads come and go all the time. No thread is missed, and all are
//! detached.

use crate::stage::{Running, SYSREEL, Stage, each, installed, kill, until};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

const STORM: &str = r#"
import os, threading
def chain(n):
    if n:
        t = threading.Thread(target=chain, args=(n - 1,)); t.start(); t.join()
def storm():
    while not os.path.exists("enough"): chain(3)
threads = [threading.Thread(target=storm) for _ in range(5)]
[t.start() for t in threads]; print("ready", flush=True); [t.join() for t in threads]; print("whole")
"#;

#[test]
fn no_thread_is_missed() {
    if !installed("no_thread_is_missed", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command("python3");
    let mut target = Running::start(command.args(["-c", STORM]).stdout(Stdio::piped()));
    assert_eq!(target.first_line(), "ready\n");
    let pid = target.pid();
    for turn in 0..8 {
        let log = stage.path(&format!("{turn}.reel"));
        let mut command = stage.command(SYSREEL);
        let recorder =
            Running::start(command.args(["record", "-q", "-p", &pid.to_string(), "-o"]).arg(&log));
        let own = recorder.pid().to_string();
        // A thread whose maker was seized in the middle of clone(2) is attached to when the maker
        // has stopped.
        let whole = || has_begun(&log) && tracers(pid).iter().all(|(_, tracer)| *tracer == own);
        until("all threads are attached to", whole);
        // From now on every thread is traced from its birth.
        for _ in 0..20 {
            for (thread, tracer) in tracers(pid) {
                assert_eq!(tracer, own, "thread {thread} is not recorded");
            }
        }
        kill(recorder.pid(), "TERM");
        assert_eq!(recorder.wait().signal(), Some(15));
        each(&log, |_, _| {}).is_clean();
        assert!(tracers(pid).iter().all(|(_, tracer)| tracer == "0"), "{:?}", tracers(pid));
    }
    stage.write("enough", "");
    assert_eq!(target.first_line(), "whole\n");
    assert!(target.wait().success());
}

/// Returns the threads and their tracers, without those that are exiting.
fn tracers(pid: u32) -> Vec<(String, String)> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| {
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
            // The kernel has already unlinked the tracer of a thread that is being released
            // (release_task, kernel/exit.c).
            let tracer =
                field("TracerPid:\t").filter(|_| !field("State:\t").is_some_and(is_dead))?;
            Some((thread.file_name().into_string().ok()?, tracer.to_owned()))
        })
        .collect()
}

/// Whether the log has its header. Until then SIGTERM ends the recorder at once.
fn has_begun(log: &Path) -> bool {
    fs::metadata(log).is_ok_and(|data| data.len() > 0)
}

fn is_dead(state: &str) -> bool {
    state.starts_with(['X', 'Z'])
}

/// Processes that fork processes that fork, in three endless trees.
const FORKS: &str = r#"
import os
def chain(n):
    if n:
        pid = os.fork()
        if pid == 0: chain(n - 1); os._exit(0)
        os.waitpid(pid, 0)
roots = []; root = os.getpid()
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        while not os.path.exists("enough") and os.getppid() == root: chain(3)
        os._exit(0)
    roots.append(pid)
print("ready", flush=True); [os.waitpid(pid, 0) for pid in roots]; print("whole")
"#;

#[test]
fn no_process_of_a_tree_is_missed() {
    if !installed("no_process_of_a_tree_is_missed", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command("python3");
    let mut target = Running::start(command.args(["-c", FORKS]).stdout(Stdio::piped()));
    assert_eq!(target.first_line(), "ready\n");
    let pid = target.pid();
    for turn in 0..8 {
        let log = stage.path(&format!("{turn}.reel"));
        let mut command = stage.command(SYSREEL);
        command.args(["record", "-q", "--tree", "-p", &pid.to_string(), "-o"]).arg(&log);
        let recorder = Running::start(&mut command);
        let own = recorder.pid().to_string();
        // Every process is attached to when its parent has made its first stop.
        let whole =
            || descendants(pid).into_iter().flat_map(tracers).all(|(_, tracer)| tracer == own);
        // A process that is in fork(2) at the attach has a child that no list shows until its own
        // first stop, so look several times.
        let mut times = 0;
        until("all are attached to", || {
            times = if has_begun(&log) && whole() { times + 1 } else { 0 };
            times == 20
        });
        for _ in 0..20 {
            for process in descendants(pid) {
                for (thread, tracer) in tracers(process) {
                    assert_eq!(tracer, own, "process {process}, thread {thread} is not recorded");
                }
            }
        }
        kill(recorder.pid(), "TERM");
        assert_eq!(recorder.wait().signal(), Some(15));
        each(&log, |_, _| {}).is_clean();
        let left: Vec<_> =
            descendants(pid).into_iter().flat_map(tracers).filter(|(_, by)| by != "0").collect();
        assert!(left.is_empty(), "{left:?}");
    }
    stage.write("enough", "");
    assert_eq!(target.first_line(), "whole\n");
    assert!(target.wait().success());
}

/// Returns a process and all its descendants.
fn descendants(pid: u32) -> Vec<u32> {
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children =
        children.split_whitespace().flat_map(|child| descendants(child.parse().unwrap()));
    std::iter::once(pid).chain(children.collect::<Vec<_>>()).collect()
}

//! Views of processes to which the recorder attached, and from which it detached.

use std::process::Stdio;

use serde_json::Value;

use crate::stage::{Running, SYSREEL, Stage, installed, kill, until};
use crate::views::{all, text, view};

/// Two threads write to a file each, until there is a file `stop`.
const THREADS: &str = "
import os, threading, time
main, thread = (os.open(name, os.O_CREAT | os.O_WRONLY) for name in ('mainf', 'thf'))
def work(fd):
    while not os.path.exists('stop'):
        os.write(fd, b'x')
        time.sleep(.01)
other = threading.Thread(target=work, args=(thread,))
other.start()
print('ready', flush=True)
work(main)
other.join()
";

fn attach(stage: &Stage, pids: &[u32]) -> Running {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "r.reel"]);
    pids.iter().for_each(|pid| _ = command.args(["-p", &pid.to_string()]));
    Running::start(&mut command)
}

fn waits(stage: &Stage) -> Value {
    let ran = stage.sysreel(&["waits", "r.reel", "--json"]);
    serde_json::from_slice(&ran.stdout).unwrap_or_default()
}

#[test]
fn threads_of_an_attached_process_share_what_they_have() {
    if !installed("threads_of_an_attached_process_share_what_they_have", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command("python3");
    let mut program = Running::start(command.args(["-c", THREADS]).stdout(Stdio::piped()));
    assert_eq!(program.first_line(), "ready\n");
    let recorder = attach(&stage, &[program.pid()]);
    until("both files are written by their names", || {
        let ran = stage.sysreel(&["files", "--writes", "r.reel"]);
        let shown = String::from_utf8_lossy(&ran.stdout);
        shown.contains("/mainf") && shown.contains("/thf")
    });
    stage.write("stop", "");
    assert!(program.wait().success() && recorder.wait().success());
    // Both have the working directory too.
    let path = stage.folder().canonicalize().unwrap().join("stop");
    let filter = format!("path == \"{}\"", path.display());
    let (stat, _) = view(&stage, &["stat", "--by", "tid", "-F", &filter, "r.reel"]);
    assert_eq!(all(&stat, "groups").len(), 2, "{stat}");
}

#[test]
fn what_the_recorder_detached_from_has_not_ended() {
    let stage = Stage::new();
    let sleeper = Running::start(stage.command("sleep").arg("1000"));
    let recorder = attach(&stage, &[sleeper.pid()]);
    until("it sleeps on", || all(&waits(&stage), "waits").len() == 1);
    kill(recorder.pid(), "INT");
    recorder.wait();
    let (found, _) = view(&stage, &["waits", "r.reel"]);
    assert_eq!(text(&found, "moment"), "before_detach", "{found}");
    assert_eq!(all(&found, "waits").len(), 1, "{found}");
    let shown = stage.sysreel(&["waits", "r.reel"]).text();
    assert!(shown.contains("before the recorder detached"), "{shown}");
    let (top, _) = view(&stage, &["waits", "--top", "r.reel"]);
    assert_eq!(all(&top, "rows").len(), 1, "{top}");
    kill(sleeper.pid(), "KILL");
    sleeper.wait();
}

/// The parent waits for its child and holds the other end of the pipe that the child reads.
#[test]
fn attached_processes_know_their_relatives_and_the_ends_of_pipes() {
    let name = "attached_processes_know_their_relatives_and_the_ends_of_pipes";
    if !installed(name, &["perl"]) {
        return;
    }
    let script = r#"$|=1; pipe(A,B); if (!($p=fork)) { close B; sysread(A,$b,1); exit }
        close A; print "$p\n"; waitpid($p,0)"#;
    let stage = Stage::new();
    let mut command = stage.command("perl");
    let mut parent = Running::start(command.args(["-e", script]).stdout(Stdio::piped()));
    let child: u32 = parent.first_line().trim().parse().unwrap();
    let recorder = attach(&stage, &[child, parent.pid()]);
    let stuck = |found: &Value| all(found, "waits").iter().filter(|w| w["stuck"] == true).count();
    until("both wait for each other", || stuck(&waits(&stage)) == 2);
    let (ps, _) = view(&stage, &["tree", "r.reel"]);
    let orphans = all(&ps, "nodes").iter().filter(|node| node["orphan"] == true);
    assert_eq!(orphans.count(), 1, "the child has a parent: {ps}");
    kill(recorder.pid(), "INT");
    recorder.wait();
    let (found, _) = view(&stage, &["waits", "r.reel"]);
    assert_eq!((text(&found, "moment"), stuck(&found)), ("before_detach", 2), "{found}");
    for wait in all(&found, "waits") {
        let others: Vec<&Value> = all(wait, "others").iter().map(|other| &other["pid"]).collect();
        let other = if wait["pid"] == child { parent.pid() } else { child };
        assert_eq!(others, [&Value::from(other)], "{wait}");
    }
    kill(child, "KILL");
    parent.wait();
}

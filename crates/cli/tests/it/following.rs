//! `print --follow` shows a log while it is recorded, and in the end what `print` shows.

use crate::stage::{Running, SYSREEL, Stage, kill, until};
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

/// A `print --follow` and what it has printed so far.
struct Follower {
    running: Running,
    text: Arc<Mutex<String>>,
}

impl Follower {
    fn start(stage: &Stage, options: &[&str]) -> Follower {
        let mut command = stage.command(SYSREEL);
        command.args(["print", "--follow", "x.reel"]).args(options);
        let stderr = std::fs::File::create(stage.path("follower")).unwrap();
        let mut running = Running::start(command.stdout(Stdio::piped()).stderr(stderr));
        let mut stdout = running.child().stdout.take().unwrap();
        let text = Arc::<Mutex<String>>::default();
        let to = Arc::clone(&text);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = stdout.read(&mut buffer) {
                to.lock().unwrap().push_str(std::str::from_utf8(&buffer[..len]).unwrap());
            }
        });
        Follower { running, text }
    }

    #[track_caller]
    fn until_ends_with(&self, end: &str) {
        until(end, || self.text.lock().unwrap().ends_with(end));
    }

    /// Waits for the end. Returns the status and all text.
    fn end(self) -> (Option<i32>, String) {
        let status = self.running.wait();
        // The reader has its own reference until it has read everything.
        until("all is read", || Arc::strong_count(&self.text) == 1);
        let text = self.text.lock().unwrap().clone();
        (status.code(), text)
    }
}

fn recorder(stage: &Stage, program: &[&str]) -> Running {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "x.reel", "--"]).args(program);
    Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()))
}

#[test]
fn lines_appear_while_the_program_runs() {
    let stage = Stage::new();
    // It may start before there is a log.
    let mut follower = Follower::start(&stage, &[]);
    let mut recorder = recorder(&stage, &["cat"]);
    let mut stdin = recorder.child().stdin.take().unwrap();
    for n in 0..5 {
        follower.until_ends_with("\nread(0, ");
        stdin.write_all(format!("line {n}\n").as_bytes()).unwrap();
        let done = format!("write(1, \"line {n}\\n\", 7) ");
        until(&done, || follower.text.lock().unwrap().contains(&done));
    }
    assert!(!follower.running.has_ended());
    drop(stdin);
    assert!(recorder.wait().success());
    let (status, text) = follower.end();
    assert_eq!(status, Some(0));
    assert_eq!(text, stage.sysreel(&["print", "x.reel"]).text());
}

/// Blocks are written while the log is followed, and events move there from the tail.
#[test]
fn much_is_followed_too() {
    let stage = Stage::new();
    let recorder = recorder(
        &stage,
        &["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=30000", "status=none"],
    );
    let follower = Follower::start(&stage, &["--only", "write,exit_group", "-T"]);
    assert!(recorder.wait().success());
    let (status, text) = follower.end();
    let stderr = std::fs::read_to_string(stage.path("follower")).unwrap();
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    let printed = stage.sysreel(&["print", "--only", "write,exit_group", "-T", "x.reel"]).text();
    assert!(printed.lines().count() > 30_000);
    // A comparison that fails would print both.
    let differs = text.lines().zip(printed.lines()).find(|(followed, printed)| followed != printed);
    assert_eq!(differs, None);
    assert!(text == printed);
}

/// A follower ends when its recorder is killed.
#[test]
fn a_killed_recorder_ends_it() {
    let stage = Stage::new();
    let recorder = recorder(&stage, &["cat"]);
    let follower = Follower::start(&stage, &[]);
    follower.until_ends_with("\nread(0, ");
    kill(recorder.pid(), "KILL");
    recorder.wait();
    let (status, text) = follower.end();
    let printed = stage.sysreel(&["print", "x.reel"]);
    assert_eq!((status, &text), (printed.status.code(), &printed.text()));
    assert_eq!(status, Some(3));
    assert!(text.contains("the recorder did not finish the log"), "{text}");
    assert_eq!(std::fs::read_to_string(stage.path("follower")).unwrap(), printed.stderr);
}

#[test]
fn what_is_finished_is_printed() {
    let stage = Stage::new();
    assert!(
        stage.sysreel(&["record", "-q", "-o", "x.reel", "sh", "-c", ":; true"]).status.success()
    );
    let printed = stage.sysreel(&["print", "--from", "20", "x.reel"]).text();
    let followed = stage.sysreel(&["print", "--follow", "--from", "20", "x.reel"]);
    assert_eq!((followed.status.code(), followed.text()), (Some(0), printed));
    stage
        .sysreel(&["print", "--follow", "missing.reel"])
        .fails(1, &["missing.reel", "No such file"]);
    stage.sysreel(&["print", "--follow", "--format", "raw", "x.reel"]).fails(2, &["--follow"]);
    stage.sysreel(&["print", "--follow", "--to", "20", "x.reel"]).fails(2, &["--to"]);
}

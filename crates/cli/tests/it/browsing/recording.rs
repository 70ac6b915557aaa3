//! `browse --follow`, and `record --browse`.

use super::{SIZE, Tmux, child_of};
use crate::stage::{Running, SYSREEL, Stage, kill, state_of, until};
use std::process::Stdio;

/// A log that is being recorded grows on the screen.
#[test]
fn a_growing_log_is_followed() {
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "a.reel", "--", "cat"]);
    let mut recorder = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
    let mut stdin = recorder.child().stdin.take().unwrap();
    until("there is a log", || stage.path("a.reel").exists());
    let Some(tmux) = Tmux::start(&stage, SIZE) else { return };
    tmux.browse("--follow a.reel");
    tmux.shows("recording");
    tmux.keys("G");
    for text in ["first", "second"] {
        std::io::Write::write_all(&mut stdin, text.as_bytes()).unwrap();
        tmux.shows(&format!("\"{text}\""));
    }
    drop(stdin);
    assert!(recorder.wait().success());
    tmux.shows("+++ exited with 0 +++");
    tmux.until("the end is known", |screen| !screen.contains("recording"));
    tmux.keys("q");
    tmux.shows("status 0");
}

/// A program that is recorded has a terminal in a pane, with its keys, its size and its end.
#[test]
fn a_program_is_recorded_and_browsed() {
    let stage = Stage::new();
    let Some(tmux) = Tmux::start(&stage, SIZE) else { return };
    tmux.record("-o a.reel -- sh");
    tmux.shows("sh: F12 leaves it");
    // What is typed reaches the program, and its calls the list.
    tmux.types("echo one'&'two");
    tmux.until("its output", |screen| screen.lines().any(|line| line == "one&two"));
    tmux.shows("\"one&two\\n\"");
    // The size is that of the pane, also of another one.
    tmux.types("stty size; tty");
    tmux.until("its size", |screen| screen.lines().any(|line| line == "16 90"));
    tmux.shows("/dev/pts/");
    assert!(tmux.run(&["resize-window", "-t", "t", "-x", "70", "-y", "20"]).status.success());
    tmux.until("it is narrower", |screen| {
        screen.lines().any(|line| line.starts_with("━━ sh") && line.chars().count() == 70)
    });
    tmux.types("stty size");
    tmux.until("its new size", |screen| screen.lines().any(|line| line == "10 70"));
    // The list has the keys, then the program again.
    tmux.press("F12");
    tmux.shows("sh: F12 types into it");
    tmux.keys("f");
    tmux.shows("filter:");
    tmux.types("call == write");
    tmux.until("only its writes are listed", |screen| screen.contains("lines: call == write"));
    tmux.press("BSpace");
    tmux.keys("G");
    tmux.until("all calls are listed", |screen| !screen.contains("lines: call == write"));
    tmux.press("F12");
    tmux.shows("sh: F12 leaves it");
    // Keys of the terminal are the program's.
    tmux.types("cat");
    tmux.types("twice");
    tmux.until("cat answers", |screen| screen.lines().filter(|line| *line == "twice").count() == 2);
    tmux.press("C-c");
    // The terminal may drop what is typed at the time of the signal.
    tmux.until("the shell asks again", |screen| {
        screen.lines().any(|line| ["#", "$"].contains(&line.trim()))
    });
    tmux.types("echo status $?");
    tmux.until("cat was interrupted", |screen| screen.lines().any(|line| line == "status 130"));
    // It stays when the program ends, and its status is that of the program.
    tmux.types("exit 7");
    tmux.shows("sh: exited with 7");
    tmux.until("the log is complete", |screen| !screen.contains("recording"));
    tmux.press("F12");
    tmux.keys("q");
    tmux.shows("status 7");
    assert!(tmux.is_plain());
    let printed = stage.sysreel(&["print", "a.reel"]).text();
    assert!(printed.contains("SIGINT") && printed.contains("one&two"), "{printed}");
}

/// Who leaves while the program runs closes its terminal, and so does a terminal that is closed.
#[test]
fn a_program_ends_with_its_terminal() {
    let stage = Stage::new();
    let Some(tmux) = Tmux::start(&stage, SIZE) else { return };
    let script = "'echo $$ >pid; echo ready; cat'";
    let program = || std::fs::read_to_string(stage.path("pid")).unwrap().trim().parse().unwrap();
    tmux.record(&format!("-q -o a.reel -- sh -c {script}"));
    tmux.shows("ready");
    tmux.press("F12");
    tmux.keys("q");
    tmux.shows("still runs");
    tmux.keys("j");
    tmux.keys("q");
    tmux.shows("still runs");
    tmux.keys("q");
    tmux.shows("status 129");
    let first: u32 = program();
    until("the program has ended", || state_of(first).is_none());
    assert!(stage.sysreel(&["info", "a.reel"]).status.success());

    tmux.record(&format!("-o b.reel -- sh -c {script}"));
    tmux.shows("sh: F12 leaves it");
    until("it has started", || program() != first);
    let (browser, second): (u32, u32) = (tmux.child(), program());
    assert!(tmux.run(&["kill-server"]).status.success());
    until("the browser has ended", || matches!(state_of(browser), None | Some('Z')));
    until("the program has ended", || matches!(state_of(second), None | Some('Z')));
    // The recorder has finished the log.
    until("the log is complete", || !stage.path("b.reel.tail").exists());
    assert!(stage.sysreel(&["info", "b.reel"]).status.success());
}

/// What cannot be started leaves no browser, and says what `record` says.
#[test]
fn a_program_that_does_not_start_is_reported() {
    let stage = Stage::new();
    let Some(tmux) = Tmux::start(&stage, SIZE) else { return };
    tmux.record("-o a.reel -- ./missing");
    tmux.shows("status 127");
    tmux.shows("./missing");
    assert!(!stage.path("a.reel").exists());
    tmux.record("-o - -- true");
    tmux.shows("status 2");
    assert!(tmux.is_plain());
    stage.sysreel(&["record", "--browse", "true"]).fails(2, &["needs a terminal"]);
    stage.sysreel(&["record", "--browse", "-p", "1"]).fails(2, &["--browse"]);
}

/// Of a log whose recorder is killed, the browser has all that `print` has, and says how much that
/// is. Calls that go on are listed.
#[test]
fn a_killed_recorder_leaves_what_print_has() {
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "a.reel", "--", "cat"]);
    let mut recorder = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
    let mut stdin = recorder.child().stdin.take().unwrap();
    until("there is a log", || stage.path("a.reel").exists());
    let Some(tmux) = Tmux::start(&stage, (200, 30)) else { return };
    tmux.browse("--follow a.reel");
    tmux.keys("G");
    for text in ["first", "second"] {
        tmux.until("the call that goes on", |screen| {
            screen.lines().any(|line| line.contains("? read(0<") && line.contains("unfinished"))
        });
        std::io::Write::write_all(&mut stdin, text.as_bytes()).unwrap();
        tmux.shows(&format!("\"{text}\""));
    }
    kill(recorder.child().id(), "KILL");
    assert!(!recorder.wait().success());
    let printed = stage.sysreel(&["print", "--join", "a.reel"]);
    let words = printed.stderr.split(" events were read").next().unwrap();
    let events = words.rsplit(' ').next().unwrap();
    tmux.shows(&format!("{events} events were read"));
    // The last line says that there is no end.
    let lines = printed.text().lines().count() - 1;
    tmux.shows(&format!("{lines} lines"));
    drop(stdin);
    tmux.keys("q");
    tmux.shows("status 0");
}

/// What became of the recorder is not said of the command.
#[test]
fn a_recorder_that_is_killed_is_not_the_command() {
    let stage = Stage::new();
    let Some(tmux) = Tmux::start(&stage, (120, 30)) else { return };
    tmux.record("-o a.reel -- sh -c 'echo ready; cat'");
    tmux.shows("ready");
    kill(child_of(tmux.child()), "KILL");
    tmux.shows("sh: may still run: the recorder was killed by SIGKILL");
    tmux.press("F12");
    tmux.keys("q");
    tmux.shows("status 137");
}

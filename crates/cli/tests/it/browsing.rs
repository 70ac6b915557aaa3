//! `browse` in a real terminal: that of tmux(1), whose screen is read and whose keys are typed.

use crate::stage::{Running, SYSREEL, Stage, installed, kill, state_of, until};
use std::process::{Output, Stdio};

/// A terminal of tmux with a shell in it. Its server is one of its own.
struct Tmux<'s> {
    stage: &'s Stage,
}

impl<'s> Tmux<'s> {
    /// Starts a shell in a terminal of a size, in the folder of a stage.
    fn start(stage: &'s Stage, (columns, lines): (u16, u16)) -> Self {
        stage.write(".tmux.conf", "set -g default-terminal screen-256color\nset -g status off\n");
        let tmux = Self { stage };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let shell = "exec sh";
        let new = ["new-session", "-d", "-x", &columns, "-y", &lines, "-s", "t", shell];
        let started = tmux
            .run(&[&["-f", &stage.path(".tmux.conf").display().to_string()], &new[..]].concat());
        assert!(started.status.success(), "{started:?}");
        tmux.types("PS1='$ '; stty -echo");
        tmux
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = self.stage.command("tmux");
        command.arg("-u").arg("-S").arg(self.stage.path("tmux.socket"));
        command.args(words).stdin(Stdio::null()).output().unwrap()
    }

    /// What the screen shows.
    fn screen(&self) -> String {
        String::from_utf8(self.run(&["capture-pane", "-p", "-t", "t"]).stdout).unwrap()
    }

    /// Types a line.
    fn types(&self, line: &str) {
        self.keys(line);
        self.run(&["send-keys", "-t", "t", "Enter"]);
    }

    /// Types characters as they are.
    fn keys(&self, keys: &str) {
        assert!(self.run(&["send-keys", "-t", "t", "-l", keys]).status.success());
    }

    /// Presses a key by its name.
    fn press(&self, key: &str) {
        assert!(self.run(&["send-keys", "-t", "t", key]).status.success());
    }

    /// Waits until the screen fits.
    #[track_caller]
    fn until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let mut last = String::new();
        until(what, || {
            last = self.screen();
            fits(&last)
        });
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Types the command line that browses a log, and tells its status.
    fn browse(&self, arguments: &str) {
        self.types(&format!("{SYSREEL} browse {arguments}; echo \"status $?\""));
    }

    /// Types the command line that records and browses a program, and tells its status.
    fn record(&self, arguments: &str) {
        self.types(&format!("{SYSREEL} record --browse {arguments}; echo \"status $?\""));
    }

    /// The process that the shell has started.
    fn child(&self) -> u32 {
        let shell = self.run(&["display-message", "-p", "-t", "t", "#{pane_pid}"]).stdout;
        let shell = String::from_utf8(shell).unwrap().trim().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        children.unwrap().split(' ').next().unwrap().parse().unwrap()
    }

    /// Whether the terminal has its usual modes: it echoes, and takes no mouse.
    fn is_plain(&self) -> bool {
        let modes = self.run(&[
            "display-message",
            "-p",
            "-t",
            "t",
            "#{alternate_on}#{mouse_any_flag}#{cursor_flag}",
        ]);
        String::from_utf8(modes.stdout).unwrap().trim() == "001"
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

fn recorded() -> Stage {
    let stage = Stage::new();
    let script = "cat /etc/hostname missing; exec true";
    stage.sysreel(&["record", "-q", "-o", "a.reel", "--", "sh", "-c", script]);
    stage
}

const SIZE: (u16, u16) = (90, 30);

#[test]
fn keys_move_filter_and_leave() {
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = recorded();
    let tmux = Tmux::start(&stage, SIZE);
    tmux.browse("a.reel");
    tmux.shows("a.reel");
    tmux.shows("execve(");
    tmux.keys("f");
    tmux.shows("filter:");
    tmux.types("path ~ \"**/missing\"");
    tmux.shows("ENOENT");
    tmux.until("the filter has ended", |screen| {
        screen.contains("1 of ") && !screen.contains("filtering")
    });
    // The pane of details shows the arguments.
    tmux.shows("filename");
    // A size that changes.
    assert!(tmux.run(&["resize-window", "-t", "t", "-x", "50", "-y", "15"]).status.success());
    tmux.until("it is narrow", |screen| {
        screen.contains("details") && !screen.contains("processes")
    });
    tmux.keys("q");
    tmux.shows("status 0");
    assert!(tmux.is_plain());
}

/// The terminal is given back however the program ends, and taken again after a stop.
#[test]
fn the_terminal_is_given_back() {
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = recorded();
    let tmux = Tmux::start(&stage, SIZE);
    tmux.browse("a.reel");
    tmux.shows("execve(");
    assert!(!tmux.is_plain());
    tmux.press("C-z");
    tmux.until("it has stopped", |_| tmux.is_plain());
    tmux.types("fg");
    tmux.shows("execve(");
    assert!(!tmux.is_plain());
    kill(tmux.child(), "TERM");
    tmux.until("it has ended", |_| tmux.is_plain());
}

/// It ends with its terminal, and does not go on reading from it.
#[test]
fn it_ends_with_its_terminal() {
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = recorded();
    let tmux = Tmux::start(&stage, SIZE);
    tmux.browse("a.reel");
    tmux.shows("execve(");
    let browse = tmux.child();
    assert!(tmux.run(&["kill-server"]).status.success());
    until("it has ended", || matches!(state_of(browse), None | Some('Z')));
}

/// A log that is being recorded grows on the screen.
#[test]
fn a_growing_log_is_followed() {
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", "a.reel", "--", "cat"]);
    let mut recorder = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
    let mut stdin = recorder.child().stdin.take().unwrap();
    until("there is a log", || stage.path("a.reel").exists());
    let tmux = Tmux::start(&stage, SIZE);
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

/// What a program has in its names controls no terminal.
#[test]
fn names_control_no_terminal() {
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = Stage::new();
    let script = "cat \"$(printf 'a\\033]0;TITLE\\007\\033[2J\\302\\2332Jb')\" 2>/dev/null";
    stage.sysreel(&["record", "-q", "-o", "a.reel", "--", "sh", "-c", script]);
    let tmux = Tmux::start(&stage, (150, 40));
    tmux.browse("a.reel");
    // Among the processes, as an argument of cat(1).
    tmux.shows("]0;TITLE");
    let title = tmux.run(&["display-message", "-p", "-t", "t", "#{pane_title}"]);
    assert!(!String::from_utf8(title.stdout).unwrap().contains("TITLE"));
    tmux.keys("q");
    tmux.shows("status 0");
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let stage = recorded();
    stage.sysreel(&["browse", "a.reel"]).fails(2, &["needs a terminal", "sysreel print"]);
    let dumb = stage.sh("TERM=dumb script -qec '\"$SYSREEL\" browse a.reel' /dev/null </dev/null");
    assert_eq!(dumb.status.code(), Some(2), "{dumb:?}");
    assert!(dumb.text().contains("sysreel print"), "{dumb:?}");
    let missing = "script -qec '\"$SYSREEL\" browse missing.reel' /dev/null </dev/null";
    let missing = stage.sh(&format!("TERM=xterm {missing}"));
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    assert!(missing.text().contains("missing.reel"), "{missing:?}");
}

/// A program that is recorded has a terminal in a pane, with its keys, its size and its end.
#[test]
fn a_program_is_recorded_and_browsed() {
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = Stage::new();
    let tmux = Tmux::start(&stage, SIZE);
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
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = Stage::new();
    let tmux = Tmux::start(&stage, SIZE);
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
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = Stage::new();
    let tmux = Tmux::start(&stage, SIZE);
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

/// A descriptor has the name that it had at each call, as `print -y` says.
#[test]
fn renamed_files_have_the_name_of_the_moment() {
    if !installed("browse in a terminal", &["tmux"]) {
        return;
    }
    let stage = Stage::new();
    let script = "exec 3>a; echo 1 >&3; mv a b; echo 2 >&3; rm b; echo 3 >&3";
    stage.sysreel(&["record", "-q", "-o", "a.reel", "--", "sh", "-c", script]);
    let writes = |text: &str| -> Vec<String> {
        let calls = text.lines().filter_map(|line| line.find("write(1<").map(|at| &line[at..]));
        calls.filter_map(|call| Some(call.split_once(')')?.0.to_owned())).collect()
    };
    let expected = writes(&stage.sysreel(&["print", "--join", "-y", "a.reel"]).text());
    assert!(expected.len() == 3 && expected[0].contains("/a>") && expected[1].contains("/b>"));
    let tmux = Tmux::start(&stage, SIZE);
    tmux.browse("a.reel");
    tmux.shows("execve(");
    tmux.until("all is read", |screen| !screen.contains("reading"));
    tmux.keys("w");
    tmux.types("out.txt");
    tmux.shows("lines written to");
    let written = std::fs::read_to_string(stage.path("out.txt")).unwrap();
    assert_eq!(writes(&written), expected);
    tmux.keys("q");
    tmux.shows("status 0");
}

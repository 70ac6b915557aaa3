//! `browse` in a real terminal.

mod recording;
mod tmux;

use crate::stage::{Stage, kill, state_of, until};
use tmux::{Tmux, child_of};

fn recorded() -> Stage {
    let stage = Stage::new();
    let script = "cat /etc/hostname missing; exec true";
    stage.sysreel(&["record", "-q", "-o", "a.reel", "--", "sh", "-c", script]);
    stage
}

/// A terminal in which that log is browsed.
fn browsing(stage: &Stage) -> Option<Tmux<'_>> {
    let tmux = Tmux::start(stage, SIZE)?;
    tmux.browse("a.reel");
    tmux.shows("execve(");
    Some(tmux)
}

const SIZE: (u16, u16) = (90, 30);

#[test]
fn keys_move_filter_and_leave() {
    let stage = recorded();
    let Some(tmux) = browsing(&stage) else { return };
    tmux.shows("a.reel");
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
    let stage = recorded();
    let Some(tmux) = browsing(&stage) else { return };
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
    let stage = recorded();
    let Some(tmux) = browsing(&stage) else { return };
    let browse = tmux.child();
    assert!(tmux.run(&["kill-server"]).status.success());
    until("it has ended", || matches!(state_of(browse), None | Some('Z')));
}

/// What a program has in its names controls no terminal.
#[test]
fn names_control_no_terminal() {
    let stage = Stage::new();
    let script = "cat \"$(printf 'a\\033]0;TITLE\\007\\033[2J\\302\\2332Jb')\" 2>/dev/null";
    stage.sysreel(&["record", "-q", "-o", "a.reel", "--", "sh", "-c", script]);
    let Some(tmux) = Tmux::start(&stage, (150, 40)) else { return };
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

/// A descriptor has the name that it had at each call, as `print -y` says.
#[test]
fn renamed_files_have_the_name_of_the_moment() {
    let stage = Stage::new();
    let script = "exec 3>a; echo 1 >&3; mv a b; echo 2 >&3; rm b; echo 3 >&3";
    stage.sysreel(&["record", "-q", "-o", "a.reel", "--", "sh", "-c", script]);
    let writes = |text: &str| -> Vec<String> {
        let calls = text.lines().filter_map(|line| line.find("write(1<").map(|at| &line[at..]));
        calls.filter_map(|call| Some(call.split_once(')')?.0.to_owned())).collect()
    };
    let expected = writes(&stage.sysreel(&["print", "--join", "-y", "a.reel"]).text());
    assert!(expected.len() == 3 && expected[0].contains("/a>") && expected[1].contains("/b>"));
    let Some(tmux) = Tmux::start(&stage, SIZE) else { return };
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

/// A file that is being written when the browser is ended by a signal leaves nothing.
#[test]
fn nothing_is_left_of_a_file_that_was_being_written() {
    let stage = Stage::new();
    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo; done";
    stage.sysreel(&["record", "-q", "-o", "a.reel", "--", "sh", "-c", script]);
    let partial = || {
        let files = std::fs::read_dir(stage.folder()).unwrap();
        let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.find(|name| name.starts_with(".out.txt") && name.ends_with(".partial"))
    };
    for signal in ["TERM", "HUP"] {
        let Some(tmux) = Tmux::start(&stage, SIZE) else { return };
        tmux.browse("a.reel");
        tmux.until("all is read", |screen| {
            screen.contains("execve(") && !screen.contains("reading")
        });
        let browser = tmux.child();
        tmux.keys("w");
        tmux.types("out.txt");
        until("it is being written", || partial().is_some());
        kill(browser, signal);
        until("it has ended", || matches!(state_of(browser), None | Some('Z')));
        assert_eq!((partial(), stage.path("out.txt").exists()), (None, false), "{signal}");
    }
}

/// What cannot be written is told by its own name.
#[test]
fn a_file_that_cannot_be_written_is_named() {
    let stage = recorded();
    let Some(tmux) = browsing(&stage) else { return };
    tmux.until("all is read", |screen| !screen.contains("reading"));
    tmux.keys("w");
    tmux.types("none/out.txt");
    tmux.until("its name", |screen| {
        screen.contains("cannot write none/out.txt: No such file") && !screen.contains("partial")
    });
    tmux.keys("w");
    tmux.types("a.reel");
    tmux.shows("a.reel exists; choose another name");
    tmux.keys("q");
    tmux.shows("status 0");
}

#[test]
fn standard_input_is_no_log_to_browse() {
    Stage::new().sysreel(&["browse", "-"]).fails(2, &["write the log to a file"]);
}

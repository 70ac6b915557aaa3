//! A real terminal: that of tmux(1), whose screen is read and whose keys are typed.

use crate::stage::{SYSREEL, Stage, installed, state_of, until};
use std::process::{Output, Stdio};

/// A terminal of tmux with a shell in it. Its server is one of its own.
pub(super) struct Tmux<'s> {
    stage: &'s Stage,
}

impl<'s> Tmux<'s> {
    /// Starts a shell in a terminal of a size, in the folder of a stage. `None` without tmux.
    pub(super) fn start(stage: &'s Stage, (columns, lines): (u16, u16)) -> Option<Self> {
        if !installed("browse in a terminal", &["tmux"]) {
            return None;
        }
        stage.write(".tmux.conf", "set -g default-terminal screen-256color\nset -g status off\n");
        let tmux = Self { stage };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let shell = "exec sh";
        let new = ["new-session", "-d", "-x", &columns, "-y", &lines, "-s", "t", shell];
        let started = tmux
            .run(&[&["-f", &stage.path(".tmux.conf").display().to_string()], &new[..]].concat());
        assert!(started.status.success(), "{started:?}");
        tmux.types("PS1='$ '; stty -echo");
        Some(tmux)
    }

    pub(super) fn run(&self, words: &[&str]) -> Output {
        let mut command = self.stage.command("tmux");
        command.arg("-u").arg("-S").arg(self.stage.path("tmux.socket"));
        command.args(words).stdin(Stdio::null()).output().unwrap()
    }

    /// What the screen shows.
    pub(super) fn screen(&self) -> String {
        String::from_utf8(self.run(&["capture-pane", "-p", "-t", "t"]).stdout).unwrap()
    }

    /// Types a line.
    pub(super) fn types(&self, line: &str) {
        self.keys(line);
        self.run(&["send-keys", "-t", "t", "Enter"]);
    }

    /// Types characters as they are.
    pub(super) fn keys(&self, keys: &str) {
        assert!(self.run(&["send-keys", "-t", "t", "-l", keys]).status.success());
    }

    /// Presses a key by its name.
    pub(super) fn press(&self, key: &str) {
        assert!(self.run(&["send-keys", "-t", "t", key]).status.success());
    }

    /// Waits until the screen fits.
    #[track_caller]
    pub(super) fn until(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let mut last = String::new();
        until(what, || {
            last = self.screen();
            fits(&last)
        });
    }

    #[track_caller]
    pub(super) fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Types the command line that browses a log, and tells its status.
    pub(super) fn browse(&self, arguments: &str) {
        self.types(&format!("{SYSREEL} browse {arguments}; echo \"status $?\""));
    }

    /// Types the command line that records and browses a program, and tells its status.
    pub(super) fn record(&self, arguments: &str) {
        self.types(&format!("{SYSREEL} record --browse {arguments}; echo \"status $?\""));
    }

    /// The process that the shell has started.
    pub(super) fn child(&self) -> u32 {
        let shell = self.run(&["display-message", "-p", "-t", "t", "#{pane_pid}"]).stdout;
        child_of(String::from_utf8(shell).unwrap().trim().parse().unwrap())
    }

    /// Whether the terminal has its usual modes: it echoes, and takes no mouse.
    pub(super) fn is_plain(&self) -> bool {
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
        let server = self.run(&["display-message", "-p", "#{pid}"]).stdout;
        self.run(&["kill-server"]);
        // A server that is ending still takes the connections that are meant for the next one.
        if let Some(server) = String::from_utf8(server).ok().and_then(|pid| pid.trim().parse().ok())
            && !std::thread::panicking()
        {
            until("tmux has ended", || matches!(state_of(server), None | Some('Z')));
        }
    }
}

/// The first process that a process has started.
pub(super) fn child_of(parent: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    children.unwrap().split(' ').next().unwrap().parse().unwrap()
}

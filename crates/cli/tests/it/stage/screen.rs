//! A terminal of its own for a command, and what it shows.

use super::{SYSREEL, Stage};
use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Nothing that is typed or printed here takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a command does on a terminal. Needs setsid(1).
pub(crate) struct Screen {
    terminal: File,
    child: Child,
    pieces: Receiver<Vec<u8>>,
    /// All that was shown so far.
    shown: String,
    /// The position after the text that was waited for.
    at: usize,
}

/// How a command on a terminal ended.
pub(crate) struct Shown {
    /// All that was shown, with plain line ends.
    pub(crate) text: String,
    /// The status that a shell sees: 128 + n for signal n.
    pub(crate) status: i32,
}

impl Screen {
    /// Starts `sysreel` with these arguments on a terminal of a width and 24 lines, with these
    /// variables.
    pub(crate) fn start(
        stage: &Stage,
        columns: u16,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Screen {
        // Programs that other tests start must not inherit it.
        let pty = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&pty).unwrap();
        unlockpt(&pty).unwrap();
        let ours = File::options().read(true).write(true).open(ptsname_r(&pty).unwrap()).unwrap();
        let mut command = stage.command("setsid");
        // The shell survives Ctrl-C, to tell the status.
        let script = r#"stty rows 24 cols "$0"; trap : INT; "$@"; echo "status $?""#;
        command.args(["--ctty", "--wait", "sh", "-c", script, &columns.to_string(), SYSREEL]);
        command.args(arguments);
        command.env("TERM", "xterm").envs(variables.iter().copied());
        let end = || ours.try_clone().unwrap();
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        // Only the child may have the other end, or reading would never end.
        drop((ours, command));
        let terminal = File::from(OwnedFd::from(pty));
        let mut reader = terminal.try_clone().unwrap();
        let (send, pieces) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Linux reports EIO once the other end is closed.
            while let Ok(len @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Screen { terminal, child, pieces, shown: String::new(), at: 0 }
    }

    /// Waits until a text is shown, after what was waited for before.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown[self.at..].find(text) {
                self.at += at + text.len();
                return;
            }
            assert!(self.more(), "{text:?} is not shown: {:?}", self.shown);
        }
    }

    /// Types keys.
    pub(crate) fn types(&mut self, keys: &str) {
        self.terminal.write_all(keys.as_bytes()).unwrap();
    }

    /// Types keys, again and again, until a text is shown: a terminal drops what was typed when a
    /// signal key is pressed.
    #[track_caller]
    pub(crate) fn types_until(&mut self, keys: &str, text: &str) {
        const AGAIN: Duration = Duration::from_secs(1);
        for _ in 0..DEADLINE.as_secs() {
            self.types(keys);
            while let Ok(piece) = self.pieces.recv_timeout(AGAIN) {
                self.shown += &String::from_utf8_lossy(&piece);
                if let Some(at) = self.shown[self.at..].find(text) {
                    self.at += at + text.len();
                    return;
                }
            }
        }
        panic!("{text:?} is not shown: {:?}", self.shown);
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Shown {
        while self.more() {}
        self.child.wait().unwrap();
        let text = std::mem::take(&mut self.shown).replace("\r\n", "\n");
        let (text, status) = text.rsplit_once("status ").unwrap_or_else(|| panic!("{text:?}"));
        Shown { text: text.to_owned(), status: status.trim().parse().unwrap() }
    }

    /// Reads more of what is shown. Returns whether there may be more.
    #[track_caller]
    fn more(&mut self) -> bool {
        match self.pieces.recv_timeout(DEADLINE) {
            Ok(piece) => self.shown += &String::from_utf8_lossy(&piece),
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => panic!("nothing for {DEADLINE:?}: {:?}", self.shown),
        }
        true
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Stage {
    /// Runs `sysreel` on a terminal, without keys.
    #[track_caller]
    pub(crate) fn on_screen(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Shown {
        Screen::start(self, 100, variables, arguments).end()
    }
}

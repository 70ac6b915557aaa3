//! Shows output on a terminal through a pager, as git does.

use crate::terminal::is_dumb;
use shared_child::SharedChild;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, StdoutLock, Write, stdout};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use sysreel_sys::Signal;
use sysreel_sys::signals::{die_by, is_ignored};

/// The pager if no variable names one.
const DEFAULT: &str = "less";
/// Its options unless LESS has others: leave if all fits on the screen, show colors, do not clear
/// the screen.
const LESS: &str = "FRX";
/// Characters that only a shell understands, as git's `prepare_shell_cmd` has them.
const SHELL: &[char] = &[
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '\'', '\n', '*', '?', '[', '#', '~',
    '=', '%',
];

/// The standard input of a pager, which starts with the first output.
pub(crate) struct Pager {
    command: OsString,
    state: State,
    /// Prints a message.
    say: fn(fmt::Arguments<'_>),
}

enum State {
    NotStarted,
    Running(Running),
    /// It could not be started.
    Without(StdoutLock<'static>),
    /// Its reader has left, or it has all of the output.
    Done,
}

struct Running {
    input: ChildStdin,
    child: Arc<SharedChild>,
    /// The signal that this process dies from once the pager has ended, or 0.
    signal: Arc<AtomicI32>,
}

/// The error of a write after the reader has quit the pager: no failure, and a reason to stop.
#[derive(Debug)]
struct Quit;

impl fmt::Display for Quit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pager was quit")
    }
}

impl std::error::Error for Quit {}

/// Whether a write failed because the reader has seen enough.
pub(crate) fn was_quit(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|source| source.is::<Quit>())
}

impl Pager {
    /// Returns the pager that the environment names: $SYSREEL_PAGER, else $PAGER, else less.
    /// `None` if that is `cat` or empty, or if less would have to show a dumb terminal. Messages
    /// are printed by `say`.
    pub(crate) fn chosen(say: fn(fmt::Arguments<'_>)) -> Option<Pager> {
        let named = ["SYSREEL_PAGER", "PAGER"].into_iter().find_map(std::env::var_os);
        let command = match named {
            Some(command) => command,
            None if is_dumb() => return None,
            None => DEFAULT.into(),
        };
        let is_none = command.to_str().is_some_and(|text| matches!(text.trim(), "" | "cat"));
        (!is_none).then_some(Pager { command, state: State::NotStarted, say })
    }

    /// Starts the pager. If that fails, the output goes to the terminal directly.
    fn start(&mut self) {
        self.state = match Running::start(&self.command) {
            Ok(running) => State::Running(running),
            Err(error) => {
                let command = self.command.display();
                (self.say)(format_args!(
                    "cannot start the pager {command}: {error}; printing without it"
                ));
                State::Without(stdout().lock())
            }
        };
    }

    /// Closes the pager's input and waits until the reader leaves it.
    ///
    /// # Errors
    /// When a shell could not start the pager.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Running(Running { input, child, signal }) => {
                drop(input);
                let status = child.wait()?;
                match signal.load(Ordering::Relaxed) {
                    0 => self.check(status),
                    signal => die_by(Signal(signal)),
                }
            }
            State::Without(mut terminal) => terminal.flush(),
            State::NotStarted | State::Done => Ok(()),
        }
    }

    fn check(&self, status: ExitStatus) -> io::Result<()> {
        // What a shell says of a command that it cannot run.
        if matches!(status.code(), Some(126 | 127)) {
            let command = self.command.display();
            return Err(io::Error::other(format!("the pager {command} failed: {status}")));
        }
        Ok(())
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.state, State::NotStarted) {
            self.start();
        }
        match &mut self.state {
            State::Running(running) => match running.input.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.finish()?;
                    Err(io::Error::new(io::ErrorKind::BrokenPipe, Quit))
                }
                written => written,
            },
            State::Without(terminal) => terminal.write(bytes),
            State::NotStarted | State::Done => Err(io::Error::new(io::ErrorKind::BrokenPipe, Quit)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Without(terminal) => terminal.flush(),
            _ => Ok(()),
        }
    }
}

impl Drop for Pager {
    /// Waits for the pager, so that messages come after it.
    fn drop(&mut self) {
        _ = self.finish();
    }
}

impl Running {
    fn start(command: &OsStr) -> io::Result<Running> {
        let mut command = command_of(command);
        command.stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", LESS);
        }
        let child = Arc::new(SharedChild::spawn(&mut command)?);
        let input = child.take_stdin().ok_or_else(|| io::Error::other("it has no input"))?;
        let signal = Arc::new(AtomicI32::new(0));
        outlive(Arc::clone(&child), Arc::clone(&signal))?;
        Ok(Running { input, child, signal })
    }
}

/// Makes this process outlive the pager when a signal ends it: the shell would take the terminal
/// back while the pager still reads from it. Ctrl-C goes to both; less only stops reading.
fn outlive(child: Arc<SharedChild>, signal: Arc<AtomicI32>) -> io::Result<()> {
    let handled =
        [SIGHUP, SIGINT, SIGQUIT, SIGTERM].into_iter().filter(|n| !is_ignored(Signal(*n)));
    let mut signals = Signals::new(handled)?;
    let watch = move || {
        if let Some(received) = signals.forever().next() {
            signal.store(received, Ordering::Relaxed);
            _ = child.wait();
            die_by(Signal(received));
        }
    };
    std::thread::Builder::new().name("pager".into()).spawn(watch).map(drop)
}

/// Returns the command of a variable's value: run by a shell if it needs one, as with git.
fn command_of(value: &OsStr) -> Command {
    if let Some(text) = value.to_str().filter(|text| !text.contains(SHELL)) {
        let mut words = text.split_whitespace();
        if let Some(program) = words.next() {
            let mut command = Command::new(program);
            command.args(words);
            return command;
        }
    }
    let mut command = Command::new("sh");
    command.arg("-c").arg(value);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_runs_only_what_needs_one() {
        let words = |value: &str| {
            let command = command_of(OsStr::new(value));
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            words.map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(words(" less -F  -X"), ["less", "-F", "-X"]);
        for value in ["less | cat", "LESS=F less", "\"a b\"", "$X"] {
            assert_eq!(words(value), ["sh", "-c", value]);
        }
    }
}

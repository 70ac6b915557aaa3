//! `sysreel record --browse`: a recorder in a terminal of its own, and the browser on its log.
//!
//! The recorder is a process of its own, in a session of its own: it works as on any terminal, and
//! its log does not depend on the browser. When the browser goes, the terminal hangs up, as when
//! its window is closed.

use crate::args::Record;
use crate::browse::has_terminal;
use crate::exit::Exit;
use crate::say::say;
use crate::terminal::palette_of_stderr;
use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use sysreel_browse::{Input, Options, Program, Told, run_with, size_of_program};
use sysreel_inspect::color::Palette;
use sysreel_sys::Signal;
use sysreel_sys::pty::{Pty, Size};

/// How long to wait before looking again whether there is a log.
const PAUSE: Duration = Duration::from_millis(5);
/// How many pieces of output wait for the browser, and the most bytes of each.
const PIECES: usize = 16;
const PIECE: usize = 16 << 10;
/// What programs are told about the terminal: the emulator does what this one has.
const TERM: &str = "xterm-256color";

/// What a recorder writes for the browser, each in a file of its own: the path of the log, its
/// messages, how the command ended.
pub(crate) const LOG: &str = "log";
pub(crate) const MESSAGES: &str = "messages";
pub(crate) const ENDED: &str = "ended";

pub(crate) fn run(args: &Record) -> Exit {
    if let Some(path) = args.output.as_deref().filter(|path| !can_be_read_back(path)) {
        say!("--browse cannot read the log back from {}; use -o with a file", path.display());
        return Exit::USAGE;
    }
    if !has_terminal() {
        return Exit::USAGE;
    }
    match browse(args) {
        Ok(exit) => exit,
        Err(error) => {
            say!("{error:#}");
            Exit::NOT_RECORDED
        }
    }
}

fn can_be_read_back(path: &Path) -> bool {
    path != Path::new("-") && path.metadata().map_or(true, |data| data.is_file())
}

fn browse(args: &Record) -> anyhow::Result<Exit> {
    let folder = tempfile::tempdir()?;
    let announced = folder.path().join(LOG);
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("record").arg("--announce").arg(folder.path());
    // Its progress would be drawn where the command draws.
    command.args((!args.quiet).then_some("--quiet"));
    command.args(without_browse(std::env::args_os().skip(2)));
    command.env("TERM", TERM).env_remove("COLUMNS").env_remove("LINES");
    let (columns, lines) = size_of_program()?;
    let (pty, child) = Pty::spawn(command, Size { columns, lines })?;
    let Started { told, input, ended } = start(pty, child, folder.path())?;

    let log = loop {
        // Whether it has ended is asked before the log is looked for.
        let is_over = ended.is_finished();
        if let Ok(path) = std::fs::read(&announced) {
            break PathBuf::from(OsString::from_vec(path));
        }
        if is_over {
            repeat_messages(folder.path());
            return Ok(exit(wait_for(ended)?));
        }
        std::thread::sleep(PAUSE);
    };
    let name = args.command.first().map_or(OsStr::new(""), OsString::as_os_str);
    let name = Path::new(name).file_name().unwrap_or(name).to_string_lossy().into_owned();
    let options = Options {
        color: palette_of_stderr() != Palette::NONE,
        follow: true,
        files: crate::browse::FILES,
    };
    let browsed = run_with(&log, options, Some(Program { name, output: told, input }));
    // The terminal has hung up, so this does not take long.
    let status = wait_for(ended)?;
    // They were on a screen that is gone.
    repeat_messages(folder.path());
    if let Err(error) = browsed {
        say!("cannot use the terminal: {error}");
    }
    if !args.quiet {
        say!("the log is {}", log.display());
    }
    Ok(exit(status))
}

/// The command line of the recorder: the first `--browse` is the option, because a value of another
/// option cannot begin with a dash.
fn without_browse(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    if let Some(at) = words.iter().position(|word| word == "--browse") {
        words.remove(at);
    }
    words
}

/// A recorder in its terminal.
struct Started {
    told: Receiver<Told>,
    input: Arc<dyn Fn(Input) + Send + Sync>,
    ended: JoinHandle<io::Result<ExitStatus>>,
}

/// Starts the threads between a recorder and the browser.
fn start(pty: Pty, mut child: Child, folder: &Path) -> io::Result<Started> {
    let (tell, told) = sync_channel(PIECES);
    let (send, inputs) = channel();
    let (wake, woken) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    let (tell_end, folder) = (tell.clone(), folder.to_owned());
    std::thread::spawn(move || pump(pty, &woken, &inputs, &tell));
    let ended = std::thread::spawn(move || {
        let status = child.wait()?;
        // A browser that is gone does not ask.
        _ = tell_end.send(Told::Ended(in_words(status, &folder)));
        Ok(status)
    });
    let input = move |input| {
        // When nothing takes it, the terminal is gone. A socket that is full wakes too.
        _ = send.send(input);
        _ = (&wake).write(&[0]);
    };
    Ok(Started { told, input: Arc::new(input), ended })
}

/// Carries bytes between a terminal and the browser until one of them is gone.
fn pump(mut pty: Pty, woken: &UnixStream, inputs: &Receiver<Input>, tell: &SyncSender<Told>) {
    let mut typed: Vec<u8> = Vec::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let Ok(ready) = pty.wait(woken, !typed.is_empty()) else { return };
        if ready.woken {
            // At the end of the stream the browser is gone.
            if let Ok(0) = (&*woken).read(&mut buffer) {
                return;
            }
            for input in inputs.try_iter() {
                match input {
                    Input::Typed(bytes) => typed.extend(bytes),
                    // A terminal that cannot be resized keeps its size.
                    Input::Resized((columns, lines)) => _ = pty.resize(Size { columns, lines }),
                    Input::HungUp => return,
                }
            }
        }
        if !typed.is_empty() {
            match pty.write(&typed) {
                Ok(count) => _ = typed.drain(..count),
                Err(error) if waits(&error) => {}
                Err(_) => return,
            }
        }
        if ready.reads {
            match pty.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    if tell.send(Told::Output(buffer[..count].to_vec())).is_err() {
                        return;
                    }
                }
                Err(error) if waits(&error) => {}
                // No program has the terminal open any more.
                _ => return,
            }
        }
    }
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Repeats what a recorder has said.
fn repeat_messages(folder: &Path) {
    let text = std::fs::read(folder.join(MESSAGES)).unwrap_or_default();
    for line in String::from_utf8_lossy(&text).lines() {
        say!("{}", line.strip_prefix("sysreel: ").unwrap_or(line));
    }
}

fn wait_for(ended: JoinHandle<io::Result<ExitStatus>>) -> anyhow::Result<ExitStatus> {
    let status = ended.join().map_err(|_| anyhow::anyhow!("a thread has failed"))?;
    status.context("cannot wait for the recorder")
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(Signal(signal)),
        (None, None) => Exit::NOT_RECORDED,
    }
}

/// Says how the command ended: what the recorder has seen of it, and what became of the recorder.
fn in_words(status: ExitStatus, folder: &Path) -> String {
    let recorder = match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, signal) => format!("was killed by {}", name_of(signal.unwrap_or(0))),
    };
    let Ok(how) = std::fs::read_to_string(folder.join(ENDED)) else {
        return format!("may still run: the recorder {recorder}");
    };
    // A command may end with the same status.
    let is_whole = exit(status) != Exit::NOT_RECORDED || how == "exited with 125";
    if is_whole { how } else { format!("{how}; not all of it was recorded") }
}

/// Returns the name of a signal.
pub(crate) fn name_of(signal: i32) -> String {
    let name = sysreel_abi::signal_name(signal);
    name.map_or_else(|| format!("signal {signal}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_option_is_taken_away() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (line, expected) in [
            ("--browse -- ls --browse", "-- ls --browse"),
            ("-o x --browse ls", "-o x ls"),
            ("--browse --tracers 2 ls -l", "--tracers 2 ls -l"),
        ] {
            assert_eq!(without_browse(words(line).into_iter()), words(expected), "{line}");
        }
    }
}

//! Writes messages to standard error and results to standard output.
//!
//! The print macros of the standard library panic if a write fails and do not escape control
//! characters, so the rest of the crate must not use them (`clippy::print_stdout`,
//! `clippy::print_stderr`).

use crate::exit::Exit;
use crate::pager::{self, Pager};
use crate::terminal::PagerArgs;
use serde::Serialize;
use signal_hook::consts::SIGPIPE;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write, stderr, stdout};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use sysreel_inspect::visible::{json, visible};
use sysreel_sys::Signal;

/// Large enough to avoid a write(2) for each line.
const BUFFER: usize = 256 << 10;

/// Writes a message to standard error: one line, prefixed with `sysreel: `. Takes the arguments of
/// `format!`.
macro_rules! say {
    ($($message:tt)*) => { $crate::say::message(format_args!($($message)*)) };
}
pub(crate) use say;

/// The worst failure to write a message so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Lost {
    Nothing,
    /// EPIPE: the reader of standard error has exited.
    Reader,
    Message,
}

static LOST: AtomicU8 = AtomicU8::new(Lost::Nothing as u8);

/// Writes one line to standard error, with control characters escaped.
///
/// If the write fails the command continues, and [`exit_checked`] reports the failure at the end.
/// `record` never does: its status is that of the program.
pub(crate) fn message(text: fmt::Arguments<'_>) {
    let line = format!("sysreel: {}\n", visible(&text.to_string()));
    if let Err(error) = stderr().lock().write_all(line.as_bytes()) {
        note_lost(&error);
    }
    if let Some(copy) = COPY.get() {
        // Who reads the copy sees that it ends.
        _ = (&*copy).write_all(line.as_bytes());
    }
}

/// Where messages are written too.
static COPY: OnceLock<File> = OnceLock::new();

/// Writes all messages from now on to a file too.
///
/// # Errors
/// If it cannot be created.
pub(crate) fn copy_to(path: &Path) -> io::Result<()> {
    let file = File::create_new(path)?;
    // The first file stays.
    _ = COPY.set(file);
    Ok(())
}

/// Remembers that a message could not be written.
fn note_lost(error: &io::Error) {
    let lost = if is_broken_pipe(error) { Lost::Reader } else { Lost::Message };
    LOST.fetch_max(lost as u8, Ordering::Relaxed);
}

/// Asks a question on standard error and returns the line typed as the answer.
pub(crate) fn ask(question: &str) -> io::Result<String> {
    write!(stderr().lock(), "sysreel: {question}")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}

/// Quotes the output of another program, one message per line.
pub(crate) fn quote(text: &str) {
    text.lines().for_each(|line| say!("  | {line}"));
}

/// Returns `exit`, or a failure if `exit` is success but a message could not be written.
pub(crate) fn exit_checked(exit: Exit) -> Exit {
    if exit != Exit::SUCCESS {
        return exit;
    }
    match LOST.load(Ordering::Relaxed) {
        lost if lost == Lost::Reader as u8 => Exit::Signal(Signal(SIGPIPE)),
        lost if lost == Lost::Message as u8 => Exit::FAILURE,
        _ => exit,
    }
}

/// The exit status after a result could not be written. The message has been printed already.
#[derive(Debug)]
pub(crate) struct Unwritten(pub(crate) Exit);

/// Buffered standard output, for results.
pub(crate) struct Out(BufWriter<Destination>);

/// Where results go.
enum Destination {
    Stdout(StdoutLock<'static>),
    Pager(Pager),
}

impl Out {
    /// Locks standard output.
    ///
    /// # Errors
    /// If it was closed at startup. Rust's runtime opens /dev/null in its place, so writes would
    /// seem to succeed.
    pub(crate) fn lock() -> io::Result<Out> {
        Out::paged(&PagerArgs { no_pager: true })
    }

    /// As [`Out::lock`], but through a pager if standard output is a terminal.
    ///
    /// # Errors
    /// As [`Out::lock`].
    pub(crate) fn paged(args: &PagerArgs) -> io::Result<Out> {
        if sysreel_sys::startup::was_closed(1) {
            return Err(io::Error::other("standard output is closed"));
        }
        let pager =
            if args.no_pager || !stdout().is_terminal() { None } else { Pager::chosen(message) };
        let to = pager.map_or_else(|| Destination::Stdout(stdout().lock()), Destination::Pager);
        Ok(Out(BufWriter::with_capacity(BUFFER, to)))
    }

    /// Writes what is buffered, and waits until the reader leaves the pager.
    ///
    /// # Errors
    /// When the output could not be written.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()?;
        match self.0.get_mut() {
            Destination::Stdout(_) => Ok(()),
            Destination::Pager(pager) => pager.finish(),
        }
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Stdout(stdout) => stdout.write(bytes),
            Destination::Pager(pager) => pager.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Stdout(stdout) => stdout.flush(),
            Destination::Pager(pager) => pager.flush(),
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes a result to standard output and flushes it.
pub(crate) fn result(write: impl FnOnce(&mut Out) -> io::Result<()>) -> Result<(), Unwritten> {
    written(Out::lock(), write)
}

/// As [`result`], but through a pager if standard output is a terminal.
pub(crate) fn paged(
    args: &PagerArgs,
    write: impl FnOnce(&mut Out) -> io::Result<()>,
) -> Result<(), Unwritten> {
    written(Out::paged(args), write)
}

fn written(
    out: io::Result<Out>,
    write: impl FnOnce(&mut Out) -> io::Result<()>,
) -> Result<(), Unwritten> {
    let written = out.and_then(|mut out| {
        write(&mut out)?;
        out.finish()
    });
    match written {
        // The result is there, however much of it was looked at.
        Err(error) if pager::was_quit(&error) => Ok(()),
        written => written.map_err(|error| unwritten(&error)),
    }
}

/// Writes a result to standard output as one line of JSON.
pub(crate) fn json_result(value: &impl Serialize) -> Result<(), Unwritten> {
    result(|out| writeln!(out, "{}", json(value)?))
}

/// Reports that output could not be written. Prints nothing for EPIPE (`| head`), like a program
/// that SIGPIPE kills, and nothing if the reader has quit the pager, which is success.
pub(crate) fn unwritten(error: &io::Error) -> Unwritten {
    if pager::was_quit(error) {
        return Unwritten(Exit::SUCCESS);
    }
    if is_broken_pipe(error) {
        return Unwritten(Exit::Signal(Signal(SIGPIPE)));
    }
    say!("cannot write the output: {error}");
    Unwritten(Exit::FAILURE)
}

/// Writes clap's message: help to standard output, errors to standard error.
pub(crate) fn arguments(error: &clap::Error) -> Exit {
    let is_usage = error.use_stderr();
    if !is_usage && sysreel_sys::startup::was_closed(1) {
        return unwritten(&io::Error::other("standard output is closed")).0;
    }
    match error.print().and_then(|()| stdout().flush()) {
        Err(failed) if !is_usage => unwritten(&failed).0,
        _ if is_usage => Exit::USAGE,
        _ => Exit::SUCCESS,
    }
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

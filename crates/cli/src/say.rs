//! Everything that sysreel itself writes to standard output and standard error.
//!
//! The print macros panic when a write fails, and write what they are given as it is. So the rest
//! of the crate must not use them (`clippy::print_stdout`, `clippy::print_stderr`).

use crate::exit::Exit;
use serde::Serialize;
use signal_hook::consts::SIGPIPE;
use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write, stderr, stdout};
use std::sync::atomic::{AtomicU8, Ordering};
use sysreel_inspect::visible::{json, visible};
use sysreel_sys::Signal;

/// Large enough that a line costs no system call.
const BUFFER: usize = 256 << 10;

/// Writes a message to standard error: one line, behind `sysreel: `. Takes what `format!` takes.
macro_rules! say {
    ($($message:tt)*) => { $crate::say::message(format_args!($($message)*)) };
}
pub(crate) use say;

/// A message that standard error did not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Lost {
    Nothing,
    Reader,
    Message,
}

static LOST: AtomicU8 = AtomicU8::new(Lost::Nothing as u8);

/// Writes one line to standard error. What stands in it cannot end the line or control a terminal.
///
/// A failed write is no reason to do anything else than was asked for, least of all for `record`:
/// its status is the program's. [`settled`] makes an error of it at the end.
pub(crate) fn message(text: fmt::Arguments<'_>) {
    let line = format!("sysreel: {}\n", visible(&text.to_string()));
    if let Err(error) = stderr().lock().write_all(line.as_bytes()) {
        not_taken(&error);
    }
}

/// Notes that standard error did not take a message.
fn not_taken(error: &io::Error) {
    let lost = if is_broken_pipe(error) { Lost::Reader } else { Lost::Message };
    LOST.fetch_max(lost as u8, Ordering::Relaxed);
}

/// Asks on standard error, and returns the line that is typed.
pub(crate) fn ask(question: &str) -> io::Result<String> {
    write!(stderr().lock(), "sysreel: {question}")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}

/// Writes the text of others, such as the end of what a program has said, a message for each line.
pub(crate) fn quote(text: &str) {
    text.lines().for_each(|line| say!("  | {line}"));
}

/// Returns how to end after `exit`, if that is success and a message was lost on the way.
pub(crate) fn settled(exit: Exit) -> Exit {
    if exit != Exit::SUCCESS {
        return exit;
    }
    match LOST.load(Ordering::Relaxed) {
        lost if lost == Lost::Reader as u8 => Exit::Signal(Signal(SIGPIPE)),
        lost if lost == Lost::Message as u8 => Exit::FAILURE,
        _ => exit,
    }
}

/// A result that could not be written: told already, and how to end because of it.
#[derive(Debug)]
pub(crate) struct Unwritten(pub(crate) Exit);

/// Standard output, for results.
pub(crate) struct Out(BufWriter<StdoutLock<'static>>);

impl Out {
    /// Takes standard output, unless it was closed: the runtime has put /dev/null there, so writing
    /// would seem to succeed.
    pub(crate) fn lock() -> io::Result<Out> {
        if sysreel_sys::startup::was_closed(1) {
            return Err(io::Error::other("standard output is closed"));
        }
        Ok(Out(BufWriter::with_capacity(BUFFER, stdout().lock())))
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

/// Writes a result to standard output, all of it.
pub(crate) fn result(write: impl FnOnce(&mut Out) -> io::Result<()>) -> Result<(), Unwritten> {
    let written = Out::lock().and_then(|mut out| {
        write(&mut out)?;
        out.flush()
    });
    written.map_err(|error| unwritten(&error))
}

/// Writes a result to standard output, as a line of JSON.
pub(crate) fn json_result(value: &impl Serialize) -> Result<(), Unwritten> {
    result(|out| writeln!(out, "{}", json(value)?))
}

/// Tells that output could not be written; quietly where its reader has gone away (`| head`), as a
/// program does that SIGPIPE ends.
pub(crate) fn unwritten(error: &io::Error) -> Unwritten {
    if is_broken_pipe(error) {
        return Unwritten(Exit::Signal(Signal(SIGPIPE)));
    }
    say!("cannot write the output: {error}");
    Unwritten(Exit::FAILURE)
}

/// Writes what clap has to say: help to standard output, what is wrong with the arguments to
/// standard error.
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

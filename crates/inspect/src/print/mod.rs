//! Prints a log like strace: one line for each call, with arguments, result and the memory that the
//! program passed and received.
//!
//! The path of a line, from the log to the output:
//!
//! 1. [`print()`] reads events and holes in order (`LogFile::read`, `log_file.rs`) and passes each
//!    to `Printer::item` (`printer.rs`).
//! 2. `Printer::stop` decodes the `ptrace_syscall_info` of a stop (`syscall_info::decode`): it says
//!    whether the stop is an entry or an exit.
//! 3. At an entry, `Printer::entry` stores the call, with the memory that the program passed, as
//!    the open call of its task (`Tracker::enter`, `state/tracker.rs`). Then it begins the line:
//!    the prefix (`Lines::begin`, `lines.rs`), the name, and the arguments that are known by now
//!    (`decode::begin`). The line stays incomplete.
//! 4. If another task writes a line before the call ends, the line ends in `<unfinished ...>`.
//! 5. At the exit, `Printer::exit` takes the open call from the tracker. It continues the line, or
//!    begins a new one with `<... NAME resumed>`, and writes the remaining arguments
//!    (`decode::finish`) and the result (`decode::outcome`).
//! 6. `Printer::flush` writes the text to the output.
//!
//! `decode/mod.rs` tells how an argument becomes text.
//! Everything else that gets a line (signals, stops, the ends of tasks, remarks of the recorder) is
//! in `remarks.rs`.

mod calls;
mod lines;
pub(crate) mod options;
mod printer;
mod remarks;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::ops::ControlFlow;

use sysreel_format::{Event, Item};

use crate::{Error, Findings, LogFile};
pub use options::{Clock, FdStyle, HexStrings, Options, TaskIds};
pub(crate) use printer::Printer;

/// Prints a log.
///
/// # Errors
/// When the log cannot be read or the output cannot be written. Damage is not an error: the
/// [`Findings`] report it, and remarks in the text show where it is.
pub fn print(
    file: &mut LogFile,
    options: &Options,
    out: &mut dyn Write,
) -> Result<Findings, Error> {
    let log = file.log();
    let has_several_tasks = log.summary().is_some_and(|summary| summary.tasks > 1);
    let mut printer = Printer::new(options, has_several_tasks);
    printer.anchor(log.meta().realtime_ns, log.meta().monotonic_ns);
    printer.note_filter(log.header().completeness, log.meta());
    let damage = Findings::from_open(log).sentences();
    damage.iter().for_each(|sentence| printer.notice(sentence));
    let mut begun = options.range.from.is_none();
    // Events before the range are processed too: they define its tasks, descriptors and open calls.
    let mut read = file.read(0, file.bounds(&options.range)?, |item, in_range| {
        if !begun && in_range {
            begun = true;
            printer.begin_output();
        }
        printer.item(item, log);
        if begun {
            printer.flush(out).map_err(Error::Write)?;
        } else {
            printer.discard();
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if !begun {
        printer.begin_output();
    }
    if read.open_end_unreported {
        printer.notice(match file.is_being_written() {
            true => "the log is still being written: later events are missing",
            false => "the recorder did not finish the log: later events may be missing",
        });
    }
    read.findings.lost_buffers = printer.finish(out).map_err(Error::Write)?;
    out.flush().map_err(Error::Write)?;
    Ok(read.findings)
}

/// Prints events that another reader of the log passes on.
pub struct Live<'o> {
    printer: Printer<'o>,
}

impl<'o> Live<'o> {
    /// Creates a printer for all of a log.
    #[must_use]
    pub fn new(file: &LogFile, options: &'o Options) -> Self {
        let log = file.log();
        let has_several_tasks = log.summary().is_some_and(|summary| summary.tasks > 1);
        let mut printer = Printer::new(options, has_several_tasks);
        printer.anchor(log.meta().realtime_ns, log.meta().monotonic_ns);
        Self { printer }
    }

    /// Prints the next event.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn event(
        &mut self,
        file: &LogFile,
        event: &Event<'_>,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        self.printer.item(&Item::Event(*event), file.log());
        self.printer.flush(out)
    }

    /// Ends the last line after the last event.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(self, out: &mut dyn Write) -> std::io::Result<()> {
        self.printer.finish(out).map(drop)
    }
}

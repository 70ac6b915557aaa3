//! Prints a log like strace: one line for each call, with arguments, result and the memory that the
//! program passed and received.
//!
//! The path of a line, from the log to the output:
//!
//! 1. [`print()`] has the driver of calls read the log (`calls/walk.rs`), with entries, and gets
//!    its items one by one.
//! 2. `Printer::item` (`printer.rs`) takes each item. At an [`Item::Entered`] it begins a line: the
//!    prefix (`Lines::begin`, `lines.rs`), the name, and the arguments that are known by now
//!    (`decode::begin`). The line stays incomplete.
//! 3. If another task writes a line before the call ends, the line ends in `<unfinished ...>`.
//! 4. At an [`Item::Call`], the printer continues the line, or begins a new one with `<... NAME
//!    resumed>`, and writes the remaining arguments (`decode::finish`) and the result
//!    (`decode::outcome`).
//! 5. `Printer::flush` writes the text to the output.
//!
//! `decode/mod.rs` tells how an argument becomes text.
//! Everything else that gets a line (signals, stops, the ends of tasks, remarks of the recorder) is
//! in `remarks.rs`.

mod call_lines;
mod dump;
mod lines;
pub(crate) mod options;
mod printer;
mod remarks;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::ops::ControlFlow;

use sysreel_format::Event;

use crate::calls::{Item, Walk, walk};
use crate::{Error, Findings, LogFile};
pub use options::{Clock, Constants, FdSet, FdStyle, HexStrings, Options, Quiet, TaskIds};
pub(crate) use printer::{EventPrinter, Printer};

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
    printer.set_log(file);
    let damage = Findings::from_open(log).sentences();
    damage.iter().for_each(|sentence| printer.notice(sentence));
    let begun = options.range.from.is_none();
    let mut paper = Paper { printer, begun, out };
    let driver = Printer::driver(options);
    let mut read = walk(file, driver, (&options.range, false), log, &mut paper)?;
    let Paper { mut printer, begun, out } = paper;
    if !begun {
        printer.begin_output();
    }
    if read.open_end_unreported {
        printer.notice(match file.is_being_written() {
            true => "the log is still being written: later events are missing",
            false => "the recorder did not finish the log: later events may be missing",
        });
    }
    read.findings.not_recorded = printer.not_recorded();
    read.findings.lost_buffers = printer.finish(out).map_err(Error::Write)?;
    out.flush().map_err(Error::Write)?;
    Ok(read.findings)
}

/// The output of a printer.
struct Paper<'a> {
    printer: Printer<'a>,
    /// Whether the range has begun.
    begun: bool,
    out: &'a mut dyn Write,
}

impl Walk for Paper<'_> {
    fn item(&mut self, item: Item<'_>, in_range: bool) -> Result<ControlFlow<()>, Error> {
        if !self.begun && in_range {
            self.begun = true;
            self.printer.begin_output();
        }
        self.printer.item(&item);
        if self.begun {
            self.printer.flush(self.out).map_err(Error::Write)?;
        } else {
            self.printer.discard();
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Prints events that another reader of the log passes on.
pub struct Live<'o> {
    printer: EventPrinter<'o>,
}

impl<'o> Live<'o> {
    /// Creates a printer for all of a log.
    #[must_use]
    pub fn new(file: &LogFile, options: &'o Options) -> Self {
        let log = file.log();
        let has_several_tasks = log.summary().is_some_and(|summary| summary.tasks > 1);
        let mut printer = EventPrinter::new(options, has_several_tasks);
        printer.printer.anchor(log.meta().realtime_ns, log.meta().monotonic_ns);
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
        self.printer.item(&sysreel_format::Item::Event(*event), file.log());
        self.printer.printer.flush(out)
    }

    /// Ends the last line after the last event.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(self, out: &mut dyn Write) -> std::io::Result<()> {
        self.printer.printer.finish(out).map(drop)
    }
}

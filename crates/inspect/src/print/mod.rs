//! Prints a log like strace: one line for each call, with arguments, result and the memory that the
//! program passed and received.
//!
//! The path of a line, from the log to the output:
//!
//! 1. [`print()`] has the driver of calls read the log (`calls/walk.rs`), with entries, and gets
//!    its items one by one (`follow.rs`).
//! 2. `Printer::item` (`printer.rs`) takes each item. At an [`Item::Entered`] it begins a line: the
//!    prefix (`Lines::begin`, `lines.rs`), the name, and the arguments that are known by now
//!    (`decode::begin`). The line stays incomplete.
//! 3. If another task writes a line before the call ends, the line ends in `<unfinished ...>`.
//! 4. At an [`Item::Call`], the printer continues the line, or begins a new one with `<... NAME
//!    resumed>`, and writes the remaining arguments (`decode::finish`) and the result
//!    (`decode::outcome`).
//! 5. `Printer::flush` writes the text to the output, in colors if there is a palette
//!    (`highlight.rs`).
//!
//! `decode/mod.rs` tells how an argument becomes text.
//! Everything else that gets a line (signals, stops, the ends of tasks, remarks of the recorder) is
//! in `remarks.rs`.
//!
//! [`Item::Entered`]: crate::calls::Item::Entered
//! [`Item::Call`]: crate::calls::Item::Call

mod call_lines;
mod dump;
mod excerpt;
mod follow;
mod highlight;
mod line_kind;
mod lines;
pub(crate) mod options;
mod printer;
mod remarks;
#[cfg(test)]
mod tests;

use std::io::Write;

use sysreel_format::Event;

use crate::{Error, Findings, LogFile};
pub use excerpt::{Excerpt, Excerpts, Spot};
pub use follow::Following;
pub(crate) use highlight::Highlighter;
pub use line_kind::{LineKind, Lined};
pub use options::{
    Clock, Constants, Detail, FdSet, FdStyle, HexStrings, Options, Precision, Quiet, TaskIds,
};
pub(crate) use printer::EventPrinter;

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
    Following::new(file, options).finish(file, out)
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

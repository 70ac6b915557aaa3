//! Prints a log in several parts: of one that is being written, what was added since.

use std::io::Write;
use std::ops::ControlFlow;

use sysreel_format::Event;

use super::options::Options;
use super::printer::Printer;
use crate::calls::{Driver, Item, Section, Walk, walk_section};
use crate::{Error, Findings, LogFile};

/// Prints a log that may be growing. [`Following::more`] prints what was added, and
/// [`Following::finish`] the rest once the recording has ended. Each gets the log opened anew.
#[derive(Debug)]
pub struct Following<'o> {
    options: &'o Options,
    driver: Driver,
    page: Page<'o>,
    findings: Findings,
}

/// What was printed so far.
#[derive(Debug)]
struct Page<'o> {
    printer: Printer<'o>,
    /// Whether the range has begun.
    begun: bool,
    /// The number of the first event that was not printed yet.
    next: u64,
}

impl<'o> Following<'o> {
    /// Begins to print a log.
    #[must_use]
    pub fn new(file: &LogFile, options: &'o Options) -> Self {
        let log = file.log();
        let has_several_tasks = log.summary().is_some_and(|summary| summary.tasks > 1);
        let mut printer = Printer::new(options, has_several_tasks);
        printer.anchor(log.meta().realtime_ns, log.meta().monotonic_ns);
        printer.note_filter(log.header().completeness, log.meta());
        printer.set_log(file);
        let damage = Findings::from_open(log).sentences();
        damage.iter().for_each(|sentence| printer.notice(sentence));
        let page = Page { printer, begun: options.range.from.is_none(), next: 0 };
        Self { options, driver: Printer::driver(options), page, findings: Findings::default() }
    }

    /// Prints the events that the log has by now. A call that goes on is printed up to where it
    /// is, as strace does.
    ///
    /// # Errors
    /// When the log cannot be read or the output cannot be written.
    pub fn more(&mut self, file: &LogFile, out: &mut dyn Write) -> Result<(), Error> {
        let mut findings = self.walk(file, false, out)?.findings;
        findings.open_end = false;
        self.findings.add_later(findings);
        if self.page.begun {
            self.page.printer.flush_all(out).map_err(Error::Write)?;
        }
        out.flush().map_err(Error::Write)
    }

    /// Prints the rest of the log.
    ///
    /// # Errors
    /// When the log cannot be read or the output cannot be written. Damage is not an error: the
    /// [`Findings`] report that of all parts, and remarks in the text show where it is.
    pub fn finish(mut self, file: &LogFile, out: &mut dyn Write) -> Result<Findings, Error> {
        let read = self.walk(file, true, out)?;
        let Self { page: Page { mut printer, begun, .. }, mut findings, .. } = self;
        if !begun {
            printer.begin_output();
        }
        if read.open_end_unreported {
            printer.notice(match file.is_being_written() {
                true => "the log is still being written: later events are missing",
                false => "the recorder did not finish the log: later events may be missing",
            });
        }
        findings.add_later(read.findings);
        findings.not_recorded = printer.not_recorded();
        findings.unmatched = printer.is_unmatched();
        findings.lost_buffers = printer.finish(out).map_err(Error::Write)?;
        out.flush().map_err(Error::Write)?;
        Ok(findings)
    }

    fn walk(
        &mut self,
        file: &LogFile,
        is_last: bool,
        out: &mut dyn Write,
    ) -> Result<crate::log_file::ReadResult, Error> {
        let section = Section { from: self.page.next, is_last, check_buffers: false };
        let range = &self.options.range;
        let paper = &mut Paper { page: &mut self.page, out };
        walk_section(file, &mut self.driver, section, range, file.log(), paper)
    }
}

/// The output of a printer.
struct Paper<'p, 'o> {
    page: &'p mut Page<'o>,
    out: &'p mut dyn Write,
}

impl Walk for Paper<'_, '_> {
    fn event(&mut self, event: &Event<'_>) {
        self.page.next = event.number.saturating_add(1);
    }

    fn item(&mut self, item: Item<'_>, in_range: bool) -> Result<ControlFlow<()>, Error> {
        let Page { printer, begun, .. } = &mut *self.page;
        if !*begun && in_range {
            *begun = true;
            printer.begin_output();
        }
        printer.item(&item);
        if *begun {
            printer.flush(self.out).map_err(Error::Write)?;
        } else {
            printer.discard();
        }
        Ok(ControlFlow::Continue(()))
    }
}

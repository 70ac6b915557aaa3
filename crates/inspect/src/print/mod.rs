//! A log in the form of strace: one line a call, with arguments, result and what the program wrote
//! and read.

mod calls;
mod lines;
mod printer;
mod remarks;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::ops::ControlFlow;

use sysreel_abi::Filter;
use sysreel_format::{Event, Item};

use crate::{Error, EventRange, Findings, LogFile};
pub(crate) use printer::Printer;

/// How lines look. The names of strace's options stand beside each.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most bytes of a string or buffer that are shown (`-s`). Paths are never cut.
    pub string_limit: usize,
    /// What stands behind a file descriptor (`-y`, `-yy`).
    pub fds: FdStyle,
    /// Structures and lists in full (`-v`), and what is usually not worth a line.
    pub verbose: bool,
    /// Which bytes of a string are shown in hexadecimal (`-x`, `-xx`).
    pub hex: HexStrings,
    /// The time of day before each line (`-t`, `-tt`, `-ttt`). It is UTC: a log may come from
    /// anywhere.
    pub clock: Clock,
    /// The time since the line before (`-r`).
    pub relative: bool,
    /// The time that each call took (`-T`).
    pub duration: bool,
    /// The instruction pointer before each call (`-i`).
    pub ip: bool,
    /// The number of each call before its name (`-n`).
    pub number: bool,
    /// Flags and constants as numbers (`-X raw`).
    pub raw_constants: bool,
    /// Which task a line belongs to.
    pub task_ids: TaskIds,
    /// In which column results stand (`-a`).
    pub column: usize,
    /// Event numbers before each line, so that other views of the log can be found.
    pub event_numbers: bool,
    /// The part of the log that is shown.
    pub range: EventRange,
    /// Which calls get a line (`-e trace=`); `None`: those that the recording was asked for.
    pub only: Option<Filter>,
}

/// What stands behind a file descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FdStyle {
    /// Nothing.
    #[default]
    Number,
    /// Its path, or what /proc calls it: `3</etc/passwd>`.
    Path,
    /// Also the ends of a socket and the number of a device:
    /// `3<TCP:[127.0.0.1:80->127.0.0.1:5000]>`.
    Detail,
}

/// Which bytes of a string are shown in hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HexStrings {
    /// None: C escapes.
    #[default]
    Never,
    /// All of a string that has a byte which is neither printable ASCII nor white space.
    NonAscii,
    /// All of them.
    Always,
}

/// The time of day before each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// None.
    #[default]
    None,
    /// `12:34:56`
    Seconds,
    /// `12:34:56.789012`
    Micros,
    /// Seconds since 1970: `1795467886.591526`
    Unix,
}

/// Which task a line belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskIds {
    /// `[pid  1234] ` when the log has more than one task.
    #[default]
    WhenSeveral,
    /// `[pid  1234] ` always.
    Always,
    /// `1234  ` always, as strace writes it to a file with `-f -o`.
    Plain,
    /// Never.
    Never,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            string_limit: 32,
            fds: FdStyle::Number,
            verbose: false,
            hex: HexStrings::Never,
            clock: Clock::None,
            relative: false,
            duration: false,
            ip: false,
            number: false,
            raw_constants: false,
            task_ids: TaskIds::WhenSeveral,
            column: 40,
            event_numbers: false,
            range: EventRange::default(),
            only: None,
        }
    }
}

/// Writes every event of a log.
///
/// # Errors
/// When the log cannot be read or the output not be written. Damage is no error: it is in the
/// [`Findings`], and in the text where it is.
pub fn print(
    file: &mut LogFile,
    options: &Options,
    out: &mut dyn Write,
) -> Result<Findings, Error> {
    let log = file.log();
    let several = log.summary().is_some_and(|summary| summary.tasks > 1);
    let mut printer = Printer::new(options, several);
    printer.anchor(log.meta().realtime_ns, log.meta().monotonic_ns);
    printer.not_everything(log.header().completeness, log.meta());
    let opening = Findings::of_opening(log).sentences();
    opening.iter().for_each(|said| printer.notice(said));
    let mut begun = options.range.from.is_none();
    // What comes before the stretch says whose tasks, descriptors and calls are in it.
    let mut read = file.read(0, options.range.of(file)?, |item, begins| {
        if !begun && begins {
            begun = true;
            printer.begin_here();
        }
        printer.item(item, log);
        if begun {
            printer.flush(out).map_err(Error::Write)?;
        } else {
            printer.forget();
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if !begun {
        printer.begin_here();
    }
    if read.open_end_is_news {
        printer.notice(match file.is_being_written() {
            true => "the log is being written: what comes after this is not there yet",
            false => "the recorder did not finish the log: what came after this is not known",
        });
    }
    read.findings.lost_buffers = printer.finish(out).map_err(Error::Write)?;
    out.flush().map_err(Error::Write)?;
    Ok(read.findings)
}

/// Writes a log event by event, as somebody else reads it.
pub struct Live<'o> {
    printer: Printer<'o>,
}

impl<'o> Live<'o> {
    /// For all of this log.
    #[must_use]
    pub fn new(file: &LogFile, options: &'o Options) -> Self {
        let log = file.log();
        let several = log.summary().is_some_and(|summary| summary.tasks > 1);
        let mut printer = Printer::new(options, several);
        printer.anchor(log.meta().realtime_ns, log.meta().monotonic_ns);
        Self { printer }
    }

    /// The next event.
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

    /// What is still open when no more comes.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn finish(self, out: &mut dyn Write) -> std::io::Result<()> {
        self.printer.finish(out).map(drop)
    }
}

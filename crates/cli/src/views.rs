//! The commands that answer questions about a log: what all of them have in common. Each has a file
//! with its arguments.

pub(crate) mod env;
pub(crate) mod fds;
pub(crate) mod files;
pub(crate) mod grep;
pub(crate) mod lint;
pub(crate) mod maps;
pub(crate) mod net;
pub(crate) mod show;
pub(crate) mod stat;
pub(crate) mod stream;
pub(crate) mod tree;
pub(crate) mod waits;

use crate::exit::Exit;
use crate::say::{self, Out, say};
use crate::terminal::{ColorArgs, PagerArgs};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use sysreel_abi::Filter;
use sysreel_inspect::visible::write_json_pretty;
use sysreel_inspect::{Bound, Error, EventRange, Findings, LogFile, counted, open};
use sysreel_views::{Page, Select, View, document};

/// Arguments that all views have.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// The log to read, or - for standard input
    ///
    /// A pipe is copied to a temporary file first.
    pub(crate) file: PathBuf,
    /// Consider only what matches: -F 'failed and path ~ "/etc/**"'
    ///
    /// docs/filter.md has the language.
    #[arg(short = 'F', long, value_name = "EXPR", value_parser = crate::filter_arg::parse)]
    pub(crate) filter: Option<Filter>,
    /// Start at WHERE: an event number, +SECONDS into the recording, or @SECONDS since 1970
    #[arg(long, value_name = "WHERE")]
    pub(crate) from: Option<Bound>,
    /// Stop after WHERE
    #[arg(long, value_name = "WHERE")]
    pub(crate) to: Option<Bound>,
    /// Print JSON; docs/schemas describes it
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) out: To,
}

/// Where a view is written, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct To {
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    color: ColorArgs,
    #[command(flatten)]
    pager: PagerArgs,
}

impl Common {
    /// Returns the first option that selects a part of the log.
    pub(crate) fn selection(&self) -> Option<&'static str> {
        match (&self.filter, self.from, self.to) {
            (Some(_), _, _) => Some("--filter"),
            (_, Some(_), _) => Some("--from"),
            (_, _, Some(_)) => Some("--to"),
            _ => None,
        }
    }

    /// Returns the part of the log that the arguments select.
    pub(crate) fn select(&self) -> Select {
        let range = EventRange { from: self.from, to: self.to };
        Select { range, filter: self.filter.clone(), ..Select::default() }
    }
}

/// Reads a log, writes a view of it, and returns the exit status.
pub(crate) fn show<V: View>(
    common: &Common,
    read: impl FnOnce(&LogFile) -> Result<(V, Findings), Error>,
) -> Exit {
    show_some(common, common.filter.is_some(), read)
}

/// As [`show()`], for a view of which options select a part, the filter or others.
fn show_some<V: View>(
    common: &Common,
    selects: bool,
    read: impl FnOnce(&LogFile) -> Result<(V, Findings), Error>,
) -> Exit {
    let log = match open(&common.file) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    let (view, mut findings) = match read(&log) {
        Ok(read) => read,
        Err(error) => return failed(&error),
    };
    findings.unmatched |= selects && view.is_empty();
    findings.left_out.extend(V::REQUIRED.left_out(&log, common.filter.as_ref()));
    match write((common.json, &common.out), &findings, [&view]) {
        Err(exit) => exit,
        Ok(()) => finished(&common.file, &log, findings),
    }
}

/// Reports what is missing and returns the exit status.
pub(crate) fn finished(path: &Path, log: &LogFile, mut findings: Findings) -> Exit {
    if findings.open_end && log.is_being_written() {
        let events = counted(findings.events, "event");
        say!("{} is being written: {events} so far", path.display());
        findings.open_end = false;
    }
    say_unmatched(path, &findings);
    if findings.is_whole() {
        return Exit::SUCCESS;
    }
    say!("{}: {findings}", path.display());
    Exit::WITH_FINDINGS
}

/// Says so if nothing was selected: an empty answer could mean anything.
pub(crate) fn say_unmatched(path: &Path, findings: &Findings) {
    if findings.unmatched {
        say!("{}: nothing matches", path.display());
    }
}

/// Reports an error of a reader and returns the exit status.
pub(crate) fn failed(error: &Error) -> Exit {
    if matches!(error, Error::EmptyRange) {
        say!("nothing is shown: --to is before --from");
        return Exit::USAGE;
    }
    say!("{error}");
    Exit::FAILURE
}

/// Writes views: as text with empty lines in between, or as JSON.
fn write<'v, V: View + 'v>(
    (json, to): (bool, &To),
    findings: &Findings,
    views: impl IntoIterator<Item = &'v V>,
) -> Result<(), Exit> {
    let mut out = Output::open(to)?;
    let page = Page { is_partial: !findings.left_out.is_empty(), ..to.page() };
    let written = views.into_iter().enumerate().try_for_each(|(at, view)| {
        if json {
            write_json_pretty(&document(view, findings), &mut out)?;
            return writeln!(out);
        }
        if at > 0 {
            writeln!(out)?;
        }
        view.write_text(&page, &mut out)
    });
    written.and_then(|()| out.finish()).or_else(|error| unwritten(&error, to))
}

/// Where a view is written.
pub(crate) enum Output {
    Standard(Out),
    File(BufWriter<File>),
}

impl Output {
    /// Opens the output, or reports why it cannot be opened.
    fn open(to: &To) -> Result<Self, Exit> {
        match &to.output {
            None => match Out::paged(&to.pager) {
                Ok(out) => Ok(Self::Standard(out)),
                Err(error) => Err(say::unwritten(&error).0),
            },
            Some(path) => match crate::results::create(path, false) {
                Ok(file) => Ok(Self::File(BufWriter::new(file))),
                Err(error) => {
                    say!("cannot write {}: {error}", path.display());
                    Err(Exit::FAILURE)
                }
            },
        }
    }

    /// Writes what is buffered, and waits until the reader leaves the pager.
    fn finish(self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.finish(),
            Self::File(mut file) => file.flush(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

impl To {
    /// Returns how text is laid out: as wide as the terminal, if it is written to one, and with
    /// colors if they are wanted.
    pub(crate) fn page(&self) -> Page {
        match &self.output {
            None => Page {
                width: sysreel_sys::terminal::columns(),
                palette: self.color.palette(),
                ..Page::default()
            },
            Some(_) => Page { palette: self.color.palette_for(false), ..Page::default() },
        }
    }
}

/// Reports that the output could not be written. A reader that has quit the pager is no failure.
fn unwritten(error: &io::Error, to: &To) -> Result<(), Exit> {
    match &to.output {
        None if crate::pager::was_quit(error) => Ok(()),
        None => Err(say::unwritten(error).0),
        Some(path) => {
            say!("cannot write {}: {error}", path.display());
            Err(Exit::FAILURE)
        }
    }
}

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
use crate::say::{Out, say, unwritten};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use sysreel_abi::Filter;
use sysreel_inspect::visible::write_json_pretty;
use sysreel_inspect::{Bound, Error, EventRange, Findings, LogFile, open};
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
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
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
        Select { range, filter: self.filter.clone() }
    }
}

/// Reads a log, writes a view of it, and returns the exit status.
pub(crate) fn show<V: View>(
    common: &Common,
    read: impl FnOnce(&LogFile) -> Result<(V, Findings), Error>,
) -> Exit {
    let log = match open(&common.file) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    let (view, findings) = match read(&log) {
        Ok(read) => read,
        Err(error) => return failed(&error),
    };
    match write((common.json, common.output.as_deref()), &findings, [&view]) {
        Err(exit) => exit,
        Ok(()) => finished(&common.file, &log, findings),
    }
}

/// Reports what is missing and returns the exit status.
fn finished(path: &Path, log: &LogFile, mut findings: Findings) -> Exit {
    if findings.open_end && log.is_being_written() {
        say!("{} is being written: {} events so far", path.display(), findings.events);
        findings.open_end = false;
    }
    if findings.is_whole() {
        return Exit::SUCCESS;
    }
    say!("{}: {findings}", path.display());
    Exit::WITH_FINDINGS
}

/// Reports an error of a reader and returns the exit status.
fn failed(error: &Error) -> Exit {
    if matches!(error, Error::EmptyRange) {
        say!("nothing is shown: --to is before --from");
        return Exit::USAGE;
    }
    say!("{error}");
    Exit::FAILURE
}

/// Writes views to a file or to standard output: as text with empty lines in between, or as JSON.
fn write<'v, V: View + 'v>(
    (json, output): (bool, Option<&Path>),
    findings: &Findings,
    views: impl IntoIterator<Item = &'v V>,
) -> Result<(), Exit> {
    let mut out: Box<dyn Write> = match output {
        None => Box::new(Out::lock().map_err(|error| unwritten(&error).0)?),
        Some(path) => match crate::results::create(path) {
            Ok(file) => Box::new(BufWriter::new(file)),
            Err(error) => {
                say!("cannot write {}: {error}", path.display());
                return Err(Exit::FAILURE);
            }
        },
    };
    let width = sysreel_sys::terminal::columns().filter(|_| output.is_none());
    let page = Page { width };
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
    written.and_then(|()| out.flush()).map_err(|error| match output {
        None => unwritten(&error).0,
        Some(path) => {
            say!("cannot write {}: {error}", path.display());
            Exit::FAILURE
        }
    })
}

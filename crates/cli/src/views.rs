//! The commands that answer questions about a log: what all of them have in common. Each has a file
//! with its arguments.

pub(crate) mod env;
pub(crate) mod files;
pub(crate) mod maps;
pub(crate) mod stat;
pub(crate) mod tree;

use crate::exit::Exit;
use crate::say::{Out, say, unwritten};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
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
    let is_being_written;
    let read = match open(&common.file) {
        Ok(log) => {
            let read = read(&log);
            is_being_written = log.is_being_written();
            read
        }
        Err(error) => return failed(&error),
    };
    let (view, mut findings) = match read {
        Ok(read) => read,
        Err(error) => return failed(&error),
    };
    if findings.open_end && is_being_written {
        say!("{} is being written: {} events so far", common.file.display(), findings.events);
        findings.open_end = false;
    }
    if let Err(exit) = write(common, &view, &findings) {
        return exit;
    }
    if findings.is_whole() {
        return Exit::SUCCESS;
    }
    say!("{}: {findings}", common.file.display());
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

fn write<V: View>(common: &Common, view: &V, findings: &Findings) -> Result<(), Exit> {
    let mut out: Box<dyn Write> = match &common.output {
        None => Box::new(Out::lock().map_err(|error| unwritten(&error).0)?),
        Some(path) => match crate::results::create(path) {
            Ok(file) => Box::new(BufWriter::new(file)),
            Err(error) => {
                say!("cannot write {}: {error}", path.display());
                return Err(Exit::FAILURE);
            }
        },
    };
    let written = match common.json {
        true => write_json_pretty(&document(view, findings), &mut out)
            .and_then(|()| out.write_all(b"\n")),
        false => view.write_text(&page(common), &mut out),
    };
    written.and_then(|()| out.flush()).map_err(|error| match &common.output {
        None => unwritten(&error).0,
        Some(path) => {
            say!("cannot write {}: {error}", path.display());
            Exit::FAILURE
        }
    })
}

/// Returns the page of standard output: as wide as the terminal, if it is one.
fn page(common: &Common) -> Page {
    let width = sysreel_sys::terminal::columns().filter(|_| common.output.is_none());
    Page { width }
}

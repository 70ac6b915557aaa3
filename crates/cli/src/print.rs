//! `sysreel print` and `sysreel record --print`.

use crate::args::{Format, Print, Qualified};
use crate::exit::Exit;
use crate::say::{self, Out, say};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use sysreel_abi::Filter;
use sysreel_inspect::counts::Column;
use sysreel_inspect::print::{Clock, Options, TaskIds};
use sysreel_inspect::visible::json_pretty;
use sysreel_inspect::{Error, EventRange, Findings, LogFile, counts, open, print, raw};

/// Large enough to avoid a write(2) for each line.
const BUFFER: usize = 256 << 10;

pub(crate) fn run(args: &Print) -> Exit {
    let option = match (&args.only, &args.filter, args.join) {
        (Some(_), _, _) => Some("--only"),
        (_, Some(_), _) => Some("--filter"),
        (_, _, join) => join.then_some("--join"),
    };
    if let (Some(option), false, Format::Raw) = (option, args.summary, args.format) {
        say!(
            "{option} selects syscalls, but --format raw prints stops; use --format text, or filter \
             with jq"
        );
        return Exit::USAGE;
    }
    let qualified = match args.strace.qualified() {
        Ok(qualified) => qualified,
        Err(error) => {
            say!("{error}");
            return Exit::USAGE;
        }
    };
    let written = match &args.output {
        None => to_stdout(args, qualified),
        Some(path) => match crate::results::create(path, args.strace.output_append_mode) {
            Ok(file) => write(args, qualified, file).map_err(|error| with_path(error, path)),
            Err(error) => {
                say!("cannot write {}: {error}", path.display());
                return Exit::FAILURE;
            }
        },
    };
    report(&args.file, written)
}

/// Adds the path of the output file to a write error.
fn with_path(error: Error, path: &Path) -> Error {
    match error {
        Error::Write(source) => {
            Error::Write(io::Error::new(source.kind(), format!("{}: {source}", path.display())))
        }
        other => other,
    }
}

fn to_stdout(args: &Print, qualified: Qualified) -> Result<Findings, Error> {
    write(args, qualified, Out::lock().map_err(Error::Write)?)
}

fn write(args: &Print, qualified: Qualified, out: impl Write) -> Result<Findings, Error> {
    let mut log = open(&args.file)?;
    let cwd = log.log().meta().cwd.clone();
    let calls = qualified.calls(&cwd);
    let only = Filter::all_of(args.only.clone().into_iter().chain(calls).collect());
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let findings = match args.format {
        _ if args.summary => summary(args, only, &log, &mut out),
        Format::Text => print::print(&mut log, &options(args, qualified, only), &mut out),
        Format::Raw => raw::raw(&mut log, &range(args), &mut out),
    }?;
    out.flush().map_err(Error::Write)?;
    if findings.open_end && log.is_being_written() {
        say!("{} is being written: {} events so far", args.file.display(), findings.events);
        return Ok(Findings { open_end: false, ..findings });
    }
    Ok(findings)
}

fn summary(
    args: &Print,
    only: Option<Filter>,
    log: &LogFile,
    out: &mut impl Write,
) -> Result<Findings, Error> {
    let order = args.summary_sort.into();
    let options = counts::Options { range: range(args), only, filter: args.filter.clone(), order };
    let (counts, findings) = counts::count(log, &options)?;
    let written = if args.json {
        json_pretty(&counts).and_then(|text| writeln!(out, "{text}"))
    } else {
        let columns =
            args.summary_columns.as_ref().map_or(&Column::DEFAULT[..], |columns| &columns.0);
        write!(out, "{}", counts.tables(columns))
    };
    written.map_err(Error::Write)?;
    Ok(findings)
}

fn options(args: &Print, qualified: Qualified, only: Option<Filter>) -> Options {
    Options {
        string_limit: args.string_limit,
        fds: qualified.fds,
        verbose: args.no_abbrev > 0,
        everything: args.no_abbrev > 1,
        hex: args.strace.hex_strings(),
        constants: args.strace.constants.into(),
        clock: match args.timestamps {
            0 => Clock::None,
            1 => Clock::Seconds,
            2 => Clock::Micros,
            _ => Clock::Unix,
        },
        relative: args.relative,
        duration: args.syscall_times,
        ip: args.instruction_pointer,
        number: args.syscall_number,
        // Like strace -o, for programs that read the file.
        task_ids: if args.output.is_some() { TaskIds::Plain } else { TaskIds::WhenSeveral },
        signals: qualified.signals,
        quiet: qualified.quiet,
        dump_read: qualified.read,
        dump_write: qualified.write,
        column: args.strace.columns,
        event_numbers: args.event_numbers,
        range: range(args),
        only,
        filter: args.filter.clone(),
        join: args.join,
    }
}

fn range(args: &Print) -> EventRange {
    EventRange { from: args.from, to: args.to }
}

/// Prints a new log to standard error, as strace does: standard output belongs to the program.
///
/// Returns whether the whole log could be read. A failed write to standard error is ignored.
pub(crate) fn to_stderr(path: &Path) -> bool {
    let printed = open(path).and_then(|mut log| {
        let mut out = BufWriter::with_capacity(BUFFER, io::stderr().lock());
        let findings = print::print(&mut log, &Options::default(), &mut out)?;
        out.flush().map_err(Error::Write)?;
        Ok(findings)
    });
    let cannot_be_written = matches!(printed, Err(Error::Write(_)));
    report(path, printed) == Exit::SUCCESS || cannot_be_written
}

/// Reports missing parts and errors, and returns the exit status.
fn report(path: &Path, written: Result<Findings, Error>) -> Exit {
    match written {
        Ok(findings) if findings.is_whole() => Exit::SUCCESS,
        Ok(findings) => {
            say!("{}: {findings}", path.display());
            Exit::WITH_FINDINGS
        }
        Err(Error::Write(error)) => say::unwritten(&error).0,
        Err(Error::EmptyRange) => {
            say!("nothing is printed: --to is before --from");
            Exit::USAGE
        }
        Err(error) => {
            say!("{error}");
            Exit::FAILURE
        }
    }
}

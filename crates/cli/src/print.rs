//! `sysreel print`, and the printing after a recording.

use crate::args::{Format, Print};
use crate::exit::Exit;
use crate::say::{self, Out, say};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use sysreel_inspect::counts::Column;
use sysreel_inspect::print::{Clock, FdStyle, HexStrings, Options, TaskIds};
use sysreel_inspect::visible::json_pretty;
use sysreel_inspect::{Error, EventRange, Findings, LogFile, counts, open, print, raw};

/// Large enough that a line costs no system call.
const BUFFER: usize = 256 << 10;

pub(crate) fn run(args: &Print) -> Exit {
    if args.only.is_some() && !args.summary && matches!(args.format, Format::Raw) {
        say!(
            "--format raw shows stops, not calls: --only cannot choose among them (use jq, or \
             --format text)"
        );
        return Exit::USAGE;
    }
    let written = match &args.output {
        None => to_stdout(args),
        Some(path) => match crate::results::create(path) {
            Ok(file) => write(args, file).map_err(|error| named(error, path)),
            Err(error) => {
                say!("cannot write {}: {error}", path.display());
                return Exit::FAILURE;
            }
        },
    };
    leave(&args.file, written)
}

/// Says which file could not be written.
fn named(error: Error, path: &Path) -> Error {
    match error {
        Error::Write(source) => {
            Error::Write(io::Error::new(source.kind(), format!("{}: {source}", path.display())))
        }
        other => other,
    }
}

fn to_stdout(args: &Print) -> Result<Findings, Error> {
    write(args, Out::lock().map_err(Error::Write)?)
}

fn write(args: &Print, out: impl Write) -> Result<Findings, Error> {
    let mut log = open(&args.file)?;
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let findings = match args.format {
        _ if args.summary => summary(args, &log, &mut out),
        Format::Text => print::print(&mut log, &options(args), &mut out),
        Format::Raw => raw::raw(&mut log, &range(args), &mut out),
    }?;
    out.flush().map_err(Error::Write)?;
    if findings.open_end && log.is_being_written() {
        say!("{} is being written: {} events so far", args.file.display(), findings.events);
        return Ok(Findings { open_end: false, ..findings });
    }
    Ok(findings)
}

fn summary(args: &Print, log: &LogFile, out: &mut impl Write) -> Result<Findings, Error> {
    let order = args.summary_sort.into();
    let options = counts::Options { range: range(args), only: args.only.clone(), order };
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

fn options(args: &Print) -> Options {
    Options {
        string_limit: args.string_limit,
        fds: match args.decode_fds {
            0 => FdStyle::Number,
            1 => FdStyle::Path,
            _ => FdStyle::Detail,
        },
        verbose: args.no_abbrev,
        hex: match args.hex {
            0 => HexStrings::Never,
            1 => HexStrings::NonAscii,
            _ => HexStrings::Always,
        },
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
        // As strace does with -o: a file is for other programs to read.
        task_ids: if args.output.is_some() { TaskIds::Plain } else { TaskIds::WhenSeveral },
        event_numbers: args.event_numbers,
        range: range(args),
        only: args.only.clone(),
        ..Options::default()
    }
}

fn range(args: &Print) -> EventRange {
    EventRange { from: args.from, to: args.to }
}

/// Prints a log that was just recorded, where strace prints: standard output belongs to the
/// program.
///
/// Returns whether all of it could be read. Where standard error takes no more, there is nobody to
/// print for.
pub(crate) fn to_stderr(path: &Path) -> bool {
    let printed = open(path).and_then(|mut log| {
        let mut out = BufWriter::with_capacity(BUFFER, io::stderr().lock());
        let findings = print::print(&mut log, &Options::default(), &mut out)?;
        out.flush().map_err(Error::Write)?;
        Ok(findings)
    });
    let cannot_be_written = matches!(printed, Err(Error::Write(_)));
    leave(path, printed) == Exit::SUCCESS || cannot_be_written
}

fn leave(path: &Path, written: Result<Findings, Error>) -> Exit {
    match written {
        Ok(findings) if findings.is_whole() => Exit::SUCCESS,
        Ok(findings) => {
            say!("{}: {findings}", path.display());
            Exit::WITH_FINDINGS
        }
        Err(Error::Write(error)) => say::unwritten(&error).0,
        Err(error) => {
            say!("{error}");
            Exit::FAILURE
        }
    }
}

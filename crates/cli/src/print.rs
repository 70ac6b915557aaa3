//! `sysreel print` and `sysreel record --print`.

use crate::args::{Format, Print, Qualified};
use crate::exit::Exit;
use crate::progress::Reading;
use crate::say::{self, Out, say};
use crate::terminal::palette_of_stderr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use sysreel_abi::Filter;
use sysreel_inspect::color::Palette;
use sysreel_inspect::counts::Column;
use sysreel_inspect::print::{Clock, Following, Options, Precision, Quiet, TaskIds};
use sysreel_inspect::visible::json_pretty;
use sysreel_inspect::{
    Bound, Error, EventRange, Findings, LogFile, counted, counts, open, print, raw,
};

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
    if args.follow {
        return match args.format {
            Format::Text => report(&args.file, follow(args, qualified)),
            Format::Raw => {
                say!("--follow prints text; without it, --format raw prints a log up to now");
                Exit::USAGE
            }
        };
    }
    let written = match &args.output {
        None => to_stdout(args, qualified),
        Some(path) => match crate::results::create(path, args.strace.output_append_mode) {
            Ok(file) => to_file(args, qualified, file).map_err(|error| with_path(error, path)),
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
    let mut out = Out::paged(&args.pager).map_err(Error::Write)?;
    let mut log = open(&args.file)?;
    let findings = write(args, qualified, &mut log, args.color.palette(), &mut out)?;
    out.finish().map_err(Error::Write)?;
    Ok(until_now(&log, findings))
}

fn to_file(args: &Print, qualified: Qualified, file: File) -> Result<Findings, Error> {
    let mut out = BufWriter::with_capacity(BUFFER, file);
    let mut log = open(&args.file)?;
    let bar = (!args.summary).then(|| Reading::begin([&log]));
    let findings = write(args, qualified, &mut log, args.color.palette_for(false), &mut out)?;
    drop(bar);
    out.flush().map_err(Error::Write)?;
    Ok(until_now(&log, findings))
}

/// Prints a log until its recording ends.
fn follow(args: &Print, qualified: Qualified) -> Result<Findings, Error> {
    /// How long to wait before the log is read again.
    const PAUSE: Duration = Duration::from_millis(100);
    /// A log with a long tail takes long to open. It is opened less often, to leave the CPU to the
    /// recorded program.
    const SHARE: u32 = 10;
    const LONGEST: Duration = Duration::from_secs(1);
    let mut out = Out::lock().map_err(Error::Write)?;
    let mut log = open_soon(&args.file)?;
    let only = only(args, &qualified, &log);
    let options = Options { palette: args.color.palette(), ..options(args, qualified, only) };
    let mut following = Following::new(&log, &options);
    let mut pause = PAUSE;
    while log.is_being_written() {
        following.more(&log, &mut out)?;
        std::thread::sleep(pause);
        let begun = Instant::now();
        log = open(&args.file)?;
        pause = (begun.elapsed() * SHARE).clamp(PAUSE, LONGEST);
    }
    following.finish(&log, &mut out)
}

/// Opens a log, which may be that of a recorder that is only about to start.
fn open_soon(path: &Path) -> Result<LogFile, Error> {
    const TRIES: u32 = 10;
    const PAUSE: Duration = Duration::from_millis(100);
    for _ in 0..TRIES {
        match open(path) {
            Err(_) => std::thread::sleep(PAUSE),
            log => return log,
        }
    }
    open(path)
}

fn write(
    args: &Print,
    qualified: Qualified,
    log: &mut LogFile,
    palette: Palette,
    out: &mut impl Write,
) -> Result<Findings, Error> {
    check_around(args, log)?;
    let only = only(args, &qualified, log);
    match args.format {
        _ if args.summary => summary(args, only, log, out),
        Format::Text => {
            print::print(log, &Options { palette, ..options(args, qualified, only) }, out)
        }
        Format::Raw => raw::raw(log, &range(args), out),
    }
}

/// Returns which calls are wanted: those of --only and of strace's options.
fn only(args: &Print, qualified: &Qualified, log: &LogFile) -> Option<Filter> {
    let calls = qualified.calls(&log.log().meta().cwd);
    Filter::all_of(args.only.clone().into_iter().chain(calls).collect())
}

/// Says so if the log has no end because it is being written: then that is no finding.
fn until_now(log: &LogFile, findings: Findings) -> Findings {
    if findings.open_end && log.is_being_written() {
        let events = counted(findings.events, "event");
        say!("{} is being written: {events} so far", log.path().display());
        return Findings { open_end: false, ..findings };
    }
    findings
}

fn summary(
    args: &Print,
    only: Option<Filter>,
    log: &LogFile,
    out: &mut impl Write,
) -> Result<Findings, Error> {
    let order = args.summary_sort.into();
    let options = counts::Options { range: range(args), only, filter: args.filter.clone(), order };
    let bar = Reading::begin([log]);
    let (counts, findings) = counts::count(log, &options)?;
    drop(bar);
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
        palette: Palette::NONE,
        string_limit: args.string_limit,
        fds: qualified.fds,
        verbose: args.no_abbrev > 0,
        everything: args.no_abbrev > 1,
        hex: args.strace.hex_strings(),
        constants: args.strace.constants.into(),
        detail: qualified.detail,
        clock: args.absolute_timestamps.unwrap_or(match args.timestamps {
            0 => Clock::None,
            1 => Clock::Day(Precision::Seconds),
            2 => Clock::Day(Precision::Micros),
            _ => Clock::Unix(Precision::Micros),
        }),
        relative: args.relative_timestamps.or(args.relative.then_some(Precision::Micros)),
        duration: args.syscall_times.or(args.times.then_some(Precision::Micros)),
        ip: args.instruction_pointer,
        number: args.syscall_number,
        // Like strace -o, for programs that read the file.
        task_ids: if args.output.is_some() { TaskIds::Plain } else { TaskIds::WhenSeveral },
        signals: qualified.signals,
        // So does strace's -o leave out lines on the personality.
        quiet: Quiet {
            personality: qualified.quiet.personality || args.output.is_some(),
            ..qualified.quiet
        },
        dump_read: qualified.read,
        dump_write: qualified.write,
        column: args.strace.columns,
        event_numbers: args.event_numbers || args.around.is_some(),
        range: range(args),
        only,
        filter: args.filter.clone(),
        join: args.join,
    }
}

fn range(args: &Print) -> EventRange {
    let Some(event) = args.around else {
        return EventRange { from: args.from, to: args.to };
    };
    let (first, last) = (event.saturating_sub(args.context), event.saturating_add(args.context));
    EventRange { from: Some(Bound::Event(first)), to: Some(Bound::Event(last)) }
}

/// Checks that a log has the event around which is printed. One that has no end may lack it.
fn check_around(args: &Print, log: &LogFile) -> Result<(), Error> {
    match (args.around, log.log().summary()) {
        (Some(number), Some(summary)) if number >= summary.events => {
            let why = format!("{} has only {} events", log.path().display(), summary.events);
            Err(Error::NoSuchEvent { number, why })
        }
        _ => Ok(()),
    }
}

/// Prints a new log to standard error, as strace does: standard output belongs to the program.
///
/// Returns whether the whole log could be read. A failed write to standard error is ignored.
pub(crate) fn to_stderr(path: &Path) -> bool {
    let printed = open(path).and_then(|mut log| {
        let mut out = BufWriter::with_capacity(BUFFER, io::stderr().lock());
        let options = Options { palette: palette_of_stderr(), ..Options::default() };
        let findings = print::print(&mut log, &options, &mut out)?;
        out.flush().map_err(Error::Write)?;
        Ok(findings)
    });
    let cannot_be_written = matches!(printed, Err(Error::Write(_)));
    report(path, printed) == Exit::SUCCESS || cannot_be_written
}

/// Reports missing parts and errors, and returns the exit status.
fn report(path: &Path, written: Result<Findings, Error>) -> Exit {
    if let Ok(findings) = &written {
        crate::views::say_unmatched(path, findings);
    }
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

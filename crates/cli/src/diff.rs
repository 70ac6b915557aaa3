//! `sysreel diff`.

use crate::exit::Exit;
use clap::{ArgAction, ValueEnum};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use sysreel_inspect::diff::{self, Level, Options, Report};
use sysreel_inspect::{Error, open};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::DIFF_HELP)]
pub(crate) struct Args {
    /// The first log
    a: PathBuf,
    /// The second log
    b: PathBuf,
    /// How closely: effects (the set of what was done to the system), sequence (also the calls of each process and thread, in order),
    /// fields (also their arguments and bytes), timing (also how long they take)
    #[arg(long, value_name = "LEVEL", default_value = "effects")]
    level: LevelName,
    /// text, for people; json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// The least severity that is listed and makes the exit status 1: info, note, warn or error
    #[arg(long, value_name = "SEVERITY", default_value = "note")]
    gate: diff::Severity,
    /// Give a directory a name, so that its place does not matter (may be repeated); every run has WS, HOME and TMP
    #[arg(long, value_name = "NAME=DIR", value_parser = root, action = ArgAction::Append)]
    root: Vec<(String, PathBuf)>,
    /// Compare logs of different machines, kernels or C libraries
    #[arg(long)]
    allow_env_drift: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LevelName {
    Effects,
    Sequence,
    Fields,
    Timing,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

fn root(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, dir))
            if dir.starts_with('/') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
        {
            Ok((name.to_owned(), PathBuf::from(dir)))
        }
        _ => Err("NAME=DIR with an absolute directory".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> Exit {
    let report = match compare(args) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("sysreel: {error}");
            return Exit::INCOMPLETE;
        }
    };
    if !report.incomparable.is_empty() && !args.allow_env_drift {
        for why in &report.incomparable {
            eprintln!("sysreel: not comparable: {why}");
        }
        return Exit::NOT_COMPARABLE;
    }
    match write(args, &report) {
        Ok(()) => leave(args, &report),
        Err(error) if error.is_broken_pipe() => leave(args, &report),
        Err(error) => {
            eprintln!("sysreel: {error}");
            Exit::INCOMPLETE
        }
    }
}

fn compare(args: &Args) -> Result<Report, Error> {
    let level = match args.level {
        LevelName::Effects => Level::Effects,
        LevelName::Sequence => Level::Sequence,
        LevelName::Fields => Level::Fields,
        LevelName::Timing => Level::Timing,
    };
    let options = Options { level, roots: args.root.clone() };
    let [mut a, mut b] = diff::read_both(open(&args.a)?, open(&args.b)?, &options)?;
    Ok(diff::compare(&mut a, &mut b, &options))
}

fn write(args: &Args, report: &Report) -> Result<(), Error> {
    if sysreel_sys::startup::was_closed(1) {
        return Err(Error::Write(io::Error::other("standard output is closed")));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        Format::Text => diff::text(report, args.gate, &mut out),
        Format::Json => serde_json::to_writer_pretty(&mut out, report)
            .map_err(io::Error::from)
            .and_then(|()| out.write_all(b"\n")),
    };
    written.and_then(|()| out.flush()).map_err(Error::Write)
}

fn leave(args: &Args, report: &Report) -> Exit {
    for side in report.sides.iter().filter(|side| !side.whole) {
        eprintln!("sysreel: {} is not whole: what it does not hold was not compared", side.log);
    }
    if !report.is_whole() {
        Exit::INCOMPLETE
    } else if report.at_least(args.gate).next().is_some() {
        Exit::DIFFERENT
    } else {
        Exit::SUCCESS
    }
}

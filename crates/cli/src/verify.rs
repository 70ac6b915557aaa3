//! `sysreel verify`: does a program ask the kernel for the same in every run?

use crate::exit::Exit;
use crate::replay::last_events;
use crate::rounds::{Job, Rounds};
use anyhow::Context;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use sysreel_inspect::{LogFile, open};
use sysreel_replay::{Divergence, compare};

/// How the runs are recorded: whatever differs then is the program's own doing, or the world's.
const OPTIONS: [&str; 1] = ["--replayable"];

/// `sysreel verify run.reel`, or `sysreel verify -n 5 -- CMD`.
#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct Args {
    /// Run the command so often, and compare each run with the first
    #[arg(short = 'n', long = "times", value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    times: Option<u32>,
    /// Keep logs and outputs in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// A log made by `record --replayable`, whose command runs once more, where it ran; or with -n a command
    #[arg(trailing_var_arg = true, value_name = "LOG|CMD", required = true)]
    words: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Exit {
    if args.times.is_none() && args.words.len() > 1 {
        eprintln!("sysreel: verify takes one log; to run a command say how often: -n 5 -- CMD");
        return Exit::USAGE;
    }
    let verified = match args.times {
        Some(times) => command(args, times),
        None => log(args),
    };
    match verified {
        Ok(true) => Exit::SUCCESS,
        Ok(false) => Exit::DIFFERENT,
        Err(error) => {
            eprintln!("sysreel: {error:#}");
            Exit::NOT_REPLAYABLE
        }
    }
}

/// The command of a log, once more.
fn log(args: &Args) -> anyhow::Result<bool> {
    let path = PathBuf::from(args.words.first().cloned().unwrap_or_default());
    let first = open(&path)?;
    let meta = first.log().meta();
    let words: Vec<OsString> = meta.argv.iter().map(|word| OsStr::from_bytes(word).to_owned()).collect();
    anyhow::ensure!(!words.is_empty(), "{} has no command that could run again", path.display());
    let job = Job { words, folder: Some(OsStr::from_bytes(&meta.cwd).into()) };
    let rounds = Rounds::new(args.keep.as_deref())?;
    let second = rounds.record_with("again", &job, &OPTIONS)?;
    let same = told(&first, &second, "the new run")?;
    rounds.done();
    if same {
        println!("the new run asks the kernel for the same as {}", path.display());
    }
    Ok(same)
}

/// A command, several times.
fn command(args: &Args, times: u32) -> anyhow::Result<bool> {
    let job = Job { words: args.words.clone(), folder: None };
    let rounds = Rounds::new(args.keep.as_deref())?;
    let first = rounds.record_with("run 1", &job, &OPTIONS)?;
    let mut same = true;
    for round in 2..=times {
        let name = format!("run {round}");
        let next = rounds.record_with(&name, &job, &OPTIONS)?;
        same &= told(&first, &next, &name)?;
    }
    rounds.done();
    if same {
        println!("{times} runs ask the kernel for the same");
    }
    Ok(same)
}

/// Says where two runs part, if they do. Answers whether they do not.
fn told(first: &LogFile, second: &LogFile, name: &str) -> anyhow::Result<bool> {
    let found = compare(first.log(), second.log()).with_context(|| format!("cannot compare {name}"))?;
    let Some(Divergence { event, task, field, recorded, actual, .. }) = found else { return Ok(true) };
    println!(
        "{name} parts at event {event} of the first, task {task}: {field}: {recorded} there, {actual} here"
    );
    for line in last_events(first, event).iter().rev().take(3).rev() {
        println!("  {line}");
    }
    Ok(false)
}

//! `sysreel verify`: does a program do the same again?

mod again;
mod compare;
mod trace;

use crate::diff::LevelName;
use crate::divergence;
use crate::exit::Exit;
use crate::rounds::{Job, Rounds};
use crate::say::{self, Unwritten, say};
use again::{Output, Start};
use compare::Compared;
use serde_json::json;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use sysreel_inspect::diff::format::Format;
use sysreel_inspect::diff::{self, Options, Report, Severity, Verdict};
use sysreel_inspect::{LogFile, open};
use sysreel_replay::Error;
use trace::Trace;

/// How often a command runs that is only named.
const RUNS: u32 = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("verify")))]
pub(crate) struct Args {
    /// The log, made by `record --replayable`: its program runs again, in the same folder with the
    /// same arguments and environment, for real: it does to the system what it does. So it is
    /// shown, and you are asked
    #[arg(required_unless_present = "command", conflicts_with_all = ["command", "runs"])]
    file: Option<PathBuf>,
    /// How often the command runs
    #[arg(short = 'n', long = "runs", value_name = "N", requires = "command",
        value_parser = clap::value_parser!(u32).range(2..))]
    runs: Option<u32>,
    /// How closely what varies between the runs of a command is told: effects, sequence, fields
    #[arg(long, value_name = "LEVEL", default_value = "sequence")]
    level: LevelName,
    /// Keep logs and outputs in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Run the program of the log without asking
    #[arg(long, requires = "file")]
    yes: bool,
    /// Compare although this machine is not like the one of the recording
    #[arg(long)]
    force: bool,
    /// Say what was found as JSON, on standard output; implies --quiet
    #[arg(long)]
    json: bool,
    /// Do not pass on what the program writes. Its output goes to where it went in the recording: a
    /// file, a pipe, or nowhere
    #[arg(short, long)]
    quiet: bool,
    /// The command, with its arguments. It runs in the determinism of `record --replayable`, with
    /// its output in files and no input
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Why nothing could be compared, or not be told.
enum Refused {
    Because(Exit, String),
    Unwritten(Exit),
}

impl From<Unwritten> for Refused {
    fn from(Unwritten(exit): Unwritten) -> Refused {
        Refused::Unwritten(exit)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused::Because(Exit::NOT_REPLAYABLE, format!("{:#}", error.into()))
    }
}

pub(crate) fn run(args: &Args) -> Exit {
    let done = match &args.file {
        Some(file) => log(args, file),
        None => command(args),
    };
    match done {
        Ok(exit) => exit,
        Err(Refused::Unwritten(exit)) => exit,
        Err(Refused::Because(exit, why)) => {
            if args.json
                && let Err(Unwritten(exit)) =
                    say::json_result(&json!({"outcome": "refused", "why": why}))
            {
                return exit;
            }
            say!("{why}");
            exit
        }
    }
}

/// Runs the program of a log again.
fn log(args: &Args, path: &Path) -> Result<Exit, Refused> {
    let file = open(path)?;
    sysreel_replay::check_replayable(file.log(), None, args.force).map_err(|error| {
        let exit = match error {
            Error::OtherMachine(_) => Exit::OTHER_MACHINE,
            _ => Exit::NOT_REPLAYABLE,
        };
        Refused::Because(exit, format!("{}: {error}", path.display()))
    })?;
    is_whole(&file)?;
    let (start, standing_in) = again::start_of(&file)?;
    consent(&start, args.yes)?;
    let outputs = if args.quiet || args.json { standing_in } else { [Output::Inherited; 2] };
    let rounds = Rounds::new(args.keep.as_deref())?;
    let again = again::record(&start, outputs, &rounds.path("again.reel"))?;
    let traces = [Trace::of(&file)?, Trace::of(&again)?];
    let compared = compare::compare([&file, &again], [&traces[0], &traces[1]])?;
    rounds.done();
    let varied = answers(path, &compared.answers);
    if let Some(divergence) = compared.divergence {
        return Ok(divergence::tell(path, &divergence, &varied, args.json));
    }
    let (calls, tasks) = (traces[0].calls, traces[0].tasks.len());
    if args.json {
        let told = json!({"outcome": "identical", "calls": calls, "tasks": tasks,
            "varied": compared.varied});
        say::json_result(&told)?;
    } else {
        say!("ran again: {calls} system calls of {tasks} tasks, all asked as recorded");
        tell_answers(&compared, &varied);
    }
    Ok(Exit::SUCCESS)
}

/// Shows what would run, and asks on a terminal whether it may: a log from somebody else may name
/// any command.
fn consent(start: &Start, yes: bool) -> Result<(), Refused> {
    if yes {
        return Ok(());
    }
    let word = |word: &OsString| {
        let word = word.to_string_lossy();
        shlex::try_quote(&word).map_or_else(|_| word.to_string(), |quoted| quoted.into_owned())
    };
    let command: Vec<String> = start.argv.iter().map(word).collect();
    say!("this log's program runs for real, as you:");
    say!("  command: {}", command.join(" "));
    say!("  in: {}", start.folder.display());
    say!("  environment, {} variables:", start.environment.len());
    start.environment.iter().for_each(|entry| say!("    {}", String::from_utf8_lossy(entry)));
    let refused = |why: &str| Err(Refused::Because(Exit::USAGE, why.to_owned()));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return refused("nothing was run: look at the command above, and give --yes to run it");
    }
    match say::ask("run it? [y/N] ") {
        Ok(answer) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => refused("nothing was run"),
    }
}

/// Runs a command several times.
fn command(args: &Args) -> Result<Exit, Refused> {
    let runs = args.runs.unwrap_or(RUNS);
    let rounds = Rounds::new(args.keep.as_deref())?;
    let job = Job { words: args.command.clone(), folder: None };
    let mut first: Option<(LogFile, Trace)> = None;
    // The first that differs from the first; and how many do.
    let mut other: Option<(u32, Compared)> = None;
    let mut differing = 0;
    let mut varied = 0;
    for run in 1..=runs {
        let file = rounds.record_with(&format!("run {run}"), &job, &["--replayable"])?;
        is_whole(&file)?;
        let trace = Trace::of(&file)?;
        let Some((first, first_trace)) = &first else {
            if !args.quiet && !args.json {
                pass_on(&rounds)?;
            }
            first = Some((file, trace));
            continue;
        };
        let compared = compare::compare([first, &file], [first_trace, &trace])?;
        varied = varied.max(compared.varied);
        if compared.divergence.is_some() {
            differing += 1;
            other.get_or_insert((run, compared));
        }
    }
    let Some((first, trace)) = first else { return Err(anyhow::anyhow!("no run was made").into()) };
    let Some((run, compared)) = other else {
        let (calls, tasks) = (trace.calls, trace.tasks.len());
        if args.json {
            let told = json!({"outcome": "identical", "runs": runs, "calls": calls, "tasks": tasks,
                "varied": varied});
            say::json_result(&told)?;
        } else {
            say!("{runs} runs: {calls} system calls of {tasks} tasks, asked the same each time");
        }
        return Ok(Exit::SUCCESS);
    };
    let report = report(args, [first.path(), &rounds.path(&format!("run {run}.reel"))])?;
    if !args.json {
        say!("{runs} runs: {differing} differ from the first; here is run {run} against run 1");
    }
    if let Some(divergence) = &compared.divergence {
        let answers = answers(first.path(), &compared.answers);
        if args.json {
            let told = json!({
                "outcome": "diverged", "runs": runs, "differing": differing,
                "divergence": divergence,
                "last_events": divergence::last_events(first.path(), divergence.event),
                "answers": answers,
                "differences": report.differences,
            });
            say::json_result(&told)?;
        } else {
            divergence::tell(first.path(), divergence, &answers, false);
        }
    }
    if !args.json {
        let verdict = Verdict::new(report, Severity::Info);
        say::result(|out| Format::Text.write(&verdict, out))?;
    }
    Ok(Exit::DIVERGED)
}

/// What one run does to the system that the other does not.
fn report(args: &Args, [first, other]: [&Path; 2]) -> Result<Report, Refused> {
    let options = Options { level: args.level.into(), ..Options::default() };
    let [mut first, mut other] = diff::read_both(open(first)?, open(other)?, &options)?;
    Ok(diff::compare(&mut first, &mut other, &options))
}

/// What is missing cannot be compared.
fn is_whole(file: &LogFile) -> Result<(), Refused> {
    let findings = file.walk(0, |_| Ok(ControlFlow::Continue(())))?;
    if findings.is_whole() {
        return Ok(());
    }
    Err(anyhow::anyhow!("{}: {findings}", file.path().display()).into())
}

/// What the first run has written.
fn pass_on(rounds: &Rounds) -> Result<(), Refused> {
    let (out, err) =
        (fs::read(rounds.path("run 1.stdout"))?, fs::read(rounds.path("run 1.stderr"))?);
    if !out.is_empty() {
        say::result(|to| to.write_all(&out))?;
    }
    io::stderr().write_all(&err).map_err(|error| say::unwritten(&error))?;
    Ok(())
}

/// The calls that were answered differently, decoded.
fn answers(log: &Path, calls: &[(u64, u64)]) -> Vec<String> {
    let one = |&(entry, exit): &(u64, u64)| {
        // Between the two there may be much of other tasks.
        let from = if exit - entry == 1 { entry } else { exit };
        divergence::decoded(log, from, exit)
    };
    calls.iter().flat_map(one).collect()
}

fn tell_answers(compared: &Compared, answers: &[String]) {
    if compared.varied > 0 {
        say!("{} of them were answered differently, the first:", compared.varied);
        for line in answers {
            say!("  {line}");
        }
    }
}

//! `sysreel verify`: runs a program again and compares its syscalls.

mod again;
mod compare;
mod trace;

use crate::diff::LevelName;
use crate::divergence;
use crate::exit::Exit;
use crate::rounds::{Job, Rounds};
use crate::say::{self, Unwritten, say};
use again::{Output, StartInfo};
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

/// How often a command runs without -n.
const RUNS: u32 = 3;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("verify")))]
pub(crate) struct Args {
    /// Run the program of this log again, made by `record --replayable`
    ///
    /// The program runs for real, in the same directory and with the same arguments and
    /// environment. The command is shown first, and you are asked to confirm.
    #[arg(required_unless_present = "command", conflicts_with_all = ["command", "runs"])]
    file: Option<PathBuf>,
    /// Run the command N times [default: 3]
    #[arg(short = 'n', long = "runs", value_name = "N", requires = "command",
        value_parser = clap::value_parser!(u32).range(2..))]
    runs: Option<u32>,
    /// Choose how closely to compare the runs of a command
    #[arg(long, value_name = "LEVEL", default_value = "sequence")]
    level: LevelName,
    /// Keep the logs and the output of the runs in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Run the program of the log without asking
    #[arg(long, requires = "file")]
    yes: bool,
    /// Compare even if this machine differs from that of the recording
    #[arg(long)]
    force: bool,
    /// Print the result as JSON to standard output; implies --quiet
    #[arg(long)]
    json: bool,
    /// Suppress the program's output
    ///
    /// It is written to the same kind of file as in the recording: a regular file, a pipe or
    /// /dev/null.
    #[arg(short, long)]
    quiet: bool,
    /// The command to run, and its arguments
    ///
    /// It runs as under `record --replayable`, with its output in files and no input.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Why there is no result.
enum Refused {
    Because(Exit, String),
    /// The result could not be written. The message has been printed already.
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
        Some(file) => verify_log(args, file),
        None => verify_command(args),
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

/// Runs the program of a log again and compares.
fn verify_log(args: &Args, path: &Path) -> Result<Exit, Refused> {
    let file = open(path)?;
    sysreel_replay::check_replayable(file.log(), None, args.force).map_err(|error| {
        let exit = match error {
            Error::OtherMachine(_) => Exit::OTHER_MACHINE,
            _ => Exit::NOT_REPLAYABLE,
        };
        Refused::Because(exit, format!("{}: {error}", path.display()))
    })?;
    require_complete(&file)?;
    let (start, recorded_outputs) = again::read_start(&file)?;
    confirm(&start, args.yes)?;
    let outputs = if args.quiet || args.json { recorded_outputs } else { [Output::Inherited; 2] };
    let rounds = Rounds::new(args.keep.as_deref())?;
    let again = again::record(&start, outputs, &rounds.path("again.reel"))?;
    let traces = [Trace::read(&file)?, Trace::read(&again)?];
    let compared = compare::compare([&file, &again], [&traces[0], &traces[1]])?;
    rounds.finish();
    let varied = decode_calls(path, &compared.answers);
    if let Some(divergence) = compared.divergence {
        return Ok(divergence::report(path, &divergence, &varied, args.json));
    }
    let (calls, tasks) = (traces[0].calls, traces[0].tasks.len());
    if args.json {
        say::json_result(&json!({"outcome": "identical", "calls": calls, "tasks": tasks,
            "varied": compared.varied}))?;
    } else {
        say!("ran again: {calls} syscalls of {tasks} tasks, all as recorded");
        report_varied(&compared, &varied);
    }
    Ok(Exit::SUCCESS)
}

/// Shows the command and asks for confirmation on a terminal: a log from another source may name
/// any command.
fn confirm(start: &StartInfo, yes: bool) -> Result<(), Refused> {
    if yes {
        return Ok(());
    }
    let word = |word: &OsString| {
        let word = word.to_string_lossy();
        shlex::try_quote(&word).map_or_else(|_| word.to_string(), |quoted| quoted.into_owned())
    };
    let command: Vec<String> = start.argv.iter().map(word).collect();
    say!("this runs the program of the log for real, as your user:");
    say!("  command: {}", command.join(" "));
    say!("  in: {}", start.folder.display());
    say!("  environment, {} variables:", start.environment.len());
    start.environment.iter().for_each(|entry| say!("    {}", String::from_utf8_lossy(entry)));
    let refused = |why: &str| Err(Refused::Because(Exit::USAGE, why.to_owned()));
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return refused("nothing was run: check the command above, and use --yes to run it");
    }
    match say::ask("run it? [y/N] ") {
        Ok(answer) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => refused("nothing was run"),
    }
}

/// Runs a command several times and compares the runs.
fn verify_command(args: &Args) -> Result<Exit, Refused> {
    let runs = args.runs.unwrap_or(RUNS);
    let rounds = Rounds::new(args.keep.as_deref())?;
    let job = Job { words: args.command.clone(), folder: None };
    let mut first: Option<(LogFile, Trace)> = None;
    // The first run that differs from run 1.
    let mut other: Option<(u32, Compared)> = None;
    let mut differing = 0;
    let mut varied = 0;
    for run in 1..=runs {
        let file = rounds.record_with(&format!("run {run}"), &job, &["--replayable"])?;
        require_complete(&file)?;
        let trace = Trace::read(&file)?;
        let Some((first, first_trace)) = &first else {
            if !args.quiet && !args.json {
                pass_on_output(&rounds)?;
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
            say::json_result(&json!({"outcome": "identical", "runs": runs, "calls": calls,
                "tasks": tasks, "varied": varied}))?;
        } else {
            say!(
                "{runs} runs: {calls} syscalls of {tasks} tasks, with the same arguments each time"
            );
        }
        return Ok(Exit::SUCCESS);
    };
    let report = compare_effects(args, [first.path(), &rounds.path(&format!("run {run}.reel"))])?;
    if !args.json {
        say!("{runs} runs: {differing} differ from run 1; comparing run {run} with run 1:");
    }
    if let Some(divergence) = &compared.divergence {
        let answers = decode_calls(first.path(), &compared.answers);
        if args.json {
            let value = json!({
                "outcome": "diverged", "runs": runs, "differing": differing,
                "divergence": divergence,
                "last_events": divergence::last_events(first.path(), divergence.event),
                "answers": answers,
                "differences": report.differences,
            });
            say::json_result(&value)?;
        } else {
            divergence::report(first.path(), divergence, &answers, false);
        }
    }
    if !args.json {
        let verdict = Verdict::new(report, Severity::Info);
        say::result(|out| Format::Text.write(&verdict, out))?;
    }
    Ok(Exit::DIVERGED)
}

/// Compares two runs as `diff` does.
fn compare_effects(args: &Args, [first, other]: [&Path; 2]) -> Result<Report, Refused> {
    let options = Options { level: args.level.into(), ..Options::default() };
    let [mut first, mut other] = diff::read_both(open(first)?, open(other)?, &options)?;
    Ok(diff::compare(&mut first, &mut other, &options))
}

/// Fails if a part of a log is missing or damaged, because it could not be compared.
fn require_complete(file: &LogFile) -> Result<(), Refused> {
    let findings = file.walk(0, |_| Ok(ControlFlow::Continue(())))?;
    if findings.is_whole() {
        return Ok(());
    }
    Err(anyhow::anyhow!("{}: {findings}", file.path().display()).into())
}

/// Copies the output of the first run to standard output and standard error.
fn pass_on_output(rounds: &Rounds) -> Result<(), Refused> {
    let (out, err) =
        (fs::read(rounds.path("run 1.stdout"))?, fs::read(rounds.path("run 1.stderr"))?);
    if !out.is_empty() {
        say::result(|to| to.write_all(&out))?;
    }
    io::stderr().write_all(&err).map_err(|error| say::unwritten(&error))?;
    Ok(())
}

/// Returns the lines of syscalls given by their entry and exit events.
fn decode_calls(log: &Path, calls: &[(u64, u64)]) -> Vec<String> {
    let one = |&(entry, exit): &(u64, u64)| {
        // Many events of other tasks may lie between entry and exit.
        let from = if exit - entry == 1 { entry } else { exit };
        divergence::decoded(log, from, exit)
    };
    calls.iter().flat_map(one).collect()
}

fn report_varied(compared: &Compared, answers: &[String]) {
    if compared.varied > 0 {
        say!("{} of them had different results; the first ones:", compared.varied);
        for line in answers {
            say!("  {line}");
        }
    }
}

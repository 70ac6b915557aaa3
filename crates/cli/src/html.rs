//! `sysreel report`.

use crate::diff::{Comparison, LevelName, open_sides};
use crate::exit::Exit;
use crate::progress::Reading;
use crate::report::PolicyArgs;
use crate::say::say;
use crate::views::{failed, finished};
use crate::whole::write_whole;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use sysreel_inspect::diff::Severity;
use sysreel_inspect::open;
use sysreel_report::{Options, write_diff, write_log};

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "sysreel report [OPTIONS] LOG -o FILE.html\n       sysreel report --diff \
                      [OPTIONS] A B -o FILE.html",
    after_help = crate::exit::help(Some("report"))
)]
pub(crate) struct Args {
    /// The log to read, or - for standard input; with --diff, the logs of two runs
    ///
    /// A pipe is copied to a temporary file first.
    #[arg(required = true, num_args = 1..=2, value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// Write the page to FILE; - for standard output
    ///
    /// A file appears, or replaces an older one, when it is complete.
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Compare two logs as `sysreel diff` does, and show the calls around each difference
    #[arg(long)]
    diff: bool,
    /// Show passwords and tokens; they are masked as ***1a2b otherwise
    #[arg(long)]
    show_secrets: bool,
    /// Choose how closely to compare
    #[arg(long, value_name = "LEVEL", requires = "diff")]
    level: Option<LevelName>,
    /// Say that differences of this severity or a higher one fail: info, note, warn, error
    #[arg(long, value_name = "SEVERITY", requires = "diff")]
    gate: Option<Severity>,
    /// Compare logs of different machines, kernels or C libraries
    #[arg(long, requires = "diff")]
    allow_env_drift: bool,
    /// Compare runs of which a log does not show all, as with io_uring
    #[arg(long, requires = "diff")]
    allow_incomplete: bool,
    #[command(flatten)]
    policy: PolicyArgs,
}

pub(crate) fn run(args: &Args) -> Exit {
    if let Some(message) = args.wrong() {
        say!("{message}");
        return Exit::USAGE;
    }
    match &args.logs[..] {
        [a, b] => comparison(args, [a, b]),
        logs => logs.first().map_or(Exit::USAGE, |log| page(args, log)),
    }
}

impl Args {
    /// Says what is wrong with the arguments.
    fn wrong(&self) -> Option<&'static str> {
        let is_stdin = |log: &PathBuf| log == Path::new("-");
        match (self.diff, self.logs.len()) {
            (false, 2..) => Some("a page has one log: use --diff to compare two"),
            (true, ..2) => Some("two logs are needed: sysreel report --diff A B -o FILE.html"),
            (false, _) if self.policy.is_given() => Some("--policy and --root are for --diff"),
            _ if self.logs.iter().filter(|log| is_stdin(log)).count() > 1 => {
                Some("standard input can be only one of the logs")
            }
            _ if self.output == Path::new("-") && stdout().is_terminal() => {
                Some("a page is for a browser: use -o FILE.html, or redirect standard output")
            }
            _ => None,
        }
    }

    fn options(&self) -> Options {
        Options { show_secrets: self.show_secrets }
    }
}

/// Writes the page of a log.
fn page(args: &Args, path: &Path) -> Exit {
    let log = match open(path) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    let bar = Reading::begin([&log]);
    let written = write_whole(&args.output, |out| write_log(&log, &args.options(), out));
    drop(bar);
    written.map_or_else(|exit| exit, |findings| finished(path, &log, findings))
}

/// Writes the page of a comparison. Its result is on the page, and the status of `sysreel diff`.
fn comparison(args: &Args, [a, b]: [&Path; 2]) -> Exit {
    let compared =
        args.policy.read().map_err(|error| (Exit::USAGE, error.into())).and_then(|policy| {
            let comparison = Comparison {
                level: args.level.unwrap_or(LevelName::Effects).into(),
                allow_env_drift: args.allow_env_drift,
                allow_incomplete: args.allow_incomplete,
                policy: &policy,
                gate: args.gate,
            };
            let cannot_read = |error| (Exit::FAILURE, error);
            let mut logs =
                open_sides([vec![a], vec![b]]).map_err(|error| cannot_read(error.into()))?;
            let mut verdict = comparison.verdict(&mut logs).map_err(cannot_read)?;
            verdict.read_calls(&logs).map_err(|error| cannot_read(error.into()))?;
            Ok((verdict, logs))
        });
    let (verdict, logs) = match compared {
        Ok(compared) => compared,
        Err((exit, error)) => {
            let error: anyhow::Error = error;
            say!("{error:#}");
            return exit;
        }
    };
    let [Some(first), Some(second)] = [logs[0].first(), logs[1].first()] else {
        return Exit::USAGE;
    };
    let written = write_whole(&args.output, |out| {
        write_diff(&verdict, [first, second], &args.options(), out)
    });
    if let Err(exit) = written {
        return exit;
    }
    let exits = [first, second].into_iter().zip(&verdict.report.sides);
    let exits = exits.map(|(log, side)| finished(log.path(), log, side.findings.clone()));
    exits.max_by_key(|exit| *exit != Exit::SUCCESS).unwrap_or(Exit::SUCCESS)
}

//! `sysreel diff`.

use crate::exit::Exit;
use crate::progress::Reading;
use crate::report::{ReportArgs, judge};
use crate::say::{self, Unwritten, say};
use crate::terminal::PagerArgs;
use anyhow::{Context, bail};
use clap::ValueEnum;
use std::io::Write;
use std::path::{Path, PathBuf};
use sysreel_inspect::diff::policy::Policy;
use sysreel_inspect::diff::{self, Level, Options, Severity, Verdict, explain};
use sysreel_inspect::{Error, LogFile, open};

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "sysreel diff [OPTIONS] A B\n       sysreel diff [OPTIONS] A1 A2... -- B1 \
                      B2...\n       sysreel diff --explain [RULE]",
    after_help = crate::exit::help(Some("diff"))
)]
pub(crate) struct Args {
    /// The logs of the first and the second run, or all logs of the first side
    ///
    /// With several logs of a side, what differs among them is unstable and no difference. -
    /// is standard input, which is copied to a temporary file first.
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// The logs of the second side
    #[arg(last = true, value_name = "LOG")]
    second: Vec<PathBuf>,
    /// Choose how closely to compare
    #[arg(long, value_name = "LEVEL", default_value = "effects")]
    level: LevelName,
    /// Compare logs of different machines, kernels or C libraries
    #[arg(long)]
    allow_env_drift: bool,
    /// Explain a rule and how to silence it, or list all rules, and compare nothing
    #[arg(long, value_name = "RULE", num_args = 0..=1, default_missing_value = "",
        conflicts_with_all = ["logs", "second"])]
    explain: Option<String>,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    pager: PagerArgs,
}

/// The values of --level.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LevelName {
    /// What was done to the system, as a set
    Effects,
    /// Also the syscalls of each thread, in order
    Sequence,
    /// Also the arguments and data of the syscalls
    Fields,
    /// Also the durations of the syscalls
    Timing,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Effects => Self::Effects,
            LevelName::Sequence => Self::Sequence,
            LevelName::Fields => Self::Fields,
            LevelName::Timing => Self::Timing,
        }
    }
}

pub(crate) fn run(args: &Args) -> Exit {
    if let Some(rule) = &args.explain {
        return explain(rule, &args.pager);
    }
    let verdict = match args.sides().and_then(|sides| Ok((sides, args.report.policy.read()?))) {
        Ok((sides, policy)) => compare(args, sides, &policy).map_err(|e| (Exit::INCOMPLETE, e)),
        Err(error) => Err((Exit::USAGE, error)),
    };
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err((exit, error)) => {
            say!("{error:#}");
            return exit;
        }
    };
    if !verdict.report.incomparable.is_empty() {
        return args.report.not_comparable(&verdict);
    }
    args.report.conclude_paged(&verdict, &args.pager)
}

impl Args {
    /// Returns the logs of each side.
    fn sides(&self) -> anyhow::Result<[Vec<&Path>; 2]> {
        let all = || self.logs.iter().chain(&self.second).map(PathBuf::as_path);
        if all().filter(|log| *log == Path::new("-")).count() > 1 {
            bail!("standard input can be only one of the logs");
        }
        match (&self.logs[..], &self.second[..]) {
            ([a, b], []) | ([], [a, b]) => Ok([vec![a], vec![b]]),
            ([_, ..], [_, ..]) => {
                Ok([&self.logs, &self.second]
                    .map(|side| side.iter().map(PathBuf::as_path).collect()))
            }
            ([] | [_], []) => bail!("two logs are needed: sysreel diff A B"),
            _ => bail!(
                "which logs belong to which side? put -- between the sides: sysreel diff A1 A2 -- \
                 B1"
            ),
        }
    }
}

fn compare(args: &Args, sides: [Vec<&Path>; 2], policy: &Policy) -> anyhow::Result<Verdict> {
    let comparison = Comparison {
        level: args.level.into(),
        allow_env_drift: args.allow_env_drift,
        allow_incomplete: args.report.allow_incomplete,
        policy,
        gate: args.report.gate(),
    };
    let mut logs = open_sides(sides)?;
    let mut verdict = comparison.verdict(&mut logs)?;
    verdict.read_calls(&logs)?;
    Ok(verdict)
}

/// Opens the logs of both sides.
pub(crate) fn open_sides(sides: [Vec<&Path>; 2]) -> Result<[Vec<LogFile>; 2], Error> {
    let open_all = |paths: Vec<&Path>| paths.into_iter().map(open).collect::<Result<Vec<_>, _>>();
    let [first, second] = sides;
    Ok([open_all(first)?, open_all(second)?])
}

/// How two sides are compared and judged.
pub(crate) struct Comparison<'p> {
    pub(crate) level: Level,
    pub(crate) allow_env_drift: bool,
    pub(crate) allow_incomplete: bool,
    pub(crate) policy: &'p Policy,
    pub(crate) gate: Option<Severity>,
}

impl Comparison<'_> {
    /// Compares the logs of two sides.
    pub(crate) fn verdict(&self, logs: &mut [Vec<LogFile>; 2]) -> anyhow::Result<Verdict> {
        let options = Options {
            level: self.level,
            roots: self.policy.roots.clone(),
            filters: self.policy.filters(),
            allow_env_drift: self.allow_env_drift,
            allow_incomplete: self.allow_incomplete,
            ..Options::default()
        };
        let reading = Options { level: options.level.max(self.policy.level()), ..options.clone() };
        let bar = Reading::begin(logs.iter().flatten());
        let runs = diff::read_sides(logs, &reading)?;
        drop(bar);
        let mut verdict = diff::compare_sides(runs, &options, &mut |report, run| {
            judge(self.policy, report, run, (self.gate, Severity::Note))
        })
        .context("no run was read")?;
        let sides = verdict.report.sides.iter_mut().zip(&*logs);
        for (side, logs) in sides.filter(|(_, logs)| logs.len() > 1) {
            side.logs = logs.iter().map(|log| log.path().display().to_string()).collect();
        }
        Ok(verdict)
    }
}

/// Prints what a rule means, or all rules if there is no such rule.
fn explain(name: &str, pager: &PagerArgs) -> Exit {
    let text = match name {
        "" => explain::list(),
        name => match name.parse() {
            Ok(rule) => explain::explain(rule),
            Err(error) => {
                say!("{error}");
                return Exit::USAGE;
            }
        },
    };
    match say::paged(pager, |out| out.write_all(text.as_bytes())) {
        Ok(()) => Exit::SUCCESS,
        Err(Unwritten(exit)) => exit,
    }
}

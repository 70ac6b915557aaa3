//! `sysreel diff`.

use crate::exit::Exit;
use crate::report::ReportArgs;
use crate::say::say;
use clap::ValueEnum;
use std::path::PathBuf;
use sysreel_inspect::diff::policy::Policy;
use sysreel_inspect::diff::{self, Around, Level, Options, Severity, Verdict};
use sysreel_inspect::{Error, open};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("diff")))]
pub(crate) struct Args {
    /// The log of the first run, or - for standard input
    ///
    /// A pipe is copied to a temporary file first.
    a: PathBuf,
    /// The log of the second run
    b: PathBuf,
    /// Choose how closely to compare
    #[arg(long, value_name = "LEVEL", default_value = "effects")]
    level: LevelName,
    /// Compare logs of different machines, kernels or C libraries
    #[arg(long)]
    allow_env_drift: bool,
    /// Compare logs that do not show all that the programs did, as with io_uring
    #[arg(long)]
    allow_incomplete: bool,
    #[command(flatten)]
    report: ReportArgs,
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
    let verdict = match args.report.policy.read() {
        Ok(policy) => compare(args, &policy).map_err(|error| (Exit::INCOMPLETE, error)),
        Err(error) => Err((Exit::USAGE, error)),
    };
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err((exit, error)) => {
            say!("{error}");
            return exit;
        }
    };
    if !verdict.report.incomparable.is_empty() {
        return args.report.not_comparable(&verdict);
    }
    args.report.conclude(&verdict)
}

fn compare(args: &Args, policy: &Policy) -> Result<Verdict, Error> {
    let (level, allow_env_drift) = (args.level.into(), args.allow_env_drift);
    let options = Options {
        level,
        roots: policy.roots.clone(),
        allow_env_drift,
        allow_incomplete: args.allow_incomplete,
        ..Options::default()
    };
    let reading = Options { level: options.level.max(policy.level()), ..options.clone() };
    let [mut a, mut b] = diff::read_both(open(&args.a)?, open(&args.b)?, &reading)?;
    let report = diff::compare(&mut a, &mut b, &options);
    let mut verdict = args.report.judge(policy, report, &b, Severity::Note);
    if let Some(first) = verdict.report.at_least(verdict.listed).next() {
        verdict.first = Some(Around::read(first, [&open(&args.a)?, &open(&args.b)?])?);
    }
    Ok(verdict)
}

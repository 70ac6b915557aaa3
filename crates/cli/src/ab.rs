//! `sysreel ab`: records two commands, or one command in two directories, alternately and compares
//! the runs.

use crate::diff::LevelName;
use crate::exit::Exit;
use crate::report::{ReportArgs, parse_root};
use crate::rounds::{Job, Rounds};
use crate::say::say;
use anyhow::{Context, bail};
use clap::ArgAction;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use sysreel_inspect::diff::policy::Policy;
use sysreel_inspect::diff::{self, Options, Report, Rule, Severity, Verdict};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("ab")))]
pub(crate) struct Args {
    /// Run each side N times
    #[arg(short = 'n', long, value_name = "N", default_value = "3")]
    runs: NonZeroUsize,
    /// Run CMD on the first side
    ///
    /// CMD is split into words like in a shell, but is not run by a shell. If the program is given
    /// with a path, its directory is printed as $PROGRAM on both sides.
    #[arg(short, value_name = "CMD", requires = "b", conflicts_with = "command")]
    a: Option<String>,
    /// Run CMD on the second side
    #[arg(short, value_name = "CMD", requires = "a")]
    b: Option<String>,
    /// Run the first side in DIR, which becomes its $WS
    #[arg(long, value_name = "DIR")]
    dir_a: Option<PathBuf>,
    /// Run the second side in DIR
    #[arg(long, value_name = "DIR")]
    dir_b: Option<PathBuf>,
    /// Define a root as --root does, on the first side only (may be repeated)
    #[arg(long, value_name = "NAME=DIR", value_parser = parse_root, action = ArgAction::Append)]
    root_a: Vec<(String, PathBuf)>,
    /// Define a root on the second side only (may be repeated)
    #[arg(long, value_name = "NAME=DIR", value_parser = parse_root, action = ArgAction::Append)]
    root_b: Vec<(String, PathBuf)>,
    /// Choose how closely to compare
    #[arg(long, value_name = "LEVEL", default_value = "effects")]
    level: LevelName,
    /// Keep the logs and the output of the commands in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    report: ReportArgs,
    /// Run CMD on both sides, in different directories
    #[arg(trailing_var_arg = true, value_name = "CMD",
        value_hint = clap::ValueHint::CommandWithArguments, required_unless_present = "a")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Exit {
    let (policy, sides) =
        match args.report.policy.read().map_err(anyhow::Error::from).and_then(|policy| {
            let sides = args.sides(&policy)?;
            Ok((policy, sides))
        }) {
            Ok(ready) => ready,
            Err(error) => {
                say!("{error:#}");
                return Exit::USAGE;
            }
        };
    match compare(args, &policy, &sides) {
        Ok(verdict) if !verdict.report.incomparable.is_empty() => {
            args.report.not_comparable(&verdict)
        }
        Ok(verdict) => args.report.conclude(&verdict),
        Err(error) => {
            say!("{error:#}");
            Exit::INCOMPLETE
        }
    }
}

struct Side {
    job: Job,
    label: String,
    options: Options,
}

impl Args {
    fn sides(&self, policy: &Policy) -> anyhow::Result<[Side; 2]> {
        let side = |text: &Option<String>,
                    folder: &Option<PathBuf>,
                    roots: &[(String, PathBuf)]| {
            let words: Vec<OsString> = match text {
                None => self.command.clone(),
                Some(text) => {
                    let words = shlex::split(text).filter(|words| !words.is_empty());
                    let words = words.with_context(|| format!("`{text}` is not a command"))?;
                    words.into_iter().map(OsString::from).collect()
                }
            };
            let mut label =
                words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
            if let Some(folder) = folder {
                if !folder.is_dir() {
                    bail!("{} is not a directory", folder.display());
                }
                label += &format!(" in {}", folder.display());
            }
            let program = program_folder(&words, folder.as_deref())
                .filter(|_| text.is_some())
                .map(|folder| ("PROGRAM".to_owned(), folder));
            let job = Job { words, folder: folder.clone() };
            let roots =
                roots.iter().cloned().chain(program).chain(policy.roots.iter().cloned()).collect();
            let options = Options {
                level: self.level.into(),
                roots,
                allow_incomplete: self.report.allow_incomplete,
                ..Options::default()
            };
            Ok(Side { job, label, options })
        };
        let sides =
            [side(&self.a, &self.dir_a, &self.root_a)?, side(&self.b, &self.dir_b, &self.root_b)?];
        if self.a.is_none() && self.dir_a == self.dir_b {
            bail!(
                "both sides are the same; use two commands (-a, -b) or two directories (--dir-a, \
                 --dir-b)"
            );
        }
        Ok(sides)
    }
}

/// Returns the directory of a program given with its path, so that two builds of one program in
/// different directories get the same canonical name.
fn program_folder(words: &[OsString], folder: Option<&Path>) -> Option<PathBuf> {
    let program = Path::new(words.first()?);
    let place = program.parent().filter(|place| !place.as_os_str().is_empty())?;
    std::path::absolute(folder.unwrap_or(Path::new(".")).join(place)).ok()
}

fn compare(args: &Args, policy: &Policy, sides: &[Side; 2]) -> anyhow::Result<Verdict> {
    let rounds = Rounds::new(args.keep.as_deref())?;
    // The sides alternate, so that changes of the machine over time affect both.
    let (mut logs, mut runs) = <([Vec<_>; 2], [Vec<_>; 2])>::default();
    for round in 1..=args.runs.get() {
        for (at, name) in ["a", "b"].into_iter().enumerate() {
            let side = &sides[at];
            let log = rounds.record(&format!("{name}-{round}"), &side.job)?;
            let level = side.options.level.max(policy.level());
            let options = Options { filters: policy.filters(), ..side.options.clone() };
            runs[at].push(diff::read(&log, level, &options)?);
            logs[at].push(log);
        }
    }
    let mut verdict = diff::compare_sides(runs, &sides[1].options, &mut |mut report, run| {
        label_sides(&mut report, sides);
        args.report.judge(policy, report, run, Severity::Error)
    })
    .context("no run was made")?;
    verdict.read_calls(&logs)?;
    rounds.finish();
    Ok(verdict)
}

/// Labels the sides with their commands, and drops the differences that only say that the commands
/// differ.
fn label_sides(report: &mut Report, sides: &[Side; 2]) {
    for (side, labelled) in report.sides.iter_mut().zip(sides) {
        side.log.clone_from(&labelled.label);
    }
    if sides[0].job.words != sides[1].job.words {
        report.retain(|difference| {
            let argv = difference.rule == Rule::ExecArgv && !difference.process.contains('>');
            // The recorder executed the first program, so its execve has no role.
            let first =
                difference.role == "-" && matches!(difference.rule, Rule::ExecNew | Rule::ExecGone);
            !(argv || first)
        });
    }
}

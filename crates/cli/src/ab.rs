//! `sysreel ab`: two commands, or one in two folders, turn by turn in one place.

use crate::diff::LevelName;
use crate::exit::Exit;
use crate::judging::{Judging, root};
use crate::rounds::{Job, Rounds};
use crate::say::say;
use anyhow::{Context, bail};
use clap::ArgAction;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use sysreel_inspect::diff::policy::Policy;
use sysreel_inspect::diff::{self, Around, Options, Report, Rule, Severity, Verdict, agree};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("diff")))]
pub(crate) struct Args {
    /// How often each side runs
    #[arg(short = 'n', long, value_name = "N", default_value = "3")]
    runs: NonZeroUsize,
    /// The command of the first side, split into words as a shell does; no shell runs it. The
    /// folder of a program that is given with its path is called $PROGRAM on both sides
    #[arg(short, value_name = "CMD", requires = "b", conflicts_with = "command")]
    a: Option<String>,
    /// The command of the second side
    #[arg(short, value_name = "CMD", requires = "a")]
    b: Option<String>,
    /// The working directory of the first side, which is its $WS
    #[arg(long, value_name = "DIR")]
    dir_a: Option<PathBuf>,
    /// The working directory of the second side
    #[arg(long, value_name = "DIR")]
    dir_b: Option<PathBuf>,
    /// Give a directory a name on the first side only, where the second side has another one of
    /// that name (may be repeated)
    #[arg(long, value_name = "NAME=DIR", value_parser = root, action = ArgAction::Append)]
    root_a: Vec<(String, PathBuf)>,
    /// Give a directory a name on the second side only
    #[arg(long, value_name = "NAME=DIR", value_parser = root, action = ArgAction::Append)]
    root_b: Vec<(String, PathBuf)>,
    /// How closely: effects, sequence, fields or timing
    #[arg(long, value_name = "LEVEL", default_value = "effects")]
    level: LevelName,
    /// Keep the logs, and what the commands print, in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    judging: Judging,
    /// One command for both sides, which differ by their directories
    #[arg(trailing_var_arg = true, value_name = "CMD", required_unless_present = "a")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Exit {
    let (policy, sides) =
        match args.judging.policy.read().map_err(anyhow::Error::from).and_then(|policy| {
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
        Ok(verdict) => args.judging.conclude(&verdict),
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
        let side =
            |text: &Option<String>, folder: &Option<PathBuf>, roots: &[(String, PathBuf)]| {
                let words: Vec<OsString> = match text {
                    None => self.command.clone(),
                    Some(text) => {
                        let words = shlex::split(text).filter(|words| !words.is_empty());
                        let words = words.with_context(|| format!("`{text}` is no command"))?;
                        words.into_iter().map(OsString::from).collect()
                    }
                };
                let shown: Vec<_> =
                    words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
                let mut label = shown.join(" ");
                if let Some(folder) = folder {
                    if !folder.is_dir() {
                        bail!("{} is no directory", folder.display());
                    }
                    label += &format!(" in {}", folder.display());
                }
                let own = program_folder(&words, folder.as_deref()).filter(|_| text.is_some());
                let own = own.map(|folder| ("PROGRAM".to_owned(), folder));
                let job = Job { words, folder: folder.clone() };
                let roots =
                    roots.iter().cloned().chain(own).chain(policy.roots.iter().cloned()).collect();
                let options = Options { level: self.level.into(), roots, ..Options::default() };
                Ok(Side { job, label, options })
            };
        let sides =
            [side(&self.a, &self.dir_a, &self.root_a)?, side(&self.b, &self.dir_b, &self.root_b)?];
        if self.a.is_none() && self.dir_a == self.dir_b {
            bail!(
                "both sides are the same: give two commands (-a, -b) or two directories (--dir-a, \
                 --dir-b)"
            );
        }
        Ok(sides)
    }
}

/// Where the program lies, if its path says so: two builds of one program have different places and
/// one name.
fn program_folder(words: &[OsString], folder: Option<&Path>) -> Option<PathBuf> {
    let program = Path::new(words.first()?);
    let place = program.parent().filter(|place| !place.as_os_str().is_empty())?;
    std::path::absolute(folder.unwrap_or(Path::new(".")).join(place)).ok()
}

fn compare(args: &Args, policy: &Policy, sides: &[Side; 2]) -> anyhow::Result<Verdict> {
    let rounds = Rounds::new(args.keep.as_deref())?;
    let (mut verdicts, mut first) = (Vec::new(), None);
    // A pair after the other: whatever drifts on the machine drifts for both sides. What is new in
    // every pair is in all runs of one side and in none of the other.
    for round in 1..=args.runs.get() {
        let run = |name: &str, side: &Side| {
            let log = rounds.record(&format!("{name}-{round}"), &side.job)?;
            let run =
                diff::read(&log, side.options.level.max(policy.level()), &side.options.roots)?;
            anyhow::Ok((log, run))
        };
        let ((log_a, mut a), (log_b, mut b)) = (run("a", &sides[0])?, run("b", &sides[1])?);
        let mut report = diff::compare(&mut a, &mut b, &sides[1].options);
        name(&mut report, sides);
        verdicts.push(args.judging.judge(policy, report, &b, Severity::Error));
        first.get_or_insert([log_a, log_b]);
    }
    let mut verdict = agree(verdicts).context("nothing was run")?;
    // Of the logs the first pair is the one that the verdict speaks of.
    if let (Some(difference), Some([a, b])) =
        (verdict.report.at_least(verdict.listed).next(), &first)
    {
        verdict.first = Some(Around::read(difference, [a, b])?);
    }
    rounds.done();
    Ok(verdict)
}

/// The sides by their commands. That these differ is no news.
fn name(report: &mut Report, sides: &[Side; 2]) {
    for (side, given) in report.sides.iter_mut().zip(sides) {
        side.log.clone_from(&given.label);
    }
    if sides[0].job.words != sides[1].job.words {
        report.retain(|difference| {
            let argv = difference.rule == Rule::ExecArgv && !difference.process.contains('>');
            // Nobody in the run has executed the first program.
            let first =
                difference.role == "-" && matches!(difference.rule, Rule::ExecNew | Rule::ExecGone);
            !(argv || first)
        });
    }
}

//! `sysreel baseline`: what a command does to the system, as a text for git.

use crate::exit::Exit;
use crate::judging::{Judging, PolicyArgs, today};
use crate::rounds::{Job, Rounds, replace};
use crate::say::{self, Unwritten, say};
use anyhow::Context;
use clap::Subcommand;
use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use sysreel_inspect::diff::baseline::{Baseline, Key, Learned, Variant};
use sysreel_inspect::diff::policy::Policy;
use sysreel_inspect::diff::{Level, Options, Run, Severity, Verdict, agree, read as read_run};
use sysreel_inspect::visible::visible;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(None))]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a command some times and write down what it does to the system
    #[command(after_help = crate::exit::help(Some("baseline")))]
    Record(Record),
    /// Run the command and compare; what is new is run again before it fails, and written beside
    /// the baseline for review
    #[command(after_help = crate::exit::help(Some("diff")))]
    Check(Check),
    /// Show what the pending baseline (FILE.new) changes
    #[command(after_help = crate::exit::help(Some("baseline")))]
    Review(Reviewed),
    /// Make the pending baseline the baseline
    #[command(after_help = crate::exit::help(Some("baseline")))]
    Accept(Reviewed),
}

#[derive(Debug, clap::Args)]
struct Reviewed {
    /// The baseline
    #[arg(short, long, value_name = "FILE", default_value = "sysreel.baseline")]
    file: PathBuf,
    /// Behave as in CI, where nothing is written; so does a CI variable in the environment
    #[arg(long)]
    ci: bool,
}

#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    reviewed: Reviewed,
    /// What the system is called: part of the surroundings that a baseline is bound to [default:
    /// $SYSREEL_IMAGE, else from /etc/os-release]
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// Keep the logs, and what the command prints, in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Record {
    #[command(flatten)]
    place: Place,
    /// How often the command runs: what varies is learned as noise, with its evidence
    #[arg(short = 'n', long, value_name = "N", default_value = "5")]
    runs: NonZeroUsize,
    /// Runs before these, of which nothing is learned: the first one often finds no build folder,
    /// the others one
    #[arg(long, value_name = "N", default_value_t = 0)]
    warmup: usize,
    #[command(flatten)]
    policy: PolicyArgs,
    /// The command, with its arguments [default: the baseline's]
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
struct Check {
    #[command(flatten)]
    place: Place,
    /// How often a run that fails is repeated: only what comes back each time fails
    #[arg(long, value_name = "N", default_value_t = 2)]
    confirm: usize,
    /// Compare with a baseline of other surroundings where there is none for these
    #[arg(long)]
    allow_env_drift: bool,
    #[command(flatten)]
    judging: Judging,
    /// The command, with its arguments [default: the baseline's]
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Why a command of the baseline did not come to its end.
enum Failure {
    Usage(anyhow::Error),
    Recording(anyhow::Error),
    NotComparable(anyhow::Error),
    /// The result could not be written, which is told already.
    Unwritten(Exit),
}

/// For `?`: what fails without further words is the recording.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Recording(error.into())
    }
}

pub(crate) fn run(args: &Args) -> Exit {
    let done = match &args.action {
        Action::Record(args) => record(args).map(|()| Exit::SUCCESS),
        Action::Check(args) => check(args),
        Action::Review(args) => review(args).map(|()| Exit::SUCCESS),
        Action::Accept(args) => accept(args).map(|()| Exit::SUCCESS),
    };
    let (exit, error) = match done {
        Ok(exit) => return exit,
        Err(Failure::Usage(error)) => (Exit::USAGE, error),
        Err(Failure::Recording(error)) => (Exit::INCOMPLETE, error),
        Err(Failure::NotComparable(error)) => (Exit::NOT_COMPARABLE, error),
        Err(Failure::Unwritten(exit)) => return exit,
    };
    say!("{error:#}");
    exit
}

impl Reviewed {
    /// The baseline that waits for a review.
    fn pending(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".new");
        name.into()
    }

    /// Whether nothing may be written: CI judges, people decide.
    fn is_ci(&self) -> bool {
        self.ci
            || std::env::var_os("CI")
                .is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
    }

    fn must_not_be_ci(&self, what: &str) -> Result<(), Failure> {
        match self.is_ci() {
            true => Err(Failure::Usage(anyhow::anyhow!(
                "CI never writes a baseline: {what} where people can review it (unset CI to do it \
                 here)"
            ))),
            false => Ok(()),
        }
    }
}

impl Place {
    fn image(&self) -> String {
        let named = self
            .image
            .clone()
            .or_else(|| std::env::var("SYSREEL_IMAGE").ok())
            .filter(|name| !name.is_empty());
        named.unwrap_or_else(|| {
            let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
            let value = |key: &str| {
                let line =
                    release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
                line.map(|value| value.trim_matches('"')).filter(|value| !value.is_empty())
            };
            // os-release(5): rolling systems have no version.
            [value("ID"), value("VERSION_ID")].into_iter().flatten().collect::<Vec<_>>().join("-")
        })
    }
}

/// The words of the command, as they stand in the baseline.
fn words(given: &[OsString], known: Option<&Baseline>) -> anyhow::Result<Vec<String>> {
    if given.is_empty() {
        let known =
            known.map(|baseline| baseline.command.clone()).filter(|command| !command.is_empty());
        return known.context("there is no command: give one behind --");
    }
    let word = |word: &OsString| word.to_str().map(str::to_owned);
    let words: Option<_> = given.iter().map(word).collect();
    words
        .context("the command is not UTF-8, so it cannot stand in a baseline: put it into a script")
}

fn job(words: &[String]) -> Job {
    Job { words: words.iter().map(OsString::from).collect(), folder: None }
}

fn read(file: &Path) -> Result<Option<Baseline>, Failure> {
    match file.exists() {
        false => Ok(None),
        true => Baseline::read(file).map(Some).map_err(|error| Failure::Usage(error.into())),
    }
}

fn record(args: &Record) -> Result<(), Failure> {
    let reviewed = &args.place.reviewed;
    reviewed.must_not_be_ci("record it")?;
    let policy = args.policy.read().map_err(|error| Failure::Usage(error.into()))?;
    let known = read(&reviewed.file)?;
    let words = words(&args.command, known.as_ref()).map_err(Failure::Usage)?;
    let job = job(&words);
    let rounds = Rounds::new(args.place.keep.as_deref())?;
    for round in 1..=args.warmup {
        rounds.record(&format!("warmup-{round}"), &job)?;
    }
    let mut runs = Vec::new();
    for round in 1..=args.runs.get() {
        let log = rounds.record(&format!("run-{round}"), &job)?;
        let run = read_run(&log, Level::Effects, &policy.roots)?;
        if !run.is_whole() {
            return Err(anyhow::anyhow!(
                "the log of run {round} is not whole: it cannot be a baseline"
            )
            .into());
        }
        runs.push(run);
    }
    rounds.done();
    let variant = Variant::learn(&runs, &args.place.image(), &policy, today());
    tell(&variant.learned);
    let mut baseline = known.clone().unwrap_or_default();
    baseline.command = words;
    baseline.replace(variant, policy.key());
    let Some(known) = known else {
        replace(&reviewed.file, &baseline.to_string())?;
        say!("wrote {}", reviewed.file.display());
        return Ok(());
    };
    if known.changes(&baseline).is_empty() {
        say!("{} says the same already", reviewed.file.display());
        return Ok(());
    }
    replace(&reviewed.pending(), &baseline.to_string())?;
    say!("{} differs: `sysreel baseline review`, then `accept`", reviewed.pending().display());
    Ok(())
}

/// What was learned, and what cannot be.
fn tell(learned: &Learned) {
    let Learned { runs, always, sometimes, templates, firm } = learned;
    say!(
        "{runs} runs: {} effects in all of them, {} in some, {} made-up names",
        always.len(),
        sometimes.len(),
        templates.len()
    );
    if *runs == 1 {
        say!("one run teaches nothing about noise: -n 2 or more does");
    }
    if !firm.is_empty() {
        say!(
            "these vary and are never learned away; an [[ignore]] of the policy can say why they \
             may:"
        );
        for (effect, evidence) in firm {
            say!("  ! {evidence} {effect}");
        }
    }
}

fn check(args: &Check) -> Result<Exit, Failure> {
    let reviewed = &args.place.reviewed;
    let policy = args.judging.policy.read().map_err(|error| Failure::Usage(error.into()))?;
    let file = &reviewed.file;
    let baseline = read(file)?.ok_or_else(|| {
        Failure::NotComparable(anyhow::anyhow!(
            "there is no {}: make one with `sysreel baseline record -- CMD`, review and commit it",
            file.display()
        ))
    })?;
    let words = words(&args.command, Some(&baseline)).map_err(Failure::Usage)?;
    let job = job(&words);
    let options =
        Options { level: policy.level(), roots: policy.roots.clone(), ..Options::default() };
    let rounds = Rounds::new(args.place.keep.as_deref())?;
    let mut checking =
        Checking { args, policy: &policy, baseline: &baseline, options, accepted: None };
    let mut verdicts = vec![checking.round(&rounds.record("check-1", &job)?)?];
    if !verdicts.iter().all(Verdict::passes) {
        for again in 0..args.confirm {
            let log = rounds.record(&format!("check-{}", again + 2), &job)?;
            verdicts.push(checking.round(&log)?);
        }
    }
    rounds.done();
    let verdict = agree(verdicts).context("nothing was run")?;
    let exit = args.judging.conclude(&verdict);
    if !reviewed.is_ci() && verdict.report.is_whole() {
        checking.pend(&verdict)?;
    }
    Ok(exit)
}

struct Checking<'a> {
    args: &'a Check,
    policy: &'a Policy,
    baseline: &'a Baseline,
    options: Options,
    /// The variant that was compared, and the first run.
    accepted: Option<(Variant, Run)>,
}

impl Checking<'_> {
    fn variant(&self, run: &Run) -> Result<&Variant, Failure> {
        let key = Key { environment: run.environment.clone(), image: self.args.place.image() };
        if let Some(variant) = self.baseline.variant(&key, self.policy.key()) {
            return Ok(variant);
        }
        if self.args.allow_env_drift
            && let Some(variant) = self.baseline.variants.first()
        {
            return Ok(variant);
        }
        let known: Vec<String> =
            self.baseline.variants.iter().map(|variant| variant.key.to_string()).collect();
        Err(Failure::NotComparable(anyhow::anyhow!(
            "not comparable: this is {key}, and {} is of {}; record a variant for it (`sysreel \
             baseline record`), let the policy bind the baseline to less ([environment] key), or \
             compare nevertheless with --allow-env-drift",
            self.args.place.reviewed.file.display(),
            if known.is_empty() { "nothing".to_owned() } else { known.join("; ") }
        )))
    }

    fn round(&mut self, log: &sysreel_inspect::LogFile) -> Result<Verdict, Failure> {
        let run = read_run(log, Level::Effects, &self.options.roots)?;
        let variant = self.variant(&run)?.clone();
        let compared = variant.compare(&self.args.place.reviewed.file, log, &self.options)?;
        let mut report = compared.report;
        report.sides[1].log = "this run".to_owned();
        if !report.incomparable.is_empty() {
            let why = report.incomparable.join("; ");
            return Err(Failure::NotComparable(anyhow::anyhow!("not comparable: {why}")));
        }
        let mut verdict =
            self.args.judging.judge(self.policy, report, &compared.run, Severity::Error);
        verdict.noise = compared.noise;
        self.accepted.get_or_insert((variant, compared.run));
        Ok(verdict)
    }

    /// Leaves the baseline as it would be, for a review; takes away what nobody needs to review any
    /// more.
    fn pend(&self, verdict: &Verdict) -> anyhow::Result<()> {
        let Some((variant, run)) = &self.accepted else { return Ok(()) };
        let mut baseline = self.baseline.clone();
        let new = variant.accepting(&verdict.report, run);
        if let Some(known) = baseline.variants.iter_mut().find(|known| known.key == variant.key) {
            *known = new;
        }
        let pending = self.args.place.reviewed.pending();
        if self.baseline.changes(&baseline).is_empty() {
            return match std::fs::remove_file(&pending) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(error).with_context(|| format!("cannot remove {}", pending.display()))
                }
                _ => Ok(()),
            };
        }
        replace(&pending, &baseline.to_string())?;
        say!("wrote {}: `sysreel baseline review`, then `accept`", pending.display());
        Ok(())
    }
}

/// The baseline, if there is one, and the one that is pending.
fn both(args: &Reviewed) -> Result<(Option<Baseline>, Baseline), Failure> {
    let pending = args.pending();
    let new = read(&pending)?.ok_or_else(|| {
        Failure::Usage(anyhow::anyhow!("there is no {}: nothing is pending", pending.display()))
    })?;
    Ok((read(&args.file)?, new))
}

fn review(args: &Reviewed) -> Result<(), Failure> {
    let (old, new) = both(args)?;
    let changes = old.unwrap_or_default().changes(&new);
    let written = say::result(|out| {
        for line in &changes {
            writeln!(out, "{}", visible(line))?;
        }
        writeln!(out, "{} lines change; `sysreel baseline accept` makes it so", changes.len())
    });
    written.map_err(|Unwritten(exit)| Failure::Unwritten(exit))
}

fn accept(args: &Reviewed) -> Result<(), Failure> {
    args.must_not_be_ci("accept it")?;
    // Read first: what cannot be read must not take the place of what can.
    both(args)?;
    let pending = args.pending();
    std::fs::rename(&pending, &args.file).with_context(|| {
        format!("cannot rename {} to {}", pending.display(), args.file.display())
    })?;
    say!("{} is accepted: commit it", args.file.display());
    Ok(())
}

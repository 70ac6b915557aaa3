//! `sysreel baseline`: keeps what a command does to the system in a text file for git, and checks
//! later runs against it.

mod args;

use crate::exit::Exit;
use crate::report::today;
use crate::rounds::{Job, Rounds, write_atomically};
use crate::say::{self, Unwritten, say};
use anyhow::{Context, bail};
use args::{Action, Check, FileArgs, Migrate, Record};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use sysreel_inspect::diff::baseline::{Baseline, Key, Learned, Variant};
use sysreel_inspect::diff::mask::is_masked;
use sysreel_inspect::diff::policy::Policy;
use sysreel_inspect::diff::{Level, Options, Run, Severity, Verdict, agree, read as read_run};
use sysreel_inspect::visible::visible;

pub(crate) use args::Args;

/// Why a subcommand failed.
enum Failure {
    Usage(anyhow::Error),
    Recording(anyhow::Error),
    NotComparable(anyhow::Error),
    /// The result could not be written. The message has been printed already.
    Unwritten(Exit),
}

/// `?` makes any other error a failure to record.
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
        Action::Migrate(args) => migrate(args).map(|()| Exit::SUCCESS),
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

fn refuse_in_ci(args: &FileArgs, action: &str) -> Result<(), Failure> {
    if !args.is_ci() {
        return Ok(());
    }
    Err(Failure::Usage(anyhow::anyhow!(
        "CI never writes a baseline: {action} where people can review it (unset CI to do it here)"
    )))
}

/// Returns the words of the command line, or those of the baseline if there are none.
fn command_words(args: &[OsString], known: Option<&Baseline>) -> anyhow::Result<Vec<String>> {
    if args.is_empty() {
        let known =
            known.map(|baseline| baseline.command.clone()).filter(|command| !command.is_empty());
        let known = known.context("no command given: add `-- CMD`")?;
        if known.iter().any(|word| is_masked(word)) {
            bail!(
                "the command has secrets, which the baseline masks: give it again, with `-- CMD`"
            );
        }
        return Ok(known);
    }
    let words: Option<_> = args.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    words.context(
        "the command is not UTF-8 and cannot be stored in a baseline: put it into a script",
    )
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
    let file_args = &args.run.baseline;
    refuse_in_ci(file_args, "record it")?;
    let policy = args.policy.read().map_err(|error| Failure::Usage(error.into()))?;
    let known = read(&file_args.file)?;
    let words = command_words(&args.command, known.as_ref()).map_err(Failure::Usage)?;
    let job = job(&words);
    let rounds = Rounds::new(args.run.keep.as_deref())?;
    for round in 1..=args.warmup {
        rounds.record(&format!("warmup-{round}"), &job)?;
    }
    let mut runs = Vec::new();
    for round in 1..=args.runs.get() {
        let log = rounds.record(&format!("run-{round}"), &job)?;
        let options = Options { roots: policy.roots.clone(), ..Options::default() };
        let run = read_run(&log, Level::Effects, &options)?;
        if !run.is_whole() {
            let why = "is incomplete and cannot become a baseline";
            return Err(anyhow::anyhow!("the log of run {round} {why}").into());
        }
        runs.push(run);
    }
    rounds.finish();
    let variant = Variant::learn(&mut runs, &args.run.image(), &policy, today());
    report_learned(&variant.learned);
    let mut baseline = known.clone().unwrap_or_default();
    baseline.command = words;
    baseline.replace(variant, policy.key());
    let Some(known) = known else {
        write_atomically(&file_args.file, &baseline.to_string())?;
        say!("wrote {}", file_args.file.display());
        return Ok(());
    };
    if known.changes(&baseline).is_empty() {
        say!("{} is up to date", file_args.file.display());
        return Ok(());
    }
    write_atomically(&file_args.pending(), &baseline.to_string())?;
    say!("{} differs: `sysreel baseline review`, then `accept`", file_args.pending().display());
    Ok(())
}

/// Reports what was learned as noise, and which effects vary but are never learned.
fn report_learned(learned: &Learned) {
    let Learned { runs, always, sometimes, templates, firm } = learned;
    say!(
        "{runs} runs: {} effects in all of them, {} in some, {} generated names",
        always.len(),
        sometimes.len(),
        templates.len()
    );
    if *runs == 1 {
        say!("noise cannot be learned from one run; use -n 2 or more");
    }
    if !firm.is_empty() {
        say!(
            "these effects vary, but are never learned as noise; allow them with an [[ignore]] in \
             the policy:"
        );
        for (effect, evidence) in firm {
            say!("  ! {evidence} {effect}");
        }
    }
}

fn check(args: &Check) -> Result<Exit, Failure> {
    let file_args = &args.run.baseline;
    let policy = args.report.policy.read().map_err(|error| Failure::Usage(error.into()))?;
    let file = &file_args.file;
    let baseline = read(file)?.ok_or_else(|| {
        Failure::NotComparable(anyhow::anyhow!(
            "there is no {}: create it with `sysreel baseline record -- CMD`, review and commit it",
            file.display()
        ))
    })?;
    let words = command_words(&args.command, Some(&baseline)).map_err(Failure::Usage)?;
    let job = job(&words);
    let options = Options {
        level: policy.level(),
        roots: policy.roots.clone(),
        filters: policy.filters(),
        allow_incomplete: args.report.allow_incomplete,
        ..Options::default()
    };
    let rounds = Rounds::new(args.run.keep.as_deref())?;
    let mut checking =
        Checking { args, policy: &policy, baseline: &baseline, options, accepted: None };
    let mut verdicts = vec![checking.compare(&rounds.record("check-1", &job)?)?];
    if !verdicts.iter().all(Verdict::passes) {
        for again in 0..args.confirm {
            let log = rounds.record(&format!("check-{}", again + 2), &job)?;
            verdicts.push(checking.compare(&log)?);
        }
    }
    rounds.finish();
    let verdict = agree(verdicts).context("no run was made")?;
    let exit = args.report.conclude(&verdict);
    if !file_args.is_ci() && verdict.report.is_whole() {
        checking.update_pending(&verdict)?;
    }
    Ok(exit)
}

struct Checking<'a> {
    args: &'a Check,
    policy: &'a Policy,
    baseline: &'a Baseline,
    options: Options,
    /// The variant compared with, and the first run.
    accepted: Option<(Variant, Run)>,
}

impl Checking<'_> {
    /// Returns the variant of the baseline for the environment of a run.
    fn variant(&self, run: &Run) -> Result<&Variant, Failure> {
        let key = Key { environment: run.environment.clone(), image: self.args.run.image() };
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
            "not comparable: this is {key}, but {} is for {}; record a variant for it (`sysreel \
             baseline record`), bind the baseline to less in the policy ([environment] key), or \
             compare anyway with --allow-env-drift",
            self.args.run.baseline.file.display(),
            if known.is_empty() { "nothing".to_owned() } else { known.join("; ") }
        )))
    }

    /// Compares one run with the baseline.
    fn compare(&mut self, log: &sysreel_inspect::LogFile) -> Result<Verdict, Failure> {
        let run = read_run(log, Level::Effects, &self.options)?;
        let variant = self.variant(&run)?.clone();
        let compared = variant.compare(&self.args.run.baseline.file, log, &self.options)?;
        let mut report = compared.report;
        report.sides[1].log = "this run".to_owned();
        if !report.incomparable.is_empty() {
            let why = report.incomparable.join("; ");
            return Err(Failure::NotComparable(anyhow::anyhow!("not comparable: {why}")));
        }
        let mut verdict =
            self.args.report.judge(self.policy, report, &compared.run, Severity::Error);
        verdict.noise = compared.noise;
        self.accepted.get_or_insert((variant, compared.run));
        Ok(verdict)
    }

    /// Writes the pending baseline for review, or removes it if the baseline does not change.
    fn update_pending(&self, verdict: &Verdict) -> anyhow::Result<()> {
        let Some((variant, run)) = &self.accepted else { return Ok(()) };
        let mut baseline = self.baseline.clone();
        let new = variant.accepting(&verdict.report, run);
        if let Some(known) = baseline.variants.iter_mut().find(|known| known.key == variant.key) {
            *known = new;
        }
        let pending = self.args.run.baseline.pending();
        if self.baseline.changes(&baseline).is_empty() {
            return match std::fs::remove_file(&pending) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(error).with_context(|| format!("cannot remove {}", pending.display()))
                }
                _ => Ok(()),
            };
        }
        write_atomically(&pending, &baseline.to_string())?;
        say!("wrote {}: `sysreel baseline review`, then `accept`", pending.display());
        Ok(())
    }
}

/// Reads the baseline, if there is one, and the pending one.
fn read_both(args: &FileArgs) -> Result<(Option<Baseline>, Baseline), Failure> {
    let pending = args.pending();
    let new = read(&pending)?.ok_or_else(|| {
        Failure::Usage(anyhow::anyhow!("there is no {}: nothing to review", pending.display()))
    })?;
    Ok((read(&args.file)?, new))
}

fn review(args: &FileArgs) -> Result<(), Failure> {
    let (old, new) = read_both(args)?;
    let changes = old.unwrap_or_default().changes(&new);
    let written = say::result(|out| {
        for line in &changes {
            writeln!(out, "{}", visible(line))?;
        }
        // The lines that name a variant are no changes.
        let lines = match changes.iter().filter(|line| line.starts_with(['+', '-'])).count() {
            1 => "1 line changes".to_owned(),
            count => format!("{count} lines change"),
        };
        writeln!(out, "{lines}; accept with `sysreel baseline accept`")
    });
    written.map_err(|Unwritten(exit)| Failure::Unwritten(exit))
}

fn accept(args: &FileArgs) -> Result<(), Failure> {
    refuse_in_ci(args, "accept it")?;
    // An unreadable pending baseline must not replace a good one.
    read_both(args)?;
    let pending = args.pending();
    std::fs::rename(&pending, &args.file).with_context(|| {
        format!("cannot rename {} to {}", pending.display(), args.file.display())
    })?;
    say!("{} is accepted: commit it", args.file.display());
    Ok(())
}

/// Rewrites a baseline of an older format in the present one.
fn migrate(args: &Migrate) -> Result<(), Failure> {
    if FileArgs::is_in_ci() {
        return Err(Failure::Usage(anyhow::anyhow!(
            "CI never writes a baseline: migrate it where people can review it (unset CI to do it \
             here)"
        )));
    }
    let file = &args.file;
    let wrong = || format!("cannot read {}", file.display());
    let old = std::fs::read_to_string(file).with_context(wrong).map_err(Failure::Usage)?;
    let baseline = Baseline::parse(file, &old).map_err(|error| Failure::Usage(error.into()))?;
    let new = baseline.to_string();
    for variant in &baseline.variants {
        for missing in variant.missing() {
            say!("{}: {missing}", variant.key);
        }
    }
    if baseline.variants.iter().any(|variant| variant.missing().next().is_some()) {
        say!("a check does not compare these; `sysreel baseline record` adds them");
    }
    if old == new {
        say!("{} is of the present format ({})", file.display(), Baseline::FORMAT);
        return Ok(());
    }
    write_atomically(file, &new)?;
    say!("{} is of format {} now: review and commit it", file.display(), Baseline::FORMAT);
    Ok(())
}

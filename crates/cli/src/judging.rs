//! What `diff`, `baseline check` and `ab` have in common: the policy, the gate, the forms of the
//! result, the exit status.

use crate::exit::Exit;
use crate::say::{self, Out, say};
use clap::ArgAction;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use sysreel_inspect::Error;
use sysreel_inspect::diff::format::{Format, SUMMARY_LIMIT, markdown};
use sysreel_inspect::diff::policy::{Date, Facts, Lookup, Policy};
use sysreel_inspect::diff::{Report, Run, Severity, Verdict};

#[derive(Debug, clap::Args)]
pub(crate) struct Judging {
    /// text (for people), json, junit, markdown, github (text with annotations; the summary goes to
    /// $GITHUB_STEP_SUMMARY)
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write the result to a file too, in any format (may be repeated)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report, action = ArgAction::Append)]
    report: Vec<(Format, PathBuf)>,
    /// The least severity that makes the exit status 1: info, note, warn or error
    #[arg(long, value_name = "SEVERITY")]
    gate: Option<Severity>,
    /// Tell and write everything, and exit with 0 for differences
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
}

/// What a project says, and where its names are.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    /// What is expected and what must not be, in TOML: docs/ci.md
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Give a directory a name, so that its place does not matter (may be repeated, also for one
    /// name: a directory for each run); every run has WS, HOME and TMP
    #[arg(long, value_name = "NAME=DIR", value_parser = root, action = ArgAction::Append)]
    root: Vec<(String, PathBuf)>,
}

/// `NAME=DIR`.
pub(crate) fn root(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, dir))
            if dir.starts_with('/')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
        {
            Ok((name.to_owned(), PathBuf::from(dir)))
        }
        _ => Err("NAME=DIR with an absolute directory".to_owned()),
    }
}

fn report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("FORMAT=FILE")?;
    Ok((format.parse()?, PathBuf::from(file)))
}

impl PolicyArgs {
    /// The policy, with the roots of the command line before its own.
    pub(crate) fn read(&self) -> Result<Policy, Error> {
        let mut policy = match &self.policy {
            None => Policy::default(),
            Some(path) => {
                let whole = std::path::absolute(path)
                    .map_err(|source| Error::Open { path: path.clone(), source })?;
                let folder = whole.parent().unwrap_or(Path::new("/"));
                Policy::read(path, &Lookup { folder, variable: &|name| std::env::var_os(name) })?
            }
        };
        policy.roots.splice(..0, self.root.iter().cloned());
        Ok(policy)
    }
}

/// The day it is. A clock before 1970 lets nothing expire.
pub(crate) fn today() -> Date {
    Date::from_unix_time(
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    )
}

impl Judging {
    /// What the policy makes of a report. `gate` is for when neither the user nor the policy names
    /// one.
    pub(crate) fn judge(
        &self,
        policy: &Policy,
        report: Report,
        run: &Run,
        gate: Severity,
    ) -> Verdict {
        let mut verdict = policy.judge(report, Facts { run, today: today() }, self.gate, gate);
        verdict.listed = self.gate.unwrap_or(Severity::Note);
        verdict
    }

    /// Writes the verdict wherever it was asked for, and says how to exit.
    pub(crate) fn conclude(&self, verdict: &Verdict) -> Exit {
        tell_what_is_missing(&verdict.report);
        match self.write(verdict) {
            Ok(()) => {}
            Err(Error::Write(error)) => return say::unwritten(&error).0,
            Err(error) => {
                say!("{error}");
                return Exit::INCOMPLETE;
            }
        }
        if !verdict.report.is_whole() {
            Exit::INCOMPLETE
        } else if verdict.passes() || self.exit_zero {
            Exit::SUCCESS
        } else {
            Exit::DIFFERENT
        }
    }

    /// Says why there is nothing to conclude, also where a report was asked for: a machine that
    /// waits for one must not find an old one.
    pub(crate) fn not_comparable(&self, verdict: &Verdict) -> Exit {
        tell_what_is_missing(&verdict.report);
        for why in &verdict.report.incomparable {
            say!("not comparable: {why}");
        }
        if let Err(error) = self.reports(verdict) {
            say!("{error}");
        }
        if verdict.report.is_whole() { Exit::NOT_COMPARABLE } else { Exit::INCOMPLETE }
    }

    fn reports(&self, verdict: &Verdict) -> Result<(), Error> {
        for (format, path) in &self.report {
            let wrong = |source: io::Error| {
                Error::Write(io::Error::new(source.kind(), format!("{}: {source}", path.display())))
            };
            let mut out = BufWriter::new(crate::results::create(path).map_err(wrong)?);
            format.write(verdict, &mut out).and_then(|()| out.flush()).map_err(wrong)?;
        }
        Ok(())
    }

    fn write(&self, verdict: &Verdict) -> Result<(), Error> {
        self.reports(verdict)?;
        if self.format == Format::Github
            && let Some(path) =
                std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty())
        {
            summary(Path::new(&path), verdict).map_err(|source| {
                let path = Path::new(&path).display();
                Error::Write(io::Error::new(source.kind(), format!("{path}: {source}")))
            })?;
        }
        let mut out = Out::lock().map_err(Error::Write)?;
        self.format.write(verdict, &mut out).and_then(|()| out.flush()).map_err(Error::Write)
    }
}

fn tell_what_is_missing(report: &Report) {
    for side in report.sides.iter().filter(|side| !side.whole) {
        let why = side.findings.to_string();
        let why = if why.is_empty() { "its recorder dropped events".to_owned() } else { why };
        say!("{} is not whole: {why}; what it does not hold was not compared", side.log);
    }
}

/// Adds to the summary of the step. Its limit is that of all that stands there.
fn summary(path: &Path, verdict: &Verdict) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let there = usize::try_from(file.metadata()?.len()).unwrap_or(SUMMARY_LIMIT);
    file.write_all(markdown(verdict, SUMMARY_LIMIT.saturating_sub(there)).as_bytes())
}

//! Policy, gate, output formats and exit status of `diff`, `ab` and `baseline check`.

use crate::exit::Exit;
use crate::pager;
use crate::say::{self, Out, say};
use crate::terminal::{ColorArgs, PagerArgs};
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
pub(crate) struct ReportArgs {
    /// Choose the output format: text, json, junit, markdown or github
    ///
    /// github is text with annotations; a summary is appended to $GITHUB_STEP_SUMMARY.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Also write the result to FILE (may be repeated)
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_report,
        action = ArgAction::Append)]
    report: Vec<(Format, PathBuf)>,
    /// Exit with status 1 for differences of this severity or a higher one: info, note, warn, error
    #[arg(long, value_name = "SEVERITY")]
    gate: Option<Severity>,
    /// Compare runs of which a log does not show all, as with io_uring
    #[arg(long)]
    pub(crate) allow_incomplete: bool,
    /// Exit with status 0 even if there are differences
    #[arg(long)]
    exit_zero: bool,
    /// Show each change, also where many processes or files have the same one
    #[arg(long)]
    all: bool,
    /// List what a baseline has learned as noise
    #[arg(short, long)]
    verbose: bool,
    /// Show passwords and tokens in reports; they are masked as ***1a2b otherwise
    #[arg(long)]
    show_secrets: bool,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    color: ColorArgs,
}

/// The policy of a project and its roots.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    /// Read from FILE which differences are expected and which are forbidden (TOML, see docs/ci.md)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print paths below DIR as $NAME/..., so that its location does not matter (may be repeated)
    ///
    /// A name may be given several times, with one directory for each run. WS, HOME and TMP are
    /// defined in every run.
    #[arg(long, value_name = "NAME=DIR", value_parser = parse_root, action = ArgAction::Append)]
    root: Vec<(String, PathBuf)>,
}

/// Parses `NAME=DIR`.
pub(crate) fn parse_root(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, dir))
            if dir.starts_with('/')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') =>
        {
            Ok((name.to_owned(), PathBuf::from(dir)))
        }
        _ => Err("expected NAME=DIR with an absolute path".to_owned()),
    }
}

/// Parses `FORMAT=FILE`.
fn parse_report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("expected FORMAT=FILE")?;
    Ok((format.parse()?, PathBuf::from(file)))
}

impl PolicyArgs {
    /// Whether any of them is given.
    pub(crate) fn is_given(&self) -> bool {
        self.policy.is_some() || !self.root.is_empty()
    }

    /// Reads the policy and inserts the roots of the command line before those of the policy.
    pub(crate) fn read(&self) -> Result<Policy, Error> {
        let mut policy = match &self.policy {
            None => Policy::default(),
            Some(path) => {
                let absolute = std::path::absolute(path)
                    .map_err(|source| Error::Open { path: path.clone(), source })?;
                let folder = absolute.parent().unwrap_or(Path::new("/"));
                Policy::read(path, &Lookup { folder, variable: &|name| std::env::var_os(name) })?
            }
        };
        policy.roots.splice(..0, self.root.iter().cloned());
        Ok(policy)
    }
}

/// Returns today's date. With a clock before 1970 nothing expires.
pub(crate) fn today() -> Date {
    Date::from_unix_time(
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    )
}

/// Applies the policy to a report. The gate is that of the command line, else that of the policy,
/// else a default.
pub(crate) fn judge(
    policy: &Policy,
    report: Report,
    run: &Run,
    (gate, default_gate): (Option<Severity>, Severity),
) -> Verdict {
    let facts = Facts { run, today: today() };
    let mut verdict = policy.judge(report, facts, gate, default_gate);
    verdict.listed = gate.unwrap_or(Severity::Note);
    verdict
}

impl ReportArgs {
    /// Returns the gate of the command line.
    pub(crate) fn gate(&self) -> Option<Severity> {
        self.gate
    }

    /// Applies the policy to a report.
    pub(crate) fn judge(
        &self,
        policy: &Policy,
        report: Report,
        run: &Run,
        default_gate: Severity,
    ) -> Verdict {
        judge(policy, report, run, (self.gate, default_gate))
    }

    /// Writes the verdict to standard output and the report files, and returns the exit status.
    pub(crate) fn conclude(&self, verdict: &Verdict) -> Exit {
        // The output of the commands that were run is above it on the terminal.
        self.conclude_paged(verdict, &PagerArgs { no_pager: true })
    }

    /// As [`Self::conclude`], but through a pager if standard output is a terminal.
    pub(crate) fn conclude_paged(&self, verdict: &Verdict, pager: &PagerArgs) -> Exit {
        let verdict = &self.shown(verdict);
        report_missing(&verdict.report);
        match self.write(verdict, pager) {
            Ok(()) => {}
            // The status tells the result, however much of it was looked at.
            Err(Error::Write(error)) if pager::was_quit(&error) => {}
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

    /// Reports why the logs are not comparable. Report files are written too, so that CI does not
    /// read those of an earlier run.
    pub(crate) fn not_comparable(&self, verdict: &Verdict) -> Exit {
        let verdict = &self.shown(verdict);
        report_missing(&verdict.report);
        for why in &verdict.report.incomparable {
            say!("not comparable: {why}");
        }
        let written = match self.format {
            // The text says nothing else.
            Format::Text => self.write_reports(verdict),
            _ => self.write(verdict, &PagerArgs { no_pager: true }),
        };
        if let Err(error) = written {
            say!("{error}");
        }
        if verdict.report.is_whole() { Exit::NOT_COMPARABLE } else { Exit::INCOMPLETE }
    }

    /// Returns what the reports show of a verdict.
    fn shown(&self, verdict: &Verdict) -> Verdict {
        let mut shown = verdict.clone();
        (shown.all, shown.verbose) = (self.all, self.verbose);
        if !self.show_secrets {
            shown.mask_secrets();
        }
        shown
    }

    fn write_reports(&self, verdict: &Verdict) -> Result<(), Error> {
        for (format, path) in &self.report {
            let wrong = |source: io::Error| {
                Error::Write(io::Error::new(source.kind(), format!("{}: {source}", path.display())))
            };
            let mut out = BufWriter::new(crate::results::create(path, false).map_err(wrong)?);
            format.write(verdict, &mut out).and_then(|()| out.flush()).map_err(wrong)?;
        }
        Ok(())
    }

    fn write(&self, verdict: &Verdict, pager: &PagerArgs) -> Result<(), Error> {
        self.write_reports(verdict)?;
        if self.format == Format::Github
            && let Some(path) =
                std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty())
        {
            append_summary(Path::new(&path), verdict).map_err(|source| {
                let path = Path::new(&path).display();
                Error::Write(io::Error::new(source.kind(), format!("{path}: {source}")))
            })?;
        }
        // Files are not for this terminal.
        let verdict = Verdict {
            width: sysreel_sys::terminal::columns(),
            palette: self.color.palette(),
            ..verdict.clone()
        };
        let mut out = Out::paged(pager).map_err(Error::Write)?;
        self.format.write(&verdict, &mut out).and_then(|()| out.finish()).map_err(Error::Write)
    }
}

/// Warns about each log that is incomplete.
fn report_missing(report: &Report) {
    for side in report.sides.iter().filter(|side| !side.whole) {
        let why = side.findings.to_string();
        let why = if why.is_empty() { "its recorder dropped events".to_owned() } else { why };
        say!("{} is incomplete: {why}; the missing parts were not compared", side.log);
    }
}

/// Appends to the summary of the GitHub step. [`SUMMARY_LIMIT`] applies to the whole file.
fn append_summary(path: &Path, verdict: &Verdict) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let len = usize::try_from(file.metadata()?.len()).unwrap_or(SUMMARY_LIMIT);
    file.write_all(markdown(verdict, SUMMARY_LIMIT.saturating_sub(len)).as_bytes())
}

//! Arguments of `sysreel baseline`.

use crate::report::{PolicyArgs, ReportArgs};
use clap::Subcommand;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Run a command several times and write what it does to the system to a baseline
    #[command(after_help = crate::exit::help(Some("baseline record")))]
    Record(Record),
    /// Run the command and compare with the baseline
    ///
    /// A run with differences is repeated: only those that come back each time count. The changed
    /// baseline is written to FILE.new for review.
    #[command(after_help = crate::exit::help(Some("baseline check")))]
    Check(Check),
    /// Show the changes in the pending baseline (FILE.new)
    #[command(after_help = crate::exit::help(Some("baseline review")))]
    Review(FileArgs),
    /// Replace the baseline with the pending one
    #[command(after_help = crate::exit::help(Some("baseline accept")))]
    Accept(FileArgs),
    /// Rewrite a baseline of an older format, as far as that goes without a recording
    #[command(after_help = crate::exit::help(Some("baseline migrate")))]
    Migrate(Migrate),
}

#[derive(Debug, clap::Args)]
pub(super) struct Migrate {
    /// The baseline
    #[arg(value_name = "FILE", default_value = "sysreel.baseline")]
    pub(super) file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct FileArgs {
    /// Use FILE as the baseline
    #[arg(short, long, value_name = "FILE", default_value = "sysreel.baseline")]
    pub(super) file: PathBuf,
    /// Write no baseline, as if the environment variable CI were set
    #[arg(long)]
    pub(super) ci: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) baseline: FileArgs,
    /// Name the system image, part of the environment that a baseline is bound to [default:
    /// $SYSREEL_IMAGE, else from /etc/os-release]
    #[arg(long, value_name = "NAME")]
    pub(super) image: Option<String>,
    /// Keep the logs and the output of the command in DIR
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Record {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Run the command N times; what varies between the runs is learned as noise
    #[arg(short = 'n', long, value_name = "N", default_value = "5")]
    pub(super) runs: NonZeroUsize,
    /// Run the command N times before, without learning from these runs
    ///
    /// The first run of a build often differs, because it finds no build directory.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) warmup: usize,
    #[command(flatten)]
    pub(super) policy: PolicyArgs,
    /// The command and its arguments [default: that of the baseline]
    #[arg(trailing_var_arg = true, value_name = "CMD",
        value_hint = clap::ValueHint::CommandWithArguments)]
    pub(super) command: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Repeat a run with differences N times; only those that come back each time count
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(super) confirm: usize,
    /// Compare with another variant of the baseline if none fits this environment
    #[arg(long)]
    pub(super) allow_env_drift: bool,
    #[command(flatten)]
    pub(super) report: ReportArgs,
    /// The command and its arguments [default: that of the baseline]
    #[arg(trailing_var_arg = true, value_name = "CMD",
        value_hint = clap::ValueHint::CommandWithArguments)]
    pub(super) command: Vec<OsString>,
}

impl FileArgs {
    /// Returns the path of the pending baseline.
    pub(super) fn pending(&self) -> PathBuf {
        let mut name = self.file.clone().into_os_string();
        name.push(".new");
        name.into()
    }

    /// Whether this runs in CI, which must not change a baseline.
    pub(super) fn is_ci(&self) -> bool {
        self.ci || Self::is_in_ci()
    }

    /// Whether the environment is that of CI.
    pub(super) fn is_in_ci() -> bool {
        std::env::var_os("CI")
            .is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
    }
}

impl RunArgs {
    /// Returns the image name: --image, $SYSREEL_IMAGE, or ID and VERSION_ID of /etc/os-release.
    pub(super) fn image(&self) -> String {
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
            // Rolling releases have no VERSION_ID (os-release(5)).
            [value("ID"), value("VERSION_ID")].into_iter().flatten().collect::<Vec<_>>().join("-")
        })
    }
}

//! Arguments of `sysreel completions` and `sysreel generate`.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("completions")))]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: ShellName,
}

/// The shells that completions are tested with.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum ShellName {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// Write the files to DIR, which is made if it does not exist
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

//! Writes the files that are installed beside the binary.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write to DIR: sysreel.bash, _sysreel, sysreel.fish, man1/
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Has the command write them: it alone knows its options. That it is not optimized does not
/// matter, and the files are the same.
pub(crate) fn run(args: &Args, root: &Path) -> Result<()> {
    let folder = std::path::absolute(&args.folder)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--locked", "--bin", "sysreel", "--", "generate"])
        .arg(&folder)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "sysreel generate: {status}");
    Ok(())
}

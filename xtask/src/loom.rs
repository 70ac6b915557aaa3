//! Runs the tests that try all orders of what the recorder's threads do, under loom.

use anyhow::{Result, ensure};
use std::path::Path;
use std::process::Command;

/// Builds the recorder with `--cfg loom` and runs those tests. Optimized: there are many orders.
pub(crate) fn run(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        // Other flags would build everything else again.
        .env("RUSTFLAGS", "--cfg loom")
        .args(["test", "--locked", "--release", "--package", "sysreel-record", "--lib"])
        .args(["--config", "profile.release.lto=false", "--target-dir"])
        .arg(root.join("target/loom"))
        .args(["--", "loom_"])
        .status()?;
    ensure!(status.success(), "a test under loom failed ({status})");
    Ok(())
}

//! Builds the fuzz targets on the stable compiler and runs each for a while.
//!
//! `cargo fuzz` needs a nightly one for its sanitizers. Coverage alone is a pass of LLVM that the
//! stable compiler has too, and without `unsafe` code of our own there is little that a sanitizer
//! would find.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo fuzz --sanitizer none` passes. One unit of code each crate, for the linker must keep
/// the tables of coverage beside their code.
const RUSTFLAGS: &[&str] = &[
    "--cfg",
    "fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];
/// Inputs of more bytes show nothing that shorter ones do not.
const MAX_LEN: u32 = 64 << 10;
const MAX_MEGABYTES: u32 = 2048;
/// Seconds that one input may take.
const TIMEOUT: u32 = 20;

/// Run the fuzz targets, each from the seeds and what earlier runs found
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// The targets, by their names in fuzz/fuzz_targets; all by default
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// Builds and runs the targets. The first that fails ends it, with the input in fuzz/artifacts.
pub(crate) fn run(args: &Args, root: &Path) -> Result<()> {
    let fuzz = root.join("fuzz");
    let known = targets(&fuzz)?;
    if let Some(unknown) = args.targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no target {unknown}, only {}", known.join(", "));
    }
    let binaries = build(&fuzz)?;
    let corpus = fuzz.join("corpus");
    let seeds = fuzz.join("target/seeds");
    call(Command::new(binaries.join("seeds")).args([root, &seeds]))?;
    for target in known.iter().filter(|t| args.targets.is_empty() || args.targets.contains(t)) {
        let (found, artifacts) = (corpus.join(target), fuzz.join("artifacts").join(target));
        for folder in [&found, &artifacts] {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        println!("\nfuzz {target}: {} seconds", args.seconds);
        let mut command = Command::new(binaries.join(target));
        command
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-max_len={MAX_LEN}"))
            .arg(format!("-rss_limit_mb={MAX_MEGABYTES}"))
            .arg(format!("-timeout={TIMEOUT}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .args(["-verbosity=0", "-print_final_stats=1"])
            .args([&found, &seeds.join(target)]);
        call(&mut command).with_context(|| {
            format!("target {target}; the input that shows it is in {}", artifacts.display())
        })?;
    }
    Ok(())
}

/// The names of the targets.
fn targets(fuzz: &Path) -> Result<Vec<String>> {
    let folder = fuzz.join("fuzz_targets");
    let mut names = Vec::new();
    for entry in folder.read_dir().with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds all targets. Returns the folder with the binaries.
fn build(fuzz: &Path) -> Result<PathBuf> {
    // With a target named, build scripts and macros are built without coverage.
    let host = host()?;
    let target = fuzz.join("target");
    call(
        Command::new("cargo")
            .args(["build", "--quiet", "--locked", "--release", "--target", &host])
            .arg("--manifest-path")
            .arg(fuzz.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("RUSTFLAGS", RUSTFLAGS.join(" ")),
    )?;
    Ok(target.join(host).join("release"))
}

/// The triple that the compiler builds for by default.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn call(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().with_context(|| program.display().to_string())?;
    if !status.success() {
        bail!("{}: {status}", program.display());
    }
    Ok(())
}

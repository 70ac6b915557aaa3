//! Measures sysreel against strace and against its own goals. Figures depend on the machine and its
//! load, so nothing here is a test.

mod compare;
mod contestant;
mod goals;
mod lengthen;
mod machine;
mod native;
mod place;
mod read;
mod readings;
mod replay;
mod rounds;
mod see;
mod size;
mod speed;
mod table;
mod workload;

pub(crate) use read::{Part, part};

use anyhow::{Context, Result, bail, ensure};
use place::Place;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use workload::Workload;

/// The report of a whole run.
const REPORT: &str = "docs/benchmarks.md";
/// How long the bench waits for the machine to become idle.
const PATIENCE: Duration = Duration::from_secs(30);

/// The command line.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these sections
    sections: Vec<Section>,
    /// Only these workloads (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How many runs of each contestant
    #[arg(long, value_name = "N", default_value_t = 5)]
    pairs: usize,
    /// Small workloads, two pairs: shows that everything works, not how well
    #[arg(long)]
    quick: bool,
    /// Also on a busy machine. The tables say so
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Section {
    Speed,
    Replay,
    Size,
    Read,
    See,
    Diff,
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    pairs: usize,
    force: bool,
}

/// Measures the chosen sections. Only a whole run on an idle machine writes the report to docs/.
pub(crate) fn run(args: &Args, root: &Path) -> Result<()> {
    let sysreel = build(root)?;
    if cfg!(debug_assertions) {
        // This program measures the reader in its own process, so it must be optimized.
        let optimised = sysreel.with_file_name("xtask");
        let error = Command::new(&optimised).args(std::env::args_os().skip(1)).exec();
        return Err(error).with_context(|| optimised.display().to_string());
    }
    let idle = machine::wait_until_idle(PATIENCE);
    if let Err(error) = idle
        && !args.force
    {
        return Err(error);
    }
    let place = Place::new(root, &sysreel)?;
    let scale = if args.quick { 10 } else { 1 };
    place.needs(&["gcc", "strace", "taskset", "zstd", "setpriv"])?;
    let recorded = workload::all(&place, scale)?;
    let replayed = workload::replayed(&place, scale, &recorded)?;
    known(args, recorded.iter().chain(&replayed))?;
    let is_there = |workload: &Workload| place.has(&workload.argv[0]);
    let (workloads, missing) =
        chosen(args, recorded).into_iter().partition::<Vec<Workload>, _>(is_there);
    let (replayed, not_replayed) =
        chosen(args, replayed).into_iter().partition::<Vec<Workload>, _>(is_there);
    let effort =
        Effort { pairs: if args.quick { 2 } else { args.pairs.max(1) }, force: args.force };
    let wanted = |section| args.sections.is_empty() || args.sections.contains(&section);
    let mut report = head(args);
    for workload in missing.into_iter().chain(not_replayed) {
        report +=
            &format!("`{}` is left out: {} is not installed.\n\n", workload.name, workload.argv[0]);
    }
    if wanted(Section::Speed) {
        report += &speed::section(&place, &workloads, &effort)?;
    }
    if wanted(Section::Replay) {
        report += &format!("\n{}", replay::section(&place, &replayed, &effort)?);
    }
    if wanted(Section::Size) {
        report += &format!("\n{}", size::section(&place, &workloads)?);
    }
    if wanted(Section::Read) {
        report += &format!("\n{}", read::section(&place, 10_000_000 / scale as u64)?);
    }
    if wanted(Section::See) {
        report += &format!("\n{}", see::section(&place, 10_000_000 / scale as u64)?);
    }
    if wanted(Section::Diff) {
        report += &format!(
            "\n{}",
            compare::section(&place, 10_000_000 / scale, 5_000_000 / scale as u64)?
        );
    }
    let is_whole = args.sections.is_empty() && args.only.is_empty() && !args.quick && !args.force;
    if is_whole {
        fs::write(root.join(REPORT), crate::markdown::wrap(&report)).context(REPORT)?;
        eprintln!("written to {REPORT}");
    }
    println!("{report}");
    Ok(())
}

/// Builds the recorder and returns its path.
fn build(root: &Path) -> Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "-p", "sysreel-cli", "-p", "xtask"])
        .args(["--features", "sysreel-cli/tables"])
        .current_dir(root)
        .status()
        .context("cargo")?;
    ensure!(status.success(), "the build failed");
    // This program is in the folder of its profile, next to that of the other.
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(Path::parent).context("the build folder")?;
    Ok(target.join("release/sysreel"))
}

/// Fails when a name is not that of a workload.
fn known<'w>(args: &Args, all: impl Iterator<Item = &'w Workload>) -> Result<()> {
    let mut names: Vec<&str> = all.map(|workload| workload.name).collect();
    names.dedup();
    match args.only.iter().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => bail!("no workload is called {unknown}; there are {}", names.join(", ")),
        None => Ok(()),
    }
}

fn chosen(args: &Args, all: Vec<Workload>) -> Vec<Workload> {
    all.into_iter()
        .filter(|one| args.only.is_empty() || args.only.iter().any(|name| name == one.name))
        .collect()
}

fn head(args: &Args) -> String {
    let facts: Vec<String> =
        machine::facts().iter().map(|(name, value)| format!("- {name}: {value}")).collect();
    let mut head = String::from("# Benchmarks\n\n");
    if args.force {
        head +=
            "**Busy machine**: other programs ran meanwhile, so nothing here can be judged.\n\n";
    }
    if args.quick {
        head += "**Quick**: small workloads, two pairs. Nothing here can be judged.\n\n";
    }
    head += &format!(
        "Made by `cargo xtask bench` on an idle machine: it refuses to start on a busy one, and \
         does a round again in which other programs used more than a tenth of a \
         CPU. Figures are ratios within one run wherever possible; absolute ones are this machine's:\n\n{}\n\n",
        facts.join("\n")
    );
    head
}

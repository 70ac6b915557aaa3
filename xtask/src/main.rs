//! Repository chores. `cargo xtask help` lists them.

mod abi_snapshot;
mod bench;
mod dist;
mod docs;
mod fuzz;
mod loom;
mod markdown;
mod tidy;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};

/// Repository chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Tidy(tidy::Args),
    Fuzz(fuzz::Args),
    /// Try all orders of what the recorder's threads do with segments
    Loom,
    /// Measure sysreel against strace and against its goals, and write docs/benchmarks.md
    Bench(bench::Args),
    /// Write what the running kernel says of its system calls to fixtures/abi (as root)
    AbiSnapshot,
    /// Make docs/syscalls.md anew from the table
    Docs,
    /// Write what is installed beside the binary: completions of shells and man pages
    Dist(dist::Args),
    /// One measurement, in a process of its own
    #[command(hide = true)]
    BenchPart(bench::Part),
}

fn main() -> std::process::ExitCode {
    let done = match Args::parse().chore {
        Chore::Tidy(args) => tidy::run(&root(), &args),
        Chore::Fuzz(args) => fuzz::run(&args, &root()),
        Chore::Loom => loom::run(&root()),
        Chore::Bench(args) => bench::run(&args, &root()),
        Chore::AbiSnapshot => abi_snapshot::run(&root()),
        Chore::Docs => docs::run(&root()),
        Chore::Dist(args) => dist::run(&args, &root()),
        Chore::BenchPart(part) => bench::part(&part),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        // The message alone: a chore that fails is not a bug of xtask, so no backtrace.
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

//! Who records, with which options, and how one run is measured.

use super::machine::Watch;
use super::place::Place;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// A way to run a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contestant {
    /// The recorder as it comes. Its capture limit of 64 KiB is what `-s 65536` asks of strace.
    Sysreel,
    /// strace as it comes, told to keep as much.
    Strace,
    /// The same, with its tracees on one idle CPU.
    StraceOneCpu,
    /// The recorder, for replay.
    Replayable,
    /// The replayer of that log.
    Replay,
    /// Nobody.
    Bare,
    /// The tracer that does the least there is (fixtures/bench/floor.c).
    Floor,
}

/// One measured run.
pub(super) struct Run {
    /// From start to end, in seconds.
    pub(super) seconds: f64,
    /// Did other programs use the CPUs meanwhile?
    pub(super) disturbed: bool,
}

impl Contestant {
    /// What it writes, or, the replayer, reads.
    pub(super) fn output(self, place: &Place) -> PathBuf {
        place.output(match self {
            Self::Sysreel => "sysreel.reel",
            Self::Replayable | Self::Replay => "replayable.reel",
            _ => "strace.txt",
        })
    }

    /// The command that runs a program under it; `cpu` is an idle one.
    pub(super) fn argv(self, place: &Place, cpu: &str, program: &[String]) -> Vec<String> {
        let out = self.output(place).to_string_lossy().into_owned();
        let strace = ["strace", "-f", "-o", &out, "-s", "65536", "--"].map(str::to_owned);
        let mut argv = match self {
            Self::Bare => Vec::new(),
            Self::Floor => vec![place.program("floor")],
            Self::Sysreel => [&place.path("sysreel"), "record", "--quiet", "-o", &out, "--"]
                .map(ToOwned::to_owned)
                .to_vec(),
            Self::Replayable => {
                [&place.path("sysreel"), "record", "--replayable", "--quiet", "-o", &out, "--"]
                    .map(ToOwned::to_owned)
                    .to_vec()
            }
            // The log has the program.
            Self::Replay => {
                return [&place.path("sysreel"), "replay", "--quiet", &out]
                    .map(ToOwned::to_owned)
                    .to_vec();
            }
            Self::Strace => strace.to_vec(),
            Self::StraceOneCpu => {
                let mut argv = ["taskset", "-c", cpu].map(str::to_owned).to_vec();
                argv.extend(strace);
                argv
            }
        };
        argv.extend_from_slice(program);
        argv
    }

    /// Runs a program under it, once.
    pub(super) fn run(self, place: &Place, cpu: &str, program: &[String]) -> Result<Run> {
        let output = self.output(place);
        if self != Self::Replay && output.exists() {
            fs::remove_file(&output).with_context(|| output.display().to_string())?;
        }
        let argv = self.argv(place, cpu, program);
        let mut command = place.command(&argv);
        let watch = Watch::begin()?;
        let began = Instant::now();
        let status = command.status().with_context(|| format!("starting {}", argv[0]))?;
        let seconds = began.elapsed().as_secs_f64();
        let disturbed = watch.disturbed()?;
        ensure!(status.success(), "`{}` ended with {status}", argv.join(" "));
        Ok(Run { seconds, disturbed })
    }
}

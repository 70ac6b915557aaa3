//! The contestants: recorders with their options, and how one run of each is measured.

use super::machine::Watch;
use super::place::Place;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// The number of tracers where there are several.
pub(super) const TRACERS: &str = "2";

/// A way to run a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contestant {
    /// The recorder with default options. `-s 65536` gives strace the same capture limit of 64 KiB.
    Sysreel,
    /// The recorder with as many tracers as the bench has CPUs for them.
    SeveralTracers,
    /// The recorder with `--fast`.
    Fast,
    /// strace with default options and the same limit.
    Strace,
    /// The same, with the tracees on one idle CPU.
    StraceOneCpu,
    /// The recorder with `--replayable`.
    Replayable,
    /// The replayer of that log.
    Replay,
    /// No tracer.
    Bare,
    /// The smallest possible tracer (fixtures/bench/floor.c).
    Floor,
}

/// One measured run.
pub(super) struct Run {
    /// Wall-clock time in seconds.
    pub(super) seconds: f64,
    /// Whether other programs used the CPUs meanwhile.
    pub(super) disturbed: bool,
}

impl Contestant {
    /// The file that it writes or, for the replayer, reads.
    pub(super) fn output(self, place: &Place) -> PathBuf {
        place.output(match self {
            Self::Sysreel => "sysreel.reel",
            Self::SeveralTracers => "several.reel",
            Self::Fast => "fast.reel",
            Self::Replayable | Self::Replay => "replayable.reel",
            _ => "strace.txt",
        })
    }

    /// Returns the command that runs a program under it; `cpu` is an idle one.
    pub(super) fn argv(self, place: &Place, cpu: &str, program: &[String]) -> Vec<String> {
        let out = self.output(place).to_string_lossy().into_owned();
        let strace = ["strace", "-f", "-o", &out, "-s", "65536", "--"].map(str::to_owned);
        let recorder = |options: &[&str]| {
            let words = [&["record"], options, &["--quiet", "-o", &out, "--"]].concat();
            let words = words.into_iter().map(ToOwned::to_owned);
            std::iter::once(place.path("sysreel")).chain(words).collect()
        };
        let mut argv = match self {
            Self::Bare => Vec::new(),
            Self::Floor => vec![place.program("floor")],
            Self::Sysreel => recorder(&[]),
            Self::SeveralTracers => recorder(&["--tracers", TRACERS]),
            Self::Fast => recorder(&["--fast"]),
            Self::Replayable => recorder(&["--replayable"]),
            // The program is in the log.
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

    /// Runs a program under it once.
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

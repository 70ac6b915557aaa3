//! Millions of stops: nothing is lost, and the memory of recording and printing does not grow with
//! them.

use crate::program::program;
use crate::stage::{Running, SYSREEL, Stage, each, status_of};
use std::fs::File;
use std::process::Command;
use sysreel_abi::{Abi, number::number};
use sysreel_format::Body;
use sysreel_inspect::syscall_info::{self, What};

/// The memory limit of each command.
const MOST_KIB: u64 = 100 << 10;

#[test]
fn a_hundred_thousand_stops() {
    storm(50_000, 1);
}

#[test]
fn many_processes_at_once() {
    storm(4_000, 6);
}

#[test]
#[ignore = "takes minutes"]
fn long_two_million_stops() {
    storm(1_000_000, 1);
}

#[test]
#[ignore = "takes minutes"]
fn long_many_processes_at_once() {
    storm(100_000, 8);
}

fn storm(calls: u64, processes: u64) {
    let stage = Stage::new();
    let log = stage.path("run.reel");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o"]).arg(&log).arg(&program("stop_storm").binary);
    let recording = peak_of(command.args([calls.to_string(), processes.to_string()]));
    let getppid = number(Abi::X86_64, "getppid").unwrap();
    let mut next = std::collections::HashMap::<_, u64>::new();
    let read = each(&log, |_, event| {
        let Body::Stop(stop) = event.decode().unwrap() else { return };
        match syscall_info::decode(stop.layout, stop.info).what {
            // A child calls getppid once by itself.
            What::Entry(call) if call.nr == getppid && call.args[0] != 0 => {
                let next = next.entry(event.task).or_default();
                *next += 1;
                assert_eq!(call.args[0], *next, "a call is missing");
            }
            _ => {}
        }
    });
    read.is_clean();
    assert_eq!(
        next.values().copied().collect::<Vec<_>>(),
        vec![calls; usize::try_from(processes).unwrap()]
    );
    let mut peaks = vec![recording];
    for format in ["text", "raw"] {
        let out = File::create(stage.path(format)).unwrap();
        peaks.push(peak_of(
            stage.command(SYSREEL).args(["print", "--format", format]).arg(&log).stdout(out),
        ));
    }
    peaks.push(peak_of(
        stage
            .command(SYSREEL)
            .arg("info")
            .arg(&log)
            .stdout(File::create(stage.path("info")).unwrap()),
    ));
    eprintln!(
        "{} events: peaks of record, print, print raw and info in KiB: {peaks:?}",
        read.events
    );
    assert!(peaks.iter().all(|&peak| peak > 1000 && peak < MOST_KIB), "{peaks:?}");
}

/// Returns the largest resident set of a command, as the kernel reports it right before the end.
fn peak_of(command: &mut Command) -> u64 {
    let (peak, code) = peak_and_code(command);
    assert_eq!(code, Some(0));
    peak
}

/// As [`peak_of`], with the exit code.
pub(crate) fn peak_and_code(command: &mut Command) -> (u64, Option<i32>) {
    let mut running = Running::start(command);
    let mut peak = 0;
    while !running.has_ended() {
        if let Some(now) = status_of(running.pid(), "VmHWM") {
            peak = now.trim_end_matches(" kB").trim().parse().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    (peak, running.wait().code())
}

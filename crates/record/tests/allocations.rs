//! The tracer's thread allocates nothing at a stop once its buffers have grown: thousands of
//! further calls make no further allocation.
//!
//! In a test binary of its own, because the recorder waits for every child of the process and the
//! allocator counts for the whole process.

use std::path::Path;
use std::process::Command;
use sysreel_abi::Filter;
use sysreel_record::{Ended, FastMode, Options, Recorder};
use sysreel_sys::counting::{Counting, allocations};

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_stop_allocates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("calls");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/bench/calls.c");
    match Command::new("gcc").args(["-O1", "-pthread", "-o"]).arg(&program).arg(source).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => {
            assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "gcc: {error}");
            _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: no gcc\n");
            return;
        }
    }
    for (mode, change) in MODES {
        let record = |what, rounds| recorded(&program, folder.path(), what, rounds, change);
        // Allocations made once for the process (tables, thread locals) are made here.
        _ = record("mixed", 20);
        // Calls of every kind with its own handling, see fixtures/bench/calls.c. Few enough to fit
        // the segments: waiting for the writer may allocate.
        let (few, many) = (record("mixed", 20), record("mixed", 400));
        let stops = many.events - few.events;
        assert!(stops >= 380 * 18, "{mode}: {stops} more stops");
        assert_eq!(
            few.allocations, many.allocations,
            "{mode}: allocations without and with {stops} more stops"
        );
    }
    // For a replay signals, and calls that could change mapped files, need /proc and paths; and
    // from time to time the registers are compared.
    let record =
        |rounds| recorded(&program, folder.path(), "read", rounds, |o| o.replayable = true);
    _ = record(50);
    let (stops, more) = record(1500).more_than(&record(50));
    assert!(stops >= 1400 * 2, "{stops} more stops");
    assert!(more * 50 < stops, "{more} more allocations for {stops} more stops");
    let record = |what, rounds| recorded(&program, folder.path(), what, rounds, |_| {});
    // With several tasks the queue of reports may grow and masks are sometimes changed, but not at
    // every stop.
    let (stops, more) = record("threads", 1500).more_than(&record("threads", 50));
    // The waits of the joins differ from run to run.
    assert!(stops >= 1400 * 4 * 2, "{stops} more stops");
    assert!(more * 100 < stops, "{more} more allocations for {stops} more stops");
}

/// What changes the options of a recording.
type Change = fn(&mut Options);

/// The ways of recording in which no stop of any call allocates.
const MODES: &[(&str, Change)] = &[
    ("plain", |_| {}),
    ("--no-names", |options| options.names = false),
    ("--only", |options| options.only = Some(Filter::parse("openat,read,poll").unwrap())),
    ("--fast", |options| options.fast = Some(FastMode::On)),
];

struct Recorded {
    events: u64,
    allocations: u64,
}

impl Recorded {
    /// Returns how many events and allocations this recording has beyond another one.
    fn more_than(&self, other: &Recorded) -> (u64, u64) {
        (self.events - other.events, self.allocations.saturating_sub(other.allocations))
    }
}

/// Records `rounds` rounds of a workload on this thread, as the tracer.
fn recorded(
    program: &Path,
    folder: &Path,
    what: &str,
    rounds: u64,
    change: impl Fn(&mut Options),
) -> Recorded {
    let mut options = Options {
        output: Some(folder.join(format!("{what}.{rounds}.reel"))),
        argv: vec![program.into(), what.into(), rounds.to_string().into()],
        ..Options::default()
    };
    change(&mut options);
    let recorder = Recorder::prepare(&options).unwrap();
    let before = allocations();
    let outcome = recorder.run().unwrap();
    let allocations = allocations() - before;
    assert_eq!((outcome.ended, outcome.lost), (Ended::Exited(0), 0));
    Recorded { events: outcome.events, allocations }
}

//! The tracer's thread allocates nothing at a stop once its buffers have grown: thousands of
//! further calls make no further allocation.
//!
//! In a test binary of its own, because the recorder waits for every child of the process and the
//! allocator counts for the whole process.

use std::path::Path;
use std::process::Command;
use sysreel_record::{Ended, Options, Recorder};
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
    let record = |what, rounds| recorded(&program, folder.path(), what, rounds);
    // Allocations made once for the process (tables, thread locals) are made here.
    _ = record("mixed", 20);
    // Calls of every kind with its own handling, see fixtures/bench/calls.c. Few enough to fit the
    // segments: waiting for the writer may allocate.
    let (few, many) = (record("mixed", 20), record("mixed", 400));
    let stops = many.events - few.events;
    assert!(stops >= 380 * 30, "{stops} more stops");
    assert_eq!(
        few.allocations, many.allocations,
        "allocations without and with {stops} more stops"
    );
    // With several tasks the queue of reports may grow and masks are sometimes changed, but not at
    // every stop.
    let (few, many) = (record("threads", 50), record("threads", 1500));
    let (stops, more) =
        (many.events - few.events, many.allocations.saturating_sub(few.allocations));
    // The waits of the joins differ from run to run.
    assert!(stops >= 1400 * 4 * 2, "{stops} more stops");
    assert!(more * 100 < stops, "{more} more allocations for {stops} more stops");
}

struct Recorded {
    events: u64,
    allocations: u64,
}

/// Records `rounds` rounds of a workload on this thread, as the tracer.
fn recorded(program: &Path, folder: &Path, what: &str, rounds: u64) -> Recorded {
    let options = Options {
        output: Some(folder.join(format!("{what}.{rounds}.reel"))),
        argv: vec![program.into(), what.into(), rounds.to_string().into()],
        ..Options::default()
    };
    let recorder = Recorder::prepare(&options).unwrap();
    let before = allocations();
    let outcome = recorder.run().unwrap();
    let allocations = allocations() - before;
    assert_eq!((outcome.ended, outcome.lost), (Ended::Exited(0), 0));
    Recorded { events: outcome.events, allocations }
}

//! Decides whether a log can be replayed, and lists the files that this reads. Nothing is run.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysreel_format::{Limits, Log};
use sysreel_fuzz::pack;
use sysreel_replay::{check_replayable, files_to_read};

fuzz_target!(|input: &[u8]| {
    let bytes = pack(input);
    let Ok(log) = Log::open(&bytes[..], Limits::default()) else { return };
    for (until, force) in [(None, false), (None, true), (Some(3), true)] {
        if let Err(error) = check_replayable(&log, until, force) {
            _ = error.to_string();
        }
        _ = files_to_read(&log, until);
    }
});

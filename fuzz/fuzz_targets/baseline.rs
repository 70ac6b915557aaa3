//! Reads a baseline. What is read and written again says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use sysreel_inspect::diff::baseline::Baseline;

fuzz_target!(|input: &str| {
    let path = Path::new("sysreel.baseline");
    match Baseline::parse(path, input) {
        Ok(baseline) => {
            let text = baseline.to_string();
            let again = Baseline::parse(path, &text).expect("what was written can be read");
            // A line ends with \n or \r\n, so of a \r before that one is lost.
            assert!(input.contains('\r') || again.to_string() == text, "{text}");
        }
        Err(error) => drop(error.to_string()),
    }
});

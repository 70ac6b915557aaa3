//! Reads a baseline. What is read and written again says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use sysreel_inspect::diff::baseline::Baseline;

fuzz_target!(|input: &str| {
    let path = Path::new("sysreel.baseline");
    let baseline = match Baseline::parse(path, input) {
        Ok(baseline) => baseline,
        Err(error) => return drop(error.to_string()),
    };
    let text = baseline.to_string();
    // A line ends with \n or \r\n. So a result that ends with \r, which no log gives, loses it.
    if !input.contains('\r') {
        let again = Baseline::parse(path, &text).expect("what was written can be read");
        assert_eq!(again.to_string(), text);
    }
});

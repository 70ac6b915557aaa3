//! Prints a log as JSON, of which each line must be an object.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysreel_fuzz::{LogFile, pack};
use sysreel_inspect::{EventRange, open, raw};

fuzz_target!(|input: &[u8]| {
    let file = LogFile::new(&pack(input));
    let Ok(mut log) = open(&file.path()) else { return };
    let mut out = Vec::new();
    if raw::raw(&mut log, &EventRange::default(), &mut out).is_ok() {
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        for line in text.lines() {
            assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
        }
    }
});

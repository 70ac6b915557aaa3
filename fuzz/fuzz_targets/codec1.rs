//! Decodes columns that no encoder made, whole and in outline.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysreel_format::{Limits, Log};
use sysreel_fuzz::pack_columns;

fuzz_target!(|input: &[u8]| {
    let bytes = pack_columns(input);
    let log = Log::open(&bytes[..], Limits::default()).expect("the header is sound");
    let mut events = log.events();
    while let Ok(Some(_)) = events.next() {}
    let mut outlines = log.outlines();
    while let Ok(Some(_)) = outlines.next() {}
});

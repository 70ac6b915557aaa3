//! Opens a log and walks all of it: events with their parts, buffers, outlines, blocks. Both as it
//! is and with its checksums made right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysreel_format::{BlobNumber, Body, Item, Limits, Log, Part, Stop};
use sysreel_fuzz::pack;

fuzz_target!(|input: &[u8]| {
    walk(input);
    walk(&pack(input));
});

fn walk(bytes: &[u8]) {
    let Ok(log) = Log::open(bytes, Limits::default()) else { return };
    let mut events = log.events();
    while let Ok(Some(item)) = events.next() {
        let Item::Event(event) = item else { continue };
        if let Ok(Body::Stop(stop)) = event.decode() {
            parts(&log, &stop);
        }
    }
    let mut outlines = log.outlines();
    while let Ok(Some(_)) = outlines.next() {}
    for item in log.blocks() {
        if item.is_err() {
            break;
        }
    }
    for number in [0, 1, u64::MAX] {
        _ = log.blob(BlobNumber(number));
        _ = log.event_since(number);
        _ = log.events_from(number).map(|mut events| drop(events.next()));
    }
}

fn parts(log: &Log<&[u8]>, stop: &Stop<'_>) {
    for part in stop.parts {
        match part {
            Ok(Part::Region(region)) => drop(log.region_bytes(&region)),
            Ok(_) => {}
            Err(_) => break,
        }
    }
}

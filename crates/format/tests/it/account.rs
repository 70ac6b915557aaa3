//! Checks what every reader must do: yield each event unchanged or report it missing, and skip
//! none.

use sysreel_format::{
    Body, Event, Events, Item, Limits, Log, Missing, NeedsParts, OutlineItem, Part, What,
};

/// Reads the log and compares it with the rows it was made of. Returns the number of events read,
/// and the holes.
pub(crate) fn account(log: &Log<Vec<u8>>, rows: &[Vec<u8>]) -> (usize, Vec<Missing>) {
    let (mut next, mut read, mut holes) = (0_u64, 0, Vec::new());
    let total = rows.len() as u64;
    let mut events = log.events();
    while let Some(item) = events.next().unwrap() {
        match item {
            Item::Event(event) => {
                assert_eq!(event.number, next);
                assert_eq!(
                    event.row(),
                    rows[usize::try_from(next).unwrap()],
                    "event {next} is wrong"
                );
                check_blobs(log, &event);
                let again = events.current().unwrap();
                assert_eq!(
                    (again.number, again.row()),
                    (next, rows[usize::try_from(next).unwrap()].as_slice())
                );
                read += 1;
                next += 1;
            }
            Item::Missing(missing) => {
                assert_eq!(missing.first, next, "{missing}");
                next = missing.count.map_or(total.max(next), |count| next + count);
                assert!(next <= total, "{missing} of {total}");
                holes.push(missing);
                assert_eq!(events.current(), None);
            }
        }
    }
    assert_eq!(events.current(), None);
    assert_eq!(next, total, "events from {next} on were neither read nor reported missing");
    (read, holes)
}

/// Decoding ahead yields the same items, from any event on.
fn check_ahead(log: &Log<Vec<u8>>, rows: &[Vec<u8>], holes: &[Missing]) {
    for (threads, from) in [(1, 0), (3, rows.len() as u64 / 2)] {
        let (mut next, mut seen) = (from, Vec::new());
        let read = log.read_ahead(threads, from, |events| {
            while let Some(item) = events.next().unwrap() {
                match item {
                    Item::Event(event) => {
                        assert_eq!(
                            (event.number, event.row()),
                            (next, rows[usize::try_from(event.number).unwrap()].as_slice())
                        );
                        next += 1;
                    }
                    Item::Missing(missing) => {
                        next = missing.count.map_or(u64::MAX, |count| missing.first + count);
                        seen.push(missing);
                    }
                }
            }
        });
        read.unwrap();
        assert!(next >= rows.len() as u64);
        if from == 0 {
            assert_eq!(seen, holes);
        }
    }
}

/// Without parts the events are the same but for the parts, with the same holes.
fn check_structs(log: &Log<Vec<u8>>, rows: &[Vec<u8>], holes: &[Missing]) {
    let none: NeedsParts = |_, _| false;
    let most: NeedsParts = |arch, _| arch == 0xc000_003e;
    for needs_parts in [none, most] {
        let (mut read, mut seen) = (0, Vec::new());
        let each = |events: &mut Events<'_, Vec<u8>>| {
            while let Some(item) = events.next().unwrap() {
                let event = match item {
                    Item::Event(event) => event,
                    Item::Missing(missing) => {
                        seen.push(missing);
                        continue;
                    }
                };
                let row = &rows[usize::try_from(event.number).unwrap()];
                let whole = Event::from_row(event.number, row).unwrap();
                read += 1;
                if event.row() == row {
                    continue;
                }
                let Ok(Body::Stop(stop)) = event.decode() else { panic!("{event:?}") };
                assert_eq!(stop.parts.count(), 0, "all parts or none");
                assert_eq!(event.body, &whole.body[..event.body.len()]);
                let head = |event: Event<'_>| {
                    (event.kind, event.source, event.flags, event.task, event.t_ns)
                };
                assert_eq!(head(event), head(whole));
                let arch =
                    stop.info.get(4..8).map(|arch| u32::from_le_bytes(arch.try_into().unwrap()));
                assert!(
                    !arch.is_some_and(|arch| needs_parts(arch, 0)),
                    "a call without its memory"
                );
            }
        };
        log.read_ahead_without_parts(1, 0, needs_parts, each).unwrap();
        assert_eq!(seen, holes);
        let missing: u64 = holes.iter().filter_map(|hole| hole.count).sum();
        assert!(
            holes.iter().any(|hole| hole.count.is_none()) || read + missing >= rows.len() as u64
        );
    }
}

/// The outlines match the events, with the same holes.
fn check_outlines(log: &Log<Vec<u8>>, rows: &[Vec<u8>], holes: &[Missing]) {
    let (mut next, mut seen) = (0_u64, Vec::new());
    log.outline_ahead(1, |outlines| {
        while let Some(item) = outlines.next().unwrap() {
            let outline = match item {
                OutlineItem::Event(outline) => outline,
                OutlineItem::Missing(missing) => {
                    next = missing.count.map_or(u64::MAX, |count| missing.first + count);
                    seen.push(missing);
                    continue;
                }
            };
            let row = &rows[usize::try_from(next).unwrap()];
            let event = Event::from_row(next, row).unwrap();
            assert_eq!(
                (outline.number, outline.kind, outline.task),
                (next, event.kind, event.task)
            );
            let word = |at: usize| u64::from_le_bytes(event.body[at..at + 8].try_into().unwrap());
            match outline.what {
                What::Entry { arch, ip, nr } => {
                    let arch = u64::from(arch) << 32 | 1;
                    assert_eq!(
                        (event.body.len() >= 92, arch, ip, nr),
                        (true, word(12), word(20), word(36))
                    );
                }
                What::Exit { arch, is_error } => {
                    assert_eq!((u64::from(arch) << 32 | 2, is_error), (word(12), event.body[44]));
                }
                What::Stop { wait_status, layout, info } => {
                    let Ok(Body::Stop(stop)) = event.decode() else { panic!("event {next}") };
                    assert_eq!(
                        (wait_status, layout, info),
                        (stop.wait_status, stop.layout, stop.info)
                    );
                }
                What::Other(other) => assert_eq!(other.body, event.body),
            }
            next += 1;
        }
        if holes.is_empty() {
            assert_eq!(outlines.row_bytes(), rows.iter().map(|row| row.len() as u64).sum::<u64>());
        }
    });
    assert_eq!(seen, holes);
    assert!(next >= rows.len() as u64);
}

/// As [`account`], for a file that may not even open.
pub(crate) fn account_bytes(bytes: Vec<u8>, rows: &[Vec<u8>]) -> (usize, Vec<Missing>) {
    match Log::open(bytes, Limits::default()) {
        Ok(log) => {
            let (read, holes) = account(&log, rows);
            check_ahead(&log, rows, &holes);
            check_structs(&log, rows, &holes);
            check_outlines(&log, rows, &holes);
            (read, holes)
        }
        Err(_) => (0, Vec::new()),
    }
}

/// Blobs may be missing, but those returned must be right: see [`crate::build::blob_bytes`].
fn check_blobs(log: &Log<Vec<u8>>, event: &Event<'_>) {
    let Ok(Body::Stop(stop)) = event.decode() else { return };
    for part in stop.parts {
        if let Ok(Part::Region(region)) = part
            && let sysreel_format::RegionData::Blobs(blobs) = region.data
            && let Ok(bytes) = log.region_bytes(&region)
        {
            let expected: Vec<u8> =
                blobs.iter().flat_map(|n| crate::build::blob_bytes(n.0)).collect();
            assert_eq!(*bytes, expected);
        }
    }
}

/// Reports that a test was skipped. Written past the test harness, which hides the output of
/// passing tests.
pub(crate) fn skipped(why: &str) {
    use std::io::Write;
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{why}");
    drop(writeln!(std::io::stderr(), "skipped: {why}"));
}

//! Logs of later versions, and damaged version fields.

use sysreel_format::{Body, Error, Event, EventFlags, Item, Limits, Log, Part, PartKind, Why};

use crate::account::account;
use crate::build::{Piece, flagged_row, log_of, small_log};
use crate::round_trip::collect;

const BLOCK: usize = 152;

/// Returns the offsets of the blocks.
pub(crate) fn block_offsets(bytes: &[u8]) -> Vec<usize> {
    let magic = b"\x89srblk\x1a\n";
    bytes.windows(8).enumerate().filter(|(_, w)| w == magic).map(|(at, _)| at - 8).collect()
}

/// Returns a log with a changed block header and a correct checksum.
pub(crate) fn patch(bytes: &[u8], block: usize, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let header = &mut bytes[block..block + BLOCK];
    change(header);
    let crc = crc32c::crc32c(&header[..BLOCK - 4]);
    header[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Returns a log with a changed file header and a correct checksum.
fn patch_file(bytes: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    let crc = crc32c::crc32c(&bytes[..92]);
    bytes[92..96].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn open(bytes: Vec<u8>) -> Result<Log<Vec<u8>>, Error> {
    Log::open(bytes, Limits::default())
}

#[test]
fn the_error_of_a_newer_major_says_what_to_do() {
    let (bytes, rows) = small_log();
    let error = open(patch_file(&bytes, 20, &2_u16.to_le_bytes())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the log has format version 2.0, this sysreel reads up to 1.x: use a newer sysreel"
    );
    let log = open(patch_file(&bytes, 22, &9_u16.to_le_bytes())).unwrap();
    assert_eq!(account(&log, &rows).0, rows.len(), "a newer minor is read");
}

#[test]
fn only_unknown_incompat_features_are_refused() {
    let (bytes, rows) = small_log();
    let error = open(patch_file(&bytes, 40, &4_u64.to_le_bytes())).unwrap_err().to_string();
    assert!(
        error.contains("incompat bits 0x4") && error.contains("use a newer sysreel"),
        "{error}"
    );
    for at in [48, 56] {
        let log = open(patch_file(&bytes, at, &4_u64.to_le_bytes())).unwrap();
        assert_eq!(account(&log, &rows).0, rows.len());
    }
}

#[test]
fn unknown_blocks_are_skipped_or_refused() {
    let (bytes, rows) = small_log();
    let blobs = block_offsets(&bytes)[1];
    assert_eq!(bytes[blobs + 16], 2, "the first segment has blobs");
    let change = |flags: u8| {
        patch(&bytes, blobs, |header| {
            header[16..18].copy_from_slice(&99_u16.to_le_bytes());
            header[20] = flags;
        })
    };
    assert_eq!(account(&open(change(0)).unwrap(), &rows).0, rows.len());
    let log = open(change(1)).unwrap();
    let error = log.events().next().map(drop).unwrap_err().to_string();
    assert!(error.contains("block kind 99") && error.contains("newer sysreel"), "{error}");
}

#[test]
fn an_unknown_codec_is_reported_as_a_hole() {
    let (bytes, rows) = small_log();
    let events = block_offsets(&bytes)[2];
    assert_eq!(bytes[events + 16], 1);
    let log = open(patch(&bytes, events, |header| header[68] = 7)).unwrap();
    let (read, holes) = account(&log, &rows);
    assert!(read < rows.len());
    assert_eq!(holes[0].why, Why::Codec(7));
    assert_eq!(holes[0].offset, events as u64);
}

#[test]
fn unknown_events_and_parts_are_kept_or_refused() {
    let rows = [flagged_row(500, EventFlags(0)), flagged_row(500, EventFlags::MUST_UNDERSTAND)];
    let log = open(log_of(&rows.clone().map(Piece::Event), 4096)).unwrap();
    let mut events = log.events();
    let Some(Item::Event(event)) = events.next().unwrap() else { panic!("no event") };
    assert_eq!((event.decode().unwrap(), event.source.name()), (Body::Unknown(b"?"), None));
    let Some(Item::Event(event)) = events.next().unwrap() else { panic!("no event") };
    assert!(matches!(event.decode(), Err(Error::MustUnderstand { what: "event", kind: 500, .. })));
    assert_eq!(
        Part::decode(PartKind(88), 2, b"x").unwrap(),
        Part::Unknown { kind: PartKind(88), flags: 2, bytes: b"x" }
    );
    assert!(matches!(
        Part::decode(PartKind(88), 1, b"x"),
        Err(Error::MustUnderstand { what: "part", .. })
    ));
}

#[test]
fn bodies_may_grow_at_the_end() {
    let mut buf = sysreel_format::EventBuf::new();
    let (kind, source) = (sysreel_format::EventKind::CLOCK, sysreel_format::SourceId::RECORDER);
    buf.begin(kind, source, sysreel_format::TaskId::NONE, 5);
    buf.clock(&sysreel_format::Clock { monotonic: 1, realtime: 2, boottime: 3 });
    buf.raw(b"a fourth clock");
    let row = buf.finish().to_vec();
    let Body::Clock(clock) = Event::from_row(0, &row).unwrap().decode().unwrap() else {
        panic!("no clock")
    };
    assert_eq!(clock.boottime, 3);
}

#[test]
fn damaged_metadata_lose_no_events() {
    let (bytes, rows) = small_log();
    let mut bytes = bytes;
    bytes[96 + 152 + 9] ^= 1;
    let log = open(bytes).unwrap();
    assert!(log.meta_error().is_some());
    assert_eq!(account(&log, &rows).0, rows.len());
    assert_eq!(collect(&log).1, []);
}

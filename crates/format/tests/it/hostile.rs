//! Bytes that want to hurt: headers that claim much, garbage, things that are no log.

use proptest::collection::vec;
use proptest::prelude::*;
use sysreel_format::{BlobNumber, BlockItem, Error, Limits, Log, Why};

use crate::account::account;
use crate::build::small_log;
use crate::round_trip::collect;
use crate::version::{block_offsets, patch};

fn open(bytes: &[u8]) -> Result<Log<Vec<u8>>, Error> {
    Log::open(bytes.to_vec(), Limits::default())
}

/// Reads everything there is to read.
fn exhaust(bytes: &[u8]) {
    let Ok(log) = open(bytes) else { return };
    collect(&log);
    drop(log.events_from(7).map(|mut events| events.next().map(drop)));
    drop(log.blob(BlobNumber(0)));
    drop(log.blob(BlobNumber(5)));
    assert!(log.blocks().take(10_000).all(|item| item.is_ok()));
}

#[test]
fn what_is_no_log_says_so() {
    assert!(matches!(open(b""), Err(Error::Empty)));
    assert!(matches!(open(b"\x7fELF and so on, and so on"), Err(Error::NotALog)));
    assert!(matches!(open(&[0; 5000]), Err(Error::NotALog)));
    let (log, _) = small_log();
    assert!(matches!(open(&log[..50]), Err(Error::BadHeader { .. })));
    assert!(matches!(open(&log[..10]), Err(Error::BadHeader { .. })));
    let directory = sysreel_format::SeekReader::new(std::fs::File::open("/").unwrap());
    assert!(matches!(
        Log::open(directory, Limits::default()),
        Err(Error::Io { .. } | Error::NotALog | Error::Empty)
    ));
}

#[test]
fn headers_that_claim_much_cost_nothing() {
    let (bytes, rows) = small_log();
    // payload_len, raw_len, n_items, first_item of every block.
    for (at, len) in [(104, 8), (112, 8), (64, 4), (56, 8)] {
        for block in block_offsets(&bytes) {
            for fill in [0xff, 0x7f, 0x03] {
                let claimed = patch(&bytes, block, |header| header[at..at + len].fill(fill));
                let Ok(log) = open(&claimed) else { continue };
                let (read, _) = collect(&log);
                if at >= 104 {
                    account(&log, &rows);
                }
                assert!(read.len() <= rows.len());
                exhaust(&claimed);
            }
        }
    }
}

#[test]
fn a_lowered_limit_is_kept() {
    let (bytes, rows) = small_log();
    let log = Log::open(bytes, Limits { block: 500, ..Limits::default() }).unwrap();
    let (read, holes) = account(&log, &rows);
    assert!(read < rows.len());
    assert!(holes.iter().all(|hole| hole.why == Why::Damaged));
}

#[test]
fn many_torn_headers_do_not_cost_the_square() {
    // Every header is sound and claims the rest of the file as its payload.
    let (bytes, _) = small_log();
    let block = block_offsets(&bytes)[1];
    let mut file = bytes[..96].to_vec();
    let count = 20_000;
    let end = 96 + count * 152;
    while file.len() < end {
        let at = file.len();
        file.extend_from_slice(&bytes[block..block + 152]);
        file = patch(&file, at, |header| {
            header[40..48].copy_from_slice(&(at as u64).to_le_bytes());
            header[104..112].copy_from_slice(&((end - at - 152) as u64).to_le_bytes());
        });
    }
    let log = open(&file).unwrap();
    let (read, holes) = collect(&log);
    assert_eq!((read.len(), holes.len()), (0, 1));
    assert!(log.blob(BlobNumber(3)).is_err());
    assert!(log.blocks().all(|item| matches!(item, Ok(BlockItem::Block(_) | BlockItem::Damage { .. }))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bytes_after_a_header(tail in vec(any::<u8>(), 0..2000), keep in 96_usize..2000) {
        let (bytes, _) = small_log();
        let keep = keep.min(bytes.len());
        exhaust(&[&bytes[..keep], &tail].concat());
        exhaust(&tail);
    }

    #[test]
    fn random_damage_in_many_places(places in vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        let (mut bytes, rows) = small_log();
        for (place, value) in &places {
            let at = place.index(bytes.len());
            bytes[at] = *value;
        }
        if let Ok(log) = open(&bytes) {
            account(&log, &rows);
        }
        exhaust(&bytes);
    }
}

//! Hostile bytes: headers with huge claims, garbage, files that are not logs.

use proptest::collection::vec;
use proptest::prelude::*;
use sysreel_format::{BlobNumber, BlockItem, Body, Error, Item, Limits, Log, Part, Why};

use crate::account::account;
use crate::build::small_log;
use crate::calls::{both_logs, sites_log};
use crate::round_trip::collect;
use crate::version::{block_offsets, patch};

fn open(bytes: &[u8]) -> Result<Log<Vec<u8>>, Error> {
    Log::open(bytes.to_vec(), Limits::default())
}

/// Reads everything in a log.
fn read_everything(bytes: &[u8]) {
    let Ok(log) = open(bytes) else { return };
    let mut events = log.events();
    while let Ok(Some(item)) = events.next() {
        let Item::Event(event) = item else { continue };
        let parts = match event.decode() {
            Ok(Body::Stop(stop)) => stop.parts,
            Ok(Body::Task(task)) => task.parts,
            _ => continue,
        };
        for part in parts {
            if let Ok(Part::Region(region)) = part {
                drop(log.region_bytes(&region));
            }
        }
    }
    drop(log.events_from(7).map(|mut events| events.next().map(drop)));
    drop(log.blob(BlobNumber(0)));
    drop(log.blob(BlobNumber(5)));
    assert!(log.blocks().take(10_000).all(|item| item.is_ok()));
}

#[test]
fn files_that_are_no_log_are_refused() {
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
fn huge_claims_in_headers_allocate_nothing() {
    // payload_len, raw_len, n_items, first_item of every block.
    let fields = [(104, 8), (112, 8), (64, 4), (56, 8)];
    for ((bytes, rows), (at, len)) in
        both_logs().iter().flat_map(|log| fields.map(|field| (log, field)))
    {
        for block in block_offsets(bytes) {
            for fill in [0xff, 0x7f, 0x03] {
                let claimed = patch(bytes, block, |header| header[at..at + len].fill(fill));
                let Ok(log) = open(&claimed) else { continue };
                let (read, _) = collect(&log);
                if at >= 104 {
                    account(&log, rows);
                }
                assert!(read.len() <= rows.len());
                read_everything(&claimed);
            }
        }
    }
}

#[test]
fn a_lowered_limit_is_respected() {
    for (bytes, rows) in both_logs() {
        let log = Log::open(bytes, Limits { block: 500, ..Limits::default() }).unwrap();
        let (read, holes) = account(&log, &rows);
        assert!(read < rows.len());
        assert!(holes.iter().all(|hole| hole.why == Why::Damaged));
    }
}

#[test]
fn torn_headers_take_no_quadratic_time() {
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
    assert!(
        log.blocks().all(|item| matches!(item, Ok(BlockItem::Block(_) | BlockItem::Damage { .. })))
    );
}

/// Returns the contents of the frames of a payload: one in codec 0, several in codec 1.
fn frames_of(mut payload: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !payload.is_empty() {
        let len = zstd::zstd_safe::find_frame_compressed_size(payload).unwrap();
        frames.push(zstd::decode_all(&payload[..len]).unwrap());
        payload = &payload[len..];
    }
    frames
}

fn frame_of(raw: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.set_pledged_src_size(Some(raw.len() as u64)).unwrap();
    std::io::Write::write_all(&mut encoder, raw).unwrap();
    encoder.finish().unwrap()
}

/// Returns a log with correct checksums whose payloads and headers were changed, by `(block, place,
/// value)`.
fn forged(
    bytes: &[u8],
    changes: &[(prop::sample::Index, prop::sample::Index, u8)],
    headers: bool,
) -> Vec<u8> {
    let blocks = block_offsets(bytes);
    let mut out = bytes[..96].to_vec();
    let mut footer = 0_u64;
    for (index, &at) in blocks.iter().enumerate() {
        let mut header = bytes[at..at + 152].to_vec();
        let len =
            usize::try_from(u64::from_le_bytes(header[104..112].try_into().unwrap())).unwrap();
        let mut frames = frames_of(&bytes[at + 152..at + 152 + len]);
        for (_, place, value) in
            changes.iter().filter(|(block, _, _)| block.index(blocks.len()) == index)
        {
            let raw = place.get_mut(&mut frames);
            if headers {
                // Not the frame, the magic, the id and the offset, which would only hide the block.
                let fields: Vec<usize> =
                    (16..24).chain(48..88).chain(88..104).chain(112..148).collect();
                header[*place.get(&fields)] = *value;
            } else if *value == 0xfe {
                raw.truncate(place.index(raw.len() + 1));
            } else if !raw.is_empty() {
                *place.get_mut(raw) = *value;
            }
        }
        let payload = frames.iter().flat_map(|raw| frame_of(raw)).collect::<Vec<u8>>();
        footer = out.len() as u64;
        header[40..48].copy_from_slice(&footer.to_le_bytes());
        header[84..88].copy_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        header[104..112].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        if !headers && let [raw] = frames.as_slice() {
            header[112..120].copy_from_slice(&(raw.len() as u64).to_le_bytes());
        }
        let from = out.len();
        out.extend_from_slice(&[header, payload].concat());
        out = patch(&out, from, |_| {});
    }
    let mut trailer = bytes[bytes.len() - 64..].to_vec();
    trailer[32..40].copy_from_slice(&footer.to_le_bytes());
    trailer[40..48].copy_from_slice(&(out.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c(&trailer[..60]);
    trailer[60..].copy_from_slice(&crc.to_le_bytes());
    [out, trailer].concat()
}

#[test]
fn a_forgery_without_changes_equals_the_log() {
    for (bytes, rows) in both_logs() {
        let log = open(&forged(&bytes, &[], false)).unwrap();
        assert_eq!(account(&log, &rows), (rows.len(), vec![]));
        assert!(log.summary().is_some() && log.meta_error().is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn checks_hold_without_checksums(changes in vec(any::<(prop::sample::Index, prop::sample::Index,
        u8)>(), 1..12),
        headers in any::<bool>()) {
        read_everything(&forged(&small_log().0, &changes, headers));
        read_everything(&forged(&sites_log().0, &changes, headers));
    }

    #[test]
    fn random_bytes_after_a_header(tail in vec(any::<u8>(), 0..2000), keep in 96_usize..2000) {
        let (bytes, _) = small_log();
        let keep = keep.min(bytes.len());
        read_everything(&[&bytes[..keep], &tail].concat());
        read_everything(&tail);
    }

    #[test]
    fn random_damage_in_many_places(places in vec((any::<prop::sample::Index>(), any::<u8>()),
        1..30)) {
        let (mut bytes, rows) = small_log();
        for (place, value) in &places {
            let at = place.index(bytes.len());
            bytes[at] = *value;
        }
        if let Ok(log) = open(&bytes) {
            account(&log, &rows);
        }
        read_everything(&bytes);
    }
}

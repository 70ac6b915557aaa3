//! Files that were truncated, flipped, zeroed or shuffled.

use sysreel_format::{
    BlobNumber, BlockItem, BlockKind, BlockWriter, Completeness, DropReasons, Ending, Extras,
    FileHeader, FileId, Limits, Log, Segment, SegmentMemory, Why,
};

use crate::account::{account, account_bytes};
use crate::build::{
    ID, Piece, blob_bytes, blob_row, every_kind, header, log_of, meta, rows_of, small_log,
};
use crate::calls::both_logs;

#[test]
fn a_truncated_log_reports_what_is_missing() {
    for (bytes, rows) in both_logs() {
        let mut most = 0;
        for len in 0..bytes.len() {
            let (read, holes) = account_bytes(bytes[..len].to_vec(), &rows);
            assert!(read >= most, "a longer file yields fewer events");
            most = read;
            if read != 0 && read != rows.len() {
                let hole = holes.last().unwrap();
                assert!(matches!(hole.why, Why::Truncated | Why::Unfinished));
                assert!(hole.offset <= len as u64);
            }
        }
        assert_eq!(most, rows.len());
    }
}

#[test]
fn a_flipped_bit_anywhere_yields_no_wrong_event() {
    for ((bytes, rows), masks) in both_logs().into_iter().zip([2, 1]) {
        for at in 0..bytes.len() {
            for mask in [1 << (at % 8), 0xff].into_iter().take(masks) {
                let mut bytes = bytes.clone();
                bytes[at] ^= mask;
                let Ok(log) = Log::open(bytes, Limits::default()) else {
                    assert!(at < 96, "byte {at}: only the file header keeps a log from opening");
                    continue;
                };
                let (read, holes) = account(&log, &rows);
                assert!(read > 0);
                assert!(
                    holes.iter().all(|hole| hole.count.is_some()),
                    "the trailer or the footer tells the total"
                );
            }
        }
    }
}

#[test]
fn zeroed_doubled_and_swapped_sectors_are_detected() {
    for (bytes, rows) in both_logs() {
        for start in (96..bytes.len() - 256).step_by(128) {
            let mut zeroed = bytes.clone();
            zeroed[start..start + 128].fill(0);
            account_bytes(zeroed, &rows);
            let mut doubled = bytes.clone();
            doubled.copy_within(start..start + 128, start + 128);
            account_bytes(doubled, &rows);
            let mut longer = bytes.clone();
            longer.splice(start..start, [0xaa; 13]);
            account_bytes(longer, &rows);
            let mut shorter = bytes.clone();
            shorter.drain(start..start + 128);
            account_bytes(shorter, &rows);
        }
    }
}

#[test]
fn a_log_inside_a_blob_is_not_read() {
    let (mut inner, _) = small_log();
    // The worst case: a copy with the same id, where only the offsets differ.
    for own_id in [false, true] {
        if !own_id {
            inner = foreign_log();
        }
        let mut pieces: Vec<Piece> = every_kind().into_iter().map(Piece::Event).collect();
        pieces.push(Piece::Blob(inner.clone()));
        pieces.extend(every_kind().into_iter().map(Piece::Event));
        let rows = rows_of(&pieces);
        let bytes = log_of(&pieces, 64 << 10);
        let log = Log::open(bytes.clone(), Limits::default()).unwrap();
        assert_eq!(account(&log, &rows), (rows.len(), vec![]));
        assert_eq!(log.blob(BlobNumber(0)).unwrap(), inner);
        let kinds: Vec<_> = log.blocks().map(Result::unwrap).collect();
        // Without the header of the block that contains it, the search runs through it.
        let blobs = kinds.iter().find_map(|item| match item {
            BlockItem::Block(header) if header.kind == BlockKind::BLOBS => Some(header.self_offset),
            _ => None,
        });
        let at = usize::try_from(blobs.unwrap()).unwrap();
        let mut torn = bytes.clone();
        torn[at + 20] ^= 1;
        let log = Log::open(torn, Limits::default()).unwrap();
        assert_eq!(account(&log, &rows), (rows.len(), vec![]));
        assert!(log.blob(BlobNumber(0)).is_err());
        assert!(log.blocks().any(|item| matches!(item, Ok(BlockItem::Damage { .. }))));
    }
}

fn foreign_log() -> Vec<u8> {
    let header = FileHeader::new(FileId([7; 16]), Completeness::default());
    let mut writer = BlockWriter::create(Vec::new(), header, &meta()).unwrap();
    let mut segment = Segment::open(vec![0; 8192], &FileId([7; 16]), 1, 0, 0);
    for row in every_kind() {
        segment.append_event(&row).unwrap();
    }
    writer.write_segment(&segment).unwrap();
    writer.finish(Completeness::default(), &Extras::default()).unwrap()
}

#[test]
fn a_lost_blob_loses_no_event() {
    let (mut pieces, mut blobs) = (Vec::new(), Vec::new());
    for number in 0..40 {
        pieces.push(Piece::Blob(blob_bytes(number)));
        blobs.push(BlobNumber(number));
        pieces.push(Piece::Event(blob_row(number, &blobs, 300 * blobs.len())));
    }
    let rows = rows_of(&pieces);
    let bytes = log_of(&pieces, 4096);
    let log = Log::open(bytes.clone(), Limits::default()).unwrap();
    let at = log.blocks().map(Result::unwrap).find_map(|item| match item {
        BlockItem::Block(header) if header.kind == BlockKind::BLOBS => Some(header.self_offset),
        _ => None,
    });
    let mut bytes = bytes;
    bytes[usize::try_from(at.unwrap()).unwrap() + 160] ^= 1;
    let log = Log::open(bytes, Limits::default()).unwrap();
    assert_eq!(account(&log, &rows), (rows.len(), vec![]));
    assert_eq!(log.ending(), Ending::Clean);
    let error = log.blob(BlobNumber(0)).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert!(
        log.blob(BlobNumber(39)).is_err() || log.blob(BlobNumber(39)).unwrap() == blob_bytes(39)
    );
}

#[test]
fn a_wrong_block_hash_is_detected_when_checked() {
    let (bytes, rows) = small_log();
    let events = crate::version::block_offsets(&bytes)[2];
    let bytes = crate::version::patch(&bytes, events, |header| header[120] ^= 1);
    let log = Log::open(bytes, Limits::default()).unwrap();
    assert_eq!(account(&log, &rows), (rows.len(), vec![]));
    let mut events = log.events();
    events.check_hashes(true);
    let mut holes = 0;
    while let Some(item) = events.next().unwrap() {
        holes += usize::from(matches!(item, sysreel_format::Item::Missing(_)));
    }
    assert_eq!(holes, 1);
}

/// The memory of a segment that another program writes to.
#[derive(Debug)]
struct Shared {
    ours: Vec<u8>,
    /// The current contents.
    now: std::cell::OnceCell<Vec<u8>>,
}

impl SegmentMemory for Shared {
    fn bytes(&self) -> &[u8] {
        self.now.get().unwrap_or(&self.ours)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.ours
    }

    fn store_release(&mut self, offset: usize, value: u64) {
        self.ours.store_release(offset, value);
    }
}

/// However the memory of a segment is changed before it is written, its records are in the log or
/// reported lost.
#[test]
fn a_segment_changed_by_other_programs_yields_no_wrong_event() {
    let whole = 64 << 10;
    let mut seen = (0, 0);
    for (turn, at) in (128..whole).step_by(1 << 10).map(|at| at + at % 7).enumerate() {
        let ours = vec![0; whole];
        let mut segment = Segment::open(Shared { ours, now: Default::default() }, &ID, 1, 0, 0);
        let mut rows = Vec::new();
        while let Ok(blob) = segment.append_blob(&blob_bytes(rows.len() as u64)) {
            let row = blob_row(rows.len() as u64, &[blob], 300);
            if segment.append_event(&row).is_err() {
                break;
            }
            rows.push(row);
        }
        let mut now = segment.memory().ours.clone();
        match turn % 3 {
            0 => now[at] ^= 1,
            // Like a truncated file.
            1 => now[at..].fill(0),
            // Like the records of another recording.
            _ => now.copy_within(at..at + (4 << 10).min(whole - at), 128),
        }
        segment.memory().now.set(now).unwrap();
        let mut writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
        writer.write_segment(&segment).unwrap();
        let damaged = writer.damaged();
        let mut next =
            Segment::open(vec![0; 8192], &ID, 2, segment.next_event(), segment.next_blob());
        rows.push(blob_row(0, &[next.append_blob(&blob_bytes(segment.next_blob())).unwrap()], 300));
        next.append_event(rows.last().unwrap()).unwrap();
        writer.write_segment(&next).unwrap();
        let bytes = writer.finish(Completeness::default(), &Extras::default()).unwrap();
        let log = Log::open(bytes, Limits::default()).unwrap();
        let (read, holes) = account(&log, &rows);
        assert_eq!(read as u64 + damaged.events, rows.len() as u64);
        assert!(
            holes.iter().all(|hole| hole.why == Why::Dropped(DropReasons::TAIL_DAMAGED)),
            "{holes:?}"
        );
        // The buffers returned were checked above; the others are counted.
        let given = (0..rows.len() as u64).filter(|&number| log.blob(BlobNumber(number)).is_ok());
        assert_eq!(given.count() as u64 + damaged.blobs, rows.len() as u64, "damage at {at}");
        let summary = log.summary().unwrap();
        assert_eq!(summary.lost, damaged.events);
        assert_eq!(summary.completeness.contains(Completeness::LOST_EVENTS), damaged.events > 0);
        assert_eq!(
            summary.drop_reasons.contains(DropReasons::TAIL_DAMAGED),
            damaged.events + damaged.blobs > 0
        );
        // A flipped bit costs the records between two marks, and no more.
        assert!(turn % 3 != 0 || damaged.events.max(damaged.blobs) <= 12, "{damaged:?}");
        seen.0 += damaged.events;
        seen.1 += damaged.blobs;
    }
    assert!(seen.0 > 1000 && seen.1 > 1000, "{seen:?}");
}

//! docs/format.md shows a whole log in hex, which must be what the writer writes.

use data_encoding::HEXLOWER_PERMISSIVE;
use sysreel_format::{
    BlockWriter, Completeness, EventBuf, EventKind, Extras, FileHeader, FileId, FileMeta, Limits,
    Log, Segment, SourceId, TaskId, limits,
};

/// Returns the log of the document: one mark.
fn tiny_log() -> Vec<u8> {
    let id = FileId(std::array::from_fn(|i| u8::try_from(i).unwrap()));
    let header = FileHeader::new(id, Completeness::default());
    let mut writer = BlockWriter::create(Vec::new(), header, &FileMeta::default()).unwrap();
    let mut segment = Segment::open(vec![0; 4096], &id, 1, 0, 0);
    let mut buf = EventBuf::new();
    buf.begin(EventKind::MARK, SourceId::RECORDER, TaskId(0), 5);
    buf.raw(b"hi");
    segment.append_event(buf.finish()).unwrap();
    writer.write_segment(&segment).unwrap();
    writer.finish(Completeness::default(), &Extras::default()).unwrap()
}

fn document() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/format.md")).unwrap()
}

/// Returns the bytes in the hex block, whose lines have a comment after a bar.
fn hex_block(document: &str) -> Vec<u8> {
    let block =
        document.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let hex = block.lines().filter_map(|line| line.split('|').next());
    let digits: String = hex.flat_map(str::split_whitespace).collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).unwrap()
}

#[test]
fn the_document_shows_a_log_as_written() {
    let log = tiny_log();
    assert_eq!(hex_block(&document()), log, "update the hex in docs/format.md: {log:02x?}");
    assert_eq!(Log::open(log, Limits::default()).unwrap().summary().unwrap().events, 1);
}

#[test]
fn the_document_states_the_limits() {
    let document = document();
    let rows = [
        ("event row, head included", limits::MAX_ROW >> 20, "MiB"),
        ("struct image in a STOP", limits::MAX_INFO >> 10, "KiB"),
        ("block payload, compressed and decompressed", limits::MAX_BLOCK >> 20, "MiB"),
        ("blob", limits::BLOB_PART >> 20, "MiB"),
        ("buffer of one region", limits::MAX_REGION >> 20, "MiB"),
        ("header frame", limits::MAX_HEADER >> 10, "KiB"),
        ("FileMeta or snapshot struct, encoded", limits::MAX_META >> 20, "MiB"),
        ("tail segment", limits::MAX_SEGMENT >> 20, "MiB"),
    ];
    for (what, value, unit) in rows {
        assert!(
            document.contains(&format!("\n| {what} | {value} {unit}")),
            "{what}: {value} {unit}"
        );
    }
    assert!(document.contains(&format!("(window log {})", limits::MAX_WINDOW_LOG)));
    let tables = [limits::MAX_SITES, limits::MAX_TASKS, limits::MAX_CLASSES];
    assert_eq!(tables, [16_384, 65_536, 4_096]);
    assert!(
        document
            .contains("| sites, tasks, classes in a block in codec 1 | 16 384, 65 536, 4 096 |")
    );
    assert_eq!(limits::MAX_PAIRS, 16_384);
    assert!(
        document.contains("| pairs of sites that are remembered in a block in codec 1 | 16 384 |")
    );
    let slack = limits::COLUMNS_SLACK >> 10;
    assert!(document.contains(&format!(
        "| columns of a block, all frames together | {slack} KiB more than its rows |"
    )));
    assert_eq!(limits::MAX_ITEMS, 1_048_576);
    assert!(document.contains("| events or blobs in a block | 1 048 576 |"));
}

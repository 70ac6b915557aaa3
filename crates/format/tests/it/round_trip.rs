//! Rows, blobs, metadata and whole logs round-trip.

use proptest::collection::vec;
use proptest::prelude::*;
use sysreel_format::{
    BlobNumber, Body, Completeness, Data, Ending, Event, EventBuf, EventKind, FileMeta, Item,
    Layout, Limits, Log, MetaCodec, Missing, Part, PartKind, ProcessSnapshot, RegionData, SourceId,
    State, StopHead, TaskId,
};

use crate::build::{Piece, blob_row, every_kind, log_of, region, small_log, stop_row};

/// Returns the rows and holes of a log, in order.
pub(crate) fn read_all(bytes: &[u8]) -> (Vec<(u64, Vec<u8>)>, Vec<Missing>) {
    let log = Log::open(bytes.to_vec(), Limits::default()).unwrap();
    collect(&log)
}

pub(crate) fn collect(log: &Log<Vec<u8>>) -> (Vec<(u64, Vec<u8>)>, Vec<Missing>) {
    let (mut rows, mut holes) = (Vec::new(), Vec::new());
    let mut events = log.events();
    while let Some(item) = events.next().unwrap() {
        match item {
            Item::Event(event) => rows.push((event.number, event.row().to_vec())),
            Item::Missing(missing) => holes.push(missing),
        }
    }
    (rows, holes)
}

#[test]
fn a_log_round_trips() {
    let (bytes, rows) = small_log();
    let log = Log::open(bytes.clone(), Limits::default()).unwrap();
    assert_eq!(log.ending(), Ending::Clean);
    assert_eq!(log.header().version(), "1.0-draft");
    assert_eq!(log.meta(), &crate::build::meta());
    let (read, holes) = collect(&log);
    assert_eq!(holes, []);
    assert_eq!(read.len(), rows.len());
    for (index, (number, row)) in read.iter().enumerate() {
        assert_eq!((*number, row), (index as u64, &rows[index]));
    }
    let summary = log.summary().unwrap();
    assert_eq!(summary.events, rows.len() as u64);
    assert_eq!((summary.tasks, summary.blobs, summary.exit_status), (6, 6, Some(0x100)));
    assert_eq!(summary.completeness, Completeness::NO_NAMES);
    assert!(summary.duplicate_bytes > 0);
    assert_eq!(summary.kinds.iter().map(|(_, count)| count).sum::<u64>(), summary.events);
    for from in 0..=rows.len() as u64 {
        let mut events = log.events_from(from).unwrap();
        match events.next().unwrap() {
            Some(Item::Event(event)) => assert_eq!(event.number, from),
            None => assert_eq!(from, rows.len() as u64),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_kind_decodes() {
    for row in every_kind() {
        let event = Event::from_row(0, &row).unwrap();
        let body = event.decode().unwrap();
        match body {
            Body::Stop(stop) => {
                let parts: Vec<_> = stop.parts.map(Result::unwrap).collect();
                assert_eq!(parts.len(), 14);
                assert!(
                    matches!(parts[0], Part::Region(r) if r.data == RegionData::Inline(b"hello"))
                );
                assert!(matches!(parts[3], Part::EventMessage(0xdead_beef_0000_0001)));
                assert!(
                    matches!(parts[4], Part::Name(n) if n.fd == -100 && n.link == b"socket:[9]")
                );
                assert!(matches!(parts[7], Part::Unknown { kind: PartKind(77), .. }));
                let Part::Mapped(mapped) = parts[8] else { panic!("{:?}", parts[8]) };
                assert_eq!(mapped.head, crate::build::mapped());
                assert_eq!(
                    mapped.blobs.iter().map(|blob| blob.0).collect::<Vec<_>>(),
                    [1, 1 << 40]
                );
                assert!(matches!(parts[9], Part::Echo(2)));
                assert!(matches!(parts[11],
                        Part::File(f) if f.hash == [5;
                            32] && f.len == 1 << 40 && f.path == b"/lib/x"));
                assert!(matches!(parts[12],
                        Part::Path(p) if (p.arg, p.whole, p.errno, p.link) == (3, true, 0, b"/d")));
                assert!(matches!(parts[13],
                        Part::Path(p) if (p.arg, p.whole, p.errno, p.link) == (1, false, 11, b"")));
                let Part::State(state) = parts[10] else { panic!("{:?}", parts[10]) };
                assert_eq!((state.extended, state.registers), (7, &[6; 216][..]));
                let [ones, zeros] = [1, 0].map(|byte| State::sum(&[byte; State::PAGE]));
                let pages: Vec<_> = state.pages().collect();
                assert_eq!(pages, [(0x7000, ones), (0x8000, ones), (0xffff_f000, zeros)]);
            }
            Body::Task(task) => match task.parts.map(Result::unwrap).next() {
                Some(Part::NsPids(pids)) => {
                    assert_eq!(pids.iter().collect::<Vec<_>>(), [100, 7, 1])
                }
                other => panic!("{other:?}"),
            },
            Body::Snapshot { bytes, .. } => {
                assert_eq!(ProcessSnapshot::from_bytes(bytes).unwrap().umask, Some(0o22));
            }
            Body::Unknown(bytes) => assert_eq!(bytes, b"from the future"),
            _ => {}
        }
    }
}

#[test]
fn blobs_and_duplicates_round_trip() {
    let text = |n: u8| vec![n; 1000 + usize::from(n)];
    let pieces: Vec<Piece> = [1, 2, 1, 3, 1, 2].into_iter().map(|n| Piece::Blob(text(n))).collect();
    let bytes = log_of(&pieces, 4096);
    let log = Log::open(bytes, Limits { cache: 0, ..Limits::default() }).unwrap();
    for (number, n) in [1, 2, 1, 3, 1, 2].into_iter().enumerate() {
        assert_eq!(log.blob(BlobNumber(number as u64)).unwrap(), text(n));
    }
    assert!(log.blob(BlobNumber(6)).is_err());
    assert!(log.blob(BlobNumber(u64::MAX)).is_err());
}

#[test]
fn events_of_a_large_log_are_found_by_number() {
    let mut pieces = Vec::new();
    for number in 0..4000_u64 {
        pieces.push(Piece::Blob(number.to_le_bytes().repeat(64)));
        pieces.push(Piece::Event(blob_row(number, &[BlobNumber(number)], 512)));
    }
    let bytes = log_of(&pieces, 8192);
    // With its footer, then without.
    for len in [bytes.len(), bytes.len() - 100] {
        let log = Log::open(bytes[..len].to_vec(), Limits::default()).unwrap();
        for number in [3999, 0, 17, 2500, 2501, 1] {
            assert_eq!(log.blob(BlobNumber(number)).unwrap(), number.to_le_bytes().repeat(64));
            // Event `number` has that time, and no block has many.
            let since = log.event_since(number).unwrap();
            assert!((number.saturating_sub(20)..=number).contains(&since), "{since} {number}");
            let mut events = log.events_from(number).unwrap();
            let Some(Item::Event(event)) = events.next().unwrap() else {
                panic!("no event {number}")
            };
            assert_eq!((event.number, event.t_ns), (number, number));
            let Body::Stop(stop) = event.decode().unwrap() else { panic!("no stop") };
            let Some(Ok(Part::Region(region))) = stop.parts.clone().next() else {
                panic!("no region")
            };
            assert_eq!(&*log.region_bytes(&region).unwrap(), number.to_le_bytes().repeat(64));
        }
    }
}

#[test]
fn metadata_grow_at_the_end() {
    let mut bytes =
        FileMeta { argv: vec![b"x".to_vec()], ..FileMeta::default() }.to_bytes().unwrap();
    bytes.extend_from_slice(b"fields of a later version");
    assert_eq!(FileMeta::from_bytes(&bytes).unwrap().argv, [b"x"]);
}

#[test]
fn metadata_with_huge_claims_are_refused() {
    // A byte string of 2^62 bytes, and a list as long.
    let claim = [&[253][..], &(1_u64 << 62).to_le_bytes()].concat();
    assert!(FileMeta::from_bytes(&claim).is_err());
    assert!(FileMeta::from_bytes(&[&[0][..], &claim].concat()).is_err());
    assert!(ProcessSnapshot::from_bytes(&claim).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_struct_image_round_trips(info in vec(any::<u8>(), 0..=4096), ret in any::<i32>(),
        layout in any::<u8>(),
        wait_status in any::<u32>(), t_ns in any::<u64>()) {
        let mut buf = EventBuf::new();
        buf.begin(EventKind::STOP, SourceId::KERNEL, TaskId(3), t_ns);
        buf.stop_head(&StopHead { wait_status, info_ret: ret, layout: Layout(layout),
            info: &info });
        let row = buf.finish().to_vec();
        let (read, holes) = read_all(&log_of(&[Piece::Event(row.clone())], 8192));
        prop_assert_eq!(holes, []);
        prop_assert_eq!(&read[0].1, &row);
        let event = Event::from_row(0, &read[0].1).unwrap();
        prop_assert_eq!(event.t_ns, t_ns);
        let Body::Stop(stop) = event.decode().unwrap() else { panic!("no stop") };
        prop_assert_eq!((stop.wait_status, stop.info_ret, stop.layout.0),
            (wait_status, ret, layout));
        prop_assert_eq!(stop.info, &info[..]);
    }

    #[test]
    fn any_parts_round_trip(parts in vec((any::<u16>(), any::<u16>(), vec(any::<u8>(), 0..300)),
        0..8),
        data in vec(any::<u8>(), 0..256), blobs in vec(any::<u64>(), 0..9)) {
        let mut buf = EventBuf::new();
        buf.begin(EventKind::STOP, SourceId::KERNEL, TaskId(3), 1);
        buf.stop_head(&StopHead { wait_status: 1, info_ret: 0, layout: Layout::NONE, info: b"" });
        buf.region(&region(data.len() as u64), Data::Inline(&data));
        let numbers: Vec<_> = blobs.iter().copied().map(BlobNumber).collect();
        buf.region(&region(1), Data::Blobs(&numbers));
        for (kind, flags, body) in &parts {
            buf.raw_part(PartKind(kind | 0x8000), flags & !1, body);
        }
        let row = buf.finish().to_vec();
        let Body::Stop(stop) = Event::from_row(0,
            &row).unwrap().decode().unwrap() else { panic!("no stop") };
        let read: Vec<_> = stop.parts.map(Result::unwrap).collect();
        prop_assert!(matches!(read[0], Part::Region(r) if r.data == RegionData::Inline(&data)));
        match read[1] {
            Part::Region(r) => match r.data {
                RegionData::Blobs(b) => prop_assert_eq!(b.iter().collect::<Vec<_>>(), numbers),
                RegionData::Inline(_) => panic!("inline"),
            },
            _ => panic!("no region"),
        }
        for (part, (kind, flags, body)) in read[2..].iter().zip(&parts) {
            let expected = Part::Unknown { kind: PartKind(kind | 0x8000), flags: flags & !1,
                bytes: body };
            prop_assert_eq!(*part, expected);
        }
        prop_assert_eq!(read.len(), parts.len() + 2);
    }

    #[test]
    fn any_bytes_decode_without_panic(row in vec(any::<u8>(), 0..400), kind in 0_u16..12) {
        let mut row = row;
        if row.len() >= 20 {
            let len = u32::try_from(row.len() - 20).unwrap();
            row[..4].copy_from_slice(&len.to_le_bytes());
            row[4..6].copy_from_slice(&kind.to_le_bytes());
        }
        if let Ok(event) = Event::from_row(0, &row) {
            match event.decode() {
                Ok(Body::Stop(stop)) => stop.parts.for_each(drop),
                Ok(Body::Task(task)) => task.parts.for_each(drop),
                Ok(Body::Snapshot { bytes, .. }) => drop(ProcessSnapshot::from_bytes(bytes)),
                _ => {}
            }
        }
    }
}

#[test]
fn rows_of_a_second_log_differ_only_where_they_should() {
    let row = stop_row(1, b"x");
    let bytes = log_of(&[Piece::Event(row)], 4096);
    assert_eq!(
        bytes,
        log_of(&[Piece::Event(stop_row(1, b"x"))], 4096),
        "a log is a function of its input"
    );
}

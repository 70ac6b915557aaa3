//! Full disks and broken pipes: part of a block is in the file, and the log continues.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use sysreel_format::{
    BlobNumber, BlockWriter, Completeness, DropReasons, Error, Extras, Limits, Log, Segment, Why,
};

use crate::account::account;
use crate::build::{ID, blob_bytes, blob_row, every_kind, header, meta};

/// Accepts a few bytes at a time, and fails after `left` bytes until reset.
struct Disk {
    bytes: Vec<u8>,
    left: Rc<Cell<usize>>,
}

impl Write for Disk {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(100).min(self.left.get());
        if n == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.left.set(self.left.get() - n);
        self.bytes.extend_from_slice(&buf[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns segments of a log, each with blobs and events, and the rows.
fn segments() -> (Vec<Segment<Vec<u8>>>, Vec<Vec<u8>>) {
    let (mut rows, mut segments) = (Vec::new(), Vec::new());
    let (mut event, mut blob) = (0, 0);
    for generation in 1..=4 {
        let mut segment = Segment::open(vec![0; 8192], &ID, generation, event, blob);
        for row in every_kind() {
            segment.append_event(&row).unwrap();
            rows.push(row);
        }
        segment.append_blob(&blob_bytes(blob)).unwrap();
        let row = blob_row(event, &[BlobNumber(blob)], 300);
        segment.append_event(&row).unwrap();
        rows.push(row);
        (event, blob) = (segment.next_event(), segment.next_blob());
        segments.push(segment);
    }
    (segments, rows)
}

/// Writes all segments to a disk that is full after `room` bytes, taking blobs `ahead` or not;
/// `recover` handles the segment that failed.
fn write(
    room: usize,
    ahead: bool,
    segments: &[Segment<Vec<u8>>],
    recover: impl Fn(&mut BlockWriter<Disk>, &Segment<Vec<u8>>),
) -> Option<Vec<u8>> {
    let left = Rc::new(Cell::new(room));
    let disk = Disk { bytes: Vec::new(), left: Rc::clone(&left) };
    let Ok(mut writer) = BlockWriter::create(disk, header(), &meta()) else { return None };
    for segment in segments {
        let from = Segment::<Vec<u8>>::RECORDS;
        let records = &segment.memory()[from..from + segment.used()];
        // A failure here shows again when the whole segment is written.
        _ = ahead.then(|| writer.take_ahead(segment.first_blob(), records));
        if let Err(error) = writer.write_segment(segment) {
            assert!(matches!(error, Error::Io { .. }), "{error}");
            left.set(usize::MAX);
            recover(&mut writer, segment);
        }
    }
    left.set(usize::MAX);
    Some(writer.finish(Completeness::default(), &Extras::default()).unwrap().bytes)
}

#[test]
fn a_failed_segment_can_be_written_again() {
    let (segments, rows) = segments();
    let whole = write(usize::MAX, false, &segments, |_, _| panic!("no error")).unwrap().len();
    for (room, ahead) in (0..whole).flat_map(|room| [(room, false), (room, true)]) {
        let bytes =
            write(room, ahead, &segments, |writer, segment| writer.write_segment(segment).unwrap());
        let Some(bytes) = bytes else { continue };
        let log = Log::open(bytes, Limits::default()).unwrap();
        let (read, holes) = account(&log, &rows);
        assert_eq!((read, holes), (rows.len(), vec![]), "full after {room} bytes");
        for blob in 0..4 {
            assert_eq!(log.blob(BlobNumber(blob)).unwrap(), blob_bytes(blob));
        }
        assert_eq!(log.summary().unwrap().lost, 0);
    }
}

#[test]
fn a_dropped_segment_is_reported_with_its_reason() {
    let (segments, rows) = segments();
    let whole = write(usize::MAX, false, &segments, |_, _| panic!("no error")).unwrap().len();
    for (room, ahead) in (0..whole).flat_map(|room| [(room, false), (room, true)]) {
        let lost = Cell::new(0);
        let bytes = write(room, ahead, &segments, |writer, segment| {
            lost.set(writer.drop_segment(segment, DropReasons::DISK_FULL));
            assert!(
                matches!(writer.write_segment(segment), Err(Error::OutOfOrder { .. }))
                    || lost.get() == 0
            );
        });
        let Some(bytes) = bytes else { continue };
        let log = Log::open(bytes, Limits::default()).unwrap();
        let (read, holes) = account(&log, &rows);
        assert_eq!(read as u64 + lost.get(), rows.len() as u64);
        assert_eq!(holes.is_empty(), lost.get() == 0);
        if let [hole] = holes[..] {
            assert_eq!(
                (hole.count, hole.why),
                (Some(lost.get()), Why::Dropped(DropReasons::DISK_FULL))
            );
        }
        let summary = log.summary().unwrap();
        assert_eq!((summary.lost, summary.events), (lost.get(), rows.len() as u64));
        assert_eq!(summary.completeness.contains(Completeness::LOST_EVENTS), lost.get() != 0);
    }
}

/// Blobs of a segment are taken while it is filled. The disk is full at various offsets, and the
/// segment is written again or given up.
#[test]
fn blobs_taken_ahead_are_written_exactly_once() {
    let noise = |number: u64| -> Vec<u8> {
        let mut state = number + 1;
        let step = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(step).take(50_000).collect()
    };
    // The fourth equals the first.
    let numbers = [0, 1, 2, 0, 4, 5, 6, 7];
    for (room, give_up) in
        (0..500_000).step_by(20_000).flat_map(|room| [(room, false), (room, true)])
    {
        let left = Rc::new(Cell::new(usize::MAX));
        let disk = Disk { bytes: Vec::new(), left: Rc::clone(&left) };
        let mut writer = BlockWriter::create(disk, header(), &meta()).unwrap();
        left.set(room);
        let mut segment = Segment::open(vec![0; 1 << 20], &ID, 1, 0, 0);
        let (mut rows, mut told, mut blobs_ahead) = (Vec::new(), 0, 0);
        for (at, &number) in (0..).zip(&numbers) {
            segment.append_blob(&noise(number)).unwrap();
            rows.push(blob_row(at, &[BlobNumber(at)], 50_000));
            segment.append_event(rows.last().unwrap()).unwrap();
            if at % 3 == 1 {
                let from = Segment::<Vec<u8>>::RECORDS;
                let records = &segment.memory()[from + told..from + segment.used()];
                _ = writer.take_ahead(blobs_ahead, records);
                (told, blobs_ahead) = (segment.used(), segment.next_blob());
            }
        }
        if room > 400_000 {
            assert!(writer.next_blob() >= 5, "blocks went out before the segment was full");
        }
        let failed = writer.write_segment(&segment).is_err();
        assert_eq!(failed, room < 350_000, "{room}");
        left.set(usize::MAX);
        let lost = match (failed, give_up) {
            (true, true) => writer.drop_segment(&segment, DropReasons::DISK_FULL),
            (true, false) => writer.write_segment(&segment).map(|()| 0).unwrap(),
            (false, _) => 0,
        };
        // Blobs that were given up may not be referred to.
        let mut last =
            Segment::open(vec![0; 1 << 20], &ID, 2, segment.next_event(), segment.next_blob());
        let blob = last.append_blob(&noise(7)).unwrap();
        rows.push(blob_row(8, &[blob], 50_000));
        last.append_event(rows.last().unwrap()).unwrap();
        writer.write_segment(&last).unwrap();
        let bytes = writer.finish(Completeness::default(), &Extras::default()).unwrap().bytes;
        let read = crate::round_trip::read_all(&bytes).0;
        assert_eq!(read.len() as u64 + lost, rows.len() as u64, "full after {room}");
        let log = Log::open(bytes, Limits::default()).unwrap();
        let readable = if lost == 0 { 0..9 } else { 8..9 };
        for at in readable {
            let number = *numbers.get(at).unwrap_or(&7);
            assert!(
                log.blob(BlobNumber(at as u64)).unwrap() == noise(number),
                "blob {at}, full after {room}"
            );
        }
        assert_eq!(log.summary().unwrap().blobs, 9);
    }
}

#[test]
fn skipped_numbers_are_reported() {
    let mut writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
    let mut segment = Segment::open(vec![0; 4096], &ID, 1, 10, 3);
    segment.append_event(&crate::build::stop_row(1, b"x")).unwrap();
    writer.write_segment(&segment).unwrap();
    writer.note_loss(5, DropReasons::OVERRUN);
    let log = writer.finish(Completeness::default(), &Extras::default()).unwrap();
    let (rows, holes) = crate::round_trip::read_all(&log);
    assert_eq!(rows[0].0, 10);
    let both = DropReasons::UNEXPLAINED.with(DropReasons::OVERRUN);
    let told: Vec<_> = holes.iter().map(|hole| (hole.first, hole.count, hole.why)).collect();
    assert_eq!(
        told,
        [(0, Some(10), Why::Dropped(DropReasons::UNEXPLAINED)), (11, Some(5), Why::Dropped(both))]
    );
}

/// Counts writes.
#[derive(Default)]
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// So a reader that opens a log as it begins sees the header and the metadata, or nothing.
#[test]
fn a_log_begins_in_one_write() {
    let mut writer = BlockWriter::create(Counted::default(), header(), &meta());
    assert_eq!(writer.as_mut().unwrap().get_mut().0, 1);
}

//! Full disks and broken pipes: part of a block is in the file, and the log goes on.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use sysreel_format::{
    BlobNumber, BlockWriter, Completeness, DropReasons, Error, Extras, Limits, Log, Segment, Why,
};

use crate::account::account;
use crate::build::{ID, blob_bytes, blob_row, every_kind, header, meta};

/// Takes a few bytes at a time, and fails once `left` bytes were taken, until told otherwise.
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

/// Segments of a log, each with blobs and events; and the rows.
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

/// Writes all segments to a disk that is full after `room` bytes; `mend` deals with the segment that failed.
fn write(
    room: usize,
    segments: &[Segment<Vec<u8>>],
    mend: impl Fn(&mut BlockWriter<Disk>, &Segment<Vec<u8>>),
) -> Option<Vec<u8>> {
    let left = Rc::new(Cell::new(room));
    let disk = Disk { bytes: Vec::new(), left: Rc::clone(&left) };
    let Ok(mut writer) = BlockWriter::create(disk, header(), &meta()) else { return None };
    for segment in segments {
        if let Err(error) = writer.write_segment(segment) {
            assert!(matches!(error, Error::Io { .. }), "{error}");
            left.set(usize::MAX);
            mend(&mut writer, segment);
        }
    }
    left.set(usize::MAX);
    Some(writer.finish(Completeness::default(), &Extras::default()).unwrap().bytes)
}

#[test]
fn a_segment_that_failed_can_be_written_again() {
    let (segments, rows) = segments();
    let whole = write(usize::MAX, &segments, |_, _| panic!("no error")).unwrap().len();
    for room in 0..whole {
        let bytes = write(room, &segments, |writer, segment| writer.write_segment(segment).unwrap());
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
fn a_segment_that_was_given_up_is_reported_with_its_reason() {
    let (segments, rows) = segments();
    let whole = write(usize::MAX, &segments, |_, _| panic!("no error")).unwrap().len();
    for room in 0..whole {
        let lost = Cell::new(0);
        let bytes = write(room, &segments, |writer, segment| {
            lost.set(writer.drop_segment(segment, DropReasons::DISK_FULL));
            assert!(
                matches!(writer.write_segment(segment), Err(Error::OutOfOrder { .. })) || lost.get() == 0
            );
        });
        let Some(bytes) = bytes else { continue };
        let log = Log::open(bytes, Limits::default()).unwrap();
        let (read, holes) = account(&log, &rows);
        assert_eq!(read as u64 + lost.get(), rows.len() as u64);
        assert_eq!(holes.is_empty(), lost.get() == 0);
        if let [hole] = holes[..] {
            assert_eq!((hole.count, hole.why), (Some(lost.get()), Why::Dropped(DropReasons::DISK_FULL)));
        }
        let summary = log.summary().unwrap();
        assert_eq!((summary.lost, summary.events), (lost.get(), rows.len() as u64));
        assert_eq!(summary.completeness.contains(Completeness::LOST_EVENTS), lost.get() != 0);
    }
}

#[test]
fn numbers_that_are_skipped_without_a_word_are_reported() {
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

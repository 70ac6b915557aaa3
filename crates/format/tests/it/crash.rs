//! A recorder killed at any moment: what was committed is in the file or in the tail.

use sysreel_format::{
    BlobNumber, BlockWriter, Completeness, Error, Extras, FileId, Limits, Log, Segment, Why,
};

use crate::account::account;
use crate::build::{ID, SMALL, blob_bytes, blob_row, every_kind, header, meta};

/// A recorder with two segments, whose files are read after every step.
struct Recorder {
    writer: BlockWriter<Vec<u8>>,
    /// The segment being filled.
    current: Option<Segment<Vec<u8>>>,
    which: usize,
    /// The free segment.
    other: Vec<u8>,
    generation: u64,
    committed: Vec<Vec<u8>>,
    checks: usize,
}

impl Recorder {
    fn new() -> Self {
        let writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
        let current = Some(Segment::open(vec![0; SMALL], &ID, 1, 0, 0));
        let other = vec![0; SMALL];
        Recorder {
            writer,
            current,
            which: 0,
            other,
            generation: 1,
            committed: Vec::new(),
            checks: 0,
        }
    }

    /// Returns the tail file, with the current segment and `other`.
    fn tail(&self, other: &[u8]) -> Vec<u8> {
        let current = self.current.as_ref().map(|segment| segment.memory().clone()).unwrap();
        if self.which == 0 { [&current, other].concat() } else { [other, &current].concat() }
    }

    /// Checks the files of a recorder killed now, with that much of the file written.
    fn killed(&mut self, file: &[u8], tail: &[u8]) {
        self.checks += 1;
        let log =
            Log::open(file.to_vec(), Limits::default()).unwrap().with_tail(tail.to_vec()).unwrap();
        let (read, holes) = account(&log, &self.committed);
        assert_eq!(holes, []);
        assert_eq!(read, self.committed.len());
        let blobs = self.current.as_ref().unwrap().first_blob();
        for blob in 0..blobs {
            assert_eq!(
                log.blob(BlobNumber(blob)).unwrap(),
                blob_bytes(blob),
                "blob {blob} of {blobs}"
            );
        }
        // The file alone never claims that nothing is missing.
        let log = Log::open(file.to_vec(), Limits::default()).unwrap();
        let (_, holes) = account(&log, &self.committed);
        assert!(holes.last().is_some_and(|hole| hole.count.is_none()));
    }

    fn killed_now(&mut self) {
        let (file, tail) = (self.writer.get_ref().clone(), self.tail(&self.other));
        self.killed(&file, &tail);
    }

    /// Hands the full segment to the writer, and kills the recorder at every byte that it writes.
    fn switch_segments(&mut self) {
        let mut full = self.current.take().unwrap();
        full.seal();
        self.generation += 1;
        let next = std::mem::take(&mut self.other);
        let (event, blob) = (full.next_event(), full.next_blob());
        self.current = Some(Segment::open(next, &ID, self.generation, event, blob));
        self.which = 1 - self.which;
        let before = self.writer.get_ref().len();
        self.writer.write_segment(&full).unwrap();
        let written = self.writer.get_ref().clone();
        let tail = self.tail(full.memory());
        for len in before..=written.len() {
            self.killed(&written[..len], &tail);
        }
        self.other = full.free();
        self.killed_now();
    }

    fn append(&mut self, blob: Option<u64>, row: Vec<u8>) {
        if let Some(blob) = blob {
            if self.current.as_mut().unwrap().append_blob(&blob_bytes(blob)).is_err() {
                self.switch_segments();
                self.current.as_mut().unwrap().append_blob(&blob_bytes(blob)).unwrap();
            }
            self.killed_now();
        }
        if self.current.as_mut().unwrap().append_event(&row).is_err() {
            self.switch_segments();
            self.current.as_mut().unwrap().append_event(&row).unwrap();
        }
        self.committed.push(row);
        self.killed_now();
    }
}

#[test]
fn a_killed_recorder_loses_no_committed_event() {
    let mut recorder = Recorder::new();
    recorder.killed_now();
    for blob in 0..8 {
        recorder.append(Some(blob), blob_row(blob, &[BlobNumber(blob)], 300));
        for row in every_kind().into_iter().take(3) {
            recorder.append(None, row);
        }
    }
    assert!(recorder.checks > 1000, "{} checks", recorder.checks);
    // Killed while the footer is written: all segments are free, and show that there were no more
    // events.
    recorder.switch_segments();
    let empty = recorder.current.take().unwrap();
    let tail = [empty.free(), recorder.other.clone()].concat();
    let before = recorder.writer.get_ref().len();
    let whole = recorder.writer.finish(Completeness::default(), &Extras::default()).unwrap();
    for len in before..=whole.len() {
        let log = Log::open(whole[..len].to_vec(), Limits::default())
            .unwrap()
            .with_tail(tail.clone())
            .unwrap();
        assert_eq!(account(&log, &recorder.committed), (recorder.committed.len(), vec![]));
    }
}

#[test]
fn events_between_file_and_tail_are_reported_missing() {
    let mut writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
    let row = every_kind().remove(0);
    let mut first = Segment::open(vec![0; SMALL], &ID, 1, 0, 0);
    first.append_event(&row).unwrap();
    writer.write_segment(&first).unwrap();
    let mut third = Segment::open(vec![0; SMALL], &ID, 3, 5, 0);
    third.append_event(&row).unwrap();
    let (file, tail) = (writer.get_ref().clone(), third.memory().clone());
    let log = Log::open(file, Limits::default()).unwrap().with_tail(tail.clone()).unwrap();
    let (rows, holes) = crate::round_trip::collect(&log);
    assert_eq!(rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 5]);
    assert_eq!((holes[0].first, holes[0].count, holes[0].why), (1, Some(4), Why::Unfinished));
    // A freed segment still shows how far the log went.
    let log = Log::open(writer.get_ref().clone(), Limits::default())
        .unwrap()
        .with_tail(third.free())
        .unwrap();
    let (rows, holes) = crate::round_trip::collect(&log);
    assert_eq!((rows.len(), holes[0].first, holes[0].count), (1, 1, Some(5)));
}

#[test]
fn a_foreign_tail_is_refused_and_an_unused_one_is_not() {
    let (log, _) = crate::build::small_log();
    let open = |tail: Vec<u8>| Log::open(log.clone(), Limits::default()).unwrap().with_tail(tail);
    let foreign = Segment::open(vec![0; SMALL], &FileId([9; 16]), 1, 0, 0);
    assert!(matches!(open(foreign.memory().clone()), Err(Error::ForeignTail)));
    assert!(open(vec![0; SMALL]).is_ok());
    assert!(open(Vec::new()).is_ok());
    assert!(open(vec![0xff; 10_000]).is_ok());
}

#[test]
fn damage_in_the_tail_yields_no_wrong_event() {
    let writer = BlockWriter::create(Vec::new(), header(), &meta()).unwrap();
    let mut segment = Segment::open(vec![0; SMALL], &ID, 1, 0, 0);
    let mut rows = Vec::new();
    for row in every_kind() {
        segment.append_event(&row).unwrap();
        rows.push(row);
    }
    let (file, tail) = (writer.get_ref().clone(), segment.memory().clone());
    for at in 0..tail.len() {
        for value in [0, 0xff, tail[at] ^ 1] {
            let mut tail = tail.clone();
            tail[at] = value;
            let Ok(log) = Log::open(file.clone(), Limits::default()).unwrap().with_tail(tail)
            else {
                continue;
            };
            // Rows in the tail have no checksum, so a flipped bit in one goes unnoticed. Nothing
            // may panic, and the numbers must add up.
            crate::round_trip::collect(&log);
        }
    }
    for len in 0..tail.len() {
        let log = Log::open(file.clone(), Limits::default())
            .unwrap()
            .with_tail(tail[..len].to_vec())
            .unwrap();
        account(&log, &rows);
    }
}

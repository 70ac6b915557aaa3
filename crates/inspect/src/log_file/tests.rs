//! A recorder begins, ends or dies while its log is opened: the answer is that of before or of
//! after, never a mixture. No recorder is needed, and no time passes: a step of opening is where it
//! happens.

use std::fs::{self, File, OpenOptions};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sysreel_format::limits::SEGMENT_SIZE;
use sysreel_format::{
    BlockWriter, Completeness, Ending, EventBuf, EventKind, FileHeader, FileId, FileMeta, Item,
    Origin, Segment, SourceId, TaskHead, TaskId,
};

use super::{Opened, open_between, tail_path};

const STEPS: [Opened; 5] =
    [Opened::Nothing, Opened::PartOfTail, Opened::Tail, Opened::Log, Opened::Asked];
const LOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1/exec_arch.reel");
/// As many bytes of the log are cut off that its footer is incomplete.
const CUT: usize = 20;

/// A log that a recorder writes.
struct Recording {
    _folder: tempfile::TempDir,
    path: PathBuf,
    whole: Vec<u8>,
    /// The recorder's own descriptor, with its lock.
    recorder: Option<File>,
}

impl Recording {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.reel");
        Self { _folder: folder, path, whole: fs::read(LOG).unwrap(), recorder: None }
    }

    fn write(&self, bytes: &[u8]) {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&self.path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0).unwrap();
    }

    fn write_unfinished(&self) {
        self.write(self.whole.split_last_chunk::<CUT>().unwrap().0);
    }

    fn begin(&mut self) {
        self.write_unfinished();
        let recorder = File::open(&self.path).unwrap();
        recorder.lock().unwrap();
        self.recorder = Some(recorder);
        // A tail of which no segment was ever used.
        fs::write(tail_path(&self.path), vec![0; 4096]).unwrap();
    }

    fn end(&mut self) {
        self.write(&self.whole);
        fs::remove_file(tail_path(&self.path)).unwrap();
        self.recorder = None;
    }
}

/// Opens a log, with something that happens once after a step. Returns how it ends, whether it is
/// being written, and what reading it finds.
fn opened(path: &Path, at: Opened, happens: &mut dyn FnMut()) -> (Ending, bool, String) {
    let mut has_happened = false;
    let log = open_between(path, &mut |step| {
        if step == at && !has_happened {
            has_happened = true;
            happens();
        }
    })
    .unwrap();
    let findings = log.walk(0, |_| Ok(ControlFlow::Continue(()))).unwrap();
    (log.log().ending(), log.is_being_written(), findings.to_string())
}

#[test]
fn a_recorder_ends() {
    for step in STEPS {
        let mut recording = Recording::new();
        recording.begin();
        let path = recording.path.clone();
        let found = opened(&path, step, &mut || recording.end());
        assert_eq!(found, (Ending::Clean, false, String::new()), "{step:?}");
    }
}

#[test]
fn a_recorder_dies() {
    for step in STEPS {
        let mut recording = Recording::new();
        recording.begin();
        let path = recording.path.clone();
        let (ending, is_being_written, why) =
            opened(&path, step, &mut || recording.recorder = None);
        assert!(matches!(ending, Ending::Unfinished { .. }) && !is_being_written, "{step:?}");
        assert!(why.contains("the recorder died"), "{step:?}: {why}");
    }
}

/// The log of a recorder that died is replaced by that of one which begins.
#[test]
fn a_recorder_begins() {
    // There is no tail to copy yet.
    for step in STEPS.into_iter().filter(|step| *step != Opened::PartOfTail) {
        let mut recording = Recording::new();
        recording.write_unfinished();
        let path = recording.path.clone();
        let (ending, is_being_written, _) = opened(&path, step, &mut || recording.begin());
        assert!(matches!(ending, Ending::Unfinished { .. }) && is_being_written, "{step:?}");
    }
}

/// The beginning of a log is written in parts.
#[test]
fn the_metadata_are_written_while_the_log_is_opened() {
    let mut recording = Recording::new();
    recording.begin();
    let file = OpenOptions::new().write(true).open(&recording.path).unwrap();
    file.set_len(200).unwrap();
    let path = recording.path.clone();
    let mut tries = 0;
    let log = open_between(&path, &mut |step| {
        if step == Opened::Nothing {
            tries += 1;
        }
        if tries == 2 {
            recording.write_unfinished();
        }
    })
    .unwrap();
    assert!(log.is_being_written() && tries == 2, "{tries}");
    assert_eq!(log.log().meta_error().map(ToString::to_string), None);
}

#[test]
fn nothing_happens() {
    let mut recording = Recording::new();
    recording.begin();
    let path = recording.path.clone();
    let (_, is_being_written, _) = opened(&path, Opened::Nothing, &mut || {});
    assert!(is_being_written);
    recording.end();
    let found = opened(&path, Opened::Nothing, &mut || {});
    assert_eq!(found, (Ending::Clean, false, String::new()));
}

/// The recorder begins a segment while the tail is copied: what it stored in the one before since
/// that was copied is not missing.
#[test]
fn a_segment_is_begun_while_the_tail_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.reel");
    let id = FileId([1; 16]);
    let header = FileHeader::new(id, Completeness::default());
    BlockWriter::create(File::create(&path).unwrap(), header, &FileMeta::default()).unwrap();
    let recorder = File::open(&path).unwrap();
    recorder.lock().unwrap();
    let mut first = Segment::open(vec![0; SEGMENT_SIZE], &id, 1, 0, 0);
    append(&mut first, 10);
    let before = [first.memory().clone(), vec![0; SEGMENT_SIZE]].concat();
    append(&mut first, 10);
    first.seal();
    let mut second = Segment::open(vec![0; SEGMENT_SIZE], &id, 2, 20, 0);
    append(&mut second, 10);
    let after = [first.memory().clone(), second.memory().clone()].concat();
    // At each part of the tail.
    for nth in 0..2 * SEGMENT_SIZE / crate::source::PART {
        fs::write(tail_path(&path), &before).unwrap();
        let mut parts = 0;
        let log = open_between(&path, &mut |step| {
            if step == Opened::PartOfTail {
                if parts == nth {
                    fs::write(tail_path(&path), &after).unwrap();
                }
                parts += 1;
            }
        })
        .unwrap();
        let mut events = 0;
        let count = |item: &Item<'_>| {
            events += u32::from(matches!(item, Item::Event(_)));
            Ok(ControlFlow::Continue(()))
        };
        let findings = log.walk(0, count).unwrap();
        assert!(log.is_being_written());
        assert_eq!((findings.missing, events), (0, 30), "{nth}");
    }
}

fn append(segment: &mut Segment<Vec<u8>>, events: u32) {
    let mut event = EventBuf::new();
    for _ in 0..events {
        event.begin(EventKind::TASK, SourceId(0), TaskId(0), 1);
        event.task_head(&TaskHead { tid: 1, tgid: 1, parent: TaskId::NONE, origin: Origin(1) });
        segment.append_event(event.finish()).unwrap();
    }
}

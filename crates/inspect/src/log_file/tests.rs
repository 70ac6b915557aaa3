//! A recorder begins, ends or dies while its log is opened: the answer is that of before or of
//! after, never a mixture. No recorder is needed, and no time passes: a step of opening is where it
//! happens.

use std::fs::{self, File, OpenOptions};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sysreel_format::Ending;

use super::{Opened, open_between, tail_path};

const STEPS: [Opened; 4] = [Opened::Nothing, Opened::Tail, Opened::Log, Opened::Asked];
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
    for step in STEPS {
        let mut recording = Recording::new();
        recording.write_unfinished();
        let path = recording.path.clone();
        let (ending, is_being_written, _) = opened(&path, step, &mut || recording.begin());
        assert!(matches!(ending, Ending::Unfinished { .. }) && is_being_written, "{step:?}");
    }
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

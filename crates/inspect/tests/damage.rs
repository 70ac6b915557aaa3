//! Damaged logs: the cursor over calls never panics, and finds the same damage as printing.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sysreel_format::{
    BlockWriter, Completeness, Extras, FileHeader, FileId, FileMeta, Item, SEGMENT_SIZE, Segment,
};
use sysreel_inspect::print::{FdStyle, Options};
use sysreel_inspect::{Bound, EventRange, Findings, Follow, LogFile, calls, open, print};

const ID: FileId = FileId([7; 16]);
const FOLLOW: Follow = Follow { processes: true, maps: true, attributes: true };

fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ext| ext == "reel")).collect();
    assert!(logs.len() > 10);
    logs.sort();
    logs
}

/// xorshift64, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % (n.max(1) as u64)).unwrap()
    }
}

/// Asks for everything that an item can tell.
fn told_of(item: &calls::Item<'_>) -> String {
    let calls::Item::Call(call) = item else { return format!("{item:?}") };
    let paths: Vec<_> = call.paths().map(|path| path.full()).collect();
    let files = (call.reads().map(|file| file.name()), call.writes().map(|file| file.name()));
    let made: Vec<_> = call.made().collect();
    format!("{item:?} {paths:?} {files:?} {made:?} {:?}", call.regions())
}

/// Reads all items in every way. Returns what the cursor found.
fn read(file: &LogFile, range: EventRange, told: &str) -> Findings {
    let mut cursor = file.calls(FOLLOW).with_entries().range(range);
    let mut pulled = Vec::new();
    while let Some(item) = cursor.next().unwrap() {
        pulled.push(told_of(&item));
    }
    let found = cursor.findings();
    let mut pushed = Vec::new();
    let cursor = file.calls(FOLLOW).with_entries().range(range);
    let walked = cursor.for_each(|item| {
        pushed.push(told_of(&item));
        Ok(ControlFlow::Continue(()))
    });
    assert_eq!(found, walked.unwrap(), "{told}");
    assert_eq!(pulled, pushed, "{told}");
    found
}

/// Checks a damaged log, whole and in part.
fn check(path: &Path, told: &str) {
    let Ok(mut file) = open(path) else { return };
    let ranges = [
        EventRange::default(),
        EventRange { from: Some(Bound::Event(9)), to: Some(Bound::Event(40)) },
        EventRange { from: Some(Bound::SinceStart(300_000)), to: None },
    ];
    for range in ranges {
        let found = read(&file, range, told);
        let options = Options { range, fds: FdStyle::Detail, verbose: true, ..Options::default() };
        let mut out = Vec::new();
        let printed = print::print(&mut file, &options, &mut out).unwrap();
        // Buffers count as lost when they are asked for.
        let [found, printed] =
            [found, printed].map(|findings| Findings { lost_buffers: 0, ..findings });
        assert_eq!(found, printed, "{told} {range:?}");
        assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{told}");
    }
}

#[test]
fn cut_and_changed_files_are_read_alike() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("damaged.reel");
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for golden in goldens() {
        let whole = std::fs::read(&golden).unwrap();
        for round in 0..24 {
            let at = chance.below(whole.len());
            let mut bytes = whole.clone();
            match round % 2 {
                0 => bytes.truncate(at),
                _ => bytes[at] ^= 1 << chance.below(8),
            }
            std::fs::write(&path, &bytes).unwrap();
            check(&path, &format!("{} round {round} at {at}", golden.display()));
        }
    }
}

/// Changes rows in the ways that checksums do not let through: what a faulty recorder would write.
fn change(rows: &mut Vec<Vec<u8>>, chance: &mut Chance) {
    // Where a row has its task and its body (docs/format.md).
    const TASK: usize = 8;
    const BODY: usize = 20;
    for _ in 0..1 + chance.below(12) {
        let at = chance.below(rows.len());
        match chance.below(6) {
            0 => drop(rows.remove(at)),
            1 => rows.insert(at, rows[at].clone()),
            2 => {
                let other = chance.below(rows.len());
                rows.swap(at, other);
            }
            3 => rows[at][TASK] ^= 1,
            4 => {
                let row = &mut rows[at];
                let byte = BODY + chance.below(row.len() - BODY);
                if let Some(byte) = row.get_mut(byte) {
                    *byte = if chance.below(2) == 0 { 0xff } else { *byte ^ 1 << chance.below(8) };
                }
            }
            _ => {
                let row = &mut rows[at];
                row.truncate(BODY + chance.below(row.len() - BODY));
                let len = u32::try_from(row.len() - BODY).unwrap();
                row[..4].copy_from_slice(&len.to_le_bytes());
            }
        }
        if rows.is_empty() {
            return;
        }
    }
}

fn rows(path: &Path) -> Vec<Vec<u8>> {
    let file = open(path).unwrap();
    let mut events = file.events();
    let mut rows = Vec::new();
    while let Some(item) = events.next().unwrap() {
        if let Item::Event(event) = item {
            rows.push(event.row().to_vec());
        }
    }
    rows
}

#[test]
fn logs_of_a_faulty_recorder_are_read_alike() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("faulty.reel");
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    for golden in goldens() {
        let whole = rows(&golden);
        for round in 0..24 {
            let mut rows = whole.clone();
            change(&mut rows, &mut chance);
            let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &ID, 1, 0, 0);
            rows.iter().for_each(|row| _ = segment.append_event(row).unwrap());
            let header = FileHeader::new(ID, Completeness::default());
            let mut log = BlockWriter::create(Vec::new(), header, &FileMeta::default()).unwrap();
            log.write_segment(&segment).unwrap();
            let extras = Extras { exit_status: Some(0) };
            let log = log.finish(Completeness::default(), &extras).unwrap();
            std::fs::write(&path, log).unwrap();
            check(&path, &format!("{} round {round}", golden.display()));
        }
    }
}

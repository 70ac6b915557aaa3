//! Small logs made to cost as much as possible: every reader ends soon and within its memory limit.

use crate::stage::{SYSREEL, Stage};
use crate::volume::peak_and_code;
use std::fs::{self, File};
use std::time::{Duration, Instant};
use sysreel_abi::number::number;
use sysreel_abi::{Abi, AuditArch};
use sysreel_format::{
    BlobNumber, BlockWriter, Completeness, Data, Direction, EventBuf, EventKind, Extras, FdEntry,
    FileHeader, FileId, FileMeta, Layout, MetaCodec, Origin, ProcessSnapshot, RegionFlags,
    RegionHead, Role, Segment, SnapshotKind, SourceId, StopHead, TaskHead, TaskId,
};

/// The memory limit of a reader: docs/format.md, "Limits".
const MOST_KIB: u64 = 256 << 10;
/// Allows for a slow machine and a build without optimization.
const LONGEST: Duration = Duration::from_secs(120);
const ID: FileId = FileId(*b"a hostile log!!!");

/// Every reader but raw, whose output may be much larger than the log.
const READERS: [&[&str]; 12] = [
    &["print", "-yy", "-v", "LOG"],
    &["print", "-c", "LOG"],
    &["info", "LOG"],
    &["info", "--json", "LOG"],
    &["tree", "--env", "changed", "--threads", "LOG"],
    &["files", "LOG"],
    &["env", "--json", "LOG"],
    &["maps", "LOG"],
    &["diff", "--allow-env-drift", "LOG", "LOG"],
    &["diff", "--level", "fields", "LOG", "LOG"],
    &["diff", "--allow-env-drift", "LOG", "OTHER"],
    &["diff", "--allow-env-drift", "--level", "sequence", "OTHER", "LOG"],
];

fn number_of(name: &str) -> u64 {
    number(Abi::X86_64, name).unwrap()
}

/// Returns the struct of an entry (1) or an exit (2).
fn struct_of(op: u8, words: &[u64]) -> Vec<u8> {
    let arch = AuditArch::X86_64.0.to_le_bytes();
    [op, 0, 0, 0]
        .into_iter()
        .chain(arch)
        .chain(words.iter().flat_map(|word| word.to_le_bytes()))
        .collect()
}

/// A log that is being built.
struct Hostile {
    writer: BlockWriter<Vec<u8>>,
    segment: Segment<Vec<u8>>,
    generation: u64,
    row: EventBuf,
    t_ns: u64,
}

impl Hostile {
    fn new() -> Hostile {
        let header = FileHeader::new(ID, Completeness::default()).with_sites();
        let writer = BlockWriter::create(Vec::new(), header, &FileMeta::default()).unwrap();
        let segment = Segment::open(vec![0; 32 << 20], &ID, 1, 0, 0);
        Hostile { writer, segment, generation: 1, row: EventBuf::new(), t_ns: 1000 }
    }

    fn next_segment(&mut self) {
        self.segment.seal();
        self.writer.write_segment(&self.segment).unwrap();
        self.generation += 1;
        let (event, blob) = (self.segment.next_event(), self.segment.next_blob());
        let room =
            std::mem::replace(&mut self.segment, Segment::open(vec![0; 4096], &ID, 1, 0, 0)).free();
        self.segment = Segment::open(room, &ID, self.generation, event, blob);
    }

    fn blob(&mut self, bytes: &[u8]) -> BlobNumber {
        if let Ok(number) = self.segment.append_blob(bytes) {
            return number;
        }
        self.next_segment();
        self.segment.append_blob(bytes).unwrap()
    }

    fn event(&mut self, kind: EventKind, task: u32, fill: impl FnOnce(&mut EventBuf)) {
        self.t_ns += 1000;
        self.row.begin(kind, SourceId::KERNEL, TaskId(task), self.t_ns);
        fill(&mut self.row);
        if self.segment.append_event(self.row.finish()).is_err() {
            self.next_segment();
            self.segment.append_event(self.row.finish()).unwrap();
        }
    }

    fn task(&mut self, task: u32, tid: u32, parent: u32, origin: Origin) {
        let head = TaskHead { tid, tgid: tid, parent: TaskId(parent), origin };
        self.event(EventKind::TASK, task, |row| row.task_head(&head));
    }

    fn snapshot(&mut self, task: u32, snapshot: &ProcessSnapshot) {
        let bytes = snapshot.to_bytes().unwrap();
        self.event(EventKind::SNAPSHOT, task, |row| row.snapshot(SnapshotKind::PROCESS, 1, &bytes));
    }

    fn stop(&mut self, task: u32, info: &[u8], fill: impl FnOnce(&mut EventBuf)) {
        let info_ret = i32::try_from(info.len()).unwrap();
        self.event(EventKind::STOP, task, |row| {
            row.stop_head(&StopHead {
                wait_status: 0x857f,
                info_ret,
                layout: Layout::MERGED,
                info,
            });
            fill(row);
        });
    }

    /// Adds a call whose second argument points to blobs.
    fn call(&mut self, task: u32, name: &str, args: [u64; 6], blobs: &[BlobNumber], len: u64) {
        let nr = number_of(name);
        let [a, b, c, d, e, f] = args;
        self.stop(task, &struct_of(1, &[0x1000, 0x2000, nr, a, b, c, d, e, f]), |row| {
            if !blobs.is_empty() {
                let head = RegionHead {
                    arg: 1,
                    dir: Direction::IN,
                    role: Role::DIRECT,
                    flags: RegionFlags::default(),
                    index: 0,
                    address: b,
                    asked: len,
                    got: len,
                    errno: 0,
                };
                row.region(&head, Data::Blobs(blobs));
            }
        });
        let mut exit = struct_of(2, &[0x1000, 0x2000, len]);
        exit.push(0);
        self.stop(task, &exit, |_| ());
    }

    /// Adds a call whose first argument is a path.
    fn path_call(&mut self, task: u32, name: &str, path: &[u8]) {
        let got = path.len() as u64;
        let (dir, role, flags) = (Direction::IN, Role::DIRECT, RegionFlags::STRING);
        let (arg, index, address, asked, errno) = (0, 0, 0x5000, 4096, 0);
        let head = RegionHead { arg, dir, role, flags, index, address, asked, got, errno };
        let number = (got > 256).then(|| self.blob(path));
        let nr = number_of(name);
        self.stop(task, &struct_of(1, &[0x1000, 0x2000, nr, 0x5000, 0, 0, 0, 0, 0]), |row| {
            match number {
                Some(number) => row.region(&head, Data::Blobs(&[number])),
                None => row.region(&head, Data::Inline(path)),
            }
        });
        let mut exit = struct_of(2, &[0x1000, 0x2000, 0]);
        exit.push(0);
        self.stop(task, &exit, |_| ());
    }

    fn finish(mut self) -> Vec<u8> {
        self.writer.write_segment(&self.segment).unwrap();
        self.writer.finish(Completeness::default(), &Extras::default()).unwrap()
    }
}

/// Begins with a program that has a standard output, so that its writes count.
fn begun() -> Hostile {
    let mut log = Hostile::new();
    log.task(0, 100, u32::MAX, Origin::ATTACHED);
    let fds = vec![FdEntry { fd: 1, link: b"/out".to_vec(), ..FdEntry::default() }];
    log.snapshot(0, &ProcessSnapshot { exe: b"/x".to_vec(), fds, ..ProcessSnapshot::default() });
    log
}

/// Every call writes the same large blob.
fn one_blob_again_and_again() -> Vec<u8> {
    let mut log = begun();
    let blob = log.blob(&vec![0; 1 << 20]);
    for _ in 0..30_000 {
        log.call(0, "write", [1, 0x1000, 1 << 20, 0, 0, 0], &[blob], 1 << 20);
    }
    log.finish()
}

/// Calls refer to blobs of different blocks in turn, each at the end of its block.
fn blocks_in_turn() -> Vec<u8> {
    let mut log = begun();
    let mut blobs = Vec::new();
    for block in 0..40_u8 {
        for part in 0..20_u8 {
            let mut bytes = vec![block; 1 << 20];
            bytes[0] = part;
            blobs.push(log.blob(&bytes));
        }
    }
    for at in 0..20_000 {
        log.call(0, "write", [1, 0x1000, 32, 0, 0, 0], &[blobs[at * 20 % blobs.len()]], 1 << 20);
    }
    log.finish()
}

/// One region of 256 MiB.
fn the_largest_region() -> Vec<u8> {
    let mut log = begun();
    let blob = log.blob(&vec![7; 1 << 20]);
    log.call(0, "write", [1, 0x1000, 256 << 20, 0, 0, 0], &[blob; 256], 256 << 20);
    log.finish()
}

/// A task that is its own parent, two that are each other's, and a long line of children.
fn parents() -> Vec<u8> {
    let mut log = begun();
    log.task(1, 101, 1, Origin::FORK);
    log.task(2, 102, 3, Origin::FORK);
    log.task(3, 103, 2, Origin::FORK);
    log.task(2, 102, 3, Origin::FORK);
    for task in 4..20_000 {
        log.task(task, 100 + task, task - 1, Origin::FORK);
        if task % 100 == 0 {
            log.call(task, "write", [1, 0x1000, 1, 0, 0, 0], &[], 1);
        }
    }
    log.finish()
}

/// More processes than a view keeps, each with a program of its own and long arguments.
fn many_programs() -> Vec<u8> {
    let mut log = begun();
    for task in 1..210_000 {
        log.task(task, 100 + task, task - 1, Origin::FORK);
        if task % 4 == 0 {
            let exe = format!("/{task}").into_bytes();
            let cmdline = vec![exe.clone(), vec![0x9b; 100], Vec::new()];
            log.snapshot(task, &ProcessSnapshot { exe, cmdline, ..ProcessSnapshot::default() });
        }
    }
    log.finish()
}

/// Thousands of processes with many descriptors, each of which closes one of them.
fn many_descriptors() -> Vec<u8> {
    let mut log = Hostile::new();
    log.task(0, 100, u32::MAX, Origin::ATTACHED);
    let fds = (0..20_000).map(|fd| FdEntry {
        fd,
        link: format!("/file/{fd}").into_bytes(),
        ..FdEntry::default()
    });
    log.snapshot(
        0,
        &ProcessSnapshot { exe: b"/x".to_vec(), fds: fds.collect(), ..ProcessSnapshot::default() },
    );
    for task in 1..5_000 {
        log.task(task, 100 + task, 0, Origin::FORK);
        log.call(task, "close", [u64::from(task) * 3, 0, 0, 0, 0, 0], &[], 0);
    }
    log.finish()
}

/// A snapshot of the maximum size with as many entries as fit.
fn snapshots() -> Vec<u8> {
    let mut log = Hostile::new();
    log.task(0, 100, u32::MAX, Origin::ATTACHED);
    let fds = (0..100_000).map(|fd| FdEntry { fd, ..FdEntry::default() });
    let snapshot =
        ProcessSnapshot { exe: b"/x".to_vec(), fds: fds.collect(), ..ProcessSnapshot::default() };
    for _ in 0..8 {
        log.snapshot(0, &snapshot);
    }
    let cmdline = vec![Vec::new(); 8 << 20 >> 1];
    log.snapshot(
        0,
        &ProcessSnapshot { exe: b"/x".to_vec(), cmdline, ..ProcessSnapshot::default() },
    );
    log.finish()
}

/// Relative chdir calls, each into a deeper directory.
fn ever_deeper() -> Vec<u8> {
    let mut log = begun();
    let path = [b"d/".repeat(2000), vec![0]].concat();
    for _ in 0..5_000 {
        log.path_call(0, "chdir", &path);
    }
    log.finish()
}

/// Thousands of processes, each with names that no other has.
fn names(of: &str) -> Vec<u8> {
    let mut log = begun();
    for task in 1..3_000 {
        log.task(task, 100 + task, task / 3, Origin::FORK);
        for file in 0..10 {
            log.path_call(task, "rmdir", format!("/{of}/{task}/{file}\0").as_bytes());
        }
    }
    log.finish()
}

/// Runs every reader on a log.
#[track_caller]
fn survives(name: &str, bytes: &[u8], raw: bool) {
    let raw: &[&[&str]] = if raw { &[&["print", "--format", "raw", "LOG"]] } else { &[] };
    let readers: Vec<&[&str]> = READERS.iter().chain(raw).copied().collect();
    survives_in(name, bytes, &readers);
}

/// Runs these readers on a log.
#[track_caller]
fn survives_in(name: &str, bytes: &[u8], readers: &[&[&str]]) {
    let stage = Stage::new();
    fs::write(stage.path("LOG"), bytes).unwrap();
    // Compared with another such log, each process and each name is a difference.
    fs::write(stage.path("OTHER"), names("b")).unwrap();
    for words in readers {
        let mut command = stage.command(SYSREEL);
        command.args(*words).stdout(File::create("/dev/null").unwrap());
        command.stderr(File::create(stage.path(".stderr")).unwrap());
        let begun = Instant::now();
        let (peak, code) = peak_and_code(&mut command);
        let took = begun.elapsed();
        let said = fs::read_to_string(stage.path(".stderr")).unwrap();
        let said = said.get(..said.len().min(200)).unwrap_or_default();
        let command = words.join(" ");
        eprintln!(
            "{name}, {} bytes: {command}: {took:.1?}, {peak} KiB, {code:?} {said}",
            bytes.len()
        );
        assert!(matches!(code, Some(0 | 1 | 3)), "{name}: {words:?} ends with {code:?}: {said}");
        assert!(took < LONGEST, "{name}: {words:?} takes {took:?}");
        assert!(peak < MOST_KIB, "{name}: {words:?} takes {peak} KiB");
    }
}

#[test]
fn one_large_blob_that_every_call_has() {
    survives("one blob", &one_blob_again_and_again(), false);
}

#[test]
fn blobs_of_blocks_in_turn() {
    survives("blocks in turn", &blocks_in_turn(), false);
}

#[test]
fn a_region_of_the_largest_size() {
    survives("largest region", &the_largest_region(), true);
}

#[test]
fn parents_in_circles_and_lines() {
    survives("parents", &parents(), true);
}

#[test]
fn more_programs_than_a_view_keeps() {
    let readers: [&[&str]; 6] = [
        &["tree", "--env", "changed", "LOG"],
        &["tree", "--json", "LOG"],
        &["ps", "--threads", "-S", "name", "LOG"],
        &["files", "LOG"],
        &["env", "LOG"],
        &["maps", "--json", "LOG"],
    ];
    survives_in("programs", &many_programs(), &readers);
}

#[test]
fn thousands_of_processes_with_many_descriptors() {
    survives("descriptors", &many_descriptors(), true);
}

#[test]
fn the_largest_snapshots() {
    survives("snapshots", &snapshots(), true);
}

#[test]
fn directories_ever_deeper() {
    survives("deeper", &ever_deeper(), true);
}

#[test]
fn names_of_thousands_of_processes() {
    survives("names", &names("a"), true);
}

//! Who holds what, told by logs written by hand.

use sysreel_abi::Abi::X86_64;
use sysreel_format::{Event, EventKind, FdEntry, MetaCodec, Origin, ProcessSnapshot, SnapshotKind, TaskId};

use super::{Follow, Tracker};
use crate::story::Story;

fn call(story: &mut Story, task: u32, name: &str, args: [u64; 6], rval: i64) {
    story.entry(task, X86_64, name, args, &[]).exit(task, X86_64, rval, &[]);
}

fn entry(fd: i32, link: &str, ino: u64) -> FdEntry {
    FdEntry { fd, link: link.as_bytes().to_vec(), ino, ..FdEntry::default() }
}

fn begins(story: &mut Story, task: u32, cwd: &str, fds: Vec<FdEntry>) {
    let snapshot = ProcessSnapshot { cwd: cwd.as_bytes().to_vec(), fds, ..ProcessSnapshot::default() };
    let bytes = snapshot.to_bytes().unwrap();
    story.event(EventKind::SNAPSHOT, task, |buf| buf.snapshot(SnapshotKind::PROCESS, 1, &bytes));
}

/// The state at the end of a story.
fn told(story: &Story) -> Tracker {
    let mut tracker = Tracker::new(Follow { processes: true, ..Follow::default() });
    for (number, row) in (0..).zip(&story.rows) {
        let event = Event::from_row(number, row).unwrap();
        tracker.step(&event, &event.decode().unwrap(), &story.blobs, &mut |_, _| {});
    }
    tracker
}

fn link(tracker: &Tracker, task: u32, fd: i32) -> Option<String> {
    Some(String::from_utf8(tracker.file(TaskId(task), fd)?.link.to_vec()).unwrap())
}

fn serial(tracker: &Tracker, task: u32, fd: i32) -> Option<u64> {
    Some(tracker.file(TaskId(task), fd)?.serial)
}

#[test]
fn duplicates_are_one_description_and_forks_copy_the_table() {
    let mut story = Story::new();
    begins(&mut story, 0, "/w", vec![entry(0, "/dev/null", 1), entry(3, "/w/f", 2)]);
    call(&mut story, 0, "dup", [3, 0, 0, 0, 0, 0], 5);
    call(&mut story, 0, "fcntl", [3, 0, 10, 0, 0, 0], 10);
    story.entry(0, X86_64, "fork", [0; 6], &[]);
    story.task(1, 101, 101, Origin::FORK, TaskId(0));
    story.exit(0, X86_64, 101, &[]);
    call(&mut story, 1, "close", [5, 0, 0, 0, 0, 0], 0);
    call(&mut story, 0, "close_range", [0, 3, 0, 0, 0, 0], 0);
    let tracker = told(&story);
    assert_eq!(serial(&tracker, 0, 5), serial(&tracker, 0, 10));
    assert_eq!(serial(&tracker, 1, 3), serial(&tracker, 0, 5));
    assert_eq!((link(&tracker, 0, 3), link(&tracker, 0, 5)), (None, Some("/w/f".to_owned())));
    assert_eq!((link(&tracker, 1, 3), link(&tracker, 1, 5)), (Some("/w/f".to_owned()), None));
    let process = |task| tracker.standing(TaskId(task)).unwrap().process;
    assert_ne!(process(0), process(1));
}

#[test]
fn clone_with_files_shares_the_table_and_a_snapshot_ends_that() {
    /// `CLONE_FILES` (include/uapi/linux/sched.h).
    const FILES: u64 = 0x400;
    let mut story = Story::new();
    begins(&mut story, 0, "/w", vec![entry(3, "/w/f", 2)]);
    story.entry(0, X86_64, "clone", [FILES, 0, 0, 0, 0, 0], &[]);
    story.task(1, 101, 101, Origin::CLONE, TaskId(0));
    story.exit(0, X86_64, 101, &[]);
    call(&mut story, 1, "dup2", [3, 4, 0, 0, 0, 0], 4);
    let tracker = told(&story);
    assert_eq!(link(&tracker, 0, 4), Some("/w/f".to_owned()));
    // Close-on-exec: the snapshot does not find it any more.
    begins(&mut story, 1, "/w", vec![entry(4, "/w/f", 2)]);
    call(&mut story, 1, "close", [4, 0, 0, 0, 0, 0], 0);
    let tracker = told(&story);
    assert_eq!((link(&tracker, 1, 3), link(&tracker, 1, 4)), (None, None));
    assert_eq!(link(&tracker, 0, 4), Some("/w/f".to_owned()));
}

#[test]
fn paths_start_where_the_process_stands() {
    let mut story = Story::new();
    begins(&mut story, 0, "/w", vec![entry(3, "/srv/d", 2)]);
    story.entry(0, X86_64, "chdir", [0x1000, 0, 0, 0, 0, 0], &[(0, 0, 0, b"sub/../other\0")]);
    story.exit(0, X86_64, 0, &[]);
    let tracker = told(&story);
    let path = |dirfd: Option<i32>, path: &str| {
        let mut out = Vec::new();
        let dirfd = dirfd.map(|fd| u64::from(fd.cast_unsigned()));
        tracker.path(TaskId(0), dirfd, path.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(path(None, "f"), "/w/other/f");
    assert_eq!(path(Some(-100), "f"), "/w/other/f");
    assert_eq!(path(Some(3), "../f"), "/srv/f");
    assert_eq!(path(Some(3), "/f"), "/f");
    assert_eq!(path(Some(9), "f"), "f");
}

//! State after hand-written logs.

mod attributes;
mod open_fds;
mod places;

use sysreel_abi::Abi::X86_64;
use sysreel_format::{
    EventKind, FdEntry, MetaCodec, Name, Origin, ProcessSnapshot, SnapshotKind, TaskId,
};

use super::{Follow, Tracker};
use crate::testing::{self, LogBuilder};

fn call(log: &mut LogBuilder, task: u32, name: &str, args: [u64; 6], rval: i64) {
    log.entry(task, X86_64, name, args, &[]).exit(task, X86_64, rval, &[]);
}

fn entry(fd: i32, link: &str, ino: u64) -> FdEntry {
    FdEntry { fd, link: link.as_bytes().to_vec(), ino, ..FdEntry::default() }
}

fn begins(log: &mut LogBuilder, task: u32, cwd: &str, fds: Vec<FdEntry>) {
    let snapshot =
        ProcessSnapshot { cwd: cwd.as_bytes().to_vec(), fds, ..ProcessSnapshot::default() };
    let bytes = snapshot.to_bytes().unwrap();
    log.event(EventKind::SNAPSHOT, task, |buf| buf.snapshot(SnapshotKind::PROCESS, 1, &bytes));
}

/// Returns the state at the end of a log.
fn state_after(log: &LogBuilder) -> Tracker {
    testing::state_after(log, Follow { processes: true, ..Follow::default() })
}

fn link(tracker: &Tracker, task: u32, fd: i32) -> Option<String> {
    Some(String::from_utf8(tracker.file(TaskId(task), fd)?.link.to_vec()).unwrap())
}

fn serial(tracker: &Tracker, task: u32, fd: i32) -> Option<u64> {
    Some(tracker.file(TaskId(task), fd)?.serial)
}

#[test]
fn duplicates_are_one_description_and_forks_copy_the_table() {
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", vec![entry(0, "/dev/null", 1), entry(3, "/w/f", 2)]);
    call(&mut log, 0, "dup", [3, 0, 0, 0, 0, 0], 5);
    call(&mut log, 0, "fcntl", [3, 0, 10, 0, 0, 0], 10);
    log.entry(0, X86_64, "fork", [0; 6], &[]);
    log.task(1, 101, 101, Origin::FORK, TaskId(0));
    log.exit(0, X86_64, 101, &[]);
    call(&mut log, 1, "close", [5, 0, 0, 0, 0, 0], 0);
    call(&mut log, 0, "close_range", [0, 3, 0, 0, 0, 0], 0);
    let tracker = state_after(&log);
    assert_eq!(serial(&tracker, 0, 5), serial(&tracker, 0, 10));
    assert_eq!(serial(&tracker, 1, 3), serial(&tracker, 0, 5));
    assert_eq!((link(&tracker, 0, 3), link(&tracker, 0, 5)), (None, Some("/w/f".to_owned())));
    assert_eq!((link(&tracker, 1, 3), link(&tracker, 1, 5)), (Some("/w/f".to_owned()), None));
    let process = |task| tracker.context(TaskId(task)).unwrap().process;
    assert_ne!(process(0), process(1));
}

#[test]
fn clone_with_files_shares_the_table_and_a_snapshot_ends_that() {
    /// `CLONE_FILES` (include/uapi/linux/sched.h).
    const FILES: u64 = 0x400;
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", vec![entry(3, "/w/f", 2)]);
    log.entry(0, X86_64, "clone", [FILES, 0, 0, 0, 0, 0], &[]);
    log.task(1, 101, 101, Origin::CLONE, TaskId(0));
    log.exit(0, X86_64, 101, &[]);
    call(&mut log, 1, "dup2", [3, 4, 0, 0, 0, 0], 4);
    let tracker = state_after(&log);
    assert_eq!(link(&tracker, 0, 4), Some("/w/f".to_owned()));
    // Close-on-exec: the snapshot no longer has the descriptor.
    begins(&mut log, 1, "/w", vec![entry(4, "/w/f", 2)]);
    call(&mut log, 1, "close", [4, 0, 0, 0, 0, 0], 0);
    let tracker = state_after(&log);
    assert_eq!((link(&tracker, 1, 3), link(&tracker, 1, 4)), (None, None));
    assert_eq!(link(&tracker, 0, 4), Some("/w/f".to_owned()));
}

#[test]
fn paths_start_at_the_working_directory() {
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", vec![entry(3, "/srv/d", 2)]);
    log.entry(0, X86_64, "chdir", [0x1000, 0, 0, 0, 0, 0], &[(0, 0, 0, b"sub/../other\0")]);
    log.exit(0, X86_64, 0, &[]);
    let tracker = state_after(&log);
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

/// Returns a control message with one descriptor (unix(7), cmsg(3)).
fn rights(fd: i32) -> Vec<u8> {
    // SOL_SOCKET, SCM_RIGHTS (include/linux/socket.h).
    let mut control = 20u64.to_le_bytes().to_vec();
    control.extend([1u32, 1].iter().flat_map(|word| word.to_le_bytes()));
    control.extend(fd.to_le_bytes());
    control.resize(24, 0);
    control
}

fn name(fd: i32, link: &str, ino: u64) -> Name<'_> {
    Name { fd, mode: 0, dev: 1, ino, rdev: 0, link: link.as_bytes(), local: &[], peer: &[] }
}

#[test]
fn messages_bring_the_description_that_was_sent() {
    let mut log = LogBuilder::new();
    let file = FdEntry { dev: 1, ..entry(7, "/w/f", 2) };
    begins(&mut log, 0, "/w", vec![entry(3, "socket:[1]", 9), file]);
    log.task(1, 101, 101, Origin::ATTACHED, TaskId::NONE);
    begins(&mut log, 1, "/", vec![entry(3, "socket:[2]", 10)]);
    let control = sysreel_abi::plan::index(0, sysreel_abi::plan::MSG_CONTROL);
    log.entry(0, X86_64, "sendmsg", [3, 0x1000, 0, 0, 0, 0], &[(1, 1, control, &rights(7))]);
    log.exit(0, X86_64, 1, &[]);
    log.entry(1, X86_64, "recvmsg", [3, 0x1000, 0, 0, 0, 0], &[]);
    let info = crate::testing::exit_info(X86_64.arch(), 1, 0);
    log.stop(1, 0x857f, &info, |buf| buf.name(&name(4, "/w/f", 2)));
    let tracker = state_after(&log);
    assert!(serial(&tracker, 0, 7).is_some());
    assert_eq!(serial(&tracker, 0, 7), serial(&tracker, 1, 4));
}

#[test]
fn pidfd_getfd_takes_the_description_of_another_process() {
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", vec![entry(3, "/w/f", 2)]);
    log.task(1, 101, 101, Origin::ATTACHED, TaskId::NONE);
    begins(&mut log, 1, "/", vec![]);
    call(&mut log, 1, "pidfd_open", [100, 0, 0, 0, 0, 0], 5);
    call(&mut log, 1, "pidfd_getfd", [5, 3, 0, 0, 0, 0], 6);
    let tracker = state_after(&log);
    assert!(serial(&tracker, 0, 3).is_some());
    assert_eq!(serial(&tracker, 0, 3), serial(&tracker, 1, 6));
}

#[test]
fn address_spaces_are_copied_by_fork_and_shared_by_threads() {
    /// `CLONE_VM` (include/uapi/linux/sched.h), `MAP_ANONYMOUS` (asm-generic/mman-common.h).
    const VM: u64 = 0x100;
    const ANONYMOUS: u64 = 0x20;
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", vec![]);
    log.entry(0, X86_64, "clone", [VM, 0, 0, 0, 0, 0], &[]);
    log.task(1, 101, 100, Origin::THREAD, TaskId(0));
    log.exit(0, X86_64, 101, &[]);
    call(&mut log, 0, "mmap", [0, 0x2000, 3, ANONYMOUS, 0, 0], 0x7000_0000);
    log.entry(0, X86_64, "fork", [0; 6], &[]);
    log.task(2, 102, 102, Origin::FORK, TaskId(0));
    log.exit(0, X86_64, 102, &[]);
    call(&mut log, 1, "munmap", [0x7000_0000, 0x1000, 0, 0, 0, 0], 0);
    let follow = Follow { processes: true, maps: true, ..Follow::default() };
    let tracker = testing::state_after(&log, follow);
    let place = |task, address| tracker.place(TaskId(task), address).map(|place| place.to_string());
    assert_eq!((place(0, 0x7000_0000), place(1, 0x7000_0000)), (None, None));
    assert_eq!(place(0, 0x7000_1004).as_deref(), Some("anonymous#1+0x1004"));
    assert_eq!(place(2, 0x7000_0004).as_deref(), Some("anonymous#1+0x4"));
}

//! Attributes of processes, and how descriptors came to be.

use sysreel_abi::Abi::X86_64;
use sysreel_abi::attributes::LockKind;
use sysreel_format::{
    Credentials, EventKind, MetaCodec, Name, Origin, ProcessSnapshot, SnapshotKind, TaskId,
};

use super::{call, entry};
use crate::state::{DescriptorOrigin, Follow, Made, ProcessState, Tracker};
use crate::testing::{self, LogBuilder, exit_info};

/// include/uapi/asm-generic/signal-defs.h, include/uapi/linux/sched.h and asm-generic/fcntl.h.
const SIGHAND: u64 = 0x800;
const NEWUSER: u64 = 0x1000_0000;
const SETLK: u64 = 6;
const EXCLUSIVE: u64 = 2;

fn followed(log: &LogBuilder) -> Tracker {
    testing::state_after(log, Follow { processes: true, attributes: true, ..Follow::default() })
}

fn snapshot(log: &mut LogBuilder, uids: [u32; 4], effective: u64) {
    let caps = [0, effective, effective, u64::MAX, 0];
    let snapshot = ProcessSnapshot {
        cwd: b"/w".to_vec(),
        umask: Some(0o22),
        credentials: Some(Credentials { uids, gids: [5; 4], groups: vec![5], caps }),
        limits: vec![(10, 20); 16],
        namespaces: vec![(b"pid".to_vec(), 9), (b"user".to_vec(), 8)],
        fds: vec![entry(3, "/w/f", 2)],
        ..ProcessSnapshot::default()
    };
    let bytes = snapshot.to_bytes().unwrap();
    log.event(EventKind::SNAPSHOT, 0, |buf| buf.snapshot(SnapshotKind::PROCESS, 1, &bytes));
}

fn begun(uids: [u32; 4], effective: u64) -> LogBuilder {
    let mut log = LogBuilder::new();
    snapshot(&mut log, uids, effective);
    log
}

/// Makes a child of task 0.
fn child(log: &mut LogBuilder, name: &str, flags: u64) {
    log.entry(0, X86_64, name, [flags, 0, 0, 0, 0, 0], &[]);
    log.task(1, 101, 101, Origin::CLONE, TaskId(0));
    log.exit(0, X86_64, 101, &[]);
}

fn state(tracker: &Tracker, task: u32) -> ProcessState<'_> {
    tracker.process(TaskId(task)).unwrap()
}

fn uids(tracker: &Tracker) -> [Option<u32>; 4] {
    state(tracker, 0).credentials().unwrap().uids
}

#[test]
fn ids_follow_the_rules_of_the_kernel() {
    const ALL: u64 = u64::MAX;
    let none = 0xffff_ffff;
    let some = |ids: [u32; 4]| ids.map(Some);
    type Case = (&'static str, [u64; 3], u64, [Option<u32>; 4]);
    let cases: [Case; 7] = [
        ("setuid", [9, 0, 0], ALL, some([9, 9, 9, 9])),
        ("setuid", [2, 0, 0], 0, some([1, 2, 3, 2])),
        ("setreuid", [none, 3, 0], ALL, some([1, 3, 3, 3])),
        ("setreuid", [none, 1, 0], ALL, some([1, 1, 3, 1])),
        ("setresuid", [none, none, 7], ALL, some([1, 2, 7, 2])),
        ("setfsuid", [7, 0, 0], ALL, some([1, 2, 3, 7])),
        ("setfsuid", [7, 0, 0], 0, some([1, 2, 3, 4])),
    ];
    for (name, [a, b, c], effective, expected) in cases {
        let mut log = begun([1, 2, 3, 4], effective);
        call(&mut log, 0, name, [a, b, c, 0, 0, 0], 0);
        assert_eq!(uids(&followed(&log)), expected, "{name} {a} {b} {c}");
    }
}

#[test]
fn what_the_log_does_not_show_is_unknown() {
    // Leaving root may clear capabilities: securebits decide.
    let mut log = begun([0; 4], u64::MAX);
    call(&mut log, 0, "setresuid", [7, 7, 7, 0, 0, 0], 0);
    let tracker = followed(&log);
    let credentials = state(&tracker, 0).credentials().unwrap();
    assert_eq!(credentials.uids, [Some(7); 4]);
    assert_eq!(credentials.capabilities, [Some(0), None, None, Some(u64::MAX), None]);
    // In another user namespace a number is another user.
    let mut log = begun([1; 4], 0);
    call(&mut log, 0, "unshare", [NEWUSER, 0, 0, 0, 0, 0], 0);
    assert_eq!(uids(&followed(&log)), [Some(1); 4]);
    call(&mut log, 0, "setuid", [0; 6], 0);
    let tracker = followed(&log);
    assert_eq!(uids(&tracker), [None; 4]);
    let namespaces: Vec<_> = state(&tracker, 0).namespaces().map(|(_, id)| id).collect();
    assert_eq!(namespaces, [Some(9), None]);
    snapshot(&mut log, [4; 4], 0);
    assert_eq!(uids(&followed(&log)), [Some(4); 4]);
}

#[test]
fn children_inherit_what_they_do_not_share() {
    for shares in [false, true] {
        let mut log = begun([1; 4], 0);
        child(&mut log, "clone", if shares { SIGHAND } else { 0 });
        let ignore = 1u64.to_le_bytes().repeat(4);
        log.entry(0, X86_64, "rt_sigaction", [10, 1, 0, 8, 0, 0], &[(1, 0, 0, &ignore)]);
        log.exit(0, X86_64, 0, &[]);
        let limit = [1u64, 2].map(u64::to_le_bytes).concat();
        log.entry(0, X86_64, "prlimit64", [101, 7, 1, 0, 0, 0], &[(2, 0, 0, &limit)]);
        log.exit(0, X86_64, 0, &[]);
        call(&mut log, 0, "umask", [0o77, 0, 0, 0, 0, 0], 0o22);
        let tracker = followed(&log);
        let (own, other) = (state(&tracker, 0), state(&tracker, 1));
        assert_eq!(own.signals().unwrap().ignored, Some(1 << 9));
        assert_eq!(other.signals().unwrap().ignored, Some(if shares { 1 << 9 } else { 0 }));
        assert_eq!((own.limits().unwrap()[7], other.limits().unwrap()[7]), ((10, 20), (1, 2)));
        assert_eq!((own.umask(), other.umask()), (Some(0o77), Some(0o22)));
    }
}

#[test]
fn the_environment_is_that_of_the_execve() {
    let mut log = begun([1; 4], 0);
    assert!(state(&followed(&log), 0).environment().is_none(), "it began before the recording");
    let memory: [(u8, u8, u32, &[u8]); 3] =
        [(2, 0, 0, &[0; 24]), (2, 1, 0, b"A=1\0"), (2, 1, 1, b"B=\0")];
    log.entry(0, X86_64, "execve", [1, 1, 1, 0, 0, 0], &memory);
    snapshot(&mut log, [1; 4], 0);
    log.exit(0, X86_64, 0, &[]);
    child(&mut log, "fork", 0);
    let tracker = followed(&log);
    let environment = state(&tracker, 1).environment().unwrap();
    assert_eq!(*environment, [b"A=1".to_vec(), b"B=".to_vec()]);
}

#[test]
fn closing_any_descriptor_of_a_file_drops_its_record_locks() {
    let mut log = begun([1; 4], 0);
    let mut lock = [1u16, 0].map(u16::to_le_bytes).concat();
    lock.resize(32, 0);
    log.entry(0, X86_64, "fcntl", [3, SETLK, 1, 0, 0, 0], &[(2, 0, 0, &lock)]);
    log.exit(0, X86_64, 0, &[]);
    call(&mut log, 0, "flock", [3, EXCLUSIVE, 0, 0, 0, 0], 0);
    call(&mut log, 0, "dup", [3, 0, 0, 0, 0, 0], 4);
    child(&mut log, "fork", 0);
    let kinds = |log: &LogBuilder, task| {
        let tracker = followed(log);
        state(&tracker, task).locks().iter().map(|lock| lock.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&log, 0), [LockKind::Record, LockKind::Flock]);
    assert_eq!(kinds(&log, 1), [LockKind::Flock], "that of the open file is shared");
    call(&mut log, 0, "close", [4, 0, 0, 0, 0, 0], 0);
    assert_eq!(kinds(&log, 0), [LockKind::Flock]);
}

#[test]
fn descriptors_know_how_they_came_to_be() {
    let mut log = begun([1; 4], 0);
    // O_TMPFILE and O_RDWR (include/uapi/asm-generic/fcntl.h).
    log.entry(0, X86_64, "open", [1, 0o20_200_002, 0, 0, 0, 0], &[(0, 0, 0, b"/w\0")]);
    let link = b"/w/#7 (deleted)";
    let name =
        Name { fd: 4, mode: 0o100_600, dev: 1, ino: 7, rdev: 0, link, local: &[], peer: &[] };
    log.stop(0, 0x857f, &exit_info(X86_64.arch(), 4, 0), |buf| buf.name(&name));
    call(&mut log, 0, "dup2", [4, 5, 0, 0, 0, 0], 5);
    call(&mut log, 0, "memfd_create", [1, 0, 0, 0, 0, 0], 6);
    child(&mut log, "fork", 0);
    let tracker = followed(&log);
    let origin = |fd| state(&tracker, 0).descriptor(fd).unwrap().origin();
    let made = |fd| state(&tracker, 0).descriptor(fd).unwrap().file().made;
    assert_eq!((origin(3), made(3)), (DescriptorOrigin::Before, Made::Before(3)));
    assert_eq!((origin(4), made(4)), (DescriptorOrigin::Made, Made::Unnamed));
    assert_eq!((origin(5), made(5)), (DescriptorOrigin::Duplicated { from: 4 }, Made::Unnamed));
    assert_eq!((origin(6), made(6)), (DescriptorOrigin::Made, Made::Memory));
    let inherited = state(&tracker, 1).descriptor(4).unwrap();
    assert_eq!(inherited.process(), tracker.context(TaskId(0)).unwrap().process);
    assert_eq!(inherited.event(), 3, "the exit of open");
}

#[test]
fn a_handler_makes_the_mask_unknown_until_a_call_shows_it() {
    let mut log = begun([1; 4], 0);
    let blocked = |log: &LogBuilder| state(&followed(log), 0).signals().unwrap().blocked;
    let set = |log: &mut LogBuilder, how: u64, mask: u64| {
        let memory: [(u8, u8, u32, &[u8]); 1] = [(1, 0, 0, &mask.to_le_bytes())];
        log.entry(0, X86_64, "rt_sigprocmask", [how, 1, 1, 8, 0, 0], &memory);
        log.exit(0, X86_64, 0, &[]);
    };
    set(&mut log, 0, 6);
    assert_eq!(blocked(&log), Some(6));
    let mut action = 0x40_0000u64.to_le_bytes().to_vec();
    action.resize(32, 0);
    log.entry(0, X86_64, "rt_sigaction", [10, 1, 0, 8, 0, 0], &[(1, 0, 0, &action)]);
    log.exit(0, X86_64, 0, &[]);
    // The delivery of SIGUSR1.
    log.stop(0, 0x0a7f, &crate::testing::no_info(), |buf| buf.siginfo(&[0; 128]));
    assert_eq!(blocked(&log), None);
    set(&mut log, 1, 2);
    assert_eq!(blocked(&log), None);
    log.entry(0, X86_64, "rt_sigprocmask", [0, 0, 1, 8, 0, 0], &[]);
    log.exit(0, X86_64, 0, &[(2, 0, 0, &4u64.to_le_bytes())]);
    assert_eq!(blocked(&log), Some(4));
}

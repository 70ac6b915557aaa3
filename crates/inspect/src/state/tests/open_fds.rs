//! Descriptors after close(2) and execve(2).

use sysreel_abi::Abi::X86_64;
use sysreel_abi::intent::CWD;
use sysreel_format::{Completeness, Origin, TaskId};

use super::{begins, call, entry, state_after};
use crate::state::Tracker;
use crate::testing::LogBuilder;

/// O_CLOEXEC (include/uapi/asm-generic/fcntl.h).
const CLOEXEC: u64 = 0o2_000_000;

fn open_fds(tracker: &Tracker) -> Vec<i32> {
    (0..20).filter(|fd| tracker.file(TaskId(0), *fd).is_some()).collect()
}

#[test]
fn close_closes_also_if_it_fails() {
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", (3..7).map(|fd| entry(fd, "/w/f", 2)).collect());
    // EINTR and EIO. EBADF says that it was not open.
    for (fd, rval) in [(3, -4), (4, -5), (5, -9)] {
        call(&mut log, 0, "close", [fd, 0, 0, 0, 0, 0], rval);
    }
    assert_eq!(open_fds(&state_after(&log)), [5, 6]);
}

/// Logs a thread that shares the descriptors of the first task, which has 3 to 5.
fn two_threads() -> LogBuilder {
    /// `CLONE_FILES` (include/uapi/linux/sched.h).
    const FILES: u64 = 0x400;
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", (3..6).map(|fd| entry(fd, "/w/old", 2)).collect());
    log.entry(0, X86_64, "clone", [FILES, 0, 0, 0, 0, 0], &[]);
    log.task(1, 101, 100, Origin::CLONE, TaskId(0));
    log.exit(0, X86_64, 101, &[]);
    log
}

/// close(2) gives a number up before it returns: another thread may have it again by then.
#[test]
fn a_number_that_is_open_again_stays_open() {
    let cwd = u64::from(CWD.cast_unsigned());
    for (name, args) in [("close", [3, 0, 0, 0, 0, 0]), ("close_range", [3, 5, 0, 0, 0, 0])] {
        let mut log = two_threads();
        log.entry(0, X86_64, name, args, &[]);
        call(&mut log, 1, "openat", [cwd, 0, 0, 0, 0, 0], 3);
        log.exit(0, X86_64, 0, &[]);
        let tracker = state_after(&log);
        let left = if name == "close" { vec![3, 4, 5] } else { vec![3] };
        assert_eq!(open_fds(&tracker), left, "{name}");
        assert_eq!(&*tracker.file(TaskId(0), 3).unwrap().link, b"", "{name}: the new one");
        call(&mut log, 0, "close", [3, 0, 0, 0, 0, 0], 0);
        assert!(!open_fds(&state_after(&log)).contains(&3), "{name}");
    }
}

/// dup(2) of a descriptor that another thread replaces meanwhile.
#[test]
fn a_duplicate_is_of_what_the_call_began_with() {
    let mut log = two_threads();
    log.entry(0, X86_64, "dup", [3, 0, 0, 0, 0, 0], &[]);
    let cwd = u64::from(CWD.cast_unsigned());
    call(&mut log, 1, "openat", [cwd, 0, 0, 0, 0, 0], 6);
    call(&mut log, 1, "dup2", [6, 3, 0, 0, 0, 0], 3);
    log.exit(0, X86_64, 7, &[]);
    let tracker = state_after(&log);
    let link = |fd| tracker.file(TaskId(0), fd).unwrap().link.to_vec();
    assert_eq!((link(3), link(7)), (Vec::new(), b"/w/old".to_vec()));
}

/// Opens 3 to 6, which stay open over execve except 3 and 6. The log has no names of them.
fn unnamed() -> LogBuilder {
    let mut log = LogBuilder::new();
    let cwd = u64::from(CWD.cast_unsigned());
    call(&mut log, 0, "openat", [cwd, 0, CLOEXEC, 0, 0, 0], 3);
    call(&mut log, 0, "dup", [3, 0, 0, 0, 0, 0], 4);
    call(&mut log, 0, "openat", [cwd, 0, CLOEXEC, 0, 0, 0], 5);
    // fcntl(5, F_SETFD, 0), F_SETFD with FD_CLOEXEC.
    call(&mut log, 0, "fcntl", [5, 2, 0, 0, 0, 0], 0);
    call(&mut log, 0, "openat", [cwd, 0, 0, 0, 0, 0], 6);
    call(&mut log, 0, "fcntl", [6, 2, 1, 0, 0, 0], 0);
    log
}

#[test]
fn execve_closes_what_it_should_in_a_log_without_names() {
    let mut log = unnamed();
    let flag = |fd| state_after(&log).process(TaskId(0))?.descriptor(fd)?.close_on_exec();
    assert_eq!([3, 4, 5, 6].map(flag), [Some(true), Some(false), Some(false), Some(true)]);
    log.completeness.insert(Completeness::NO_NAMES);
    begins(&mut log, 0, "/w", Vec::new());
    assert_eq!(open_fds(&state_after(&log)), [4, 5]);
}

#[test]
fn a_snapshot_with_names_lists_all_descriptors() {
    let mut log = unnamed();
    begins(&mut log, 0, "/w", vec![entry(7, "/w/f", 2)]);
    assert_eq!(open_fds(&state_after(&log)), [7]);
}

/// Older logs have no names of sockets after calls that socketcall(2) makes.
#[test]
fn calls_tell_addresses_of_sockets_where_no_name_does() {
    const HERE: &[u8] = &[2, 0, 0x1f, 0x90, 127, 0, 0, 1];
    const THERE: &[u8] = &[2, 0, 0x1f, 0x91, 127, 0, 0, 1];
    let mut log = LogBuilder::new();
    begins(&mut log, 0, "/w", vec![entry(3, "socket:[1]", 9), entry(4, "socket:[2]", 10)]);
    let mut make = |name, fd, given: &[u8], returned: &[u8]| {
        log.entry(0, X86_64, name, [fd, 0x1000, 0x2000, 0, 0, 0], &[(1, 0, 0, given)]);
        log.exit(0, X86_64, 0, &[(1, 0, 0, returned)]);
        let tracker = state_after(&log);
        let file = tracker.file(TaskId(0), fd.try_into().unwrap()).unwrap();
        let (local, peer) = (file.local.borrow().clone(), file.peer.borrow().clone());
        (local, peer)
    };
    assert_eq!(make("bind", 3, HERE, b""), (HERE.to_vec(), Vec::new()));
    assert_eq!(make("getsockname", 3, b"", THERE), (THERE.to_vec(), Vec::new()));
    assert_eq!(make("connect", 4, THERE, b""), (Vec::new(), THERE.to_vec()));
    assert_eq!(make("getpeername", 4, b"", HERE), (Vec::new(), HERE.to_vec()));
    // AF_UNSPEC.
    assert_eq!(make("connect", 4, &[0; 8], b""), (Vec::new(), Vec::new()));
}

#[test]
fn attached_threads_share_what_a_snapshot_of_one_shows() {
    let mut log = LogBuilder::new();
    log.task(0, 100, 100, Origin::ATTACHED, TaskId::NONE);
    log.task(1, 101, 100, Origin::ATTACHED, TaskId::NONE);
    log.task(2, 102, 102, Origin::ATTACHED, TaskId(0));
    begins(&mut log, 1, "/w", vec![entry(3, "/w/f", 2)]);
    log.task(3, 103, 100, Origin::ATTACHED, TaskId::NONE);
    call(&mut log, 3, "dup2", [3, 4, 0, 0, 0, 0], 4);
    let tracker = state_after(&log);
    let shared = |task| tracker.file(TaskId(task), 4).is_some();
    assert_eq!([0, 1, 2, 3].map(shared), [true, true, false, true]);
    let cwd = |task| tracker.fds(TaskId(task)).unwrap().cwd();
    assert_eq!((cwd(0), cwd(2), cwd(3)), (Some(b"/w".to_vec()), None, Some(b"/w".to_vec())));
}

//! Descriptors after close(2) and execve(2).

use sysreel_abi::intent::CWD;
use sysreel_format::{Completeness, TaskId};

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

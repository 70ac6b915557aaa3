//! What paths mean after calls that change it.

use sysreel_abi::Abi::X86_64;
use sysreel_abi::intent::CWD;
use sysreel_format::{EventKind, MetaCodec, Name, Origin, ProcessSnapshot, SnapshotKind, TaskId};

use super::{call, entry, state_after};
use crate::state::Tracker;
use crate::testing::{LogBuilder, exit_info};

/// Flags of include/uapi/linux/sched.h, mount.h and fs.h.
const NEWNS: u64 = 0x2_0000;
const FS: u64 = 0x200;
const BIND: u64 = 4096;
const MOVE: u64 = 8192;
const DETACH: u64 = 2;
const EXCHANGE: u64 = 2;

/// Adds a call of task 0 with paths as the arguments from `first` on.
fn with_paths(log: &mut LogBuilder, name: &str, first: u8, paths: &[&str], args: [u64; 6]) {
    let texts: Vec<String> = paths.iter().map(|path| format!("{path}\0")).collect();
    let step = if name.contains("at") { 2 } else { 1 };
    let memory: Vec<_> = (first..)
        .step_by(step)
        .zip(&texts)
        .map(|(arg, text)| (arg, 0, 0, text.as_bytes()))
        .collect();
    log.entry(0, X86_64, name, args, &memory).exit(0, X86_64, 0, &[]);
}

fn plain(log: &mut LogBuilder, name: &str, paths: &[&str]) {
    with_paths(log, name, 0, paths, [0x1000, 0x1000, 0x1000, 0, 0, 0]);
}

fn mount(log: &mut LogBuilder, from: &str, to: &str, flags: u64) {
    with_paths(log, "mount", 0, &[from, to], [0x1000, 0x1000, 0x1000, flags, 0, 0]);
}

/// Opens a file; the kernel reports its link.
fn opens(log: &mut LogBuilder, path: &str, fd: i32, link: &str) {
    let cwd = u64::from(CWD.cast_unsigned());
    let args = [cwd, 0x1000, 0, 0, 0, 0];
    log.entry(0, X86_64, "openat", args, &[(1, 0, 0, format!("{path}\0").as_bytes())]);
    let (mode, ino) = (0o100_644, 100 + u64::from(fd.cast_unsigned()));
    let link = link.as_bytes();
    let name = Name { fd, mode, dev: 1, ino, rdev: 0, link, local: &[], peer: &[] };
    log.stop(0, 0x857f, &exit_info(X86_64.arch(), fd.into(), 0), |buf| buf.name(&name));
}

fn snapshot(log: &mut LogBuilder, task: u32, [cwd, root]: [&str; 2], mnt: u64) {
    let snapshot = ProcessSnapshot {
        cwd: cwd.as_bytes().to_vec(),
        root: root.as_bytes().to_vec(),
        namespaces: vec![(b"mnt".to_vec(), mnt)],
        fds: vec![entry(3, "/srv/d", 2)],
        ..ProcessSnapshot::default()
    };
    let bytes = snapshot.to_bytes().unwrap();
    log.event(EventKind::SNAPSHOT, task, |buf| buf.snapshot(SnapshotKind::PROCESS, 1, &bytes));
}

/// A log of one process in /w.
fn begun() -> LogBuilder {
    let mut log = LogBuilder::new();
    snapshot(&mut log, 0, ["/w", "/"], 1);
    log
}

fn path_of(tracker: &Tracker, task: u32, dirfd: i32, path: &str) -> String {
    let mut out = Vec::new();
    let dirfd = Some(u64::from(dirfd.cast_unsigned()));
    tracker.path(TaskId(task), dirfd, path.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

fn path(tracker: &Tracker, path: &str) -> String {
    path_of(tracker, 0, CWD, path)
}

/// Returns the link of a descriptor as /proc would show it.
fn link(tracker: &Tracker, fd: i32) -> String {
    let file = tracker.file(TaskId(0), fd).unwrap();
    let name = file.name();
    let mark = if name.is_removed { " (deleted)" } else { "" };
    format!("{}{mark}", String::from_utf8_lossy(&name.path))
}

fn full_path(tracker: &Tracker, fd: i32) -> String {
    let mut out = Vec::new();
    tracker.file(TaskId(0), fd).unwrap().write_full_path(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_file_has_one_name_before_and_after_chroot() {
    let mut log = begun();
    plain(&mut log, "chroot", &["/var/new"]);
    let tracker = state_after(&log);
    // The working directory stays outside.
    assert_eq!(path(&tracker, "/etc/n"), "/var/new/etc/n");
    assert_eq!((path(&tracker, "f"), path(&tracker, "../etc/n")), ("/w/f".into(), "/etc/n".into()));
    plain(&mut log, "chdir", &["/"]);
    opens(&mut log, "etc/n", 4, "/var/new/etc/n");
    let tracker = state_after(&log);
    assert_eq!(path(&tracker, "../../etc/n"), "/var/new/etc/n", "no way out of the root");
    assert_eq!(full_path(&tracker, 4), path(&tracker, "/etc/n"));
    assert_eq!(path_of(&tracker, 0, 3, "../f"), "/srv/f");
}

#[test]
fn a_renamed_directory_renames_what_is_in_it() {
    let mut log = begun();
    plain(&mut log, "chdir", &["/a/b"]);
    opens(&mut log, "f", 4, "/a/b/f");
    plain(&mut log, "rename", &["/a", "/z"]);
    let tracker = state_after(&log);
    assert_eq!((path(&tracker, "g"), link(&tracker, 4)), ("/z/b/g".into(), "/z/b/f".into()));
    // The old name is free for something else.
    assert_eq!(path(&tracker, "/a/b/f"), "/a/b/f");
    with_paths(&mut log, "renameat2", 1, &["f", "../../g"], [CWD as u64, 1, CWD as u64, 1, 0, 0]);
    assert_eq!(link(&state_after(&log), 4), "/g");
}

#[test]
fn exchanged_names_change_places_and_replaced_ones_are_removed() {
    let mut log = begun();
    opens(&mut log, "one", 4, "/w/one");
    opens(&mut log, "two", 5, "/w/two");
    let cwd = u64::from(CWD.cast_unsigned());
    with_paths(&mut log, "renameat2", 1, &["one", "two"], [cwd, 1, cwd, 1, EXCHANGE, 0]);
    let tracker = state_after(&log);
    assert_eq!((link(&tracker, 4), link(&tracker, 5)), ("/w/two".into(), "/w/one".into()));
    plain(&mut log, "rename", &["other", "two"]);
    assert_eq!(link(&state_after(&log), 4), "/w/two (deleted)");
    plain(&mut log, "rename", &["one", "three"]);
    plain(&mut log, "rename", &["three", "three"]);
    assert_eq!(link(&state_after(&log), 5), "/w/three");
}

#[test]
fn a_removed_name_is_marked_until_another_file_has_it() {
    let mut log = begun();
    opens(&mut log, "f", 4, "/w/f");
    plain(&mut log, "unlink", &["f"]);
    opens(&mut log, "f", 5, "/w/f");
    opens(&mut log, "gone", 6, "/w/gone (deleted)");
    opens(&mut log, "odd (deleted)", 7, "/w/odd (deleted)");
    plain(&mut log, "chdir", &["sub"]);
    plain(&mut log, "rmdir", &["/w/sub"]);
    let tracker = state_after(&log);
    assert_eq!((link(&tracker, 4), link(&tracker, 5)), ("/w/f (deleted)".into(), "/w/f".into()));
    assert_eq!(link(&tracker, 6), "/w/gone (deleted)");
    assert!(!tracker.file(TaskId(0), 7).unwrap().name().is_removed, "its own name ends like that");
    assert_eq!(tracker.fds(TaskId(0)).unwrap().cwd().unwrap(), b"/w/sub (deleted)");
}

#[test]
fn tasks_share_directories_until_they_unshare_them() {
    for unshares in [false, true] {
        let mut log = begun();
        log.entry(0, X86_64, "clone", [FS, 0, 0, 0, 0, 0], &[]);
        log.task(1, 101, 101, Origin::CLONE, TaskId(0));
        log.exit(0, X86_64, 101, &[]);
        if unshares {
            call(&mut log, 0, "unshare", [FS, 0, 0, 0, 0, 0], 0);
        }
        plain(&mut log, "chdir", &["sub"]);
        call(&mut log, 1, "fchdir", [3, 0, 0, 0, 0, 0], 0);
        let tracker = state_after(&log);
        let expected = if unshares { "/w/sub/f" } else { "/srv/d/f" };
        assert_eq!(path(&tracker, "f"), expected);
        assert_eq!(path_of(&tracker, 1, CWD, "f"), "/srv/d/f");
    }
}

#[test]
fn what_is_mounted_hides_what_was_there() {
    let mut log = begun();
    opens(&mut log, "/m/f", 4, "/m/f");
    mount(&mut log, "none", "/m", 0);
    opens(&mut log, "/m/f", 5, "/m/f");
    plain(&mut log, "rename", &["/m/f", "/m/g"]);
    let tracker = state_after(&log);
    assert_eq!((link(&tracker, 4), link(&tracker, 5)), ("/m/f".into(), "/m/g".into()));
    mount(&mut log, "/m", "/n", MOVE);
    let tracker = state_after(&log);
    assert_eq!((link(&tracker, 5), path(&tracker, "/n/../w")), ("/n/g".into(), "/w".into()));
    with_paths(&mut log, "umount2", 0, &["/n"], [0x1000, DETACH, 0, 0, 0, 0]);
    let tracker = state_after(&log);
    assert_eq!((link(&tracker, 4), link(&tracker, 5)), ("/m/f".into(), "/g".into()));
    plain(&mut log, "unlink", &["/m/f"]);
    assert_eq!(link(&state_after(&log), 4), "/m/f (deleted)");
}

#[test]
fn names_below_a_pivoted_root_keep_their_full_path() {
    let mut log = begun();
    call(&mut log, 0, "unshare", [NEWNS, 0, 0, 0, 0, 0], 0);
    mount(&mut log, "/new", "/new", BIND);
    plain(&mut log, "chdir", &["/new"]);
    plain(&mut log, "pivot_root", &[".", "old"]);
    // From here on the links begin at the new root.
    opens(&mut log, "/etc/n", 4, "/etc/n");
    opens(&mut log, "/old/etc/n", 5, "/old/etc/n");
    let tracker = state_after(&log);
    assert_eq!((link(&tracker, 4), full_path(&tracker, 4)), ("/etc/n".into(), "/new/etc/n".into()));
    assert_eq!((link(&tracker, 5), full_path(&tracker, 5)), ("/old/etc/n".into(), "/etc/n".into()));
    assert_eq!(
        (path(&tracker, "/etc/n"), path(&tracker, "..")),
        ("/new/etc/n".into(), "/new".into())
    );
    // A process outside still sees the host.
    log.task(1, 101, 101, Origin::ATTACHED, TaskId::NONE);
    snapshot(&mut log, 1, ["/w", "/"], 1);
    assert_eq!(path_of(&state_after(&log), 1, CWD, "/etc/n"), "/etc/n");
}

#[test]
fn an_unknown_mount_namespace_is_not_taken_for_the_first() {
    let mut log = begun();
    log.task(1, 101, 101, Origin::ATTACHED, TaskId::NONE);
    snapshot(&mut log, 1, ["/", "/"], 77);
    let link = b"mnt:[77]";
    log.entry(0, X86_64, "openat", [0, 0x1000, 0, 0, 0, 0], &[(1, 0, 0, b"/proc/101/ns/mnt\0")]);
    let name =
        Name { fd: 4, mode: 0o100_444, dev: 4, ino: 77, rdev: 0, link, local: &[], peer: &[] };
    log.stop(0, 0x857f, &exit_info(X86_64.arch(), 4, 0), |buf| buf.name(&name));
    let tracker = state_after(&log);
    assert_eq!(path(&tracker, "/etc/n"), "/etc/n");
    let there = path_of(&tracker, 1, CWD, "/etc/n");
    assert_eq!(there, "<mounts>/etc/n");
    call(&mut log, 0, "setns", [4, 0, 0, 0, 0, 0], 0);
    assert_eq!(path(&state_after(&log), "etc/n"), there);
}

#[test]
fn getcwd_and_snapshots_know_better_than_the_text_of_a_path() {
    let mut log = begun();
    plain(&mut log, "chdir", &["/link/.."]);
    log.entry(0, X86_64, "getcwd", [0x1000, 100, 0, 0, 0, 0], &[]);
    log.exit(0, X86_64, 10, &[(0, 0, 0, b"/real/dir\0")]);
    assert_eq!(path(&state_after(&log), "f"), "/real/dir/f");
    snapshot(&mut log, 0, ["/other", "/"], 1);
    assert_eq!(path(&state_after(&log), "f"), "/other/f");
}

#[test]
fn a_hostile_log_neither_loops_nor_grows() {
    let mut log = begun();
    plain(&mut log, "rename", &["/w", "/w/in/itself"]);
    mount(&mut log, "/w", "/w/below", MOVE);
    plain(&mut log, "pivot_root", &["/w", "/w"]);
    plain(&mut log, "pivot_root", &["/w", "/"]);
    plain(&mut log, "umount2", &["/"]);
    for _ in 0..5000 {
        plain(&mut log, "chdir", &["deeper"]);
    }
    let tracker = state_after(&log);
    assert_eq!(path(&tracker, "f"), "f", "too deep to be known");
}

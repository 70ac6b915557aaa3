//! Reads the state of a process from /proc (proc(5)).
//!
//! A field that cannot be read stays empty or `None`: a dying process must not end the recording.

mod dir;
mod image;
mod limits;
mod maps;
mod text;

pub use dir::{Descriptor, Dir, FileId};
pub use image::Image;
pub use limits::{limits, set_stack_limit};
pub use maps::{Mapping, mappings};

use crate::Tid;
use crate::cached_stat::{CachedStat, ServedDevices, cached_stat};
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;

/// The lines of /proc/PID/status that the recorder uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The name of the task, unescaped.
    pub comm: Vec<u8>,
    /// One letter: R, S, D, T, t, Z, X, I.
    pub state: u8,
    /// The thread group id.
    pub tgid: Tid,
    /// The thread group id of the parent.
    pub parent: Tid,
    /// The id of the tracer, 0 for none.
    pub tracer: Tid,
    /// The task's id in each pid namespace, starting with the recorder's.
    pub namespace_ids: Vec<u32>,
    /// Real, effective, saved and file system user.
    pub uids: [u32; 4],
    /// Real, effective, saved and file system group.
    pub gids: [u32; 4],
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Inheritable, permitted, effective, bounding and ambient capabilities.
    pub capabilities: [u64; 5],
    /// Pending, blocked, ignored and caught signals; bit n-1 is signal n.
    pub signals: [u64; 4],
    /// The file mode creation mask; `None` before Linux 4.7.
    pub umask: Option<u32>,
    /// NoNewPrivs.
    pub no_new_privs: bool,
    /// SECCOMP_MODE_*: 0 none, 1 strict, 2 filter.
    pub seccomp: u32,
    /// The number of seccomp filters; 0 before Linux 5.9.
    pub seccomp_filters: u32,
}

impl Status {
    /// Reads /proc/TID/status.
    ///
    /// # Errors
    /// The errno of reading the file; ENOENT or ESRCH when the task has ended.
    pub fn read(tid: Tid) -> io::Result<Status> {
        #[cfg(feature = "fake")]
        if let Some(text) = crate::fake::status(tid) {
            return text.map(|text| Status::parse(&text));
        }
        let text = read_record(&format!("/proc/{tid}/status"))?;
        Ok(Status::parse(&text))
    }

    fn parse(text: &[u8]) -> Status {
        let mut status = Status::default();
        if let Some(name) = text.strip_prefix(b"Name:\t") {
            status.comm = unescape(name.split(|&byte| byte == b'\n').next().unwrap_or_default());
        }
        // The name can contain any bytes; the rest is ASCII.
        let text = String::from_utf8_lossy(text);
        for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            let hex = || u64::from_str_radix(value, 16).unwrap_or(0);
            match key {
                "State" => status.state = value.bytes().next().unwrap_or(b'?'),
                "Tgid" => status.tgid = value.parse().unwrap_or(0),
                "PPid" => status.parent = value.parse().unwrap_or(0),
                "TracerPid" => status.tracer = value.parse().unwrap_or(0),
                "NSpid" => status.namespace_ids = numbers(value),
                "Uid" => status.uids = four_numbers(value),
                "Gid" => status.gids = four_numbers(value),
                "Groups" => status.groups = numbers(value),
                "Umask" => status.umask = u32::from_str_radix(value, 8).ok(),
                "NoNewPrivs" => status.no_new_privs = value == "1",
                "Seccomp" => status.seccomp = value.parse().unwrap_or(0),
                "Seccomp_filters" => status.seccomp_filters = value.parse().unwrap_or(0),
                "CapInh" => status.capabilities[0] = hex(),
                "CapPrm" => status.capabilities[1] = hex(),
                "CapEff" => status.capabilities[2] = hex(),
                "CapBnd" => status.capabilities[3] = hex(),
                "CapAmb" => status.capabilities[4] = hex(),
                "SigPnd" => status.signals[0] = hex(),
                "SigBlk" => status.signals[1] = hex(),
                "SigIgn" => status.signals[2] = hex(),
                "SigCgt" => status.signals[3] = hex(),
                _ => {}
            }
        }
        status
    }
}

/// Unescapes a name of the status file, in which a newline and a backslash are written with a
/// backslash (proc(5)).
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter().copied();
    let mut name = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(other) => other,
                None => b'\\',
            },
            byte => byte,
        });
    }
    name
}

/// Reads a /proc file that consists of one record: a read that does not fill the buffer is the last
/// (fs/seq_file.c). Saves asking for the size, which is always 0, and the read that finds the end.
fn read_record(path: &str) -> io::Result<Vec<u8>> {
    read_file(path, true)
}

fn read_file(path: &str, one_record: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    text::read_open(&mut fs::File::open(path)?, one_record, &mut bytes)?;
    Ok(bytes)
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn four_numbers(text: &str) -> [u32; 4] {
    let mut numbers = numbers(text).into_iter();
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// Returns the target of a link in /proc/TID, such as `exe`, `cwd` or `root`; empty when it cannot
/// be read.
pub fn link(tid: Tid, name: &str) -> Vec<u8> {
    fs::read_link(format!("/proc/{tid}/{name}"))
        .map(|path| path.into_os_string().into_vec())
        .unwrap_or_default()
}

/// Returns the bytes of a one-record file in /proc/TID, such as `comm`, `auxv` or `cmdline`; empty
/// when it cannot be read.
pub fn file(tid: Tid, name: &str) -> Vec<u8> {
    read_record(&format!("/proc/{tid}/{name}")).unwrap_or_default()
}

/// Returns the namespaces of a task, as names and inode numbers.
pub fn namespaces(tid: Tid) -> Vec<(String, u64)> {
    let Ok(folder) = fs::read_dir(format!("/proc/{tid}/ns")) else { return Vec::new() };
    let mut found: Vec<(String, u64)> = folder
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let inode = fs::metadata(entry.path()).ok()?.ino();
            Some((entry.file_name().into_string().ok()?, inode))
        })
        .collect();
    found.sort();
    found
}

/// Returns the fields of a stat file after the name. The index is the field's number in proc(5)
/// less 3.
fn stat_fields(path: &str) -> Vec<u64> {
    let text = read_record(path).unwrap_or_default();
    // The name in parentheses can contain anything; fields are counted from the last parenthesis.
    let after = text.iter().rposition(|&b| b == b')').map_or(&[][..], |at| &text[at + 1..]);
    String::from_utf8_lossy(after)
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0))
        .collect()
}

/// Returns the user and system time of a thread in nanoseconds, with the resolution of /proc's
/// clock ticks. For a task that is about to exit.
pub fn cpu_time(tid: Tid) -> (u64, u64) {
    let fields = stat_fields(&format!("/proc/{tid}/task/{tid}/stat"));
    // SAFETY: sysconf(3) takes a number.
    let per_second =
        u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1);
    let time =
        |at: usize| fields.get(at).copied().unwrap_or(0).saturating_mul(1_000_000_000 / per_second);
    (time(11), time(12))
}

/// Returns the user and system time of a process in nanoseconds: of a thread, if it is known that
/// the process never had another one. Saves reading /proc, and is more precise.
pub fn cpu_time_of_process(tgid: Tid) -> Option<(u64, u64)> {
    // A clock id is the negated pid and the kind of the clock (include/linux/posix-timers_types.h).
    const ALL_TICKS: libc::clockid_t = 0;
    const USER_TICKS: libc::clockid_t = 1;
    const PRECISE: libc::clockid_t = 2;
    let clock = |kind: libc::clockid_t| {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: clock_gettime(2) writes one timespec. Not by the vdso: it may read the
        // time-stamp counter.
        let answer =
            unsafe { libc::syscall(libc::SYS_clock_gettime, (!tgid << 3) | kind, &raw mut time) };
        let (seconds, rest) = (u64::try_from(time.tv_sec).ok()?, u64::try_from(time.tv_nsec).ok()?);
        (answer == 0).then(|| seconds * 1_000_000_000 + rest)
    };
    let (total, all, user) = (clock(PRECISE)?, clock(ALL_TICKS)?, clock(USER_TICKS)?);
    let system = share_of(total, all.saturating_sub(user), all);
    Some((total - system, system))
}

/// Divides a precise time as the kernel has counted ticks (cputime_adjust, kernel/sched/cputime.c).
fn share_of(total: u64, ticks: u64, all: u64) -> u64 {
    if all == 0 {
        return 0;
    }
    let share = u128::from(total) * u128::from(ticks) / u128::from(all);
    u64::try_from(share).unwrap_or(total).min(total)
}

/// Whether two tasks share neither descriptors nor directories nor signal actions (kcmp(2)). False
/// also when the kernel cannot say.
pub fn share_nothing(a: Tid, b: Tid) -> bool {
    // linux/kcmp.h; not in libc.
    const KCMP_FILES: i32 = 2;
    const KCMP_FS: i32 = 3;
    const KCMP_SIGHAND: i32 = 4;
    [KCMP_FILES, KCMP_FS, KCMP_SIGHAND].into_iter().all(|what| {
        // SAFETY: kcmp(2) takes numbers.
        unsafe { libc::syscall(libc::SYS_kcmp, a, b, what, 0, 0) > 0 }
    })
}

/// Whether the task is a kernel thread. Unlike the exe link, stat is readable by every user.
pub fn is_kernel_thread(tid: Tid) -> bool {
    const PF_KTHREAD: u64 = 0x0020_0000; // include/linux/sched.h; not in any user-space header.
    stat_fields(&format!("/proc/{tid}/stat")).get(6).is_some_and(|flags| flags & PF_KTHREAD != 0)
}

/// Whether this process has a controlling terminal.
pub(crate) fn has_terminal() -> bool {
    stat_fields("/proc/self/stat").get(4).is_some_and(|&terminal| terminal != 0)
}

/// Whether a process belongs to the foreground process group of its terminal.
pub(crate) fn in_foreground(pid: Tid) -> bool {
    let fields = stat_fields(&format!("/proc/{pid}/stat"));
    let (group, foreground) = (fields.get(2), fields.get(5));
    group.is_some() && group == foreground
}

/// The privileges that execve(2) gives because of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Privileges {
    /// The owner, if S_ISUID is set.
    pub user: Option<u32>,
    /// The group, if S_ISGID is set. S_ISGID without group execution marks mandatory locking and
    /// gives no privilege (execve(2), stat(2)).
    pub group: Option<u32>,
    /// Whether the file has capabilities (capabilities(7)).
    pub capabilities: bool,
}

impl Privileges {
    /// Returns those of the file that a task executes. `None` if they cannot be asked for: the file
    /// is gone, or a process serves its file system, which may be a tracee.
    pub fn of_program(tid: Tid, served: &mut ServedDevices) -> Option<Privileges> {
        let path = CString::new(format!("/proc/{tid}/exe")).ok()?;
        let CachedStat { mode, user, group, .. } = cached_stat(libc::AT_FDCWD, &path)
            .ok()
            .filter(|data| !served.contains(tid, data.device))?;
        let group_bits = libc::S_ISGID | libc::S_IXGRP;
        Some(Privileges {
            user: (mode & libc::S_ISUID != 0).then_some(user),
            group: (mode & group_bits == group_bits).then_some(group),
            capabilities: has_file_capabilities(&path),
        })
    }

    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == Privileges::default()
    }

    /// Whether they would change the effective user, group or capabilities of `user` and `group`.
    /// Also true where a mount option disables them.
    pub fn change(&self, user: u32, group: u32) -> bool {
        let differs = |own: Option<u32>, other: u32| own.is_some_and(|own| own != other);
        differs(self.user, user) || differs(self.group, group) || self.capabilities
    }
}

fn has_file_capabilities(path: &CStr) -> bool {
    // SAFETY: two C strings; with a null buffer of length 0 the call only returns the size
    // (getxattr(2)).
    unsafe {
        libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0) > 0
    }
}

/// Returns the current directory of this process, for the log's header.
pub fn own_cwd() -> Vec<u8> {
    std::env::current_dir().map(|path| path.into_os_string().into_vec()).unwrap_or_default()
}

/// Returns the page size in bytes.
pub fn page_size() -> u64 {
    // SAFETY: sysconf(3) takes a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(0)
}

/// Returns the number of online CPUs.
pub fn cpus_online() -> u32 {
    // SAFETY: sysconf(3) takes a number.
    u32::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_status_and_maps_are_read() {
        let own = Tid::try_from(std::process::id()).unwrap();
        let status = Status::read(own).unwrap();
        assert_eq!(status.tgid, own);
        assert_eq!(status.tracer, 0);
        assert_eq!(status.comm, file(own, "comm").trim_ascii_end());
        let maps = mappings(own).unwrap();
        assert!(maps.iter().any(|m| m.path == b"[stack]"));
        assert!(maps.iter().all(|m| m.start < m.end));
        assert!(!limits(own).is_empty());
        assert!(!is_kernel_thread(own));
    }

    #[test]
    fn escaped_names_are_unescaped() {
        let status = Status::parse(b"Name:\ta\\\\b\\nc\xff\nState:\tR (running)\nTgid:\t12\n");
        assert_eq!(status.comm, b"a\\b\nc\xff");
        assert_eq!((status.state, status.tgid), (b'R', 12));
    }

    #[test]
    fn files_longer_than_a_read_are_whole() {
        let own = Tid::try_from(std::process::id()).unwrap();
        let whole = fs::read(format!("/proc/{own}/environ")).unwrap();
        assert_eq!(file(own, "environ"), whole);
        let kernel = fs::read("/proc/kallsyms").unwrap_or_default();
        assert_eq!(read_file("/proc/kallsyms", false).unwrap_or_default().len(), kernel.len());
    }
}

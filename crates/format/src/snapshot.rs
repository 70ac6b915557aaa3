//! The state of a process at its start, after an attach and after an execve, which cannot be
//! derived later.

use serde::{Deserialize, Serialize};

/// A process, as /proc shows it. New fields go at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSnapshot {
    /// The target of `/proc/PID/exe`.
    pub exe: Vec<u8>,
    /// The target of `/proc/PID/cwd`.
    pub cwd: Vec<u8>,
    /// The target of `/proc/PID/root`.
    pub root: Vec<u8>,
    /// The umask; `None` if unknown.
    pub umask: Option<u32>,
    /// The command name of the task.
    pub comm: Vec<u8>,
    /// The arguments, and an empty one after them; see [`Self::arguments`].
    pub cmdline: Vec<Vec<u8>>,
    /// The environment at the start of the program; `None` if it was not recorded.
    pub environ: Option<Vec<Vec<u8>>>,
    /// The auxiliary vector, as the kernel stores it.
    pub auxv: Vec<u8>,
    /// User and group ids and capabilities; `None` if unknown.
    pub credentials: Option<Credentials>,
    /// Soft and hard limit of each resource, in the order of the RLIMIT numbers.
    pub limits: Vec<(u64, u64)>,
    /// The personality; `None` if unknown.
    pub personality: Option<u64>,
    /// The namespaces: name and inode.
    pub namespaces: Vec<(Vec<u8>, u64)>,
    /// The CPU mask, little-endian bytes.
    pub affinity: Vec<u8>,
    /// Blocked signals, one bit each from signal 1.
    pub sig_blocked: u64,
    /// Ignored signals.
    pub sig_ignored: u64,
    /// Signals with a handler.
    pub sig_caught: u64,
    /// Whether execve can no longer add privileges.
    pub no_new_privs: bool,
    /// The seccomp mode: 0 none, 1 strict, 2 filter.
    pub seccomp: u32,
    /// The mappings of the address space.
    pub maps: Vec<Mapping>,
    /// The open file descriptors: all of them, unless there is `kept`.
    pub fds: Vec<FdEntry>,
    /// The descriptors that the process has kept over its execve, as numbers from the first to the
    /// last: what they refer to follows from the log. `fds` has those besides that do not follow
    /// from it.
    #[serde(skip)]
    pub kept: Option<Vec<(i32, i32)>>,
}

impl ProcessSnapshot {
    /// Returns the arguments. `cmdline` has an empty one after them, because each of them ends with
    /// a NUL in /proc/PID/cmdline.
    #[must_use]
    pub fn arguments(&self) -> &[Vec<u8>] {
        match self.cmdline.split_last() {
            Some((last, arguments)) if last.is_empty() => arguments,
            _ => &self.cmdline,
        }
    }

    /// The version of a SNAPSHOT with this struct: 1, or 2 if it has `kept`.
    #[must_use]
    pub const fn version(&self) -> u16 {
        if self.kept.is_some() { 2 } else { 1 }
    }
}

/// Whether `fd` is in one of these ranges, which are in ascending order.
#[must_use]
pub fn is_kept(ranges: &[(i32, i32)], fd: i32) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= fd);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| fd <= *last)
}

/// The ids and capabilities of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Real, effective, saved and filesystem user id.
    pub uids: [u32; 4],
    /// Real, effective, saved and filesystem group id.
    pub gids: [u32; 4],
    /// The supplementary groups.
    pub groups: Vec<u32>,
    /// Inheritable, permitted, effective, bounding and ambient capabilities.
    pub caps: [u64; 5],
}

/// One line of `/proc/PID/maps`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its first address.
    pub start: u64,
    /// The first address after it.
    pub end: u64,
    /// The permissions, such as `r-xp`.
    pub perms: [u8; 4],
    /// The file offset of its beginning.
    pub offset: u64,
    /// The device of the file, as `st_dev`.
    pub dev: u64,
    /// The inode of the file.
    pub inode: u64,
    /// The path, or a name in brackets.
    pub path: Vec<u8>,
    /// The ELF build id; empty if there is none.
    pub build_id: Vec<u8>,
}

/// One open file descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FdEntry {
    /// Its number.
    pub fd: i32,
    /// The target of `/proc/PID/fd/N`.
    pub link: Vec<u8>,
    /// `st_mode`.
    pub mode: u32,
    /// `st_dev`.
    pub dev: u64,
    /// `st_ino`.
    pub ino: u64,
    /// `st_rdev`.
    pub rdev: u64,
    /// The file offset.
    pub offset: u64,
    /// The flags of open(2), as fdinfo shows them.
    pub flags: u64,
    /// A socket's own address, as a `sockaddr`.
    pub local: Vec<u8>,
    /// The address of a socket's peer, as a `sockaddr`.
    pub peer: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use expect_test::expect;

    use super::{FdEntry, Mapping, ProcessSnapshot, is_kept};
    use crate::meta::{FileMeta, MetaCodec};

    /// The encoding of version 1 never changes: moving or dropping a field fails this test.
    #[test]
    fn the_bytes_of_version_1_are_frozen() {
        let snapshot = ProcessSnapshot {
            exe: b"/x".to_vec(),
            umask: Some(0o22),
            limits: vec![(250, 251)],
            no_new_privs: true,
            maps: vec![Mapping { start: 1 << 40, perms: *b"rw-p", ..Mapping::default() }],
            fds: vec![FdEntry { fd: -1, link: b"l".to_vec(), ..FdEntry::default() }],
            ..ProcessSnapshot::default()
        };
        assert_eq!(snapshot.version(), 1);
        expect![
            "022f7800000112000000000001fafbfb00000000000000010001fd00000000000100000072772d70\
             00000000000101016c0000000000000000"
        ]
        .assert_eq(&HEXLOWER.encode(&snapshot.to_bytes().unwrap()));
        let meta = FileMeta {
            tool_version: b"1".to_vec(),
            argv: vec![b"a".to_vec()],
            page_size: 4096,
            cpus_online: 70_000,
            options: vec![(b"k".to_vec(), b"v".to_vec())],
            psi_size_probe: 88,
            ..FileMeta::default()
        };
        expect!["013101016100000000000000fb0010fc70110100000000000001016b01760058"]
            .assert_eq(&HEXLOWER.encode(&meta.to_bytes().unwrap()));
    }

    #[test]
    fn version_2_is_version_1_and_ranges() {
        let complete = ProcessSnapshot { exe: b"/x".to_vec(), ..ProcessSnapshot::default() };
        let kept = ProcessSnapshot { kept: Some(vec![(0, 2), (5, 20_000)]), ..complete.clone() };
        assert_eq!(kept.version(), 2);
        let (first, second) = (complete.to_bytes().unwrap(), kept.to_bytes().unwrap());
        assert_eq!(second, [first.clone(), vec![2, 0, 4, 10, 251, 64, 156]].concat());
        for (bytes, snapshot) in [(first, complete), (second.clone(), kept)] {
            assert_eq!(ProcessSnapshot::from_bytes(&bytes).unwrap(), snapshot);
        }
        // Ranges that end too early are damage, not version 1.
        assert!(ProcessSnapshot::from_bytes(&second[..second.len() - 1]).is_err());
    }

    #[test]
    fn ranges_contain_their_ends() {
        let ranges = [(0, 2), (5, 5)];
        let kept: Vec<i32> = (-2..8).filter(|fd| is_kept(&ranges, *fd)).collect();
        assert_eq!(kept, [0, 1, 2, 5]);
        assert!(!is_kept(&[], 0));
    }
}

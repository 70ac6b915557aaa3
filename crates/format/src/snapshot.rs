//! What a process was like at its start, at an attach and after an execve: state that cannot be
//! derived later.

use serde::{Deserialize, Serialize};

/// One process, as /proc shows it. Version 1. Fields are only ever added at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSnapshot {
    /// Where `/proc/PID/exe` links to.
    pub exe: Vec<u8>,
    /// Where `/proc/PID/cwd` links to.
    pub cwd: Vec<u8>,
    /// Where `/proc/PID/root` links to.
    pub root: Vec<u8>,
    /// The mask for file modes; `None` if not known.
    pub umask: Option<u32>,
    /// The name of the task.
    pub comm: Vec<u8>,
    /// The arguments.
    pub cmdline: Vec<Vec<u8>>,
    /// The environment at the start of the program; `None` when it was left out.
    pub environ: Option<Vec<Vec<u8>>>,
    /// The auxiliary vector, as the kernel has it.
    pub auxv: Vec<u8>,
    /// Who it runs as; `None` if not known.
    pub credentials: Option<Credentials>,
    /// Soft and hard limit of each resource, in the order of the RLIMIT numbers.
    pub limits: Vec<(u64, u64)>,
    /// The personality; `None` if not known.
    pub personality: Option<u64>,
    /// The namespaces: name and inode.
    pub namespaces: Vec<(Vec<u8>, u64)>,
    /// The CPU mask, little-endian bytes.
    pub affinity: Vec<u8>,
    /// Signals that are blocked, a bit each from signal 1.
    pub sig_blocked: u64,
    /// Signals that are ignored.
    pub sig_ignored: u64,
    /// Signals that have a handler.
    pub sig_caught: u64,
    /// Whether execve can no longer add privileges.
    pub no_new_privs: bool,
    /// The seccomp mode: 0 none, 1 strict, 2 filter.
    pub seccomp: u32,
    /// The address space.
    pub maps: Vec<Mapping>,
    /// The open file descriptors.
    pub fds: Vec<FdEntry>,
}

/// Who a process runs as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Real, effective, saved and filesystem user id.
    pub uids: [u32; 4],
    /// Real, effective, saved and filesystem group id.
    pub gids: [u32; 4],
    /// The other groups.
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
    /// The four letters, such as `r-xp`.
    pub perms: [u8; 4],
    /// Where in the file it begins.
    pub offset: u64,
    /// The device of the file, as `st_dev`.
    pub dev: u64,
    /// The inode of the file.
    pub inode: u64,
    /// The path, or a name in brackets.
    pub path: Vec<u8>,
    /// The ELF build id, empty if there is none.
    pub build_id: Vec<u8>,
}

/// One open file descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FdEntry {
    /// Its number.
    pub fd: i32,
    /// Where `/proc/PID/fd/N` links to.
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
    /// The flags of open, as fdinfo has them.
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

    use super::{FdEntry, Mapping, ProcessSnapshot};
    use crate::meta::{FileMeta, MetaCodec};

    /// The bytes of version 1 never change: a field that is moved or dropped shows here.
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
        expect!["022f7800000112000000000001fafbfb00000000000000010001fd00000000000100000072772d7000000000000101016c0000000000000000"].assert_eq(&HEXLOWER.encode(&snapshot.to_bytes().unwrap()));
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
}

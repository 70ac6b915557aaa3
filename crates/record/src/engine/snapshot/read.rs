//! Reads the state of a process from the kernel. What cannot be read is left empty.

use sysreel_format::{Credentials, FdEntry, Mapping};
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::process::{self, Descriptor, Dir};
use sysreel_sys::{Tid, affinity, buildid};

/// What execve(2) does not change unless the file gives privileges, in the words of
/// /proc/PID/status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) credentials: Credentials,
    pub(super) no_new_privs: bool,
    pub(super) seccomp: u32,
}

/// The state that /proc/PID/status has.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) comm: Vec<u8>,
    pub(super) umask: Option<u32>,
    pub(super) blocked: u64,
    pub(super) ignored: u64,
    pub(super) caught: u64,
    pub(super) held: Option<Held>,
}

pub(super) fn status(tid: Tid) -> Status {
    let read = process::Status::read(tid);
    let known = read.is_ok();
    let status = read.unwrap_or_default();
    Status {
        comm: status.comm,
        umask: status.umask,
        blocked: status.signals[1],
        ignored: status.signals[2],
        caught: status.signals[3],
        held: known.then_some(Held {
            credentials: Credentials {
                uids: status.uids,
                gids: status.gids,
                groups: status.groups,
                caps: status.capabilities,
            },
            no_new_privs: status.no_new_privs,
            seccomp: status.seccomp,
        }),
    }
}

pub(super) fn personality(tid: Tid) -> Option<u64> {
    let text = process::file(tid, "personality");
    u64::from_str_radix(std::str::from_utf8(&text).ok()?.trim(), 16).ok()
}

pub(super) fn affinity(tid: Tid) -> Vec<u8> {
    affinity::Mask::of_task(tid).map(|mask| mask.bytes().to_vec()).unwrap_or_default()
}

/// Returns the arguments, each of which ends with a NUL in `text`.
pub(super) fn arguments(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|&b| b == 0).map(<[u8]>::to_vec).collect()
}

/// Adds the build ids of mapped files.
pub(super) fn maps(tid: Tid, mappings: Vec<process::Mapping>) -> Vec<Mapping> {
    // The ELF header and notes are where the file's first page is mapped.
    let has_header = |mapping: &process::Mapping| mapping.inode != 0 && mapping.offset == 0;
    let first = mappings.iter().filter(|mapping| has_header(mapping));
    let mut transfers: Vec<Transfer> = (0..)
        .zip(first)
        .map(|(i, mapping)| Transfer {
            address: mapping.start,
            offset: i * buildid::READ_LEN,
            len: buildid::READ_LEN,
            ..Transfer::default()
        })
        .collect();
    let mut pages = vec![0; transfers.len() * buildid::READ_LEN];
    memory::read(tid, &mut pages, &mut transfers);
    let mut headers = transfers.iter().map(|page| &pages[page.offset..page.offset + page.got]);
    let with_id = |mapping: process::Mapping| {
        let header = if has_header(&mapping) { headers.next() } else { None };
        Mapping {
            start: mapping.start,
            end: mapping.end,
            perms: mapping.permissions,
            offset: mapping.offset,
            dev: mapping.device,
            inode: mapping.inode,
            build_id: header.and_then(buildid::of_image).unwrap_or_default(),
            path: mapping.path,
        }
    };
    mappings.into_iter().map(with_id).collect()
}

pub(super) fn all_descriptors(tid: Tid, tgid: Tid) -> Vec<FdEntry> {
    let read = Dir::open(tid, tgid).and_then(|mut dir| dir.descriptors(tid));
    read.unwrap_or_default().into_iter().map(entry).collect()
}

/// Returns those of some descriptors that are open.
pub(super) fn descriptors(tid: Tid, tgid: Tid, fds: &[i32]) -> Vec<FdEntry> {
    if fds.is_empty() {
        return Vec::new();
    }
    let Ok(mut dir) = Dir::open(tid, tgid) else { return Vec::new() };
    fds.iter().filter_map(|&fd| dir.descriptor(fd)).map(entry).collect()
}

fn entry(descriptor: Descriptor) -> FdEntry {
    FdEntry {
        fd: descriptor.fd,
        link: descriptor.name.link,
        mode: descriptor.name.mode,
        dev: descriptor.name.device,
        ino: descriptor.name.inode,
        rdev: descriptor.name.special,
        offset: descriptor.position,
        flags: u64::from(descriptor.flags),
        local: descriptor.name.local,
        peer: descriptor.name.peer,
    }
}

//! Metadata of the log that cannot be derived later: of the machine and of processes.

use crate::options::Options;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use sysreel_format::{Credentials, FdEntry, FileMeta, Mapping, ProcessSnapshot};
use sysreel_sys::{Tid, affinity, attach, buildid, clock, process};

/// Returns the metadata of the log's header.
pub(crate) fn file_meta(options: &Options, info_size: u32) -> FileMeta {
    let kernel =
        |name: &str| trimmed(fs::read(format!("/proc/sys/kernel/{name}")).unwrap_or_default());
    let pair = |key: &str, value: String| (key.as_bytes().to_vec(), value.into_bytes());
    let resolution = clock::resolution_ns();
    FileMeta {
        tool_version: options.tool_version.clone().into_bytes(),
        argv: options.argv.iter().map(|arg| arg.as_bytes().to_vec()).collect(),
        cwd: process::own_cwd(),
        sysname: kernel("ostype"),
        nodename: kernel("hostname"),
        release: kernel("osrelease"),
        version: kernel("version"),
        machine: std::env::consts::ARCH.into(),
        boot_id: kernel("random/boot_id"),
        page_size: process::page_size(),
        cpus_online: process::cpus_online(),
        monotonic_resolution_ns: resolution,
        realtime_resolution_ns: resolution,
        monotonic_ns: clock::monotonic_ns(),
        realtime_ns: clock::realtime_ns(),
        boottime_ns: clock::boottime_ns(),
        options: [
            pair("capture-limit", options.whole_limit().to_string()),
            pair("names", options.names.to_string()),
            pair("cpu", options.cpu.name().into()),
            pair(
                "pids",
                options.pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            ),
        ]
        .into_iter()
        .chain(options.replayable.then(|| pair("replayable", "true".into())))
        .chain(options.until_exit.then(|| pair("until-exit", "true".into())))
        .chain(options.refuse_tracers.then(|| pair("refuse-tracers", "true".into())))
        .chain((!options.file_contents).then(|| pair("file-contents", "no".into())))
        .chain(options.only.as_ref().map(|filter| pair("only", filter.to_string())))
        .collect(),
        capture_limit: options.whole_limit(),
        psi_size_probe: info_size,
    }
}

/// Returns the current state of a process. What cannot be read is left empty.
pub(crate) fn process_snapshot(
    tid: Tid,
    tgid: Tid,
    names: bool,
    namespaces: Vec<(Vec<u8>, u64)>,
) -> ProcessSnapshot {
    let status = process::Status::read(tid).unwrap_or_default();
    ProcessSnapshot {
        exe: process::link(tid, "exe"),
        cwd: process::link(tid, "cwd"),
        root: process::link(tid, "root"),
        umask: status.umask,
        comm: status.comm,
        cmdline: process::file(tid, "cmdline").split(|&b| b == 0).map(<[u8]>::to_vec).collect(),
        // The environment is recorded with the execve that made the image. That of an attached
        // process may contain secrets and is not recorded.
        environ: None,
        auxv: process::file(tid, "auxv"),
        credentials: Some(Credentials {
            uids: status.uids,
            gids: status.gids,
            groups: status.groups,
            caps: status.capabilities,
        }),
        limits: process::limits(tid),
        personality: personality(tid),
        namespaces,
        affinity: affinity::Mask::of_task(tid)
            .map(|mask| mask.bytes().to_vec())
            .unwrap_or_default(),
        sig_blocked: status.signals[1],
        sig_ignored: status.signals[2],
        sig_caught: status.signals[3],
        no_new_privs: status.no_new_privs,
        seccomp: status.seccomp,
        maps: maps(tid),
        fds: if names { fds(tid, tgid) } else { Vec::new() },
    }
}

fn personality(tid: Tid) -> Option<u64> {
    let text = process::file(tid, "personality");
    u64::from_str_radix(std::str::from_utf8(&text).ok()?.trim(), 16).ok()
}

fn maps(tid: Tid) -> Vec<Mapping> {
    let mappings = process::mappings(tid).unwrap_or_default();
    mappings
        .into_iter()
        .map(|mapping| Mapping {
            start: mapping.start,
            end: mapping.end,
            perms: mapping.permissions,
            offset: mapping.offset,
            dev: mapping.device,
            inode: mapping.inode,
            // The ELF header and notes are where the file's first page is mapped.
            build_id: if mapping.inode != 0 && mapping.offset == 0 {
                buildid::read(tid, mapping.start).unwrap_or_default()
            } else {
                Vec::new()
            },
            path: mapping.path,
        })
        .collect()
}

fn fds(tid: Tid, tgid: Tid) -> Vec<FdEntry> {
    let descriptors = process::descriptors(tid, tgid).unwrap_or_default();
    descriptors
        .into_iter()
        .map(|descriptor| FdEntry {
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
        })
        .collect()
}

/// Whether an execve was denied the privileges of its file because of an unprivileged tracer
/// (execve(2)).
pub(crate) fn lost_privileges(tid: Tid, snapshot: &ProcessSnapshot) -> bool {
    let Some(own) = &snapshot.credentials else { return false };
    // The second is the effective id.
    !attach::may_trace_anyone() && process::is_set_id(tid, own.uids[1], own.gids[1])
}

fn trimmed(bytes: Vec<u8>) -> Vec<u8> {
    bytes.trim_ascii_end().to_vec()
}

//! Metadata of the log that cannot be derived later.

use crate::options::{FastMode, Options};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use sysreel_format::{FileMeta, ProcessSnapshot};
use sysreel_sys::process::{self, Privileges};
use sysreel_sys::{attach, clock, machine};

/// Returns the metadata of the log's header.
pub(crate) fn file_meta(options: &Options, info_size: u32) -> FileMeta {
    let [sysname, nodename, release, version] = machine::names();
    let pair = |key: &str, value: String| (key.as_bytes().to_vec(), value.into_bytes());
    let resolution = clock::resolution_ns();
    FileMeta {
        tool_version: options.tool_version.clone().into_bytes(),
        argv: options.argv.iter().map(|arg| arg.as_bytes().to_vec()).collect(),
        cwd: process::own_cwd(),
        sysname,
        nodename,
        release,
        version,
        machine: std::env::consts::ARCH.into(),
        boot_id: trimmed(fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default()),
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
        .chain(options.fast.map(|mode| {
            let verify = matches!(mode, FastMode::Verify(_));
            pair("fast", if verify { "verify" } else { "true" }.into())
        }))
        .chain((!options.file_contents).then(|| pair("file-contents", "no".into())))
        .chain(options.only.as_ref().map(|filter| pair("only", filter.to_string())))
        .collect(),
        capture_limit: options.whole_limit(),
        psi_size_probe: info_size,
    }
}

/// Whether an execve was denied the privileges of its file because of an unprivileged tracer
/// (execve(2)).
pub(crate) fn lost_privileges(privileges: Privileges, snapshot: &ProcessSnapshot) -> bool {
    let Some(own) = &snapshot.credentials else { return false };
    // The second is the effective id.
    privileges.change(own.uids[1], own.gids[1]) && !attach::may_trace_anyone()
}

fn trimmed(bytes: Vec<u8>) -> Vec<u8> {
    bytes.trim_ascii_end().to_vec()
}

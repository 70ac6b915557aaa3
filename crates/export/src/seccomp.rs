//! `seccomp`: a profile of the OCI runtime specification (`linux.seccomp`), which docker, podman
//! and containerd take as a file.

use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::visible::write_json_pretty;

use crate::allowed::Allowed;
use crate::exporter::Exporter;
use crate::row::Row;

/// Writes a profile.
pub(crate) struct Seccomp<'o> {
    out: &'o mut dyn Write,
    allowed: Allowed,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: &'static str,
    default_errno_ret: u32,
    architectures: Vec<&'static str>,
    syscalls: Vec<Syscalls>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Syscalls {
    names: Vec<&'static str>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno_ret: Option<u32>,
}

/// What a call that no log has gets, as from docker's own profile.
const EPERM: u32 = 1;
/// What a call gets that no kernel of a log knew.
const ENOSYS: u32 = 38;

impl<'o> Seccomp<'o> {
    pub(crate) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, allowed: Allowed::default() }
    }
}

impl Exporter for Seccomp<'_> {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.allowed.add(row);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Vec<String>> {
        let found = self.allowed.finish();
        let allow = Syscalls { names: found.allowed, action: "SCMP_ACT_ALLOW", errno_ret: None };
        let mut syscalls = vec![allow];
        // A list without names is not valid.
        if !found.unknown.is_empty() {
            let (action, errno_ret) = ("SCMP_ACT_ERRNO", Some(ENOSYS));
            syscalls.push(Syscalls { names: found.unknown, action, errno_ret });
        }
        let profile = Profile {
            default_action: "SCMP_ACT_ERRNO",
            default_errno_ret: EPERM,
            architectures: found.abis,
            syscalls,
        };
        write_json_pretty(&profile, self.out)?;
        writeln!(self.out)?;
        Ok(found.remarks)
    }
}

//! Which calls programs made, over several logs. `seccomp` and `systemd` write profiles that allow
//! them.

use std::collections::{BTreeMap, BTreeSet};

use sysreel_inspect::abi::{Abi, syscall_name};
use sysreel_inspect::calls::Errno;

use crate::row::{CallRow, Row};

/// Calls that the kernel and the C library make when it so happens, so no run shows that a program
/// does without them: after a signal, after a stop, at the end.
const ALWAYS: [&str; 4] = ["exit", "exit_group", "restart_syscall", "rt_sigreturn"];

/// What is known of a call.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The logs that have it.
    logs: BTreeSet<u32>,
    /// Whether it ever ended otherwise than with ENOSYS.
    is_known: bool,
}

/// Collects calls.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    logs: u32,
    log: u32,
    calls: BTreeMap<&'static str, Seen>,
    abis: BTreeSet<&'static str>,
    /// The number of calls without a name.
    unnamed: u64,
}

/// The calls of a profile.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The calls to allow, by name.
    pub(crate) allowed: Vec<&'static str>,
    /// The calls that failed with ENOSYS each time.
    pub(crate) unknown: Vec<&'static str>,
    /// The ABIs of the calls, as [`abi_names`] has them.
    pub(crate) abis: Vec<&'static str>,
    /// What the user should know.
    pub(crate) remarks: Vec<String>,
}

impl Allowed {
    /// Adds a row.
    pub(crate) fn add(&mut self, row: &Row<'_>) {
        match row {
            Row::Log(log) => {
                self.log = log.ordinal;
                self.logs = self.logs.saturating_add(1);
            }
            Row::Call(row) => self.call(row),
            _ => {}
        }
    }

    fn call(&mut self, row: &CallRow<'_>) {
        let call = &row.source;
        // Before its first execve(2) a process runs code of the recorder.
        if !call.task().has_run() {
            return;
        }
        // Not the name of the row: socketcall(2) and ipc(2) are what the kernel sees.
        let Some(name) = syscall_name(call.arch(), call.nr()).filter(|name| !name.is_empty())
        else {
            self.unnamed = self.unnamed.saturating_add(1);
            return;
        };
        let seen = self.calls.entry(name).or_default();
        seen.logs.insert(self.log);
        seen.is_known |= call.ended().errno().and_then(Errno::name) != Some("ENOSYS");
        self.abis.extend(call.abi().map(|abi| abi_names(abi).0));
    }

    /// Returns the profile of all logs.
    pub(crate) fn finish(&mut self) -> Profile {
        let mut remarks = Vec::new();
        if self.unnamed > 0 {
            remarks.push(format!(
                "{} calls have numbers without a name, and are not in the profile",
                self.unnamed
            ));
        }
        let total = usize::try_from(self.logs).unwrap_or(usize::MAX);
        let some: Vec<_> = self
            .calls
            .iter()
            .filter(|(_, seen)| seen.logs.len() < total)
            .map(|(name, seen)| format!("{name} ({} of {total})", seen.logs.len()))
            .collect();
        if !some.is_empty() {
            remarks.push(format!("not seen in every log: {}", some.join(", ")));
        }
        let (known, unknown): (Vec<_>, Vec<_>) =
            self.calls.iter().partition(|(_, seen)| seen.is_known);
        let mut allowed: BTreeSet<_> = known.into_iter().map(|(name, _)| *name).collect();
        allowed.extend(ALWAYS);
        Profile {
            allowed: allowed.into_iter().collect(),
            unknown: unknown.into_iter().map(|(name, _)| *name).collect(),
            abis: std::mem::take(&mut self.abis).into_iter().collect(),
            remarks,
        }
    }
}

/// Returns the names of an ABI for libseccomp, and for systemd.
pub(crate) const fn abi_names(abi: Abi) -> (&'static str, &'static str) {
    match abi {
        Abi::X86_64 => ("SCMP_ARCH_X86_64", "x86-64"),
        Abi::I386 => ("SCMP_ARCH_X86", "x86"),
        Abi::X32 => ("SCMP_ARCH_X32", "x32"),
        Abi::Aarch64 => ("SCMP_ARCH_AARCH64", "arm64"),
    }
}

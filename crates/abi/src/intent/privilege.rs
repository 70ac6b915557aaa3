//! Calls that change the kernel, other processes, or what the caller itself may do.

use linux_raw_sys::prctl as p;

use crate::arch::Abi;
use crate::desc::{CallKind, Row};

/// Returns a word for what a call changes beyond its own process: the kernel, its keys, its
/// policies.
#[must_use]
pub fn privileged(row: &Row) -> Option<&'static str> {
    const WORDS: [(&str, &str); 15] = [
        ("bpf", "bpf"),
        ("add_key", "keys"),
        ("request_key", "keys"),
        ("keyctl", "keys"),
        ("init_module", "module"),
        ("finit_module", "module"),
        ("delete_module", "module"),
        ("kexec_load", "kexec"),
        ("kexec_file_load", "kexec"),
        ("reboot", "reboot"),
        ("swapon", "swap"),
        ("swapoff", "swap"),
        ("sethostname", "hostname"),
        ("setdomainname", "hostname"),
        ("perf_event_open", "perf"),
    ];
    match row.kind {
        CallKind::Mount => Some("mount"),
        CallKind::Ptrace => Some("ptrace"),
        CallKind::Namespace => Some("namespace"),
        CallKind::IoUringSetup => Some("io_uring"),
        _ => WORDS.iter().find(|(name, _)| *name == row.name).map(|(_, word)| *word),
    }
}

/// Returns a word for what a call changes of the caller's own rights and limits, which decide what
/// all later calls may do.
#[must_use]
pub fn confines(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<&'static str> {
    let low = |at: usize| abi.args(args).get(at).map_or(0, |value| value & 0xffff_ffff);
    match row.kind {
        CallKind::Chroot => Some("root"),
        CallKind::Seccomp => Some("seccomp"),
        CallKind::Prctl => CONFINING.contains(&low(0)).then_some("rights"),
        _ => match row.name {
            "setrlimit" => Some("limits"),
            // Without a new limit it only asks.
            "prlimit64" if abi.args(args)[2] != 0 => Some("limits"),
            // personality(2): 0xffffffff only asks.
            "personality" if low(0) != 0xffff_ffff => Some("personality"),
            "process_vm_writev" => Some("memory"),
            _ => None,
        },
    }
}

/// Options of prctl(2) that change what a task may do.
const CONFINING: [u64; 8] = [
    p::PR_SET_NO_NEW_PRIVS as u64,
    p::PR_SET_SECCOMP as u64,
    p::PR_SET_DUMPABLE as u64,
    p::PR_CAPBSET_DROP as u64,
    p::PR_CAP_AMBIENT as u64,
    p::PR_SET_SECUREBITS as u64,
    p::PR_SET_KEEPCAPS as u64,
    p::PR_SET_TSC as u64,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    #[test]
    fn every_privileged_call_is_in_the_table() {
        let privileged = |name| privileged(row_named(Abi::X86_64, name).unwrap());
        for (name, word) in
            [("bpf", "bpf"), ("keyctl", "keys"), ("finit_module", "module"), ("umount2", "mount")]
        {
            assert_eq!(privileged(name), Some(word), "{name}");
        }
        assert_eq!((privileged("read"), privileged("getuid")), (None, None));
    }

    #[test]
    fn only_changes_of_rights_confine() {
        let confines =
            |name, args| confines(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &args);
        let first = |value| [value, 1, 0, 0, 0, 0];
        assert_eq!(confines("prctl", first(p::PR_SET_NO_NEW_PRIVS.into())), Some("rights"));
        assert_eq!(confines("prctl", first(p::PR_SET_NAME.into())), None);
        assert_eq!(confines("prlimit64", [0, 4, 0, 0x1000, 0, 0]), None);
        assert_eq!(confines("prlimit64", [0, 4, 0x1000, 0, 0, 0]), Some("limits"));
        assert_eq!(confines("personality", first(0xffff_ffff)), None);
        assert_eq!(confines("personality", first(0x0004_0000)), Some("personality"));
        assert_eq!(confines("chroot", first(1)), Some("root"));
        assert_eq!(confines("read", first(1)), None);
    }
}

//! Calls that change the kernel, other processes, or what the caller itself may do.

use linux_raw_sys::{ioctl, net, prctl as p};

use crate::arch::Abi;
use crate::desc::{CallKind, Row};

/// Returns a word for what a call changes beyond its own process: the kernel, its keys, its
/// policies.
#[must_use]
pub fn privileged(row: &Row) -> Option<&'static str> {
    const WORDS: [(&str, &str); 29] = [
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
        ("settimeofday", "clock"),
        ("clock_settime", "clock"),
        ("stime", "clock"),
        ("iopl", "ports"),
        ("ioperm", "ports"),
        ("acct", "accounting"),
        ("quotactl", "quota"),
        ("quotactl_fd", "quota"),
        ("syslog", "syslog"),
        ("vhangup", "terminal"),
        ("fanotify_init", "fanotify"),
        ("fanotify_mark", "fanotify"),
        ("userfaultfd", "userfaultfd"),
        ("mlockall", "mlock"),
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
        CallKind::Prctl => confining(low(0)).map(|_| "rights"),
        _ => match row.name {
            "setrlimit" => Some("limits"),
            // Without a new limit it only asks.
            "prlimit64" if abi.args(args)[2] != 0 => Some("limits"),
            // personality(2): 0xffffffff only asks.
            "personality" if low(0) != 0xffff_ffff => Some("personality"),
            "process_vm_writev" | "process_vm_readv" => Some("memory"),
            "pidfd_getfd" => Some("descriptors"),
            "landlock_restrict_self" | "landlock_add_rule" => Some("landlock"),
            // landlock_create_ruleset(2): without attributes it only asks.
            "landlock_create_ruleset" if abi.args(args)[0] != 0 => Some("landlock"),
            "setpriority" | "ioprio_set" | "sched_setscheduler" | "sched_setparam"
            | "sched_setattr" => Some("scheduling"),
            _ if row.kind == CallKind::SetAffinity => Some("scheduling"),
            // What a terminal gets as if it were typed.
            _ if row.kind == CallKind::Ioctl => {
                let types = [ioctl::TIOCSTI, ioctl::TIOCLINUX].map(u64::from);
                types.contains(&low(1)).then_some("terminal")
            }
            _ if row.kind == CallKind::Socket && is_powerful(low(0), low(1), low(2)) => {
                Some("socket")
            }
            _ => None,
        },
    }
}

/// Whether a socket reaches more than its own connection: packets of the network, the kernel, the
/// host of a virtual machine.
fn is_powerful(family: u64, kind: u64, protocol: u64) -> bool {
    let family = u32::try_from(family).unwrap_or(0);
    // The low bits; SOCK_NONBLOCK and SOCK_CLOEXEC are above (include/linux/net.h).
    let is_raw = kind & 0xf == u64::from(net::SOCK_RAW);
    match family {
        net::AF_NETLINK => protocol != u64::from(linux_raw_sys::netlink::NETLINK_ROUTE),
        net::AF_INET | net::AF_INET6 => is_raw,
        net::AF_UNIX | net::AF_UNSPEC => false,
        _ => true,
    }
}

/// Options of prctl(2) that change what a task may do, or others may do to it, with the number of
/// arguments that they use. The others hold what the registers held.
const CONFINING: [(u32, usize); 10] = [
    (p::PR_SET_NO_NEW_PRIVS, 2),
    (p::PR_SET_SECCOMP, 2),
    (p::PR_SET_DUMPABLE, 2),
    (p::PR_CAPBSET_DROP, 2),
    (p::PR_CAP_AMBIENT, 3),
    (p::PR_SET_SECUREBITS, 2),
    (p::PR_SET_KEEPCAPS, 2),
    (p::PR_SET_TSC, 2),
    (p::PR_SET_PTRACER, 1),
    (p::PR_SET_PDEATHSIG, 2),
];

fn confining(option: u64) -> Option<usize> {
    CONFINING.iter().find(|(known, _)| u64::from(*known) == option).map(|(_, args)| *args)
}

/// Returns how many arguments a call uses: prctl(2) takes as many as its option needs.
#[must_use]
pub fn used_args(abi: Abi, row: &Row, args: &[u64; 6]) -> usize {
    let used = match row.kind {
        CallKind::Prctl => confining(abi.args(args)[0] & 0xffff_ffff),
        _ => None,
    };
    used.unwrap_or(row.args.len())
}

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
        assert_eq!(confines("landlock_create_ruleset", [0, 0, 1, 0, 0, 0]), None);
        assert_eq!(confines("landlock_restrict_self", first(3)), Some("landlock"));
    }

    #[test]
    fn only_sockets_that_reach_further_are_rights() {
        let socket = |family: u32, kind: u32, protocol: u32| {
            let args = [family, kind, protocol, 0, 0, 0].map(u64::from);
            confines(Abi::X86_64, row_named(Abi::X86_64, "socket").unwrap(), &args)
        };
        let cloexec = 0o2_000_000;
        for (family, kind, protocol, wanted) in [
            (net::AF_INET, net::SOCK_STREAM, 0, None),
            (net::AF_INET, net::SOCK_RAW | cloexec, 1, Some("socket")),
            (net::AF_INET6, net::SOCK_DGRAM, 0, None),
            (net::AF_UNIX, net::SOCK_STREAM, 0, None),
            (net::AF_NETLINK, net::SOCK_RAW, 0, None),
            (net::AF_NETLINK, net::SOCK_RAW, 9, Some("socket")),
            (net::AF_PACKET, net::SOCK_DGRAM, 0, Some("socket")),
        ] {
            assert_eq!(socket(family, kind, protocol), wanted, "{family} {kind} {protocol}");
        }
    }

    /// Registers that an option does not use hold anything.
    #[test]
    fn options_of_prctl_use_their_own_arguments() {
        let row = row_named(Abi::X86_64, "prctl").unwrap();
        let used = |option: u32| used_args(Abi::X86_64, row, &[option.into(), 1, 2, 3, 4, 0]);
        assert_eq!((used(p::PR_SET_DUMPABLE), used(p::PR_CAP_AMBIENT)), (2, 3));
        assert_eq!(used(p::PR_SET_MM), row.args.len());
    }
}

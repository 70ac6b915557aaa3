//! The kernel's tracepoint formats list the argument names and types of every call. Each x86-64 row
//! must agree with them, except for the exceptions here.

use std::collections::{BTreeMap, BTreeSet};

use sysreel_abi::{Abi, ArgKind, number};

const SNAPSHOT: &str = include_str!("../../../../fixtures/abi/x86_64-linux-6.18.txt");

/// Names in the table and in the kernel's source where they differ: SYSCALL_DEFINE names the newest
/// of several functions, the system call table keeps the name that programs use.
const RENAMED: &[(&str, &str)] = &[
    ("stat", "newstat"),
    ("fstat", "newfstat"),
    ("lstat", "newlstat"),
    ("uname", "newuname"),
    ("umount2", "umount"),
    ("sendfile", "sendfile64"),
];

/// Calls that the snapshot lacks, and why.
const NO_TRACEPOINT: &[(&str, &str)] = &[
    ("init_module", "CONFIG_MODULES is off in the snapshot's kernel"),
    ("finit_module", "CONFIG_MODULES is off in the snapshot's kernel"),
    ("delete_module", "CONFIG_MODULES is off in the snapshot's kernel"),
    ("kexec_load", "CONFIG_KEXEC is off in the snapshot's kernel"),
    ("kexec_file_load", "CONFIG_KEXEC_FILE is off in the snapshot's kernel"),
    ("map_shadow_stack", "CONFIG_X86_USER_SHADOW_STACK is off in the snapshot's kernel"),
    ("lookup_dcookie", "removed in Linux 6.10"),
    ("_sysctl", "removed in Linux 5.5"),
];

/// Arguments that the kernel truncates after SYSCALL_DEFINE: their type has more bits than are
/// used.
const NARROWED: &[(&str, &str)] = &[
    // Descriptors: fdget(unsigned int), include/linux/file.h.
    ("mmap", "fd"),
    ("readv", "fd"),
    ("writev", "fd"),
    ("preadv", "fd"),
    ("pwritev", "fd"),
    ("preadv2", "fd"),
    ("pwritev2", "fd"),
    // find_get_task_by_vpid(pid_t), kernel/ptrace.c.
    ("ptrace", "pid"),
    // kernel_mbind: `int lmode = mode`, mm/mempolicy.c.
    ("mbind", "mode"),
];

#[test]
fn arity_and_names_are_the_kernels() {
    let kernel = snapshot();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (_, name, row) in number::calls(Abi::X86_64) {
        let Some(row) = row else { continue };
        let known =
            RENAMED.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs);
        let Some(args) = kernel.get(known) else {
            if !NO_TRACEPOINT.iter().any(|(absent, _)| *absent == name) {
                wrong.push(format!("{name}: not in the snapshot"));
            }
            continue;
        };
        seen.insert(known);
        let ours: Vec<&str> = row.args.iter().map(|a| a.name).collect();
        let theirs: Vec<&str> = args.iter().map(|(_, name)| *name).collect();
        if ours != theirs {
            wrong.push(format!("{name}: ours {ours:?}, the kernel's {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let rowless: Vec<_> = kernel.keys().filter(|k| !seen.contains(*k)).collect();
    assert!(rowless.is_empty(), "calls of the running kernel without a row: {rowless:?}");
}

#[test]
fn exceptions_are_needed() {
    let kernel = snapshot();
    for (ours, theirs) in RENAMED {
        assert!(!kernel.contains_key(ours) && kernel.contains_key(theirs), "{ours}");
    }
    for (name, _) in NO_TRACEPOINT {
        assert!(!kernel.contains_key(name), "{name} has a tracepoint");
        assert!(number::number(Abi::X86_64, name).is_some(), "{name} is not a call");
    }
}

/// The table prints as many bits as the kernel uses: SYSCALL_DEFINE casts each argument to its
/// type.
#[test]
fn widths_are_the_kernels() {
    let kernel = snapshot();
    let mut wrong = Vec::new();
    for (_, name, row) in number::calls(Abi::X86_64) {
        let known =
            RENAMED.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs);
        let (Some(row), Some(args)) = (row, kernel.get(known)) else { continue };
        for (ours, (kind, argument)) in row.args.iter().zip(args) {
            if let (Some(bits), Some(theirs)) = (bits(ours.kind), bits_of(kind))
                && bits != theirs
                && !NARROWED.contains(&(name, argument))
            {
                wrong.push(format!(
                    "{name}: {argument} is printed with {bits} bits but has type {kind}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the number of bits printed for an argument, or `None` if it is not a number.
fn bits(kind: ArgKind) -> Option<u8> {
    match kind {
        ArgKind::Long
        | ArgKind::Ulong
        | ArgKind::Size
        | ArgKind::Off
        | ArgKind::Half
        | ArgKind::Hex
        | ArgKind::Addr => Some(64),
        ArgKind::Hex32
        | ArgKind::Int
        | ArgKind::Uint
        | ArgKind::Fd
        | ArgKind::DirFd
        | ArgKind::Mode
        | ArgKind::FileMode
        | ArgKind::Signal
        | ArgKind::Pid => Some(32),
        ArgKind::Uid
        | ArgKind::Gid
        | ArgKind::Clock
        | ArgKind::Dev
        | ArgKind::SockOpt
        | ArgKind::Protocol
        | ArgKind::Ioctl => Some(32),
        ArgKind::Flags(list) | ArgKind::FlagsMode(list) | ArgKind::Enum(list) => Some(list.bits),
        _ => None,
    }
}

/// Returns the number of bits the kernel uses, from the C type. A umode_t has 16 and is printed as
/// such.
fn bits_of(kind: &str) -> Option<u8> {
    match kind.trim_start_matches("const ") {
        "int" | "unsigned int" | "unsigned" | "u32" | "__u32" | "__s32" | "s32" | "umode_t"
        | "pid_t" | "uid_t" | "gid_t" | "qid_t" | "key_serial_t" | "clockid_t" | "mqd_t"
        | "timer_t" | "rwf_t" => Some(32),
        "long" | "unsigned long" | "size_t" | "loff_t" | "off_t" | "aio_context_t" | "u64"
        | "__u64" => Some(64),
        _ => None,
    }
}

/// Returns type and name of the arguments of each call.
fn snapshot() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    SNAPSHOT
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, rest) = line.split_once('(').unwrap();
            let args = rest.strip_suffix(')').unwrap();
            let parts = |arg: &'static str| arg.trim().rsplit_once(' ').unwrap();
            (name, args.split(',').filter(|a| !a.is_empty()).map(parts).collect())
        })
        .collect()
}

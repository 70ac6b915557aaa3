//! The kernel's tracepoint formats know every call's argument names and their number. Each x86-64 row must agree with
//! them, unless a reason stands here.

use std::collections::{BTreeMap, BTreeSet};

use sysreel_abi::{Abi, number};

const SNAPSHOT: &str = include_str!("../../../../fixtures/abi/x86_64-linux-6.18.txt");

/// Name in the table, name in the kernel's source, where the two differ: SYSCALL_DEFINE names the newest function of
/// several, the system call table keeps the name that programs use.
const RENAMED: &[(&str, &str)] = &[
    ("stat", "newstat"),
    ("fstat", "newfstat"),
    ("lstat", "newlstat"),
    ("uname", "newuname"),
    ("umount2", "umount"),
    ("sendfile", "sendfile64"),
];

/// Calls that the snapshot does not have, with the reason.
const NO_TRACEPOINT: &[(&str, &str)] = &[
    ("init_module", "CONFIG_MODULES is off in the snapshot's kernel"),
    ("finit_module", "CONFIG_MODULES is off in the snapshot's kernel"),
    ("delete_module", "CONFIG_MODULES is off in the snapshot's kernel"),
    ("kexec_load", "CONFIG_KEXEC is off in the snapshot's kernel"),
    ("kexec_file_load", "CONFIG_KEXEC_FILE is off in the snapshot's kernel"),
    ("map_shadow_stack", "CONFIG_X86_USER_SHADOW_STACK is off in the snapshot's kernel"),
    ("lookup_dcookie", "removed in Linux 6.10"),
];

#[test]
fn arity_and_names_are_the_kernels() {
    let kernel = snapshot();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (_, name, row) in number::calls(Abi::X86_64) {
        let Some(row) = row else { continue };
        let known = RENAMED.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs);
        let Some(args) = kernel.get(known) else {
            if !NO_TRACEPOINT.iter().any(|(absent, _)| *absent == name) {
                wrong.push(format!("{name}: not in the snapshot"));
            }
            continue;
        };
        seen.insert(known);
        let ours: Vec<&str> = row.args.iter().map(|a| a.name).collect();
        if ours != *args {
            wrong.push(format!("{name}: ours {ours:?}, the kernel's {args:?}"));
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
        assert!(number::number(Abi::X86_64, name).is_some(), "{name} is no call");
    }
}

fn snapshot() -> BTreeMap<&'static str, Vec<&'static str>> {
    SNAPSHOT
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, rest) = line.split_once('(').unwrap();
            let args = rest.strip_suffix(')').unwrap();
            let last = |arg: &'static str| arg.trim().rsplit(' ').next().unwrap();
            (name, args.split(',').filter(|a| !a.is_empty()).map(last).collect())
        })
        .collect()
}

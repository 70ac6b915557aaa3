//! Properties of every row.

use std::collections::BTreeSet;

use sysreel_abi::{Abi, ArgKind, CallKind, Dir, Len, Makes, Replay, Row, all_rows, number};

/// Calls that no current kernel implements: they return ENOSYS, or were removed long ago.
const NOT_IMPLEMENTED: &[&str] = &[
    "afs_syscall",
    "bdflush",
    "break",
    "create_module",
    "epoll_ctl_old",
    "epoll_wait_old",
    "ftime",
    "get_kernel_syms",
    "get_thread_area",
    "getpmsg",
    "gtty",
    "idle",
    "lock",
    "mpx",
    "nfsservctl",
    "prof",
    "profil",
    "putpmsg",
    "query_module",
    "security",
    "set_thread_area",
    "stty",
    "tuxcall",
    "ulimit",
    "uselib",
    "vserver",
];

#[test]
fn every_call_that_a_kernel_implements_has_a_row() {
    for abi in Abi::ALL {
        for (nr, name, row) in number::calls(abi) {
            assert!(
                row.is_some() || NOT_IMPLEMENTED.contains(&name),
                "{abi} {nr} {name} has no row"
            );
        }
    }
}

#[test]
fn every_row_is_reached_by_a_number() {
    let mut seen = BTreeSet::new();
    for (only, row) in all_rows() {
        let reached = Abi::ALL.iter().any(|abi| number::number(*abi, row.name).is_some());
        assert!(reached, "{} is not a system call", row.name);
        assert!(seen.insert((only, row.name)), "duplicate row of {}", row.name);
        if let Some(abi) = only {
            assert!(number::number(abi, row.name).is_some(), "{abi} has no {}", row.name);
        }
    }
    assert!(seen.len() > 400, "{}", seen.len());
}

#[test]
fn rows_agree_with_themselves() {
    for (_, row) in all_rows() {
        assert!(row.args.len() <= 6, "{}", row.name);
        for arg in row.args {
            let Some(mem) = arg.mem else {
                assert!(
                    !matches!(arg.kind, ArgKind::Struct(_) | ArgKind::Path | ArgKind::Buf),
                    "{} {}",
                    row.name,
                    arg.name
                );
                continue;
            };
            if let Len::Ret { .. } = mem.len {
                assert_eq!(
                    mem.dir,
                    Dir::Out,
                    "{} {}: the result is unknown at the entry",
                    row.name,
                    arg.name
                );
            }
            if let Len::Deref { count, .. } = mem.len {
                let size =
                    row.args[usize::from(count.index)].mem.expect("the sibling is a pointer");
                assert_eq!(size.dir, Dir::InOut, "{} {}", row.name, count.name);
            }
        }
        let result_is_fd = matches!(row.result, ArgKind::Fd);
        assert_eq!(result_is_fd, row.makes == Makes::Ret, "{}", row.name);
    }
}

#[test]
fn kind_and_replay_policy_agree() {
    let find = |kind: CallKind| {
        all_rows().map(|(_, r)| r).filter(move |r| r.kind == kind).collect::<Vec<&Row>>()
    };
    for kind in [
        CallKind::Exec,
        CallKind::Fork,
        CallKind::Vfork,
        CallKind::Clone,
        CallKind::Clone3,
        CallKind::Mmap,
        CallKind::Munmap,
        CallKind::Brk,
    ] {
        let rows = find(kind);
        assert!(!rows.is_empty(), "{kind:?}");
        assert!(rows.iter().all(|r| r.replay != Replay::Emulate), "{kind:?} cannot be emulated");
    }
    assert!(find(CallKind::IoUringSetup).iter().all(|r| r.replay == Replay::Refuse));
    assert!(find(CallKind::Ptrace).iter().all(|r| r.replay == Replay::Refuse));
}

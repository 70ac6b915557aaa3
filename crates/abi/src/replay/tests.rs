use super::*;
use crate::consts::unpackaged as u;
use crate::number::row_named;

fn vetoed(name: &str, args: [u64; 6]) -> Option<u32> {
    veto(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &args, None)
}

#[test]
fn no_process_serves_files() {
    let row = |name| row_named(Abi::X86_64, name).unwrap();
    let mount =
        |kind: &'static [u8]| veto_of_served_files(row("mount"), |at| (at == 2).then_some(kind));
    for kind in [&b"fuse\0"[..], b"fuse.sshfs\0", b"fuseblk\0"] {
        assert_eq!(mount(kind), Some(e::ENODEV));
        assert_eq!(veto_of_served_files(row("fsopen"), |_| Some(kind)), Some(e::ENODEV));
    }
    assert_eq!((mount(b"fusectl\0"), mount(b"tmpfs\0"), mount(b"")), (None, None, None));
    assert_eq!(veto_of_served_files(row("umount2"), |_| Some(b"fuse")), None);
}

#[test]
fn calls_that_cannot_be_replayed_are_vetoed() {
    assert_eq!(vetoed("rseq", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("clone3", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("io_uring_setup", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("userfaultfd", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("madvise", [0, 0, g::MADV_FREE.into(), 0, 0, 0]), Some(e::EINVAL));
    assert_eq!(vetoed("madvise", [0, 0, g::MADV_DONTNEED.into(), 0, 0, 0]), None);
    assert_eq!(vetoed("prctl", [prctl::PR_SET_MM.into(), 1, 0, 0, 0, 0]), Some(e::EINVAL));
    assert_eq!(vetoed("prctl", [prctl::PR_SET_TSC.into(), 1, 0, 0, 0, 0]), None);
    assert_eq!(vetoed("prctl", [prctl::PR_SET_NAME.into(), 1, 0, 0, 0, 0]), None);
    assert_eq!(vetoed("arch_prctl", [ARCH_SET_FS, 1, 0, 0, 0, 0]), None);
    assert_eq!(vetoed("arch_prctl", [0x5001, 1, 0, 0, 0, 0]), Some(e::EINVAL));
    assert_eq!(vetoed("read", [0; 6]), None);
}

#[test]
fn bytes_come_from_memory_or_from_a_descriptor() {
    let to = |name| output(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &[1, 2, 3, 4, 5, 6]);
    assert_eq!(to("write"), Some(Output { fd: 1, from_memory: true }));
    assert_eq!(to("sendto"), Some(Output { fd: 1, from_memory: true }));
    assert_eq!(to("sendfile"), Some(Output { fd: 1, from_memory: false }));
    assert_eq!(to("splice"), Some(Output { fd: 3, from_memory: false }));
    assert_eq!(to("tee"), Some(Output { fd: 2, from_memory: false }));
    assert_eq!(to("read"), None);
}

#[test]
fn the_parent_tid_counts_only_with_shared_memory() {
    let row = row_named(Abi::X86_64, "clone").unwrap();
    let ids = |flags: u32| {
        tid_addresses(Abi::X86_64, row, &[0, 0, 0x10, 0x20, 0, 0], CloneFlags(flags.into()))
    };
    let thread = ids(g::CLONE_VM | g::CLONE_PARENT_SETTID | g::CLONE_CHILD_CLEARTID);
    assert_eq!(thread, TidAddresses { written: [Some(0x10), None], cleared: Some(0x20) });
    assert_eq!(ids(g::CLONE_PARENT_SETTID | g::CLONE_CHILD_SETTID).written, [None, Some(0x20)]);
}

#[test]
fn shmat_through_ipc_is_decoded() {
    let row = row_named(Abi::I386, "ipc").unwrap();
    let op = |call| address_space_op(Abi::I386, row, &[call, 1, 0, 0x20, 0x3000, 0], None);
    assert_eq!(op(u::SHMAT), Some(AddressSpaceOp::Attach { stored_at: Some(0x20) }));
    assert_eq!(op(u::SHMDT), Some(AddressSpaceOp::Detach { start: 0x3000 }));
    assert_eq!(op(u::SHMGET), None);
}

#[test]
fn only_i386_sets_a_segment_table_entry() {
    let area = |abi, flags: u32| {
        let row = row_named(abi, "clone").unwrap();
        thread_area_of_child(abi, row, &[0, 0, 0, 0x40, 0x50, 0], CloneFlags(flags.into()))
    };
    assert_eq!(area(Abi::I386, g::CLONE_VM | g::CLONE_SETTLS), Some(0x40));
    assert_eq!(area(Abi::I386, g::CLONE_VM), None);
    assert_eq!(area(Abi::X86_64, g::CLONE_VM | g::CLONE_SETTLS), None);
}

#[test]
fn the_old_mmap_has_its_arguments_in_memory() {
    let words = [0x1000u32, 0x2000, 3, g::MAP_PRIVATE, 7, 0];
    let structure: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let row = row_named(Abi::I386, "mmap").unwrap();
    let expected = AddressSpaceOp::Map {
        len: 0x2000,
        prot: 3,
        shared: false,
        anonymous: false,
        grows_down: false,
        offset: 0,
    };
    assert_eq!(address_space_op(Abi::I386, row, &[0; 6], Some(&structure)), Some(expected));
    assert_eq!(mapped_fd(Abi::I386, row, &[0; 6], Some(&structure)), Some(7));
    assert_eq!(address_space_op(Abi::I386, row, &[0; 6], None), Some(AddressSpaceOp::Unknown));
}

#[test]
fn calls_with_an_address_space_op_are_not_emulated() {
    for (abi, row) in crate::all_rows() {
        let abi = abi.unwrap_or(Abi::X86_64);
        let has_op = address_space_op(abi, row, &[0; 6], None).is_some();
        assert!(!has_op || row.replay != Replay::Emulate, "{} changes the address space", row.name);
    }
}

#[test]
fn the_time_stamp_counter_is_asked_for_and_set() {
    let row = row_named(Abi::X86_64, "prctl").unwrap();
    let of =
        |option: u32, value| time_stamps(Abi::X86_64, row, &[option.into(), value, 0, 0, 0, 0]);
    assert_eq!(of(prctl::PR_SET_TSC, 1), Some(TimeStamps::Set { raise: Some(false) }));
    assert_eq!(of(prctl::PR_SET_TSC, 2), Some(TimeStamps::Set { raise: Some(true) }));
    assert_eq!(of(prctl::PR_SET_TSC, 3), Some(TimeStamps::Set { raise: None }));
    assert_eq!(of(prctl::PR_GET_TSC, 0x40), Some(TimeStamps::Get { at: 0x40 }));
    assert_eq!(of(prctl::PR_SET_NAME, 1), None);
    // prctl(2): PR_TSC_ENABLE is 1, PR_TSC_SIGSEGV is 2.
    assert_eq!([false, true].map(TimeStamps::mode), [1, 2]);
}

#[test]
fn calls_that_wake_copy_or_kill_end_at_once() {
    let ends = |name: &str, args: [u64; 6]| {
        let row = row_named(Abi::X86_64, name).unwrap();
        let clone = crate::clone::clone_flags(Abi::X86_64, row, &args, None);
        ends_at_once(Abi::X86_64, row, &args, clone)
    };
    let futex = |op: u32| ends("futex", [0, (op | g::FUTEX_PRIVATE_FLAG).into(), 0, 0, 0, 0]);
    for op in [g::FUTEX_WAKE, g::FUTEX_WAKE_OP, g::FUTEX_UNLOCK_PI, g::FUTEX_CMP_REQUEUE] {
        assert!(futex(op), "{op}");
    }
    for op in [g::FUTEX_WAIT, g::FUTEX_LOCK_PI, g::FUTEX_WAIT_REQUEUE_PI, g::FUTEX_WAIT_BITSET] {
        assert!(!futex(op), "{op}");
    }
    assert!(ends("futex_wake", [0; 6]) && ends("futex_requeue", [0; 6]));
    assert!(!ends("futex_wait", [0; 6]) && !ends("futex_waitv", [0; 6]));
    assert!(ends("fork", [0; 6]) && ends("clone", [g::CLONE_VM.into(), 0, 0, 0, 0, 0]));
    assert!(!ends("vfork", [0; 6]) && !ends("clone", [g::CLONE_VFORK.into(), 0, 0, 0, 0, 0]));
    assert!(
        ["kill", "tgkill", "pidfd_send_signal", "exit_group"]
            .iter()
            .all(|&name| ends(name, [0; 6]))
    );
    assert!(!ends("read", [0; 6]));
}

#[test]
fn a_futex_with_an_owner_is_written_before_its_waiter_sleeps() {
    let row = row_named(Abi::X86_64, "futex").unwrap();
    let of = |op: u32| early_write(Abi::X86_64, row, &[0x40, op.into(), 0, 0, 0, 0]);
    let word = Some(EarlyWrite { at: 0x40, len: 4 });
    assert_eq!(of(g::FUTEX_LOCK_PI | g::FUTEX_PRIVATE_FLAG), word);
    assert_eq!(of(g::FUTEX_LOCK_PI2), word);
    assert_eq!(of(g::FUTEX_WAIT), None);
    assert_eq!(of(g::FUTEX_UNLOCK_PI), None);
}

#[test]
fn the_stack_limit_is_found_in_memory() {
    let of = |abi, name, args| stack_limit(abi, row_named(abi, name).unwrap(), &args, 7);
    let stack = u64::from(g::RLIMIT_STACK);
    let wide = Some(Limit { at: 0x40, len: 8 });
    assert_eq!(of(Abi::X86_64, "setrlimit", [stack, 0x40, 0, 0, 0, 0]), wide);
    assert_eq!(
        of(Abi::I386, "setrlimit", [stack, 0x40, 0, 0, 0, 0]),
        Some(Limit { at: 0x40, len: 4 })
    );
    assert_eq!(of(Abi::X86_64, "getrlimit", [stack, 0x40, 0, 0, 0, 0]), None);
    assert_eq!(of(Abi::X86_64, "prlimit64", [0, stack, 0x40, 0, 0, 0]), wide);
    assert_eq!(of(Abi::I386, "prlimit64", [7, stack, 0x40, 0, 0, 0]), wide);
    assert_eq!(of(Abi::X86_64, "prlimit64", [8, stack, 0x40, 0, 0, 0]), None);
    assert_eq!(of(Abi::X86_64, "prlimit64", [0, stack, 0, 0x40, 0, 0]), None);
    assert_eq!(of(Abi::X86_64, "setrlimit", [0, 0x40, 0, 0, 0, 0]), None);
}

#[test]
fn outputs_that_the_table_does_not_have_are_known_to_be_missing() {
    let ioctl = row_named(Abi::X86_64, "ioctl").unwrap();
    let of = |request: u64| may_write_unseen(Abi::X86_64, ioctl, &[0, request, 0x40, 0, 0, 0]);
    // TIOCSERGETLSR and TCGETS (asm-generic/ioctls.h), and one with a size in its bits.
    assert_eq!((of(0x5459), of(0x5401), of(0x8008_7601)), (Some(0x40), None, None));
    let nested = |name, args, nested| {
        unseen_output(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &args, nested)
    };
    let unseen = |name, args| nested(name, args, false);
    assert!(unseen("setsockopt", [3, 0, 64, 0x40, 100, 0]).is_some());
    assert!(unseen("setsockopt", [3, 1, 64, 0x40, 100, 0]).is_none());
    assert!(unseen("getsockopt", [3, 0, 64, 0x40, 0x50, 0]).is_none());
    // SIOCETHTOOL (linux/sockios.h), with a command that the table has and another one.
    let ethtool = [3, 0x8946, 0x40, 0, 0, 0];
    assert!(nested("ioctl", ethtool, true).is_none() && unseen("ioctl", ethtool).is_some());
}

#[test]
fn buffers_of_calls_that_block_are_known() {
    let of = |abi, name, args| filled_buffer(abi, row_named(abi, name).unwrap(), &args);
    let buffer = Some(Buffer { arg: 1, at: 0x40, len: 9 });
    assert_eq!(of(Abi::X86_64, "read", [3, 0x40, 9, 0, 0, 0]), buffer);
    assert_eq!(of(Abi::X86_64, "recvfrom", [3, 0x40, 9, 0, 0, 0]), buffer);
    assert_eq!(of(Abi::X86_64, "recvfrom", [3, 0x40, 9, 0, 0x50, 0x60]), None);
    assert_eq!(of(Abi::X86_64, "readv", [3, 0x40, 9, 0, 0, 0]), None);
    assert_eq!(of(Abi::X86_64, "write", [3, 0x40, 9, 0, 0, 0]), None);
    assert_eq!(of(Abi::I386, "read", [3, 0x40, 9, 0, 0, 0]), None);
}

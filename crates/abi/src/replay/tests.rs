use super::*;
use crate::consts::unpackaged as u;
use crate::number::row_named;

fn vetoed(name: &str, args: [u64; 6]) -> Option<u32> {
    veto(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &args, None)
}

#[test]
fn calls_that_cannot_be_replayed_are_vetoed() {
    assert_eq!(vetoed("rseq", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("clone3", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("io_uring_setup", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("userfaultfd", [0; 6]), Some(e::ENOSYS));
    assert_eq!(vetoed("madvise", [0, 0, g::MADV_FREE.into(), 0, 0, 0]), Some(e::EINVAL));
    assert_eq!(vetoed("madvise", [0, 0, g::MADV_DONTNEED.into(), 0, 0, 0]), None);
    assert_eq!(vetoed("prctl", [prctl::PR_SET_TSC.into(), 1, 0, 0, 0, 0]), Some(e::EINVAL));
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

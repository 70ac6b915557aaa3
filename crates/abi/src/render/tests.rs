//! Expected texts.

use super::*;
use crate::consts::{file, ipc, memory, process, socket};

fn flags(list: &'static Constants, value: u64) -> String {
    let mut out = String::new();
    assert!(flag_value(Abi::X86_64, ArgKind::Flags(list), value, &mut out));
    out
}

fn spelled(kind: ArgKind, value: u64) -> String {
    let mut out = String::new();
    assert!(flag_value(Abi::X86_64, kind, value, &mut out));
    out
}

#[test]
fn open_shows_its_access_mode() {
    assert_eq!(flags(&open::OPEN, 0), "O_RDONLY");
    assert_eq!(flags(&open::OPEN, 0o2000000), "O_RDONLY|O_CLOEXEC");
    assert_eq!(flags(&open::OPEN, 0o1102), "O_RDWR|O_CREAT|O_TRUNC");
    assert_eq!(flags(&open::OPEN, 3), "O_ACCMODE");
    assert_eq!(flags(&open::OPEN, 0x8000_0000), "O_RDONLY|0x80000000");
    assert_eq!(flags(&open::OPEN, 0o4010000), "O_RDONLY|O_SYNC");
    assert_eq!(flags(&open::OPEN, 0o20200002), "O_RDWR|O_TMPFILE");
}

#[test]
fn the_architecture_decides_where_a_bit_has_two_meanings() {
    let text = |abi, value| {
        let mut out = String::new();
        flags_text(abi, &open::OPEN, value, &mut out);
        out
    };
    assert_eq!(text(Abi::X86_64, 0o200000), "O_RDONLY|O_DIRECTORY");
    assert_eq!(text(Abi::Aarch64, 0o200000), "O_RDONLY|O_DIRECT");
    assert_eq!(text(Abi::Aarch64, 0o40000), "O_RDONLY|O_DIRECTORY");
    assert_eq!(text(Abi::I386, 0o100000), "O_RDONLY|O_LARGEFILE");
    assert_eq!(constant(Abi::Aarch64, &open::OPEN, "O_DIRECTORY"), Some(0o40000));
}

#[test]
fn sets_of_flags() {
    assert_eq!(flags(&memory::PROT, 0), "PROT_NONE");
    assert_eq!(flags(&memory::PROT, 3), "PROT_READ|PROT_WRITE");
    assert_eq!(flags(&memory::MAP, 0x22), "MAP_PRIVATE|MAP_ANONYMOUS");
    assert_eq!(flags(&memory::MAP, 0x10_0000_0000), "MAP_FILE|0x1000000000");
    assert_eq!(flags(&open::ACCESS, 0), "F_OK");
    assert_eq!(flags(&open::ACCESS, 4), "R_OK");
    assert_eq!(flags(&socket::TYPE, 0o2000001), "SOCK_STREAM|SOCK_CLOEXEC");
    assert_eq!(flags(&ipc::FUTEX, 128), "FUTEX_WAIT_PRIVATE");
    assert_eq!(flags(&ipc::FUTEX, 128 | 256 | 9), "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME");
    assert_eq!(
        flags(&process::CLONE, 0x1200011),
        "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"
    );
    assert_eq!(flags(&process::WAIT, 0), "0");
    // The kernel ignores bits above an int.
    assert_eq!(flags(&open::ACCESS, 0xdead_0000_0004), "R_OK");
}

#[test]
fn single_values() {
    assert_eq!(spelled(ArgKind::Enum(&file::SEEK), 2), "SEEK_END");
    assert_eq!(spelled(ArgKind::Enum(&file::SEEK), 77), "0x4d /* SEEK_??? */");
    assert_eq!(spelled(ArgKind::DirFd, 0xffff_ff9c), "AT_FDCWD");
    assert_eq!(spelled(ArgKind::DirFd, (-100i64).cast_unsigned()), "AT_FDCWD");
    assert_eq!(spelled(ArgKind::Signal, 9), "SIGKILL");
    assert_eq!(spelled(ArgKind::Clock, 1), "CLOCK_MONOTONIC");
    assert_eq!(
        spelled(ArgKind::Clock, (!(100i64) << 3 | 6).cast_unsigned()),
        "MAKE_THREAD_CPUCLOCK(100, CPUCLOCK_SCHED)"
    );
    assert_eq!(spelled(ArgKind::FileMode, 0o20644), "S_IFCHR|0644");
    assert_eq!(spelled(ArgKind::FlagsMode(&ipc::GET), 0o1600), "IPC_CREAT|0600");
    assert_eq!(spelled(ArgKind::Ioctl, 0x5401), "TCGETS");
    assert_eq!(spelled(ArgKind::Ioctl, 0x8004_ff07), "_IOC(_IOC_READ, 0xff, 0x7, 0x4)");
    assert!(!flag_value(Abi::X86_64, ArgKind::Fd, 3, &mut String::new()));
    assert!(!flag_value(Abi::X86_64, ArgKind::DirFd, 3, &mut String::new()));
}

#[test]
fn names_that_depend_on_another_argument() {
    assert_eq!(socket_option(1, 2), Some("SO_REUSEADDR"));
    assert_eq!(socket_option(6, 1), Some("TCP_NODELAY"));
    assert_eq!(socket_option(999, 1), None);
    assert_eq!(protocol(2, 6), Some("IPPROTO_TCP"));
    assert_eq!(protocol(1, 0), None);
}

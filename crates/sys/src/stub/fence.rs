//! The fence: a classic BPF program over `struct seccomp_data` (seccomp(2)). It kills every call
//! that does not come from the stub's instruction, and every call from it that rebuilding a program
//! does not need.

use crate::remote::{InjectionPoint, SYSCALL};
use linux_raw_sys::ptrace::{AUDIT_ARCH_X86_64, seccomp_data};
use std::mem::offset_of;
use std::os::fd::RawFd;

/// The calls a replayed task may make from the page with any arguments: to change its memory and to
/// exit.
const ALLOWED: [i64; 6] = [
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_exit_group,
];

/// The flags with which it may make a task: never one without a tracer.
const CLONE_FLAGS: [i32; 2] = [libc::CLONE_PARENT, libc::CLONE_PARENT | libc::CLONE_VM];

/// Returns the program for a stub that makes calls at `gate` and is executed as `fd` with the empty
/// path at `path`.
pub(super) fn filter(InjectionPoint(gate): InjectionPoint, path: u64, fd: RawFd) -> Vec<u8> {
    let mut code = Vec::new();
    let mut put = |operation: u32, on_true: u8, on_false: u8, value: u32| {
        code.extend_from_slice(&u16::try_from(operation).unwrap_or(0).to_le_bytes());
        code.extend_from_slice(&[on_true, on_false]);
        code.extend_from_slice(&value.to_le_bytes());
    };
    let offset = |at: usize| u32::try_from(at).unwrap_or(0);
    let half = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
    let number = |nr: i64| u32::try_from(nr).unwrap_or(u32::MAX);
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    let after_gate = gate + SYSCALL.len() as u64;
    let ip = offset_of!(seccomp_data, instruction_pointer);
    let must = [
        (offset_of!(seccomp_data, arch), AUDIT_ARCH_X86_64),
        (ip, half(after_gate)),
        (ip + 4, half(after_gate >> 32)),
    ];
    for (at, value) in must {
        put(load, 0, 0, offset(at));
        put(equal, 1, 0, value);
        put(answer, 0, 0, libc::SECCOMP_RET_KILL_PROCESS);
    }
    let load_number = offset(offset_of!(seccomp_data, nr));
    put(load, 0, 0, load_number);
    for nr in ALLOWED {
        put(equal, 0, 1, number(nr));
        put(answer, 0, 0, libc::SECCOMP_RET_ALLOW);
    }
    // The kernel reads only the lower halves of these arguments, but for the pointer.
    let argument = |index: usize| offset(offset_of!(seccomp_data, args) + index * 8);
    let [new_copy, new_thread] = CLONE_FLAGS.map(|flags| half(u64::from(flags.cast_unsigned())));
    let execveat = [
        (argument(0), fd.cast_unsigned()),
        (argument(1), half(path)),
        (argument(1) + 4, half(path >> 32)),
        (argument(4), libc::AT_EMPTY_PATH.cast_unsigned()),
    ];
    // Each block is skipped for another call, and left to the end if an argument differs.
    put(equal, 0, 4, number(libc::SYS_clone));
    put(load, 0, 0, argument(0));
    put(equal, 1, 0, new_copy);
    put(equal, 0, 11, new_thread);
    put(answer, 0, 0, libc::SECCOMP_RET_ALLOW);
    put(equal, 0, 9, number(libc::SYS_execveat));
    for ((at, value), left) in execveat.into_iter().zip([7, 5, 3, 1]) {
        put(load, 0, 0, at);
        put(equal, 0, left, value);
    }
    put(answer, 0, 0, libc::SECCOMP_RET_ALLOW);
    put(answer, 0, 0, libc::SECCOMP_RET_KILL_PROCESS);
    code
}

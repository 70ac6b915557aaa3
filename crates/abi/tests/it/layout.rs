//! Compares structure sizes with the C compiler and the kernel's exported headers, for the ABIs
//! that gcc supports without their C library.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use sysreel_abi::{Abi, Layout};

const HEADERS: &[&str] = &[
    "linux/aio_abi.h",
    "linux/capability.h",
    "linux/eventpoll.h",
    "linux/fcntl.h",
    "linux/filter.h",
    "linux/fs.h",
    "linux/futex.h",
    "linux/io_uring.h",
    "linux/mount.h",
    "linux/mqueue.h",
    "linux/openat2.h",
    "linux/poll.h",
    "linux/ptrace.h",
    "linux/quota.h",
    "linux/resource.h",
    "linux/rseq.h",
    "linux/sched.h",
    "linux/sched/types.h",
    "linux/sem.h",
    "linux/msg.h",
    "linux/shm.h",
    "linux/stat.h",
    "linux/sysinfo.h",
    "linux/time.h",
    "linux/time_types.h",
    "linux/times.h",
    "linux/timex.h",
    "linux/uio.h",
    "linux/utime.h",
    "linux/utsname.h",
    "linux/prctl.h",
    "asm/ldt.h",
    "asm/siginfo.h",
    "asm/signal.h",
    "asm/stat.h",
    "asm/statfs.h",
    "asm/termbits.h",
    "asm/termios.h",
    "asm/ipcbuf.h",
    "asm/msgbuf.h",
    "asm/sembuf.h",
    "asm/shmbuf.h",
];

/// Layouts and their C types in the exported headers.
const EXPORTED: &[(Layout, &str)] = &[
    (Layout::Stat, "struct stat"),
    (Layout::OldStat, "struct __old_kernel_stat"),
    (Layout::Statx, "struct statx"),
    (Layout::Statfs, "struct statfs"),
    (Layout::Statfs64, "struct statfs64"),
    (Layout::Timespec64, "struct __kernel_timespec"),
    (Layout::Timeval, "struct __kernel_old_timeval"),
    (Layout::Timezone, "struct timezone"),
    (Layout::Itimerval, "struct __kernel_old_itimerval"),
    (Layout::Itimerspec64, "struct __kernel_itimerspec"),
    (Layout::Timex64, "struct __kernel_timex"),
    (Layout::Utimbuf, "struct utimbuf"),
    (Layout::Tms, "struct tms"),
    (Layout::Rusage, "struct rusage"),
    (Layout::Rlimit, "struct rlimit"),
    (Layout::Rlimit64, "struct rlimit64"),
    (Layout::SigStack, "stack_t"),
    (Layout::SigInfo, "siginfo_t"),
    (Layout::SigEvent, "sigevent_t"),
    (Layout::SysInfo, "struct sysinfo"),
    (Layout::UtsName, "struct new_utsname"),
    (Layout::OldUtsName, "struct old_utsname"),
    (Layout::OldOldUtsName, "struct oldold_utsname"),
    (Layout::PollFd, "struct pollfd"),
    (Layout::EpollEvent, "struct epoll_event"),
    (Layout::IoEvent, "struct io_event"),
    (Layout::Iocb, "struct iocb"),
    (Layout::IoUringParams, "struct io_uring_params"),
    (Layout::Iovec, "struct iovec"),
    (Layout::MqAttr, "struct mq_attr"),
    (Layout::RobustListHead, "struct robust_list_head"),
    (Layout::CapHeader, "struct __user_cap_header_struct"),
    (Layout::CapData, "struct __user_cap_data_struct"),
    (Layout::OpenHow, "struct open_how"),
    (Layout::CloneArgs, "struct clone_args"),
    (Layout::MsqidDs, "struct msqid64_ds"),
    (Layout::ShmidDs, "struct shmid64_ds"),
    (Layout::SemidDs, "struct semid64_ds"),
    (Layout::SemBuf, "struct sembuf"),
    (Layout::MsgInfo, "struct msginfo"),
    (Layout::ShmInfo, "struct shm_info"),
    (Layout::ShmLimits, "struct shminfo64"),
    (Layout::SemInfo, "struct seminfo"),
    (Layout::Flock, "struct flock"),
    (Layout::FOwnerEx, "struct f_owner_ex"),
    (Layout::Termios, "struct termios"),
    (Layout::Termios2, "struct termios2"),
    (Layout::Termio, "struct termio"),
    (Layout::WinSize, "struct winsize"),
    (Layout::FutexWaitv, "struct futex_waitv"),
    (Layout::Rseq, "struct rseq"),
    (Layout::UserDesc, "struct user_desc"),
    (Layout::MountAttr, "struct mount_attr"),
    (Layout::SockFprog, "struct sock_fprog"),
    (Layout::SockFilter, "struct sock_filter"),
    (Layout::DqBlk, "struct if_dqblk"),
    (Layout::DqInfo, "struct if_dqinfo"),
    (Layout::PrctlMmMap, "struct prctl_mm_map"),
    (Layout::PtracePeekSiginfo, "struct ptrace_peeksiginfo_args"),
];

#[test]
fn x86_64_is_what_the_compiler_says() {
    check(Abi::X86_64, "-m64", &[Layout::Statfs64, Layout::DqBlk]);
}

#[test]
fn i386_is_what_the_compiler_says() {
    // The compat call takes the packed structure of 68 bytes, and so does the header.
    check(Abi::I386, "-m32", &[]);
    let only = [(Layout::Stat64, "struct stat64"), (Layout::Flock64, "struct flock64")];
    compare(Abi::I386, "-m32", &only);
}

#[test]
fn x32_is_what_the_compiler_says() {
    // x32 makes the statfs call of x86-64, which writes 120 bytes. The 64 bytes of the header are
    // wrong.
    check(Abi::X32, "-mx32", &[Layout::Statfs, Layout::Statfs64]);
}

#[test]
fn aarch64_is_what_the_generic_headers_say() {
    // arm64 uses the generic headers unchanged, so any compiler will do.
    let source = format!(
        "#include <asm-generic/stat.h>\n_Static_assert(sizeof(struct stat) == {}, \"Stat\");\n",
        Layout::Stat.size(Abi::Aarch64)
    );
    match compile("-m64", &source) {
        Some(said) => assert!(!said.contains("static assertion"), "{said}"),
        None => crate::no_tool("gcc"),
    }
}

fn check(abi: Abi, flag: &str, but: &[Layout]) {
    let all: Vec<_> =
        EXPORTED.iter().filter(|(layout, _)| !but.contains(layout)).copied().collect();
    compare(abi, flag, &all);
}

fn compare(abi: Abi, flag: &str, types: &[(Layout, &str)]) {
    // linux/shm.h includes unistd.h, which belongs to the ABI's C library. Its guard keeps it out.
    let start = "#define _UNISTD_H 1\n".to_owned();
    let mut source: String = HEADERS.iter().fold(start, |mut text, header| {
        let _ = writeln!(text, "#if __has_include(<{header}>)\n#include <{header}>\n#endif");
        text
    });
    for (layout, name) in types {
        let size = layout.size(abi);
        let _ = writeln!(source, "_Static_assert(sizeof({name}) == {size}, \"{layout:?}\");");
    }
    let Some(said) = compile(flag, &source) else {
        crate::no_tool("gcc");
        return;
    };
    if said.contains("fatal error") || said.contains("unrecognized") {
        crate::skipped(&format!("the compiler cannot do {flag}: {said}"));
        return;
    }
    let wrong: Vec<&str> = said.lines().filter(|line| line.contains("error")).collect();
    assert!(wrong.is_empty(), "{abi}: {wrong:#?}");
}

/// Returns what the compiler reports. Only the kernel's headers are on its path.
fn compile(flag: &str, source: &str) -> Option<String> {
    let own = Command::new("gcc").arg("-print-file-name=include").output().ok()?;
    let own = String::from_utf8(own.stdout).ok()?;
    let mut compiler = Command::new("gcc")
        .args([flag, "-fsyntax-only", "-nostdinc", "-isystem", own.trim()])
        .args(["-isystem", "/usr/include/x86_64-linux-gnu", "-isystem", "/usr/include", "-xc", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    compiler.stdin.take()?.write_all(source.as_bytes()).ok()?;
    Some(String::from_utf8_lossy(&compiler.wait_with_output().ok()?.stderr).into_owned())
}

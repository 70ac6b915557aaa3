//! The stub: the program that a replayed task executes before it becomes what was recorded. One
//! page with a `syscall` instruction, and a fence.
//!
//! The page stays mapped for the life of the task. The fence, a seccomp filter, kills every call
//! that does not come from the page's instruction, and every call from it that rebuilding a program
//! does not need.

use crate::raw::{check, die_with, own_pid};
use crate::remote::{Call, InjectionPoint, Lost, SYSCALL, died};
use crate::{Error, Report, Result, Resume, Signal, Stop, StopKind, Tid, Tracer, process};
use linux_raw_sys::ptrace::{AUDIT_ARCH_X86_64, seccomp_data};
use std::io::Write;
use std::mem::offset_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The lowest address of the page: the lowest that any user may map (vm.mmap_min_addr is at most
/// that), where hardly any program is loaded.
pub const LOWEST: u64 = 0x1_0000;
/// The size of the page in bytes.
pub const PAGE_LEN: u64 = 0x1000;

/// The offset of the `syscall` instruction in the page.
const CODE: u64 = 0x100;
/// An empty string.
const EMPTY: u64 = 0x110;
/// The argument vector (a pointer to the empty string, null) and the environment (null).
const ARGV: u64 = 0x118;
const ENVP: u64 = 0x120;
/// The filter as a `struct sock_fprog` (a length and a pointer), and its instructions.
const PROGRAM: u64 = 0x130;
const FILTER: u64 = 0x140;

/// Creates a file in memory, which every replayed task has open. It has no name and lives as long
/// as it is open.
///
/// # Errors
/// The errno of memfd_create(2) or ftruncate(2).
pub fn shared_file(len: u64) -> Result<std::fs::File> {
    // SAFETY: memfd_create(2) reads one C string.
    let fd = check(unsafe { libc::memfd_create(c"sysreel-replay".as_ptr(), 0) })
        .map_err(|source| Error::io("memfd_create", source))?;
    // SAFETY: the descriptor is new and nothing else owns it.
    let file = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.set_len(len).map_err(|source| Error::io("ftruncate", source))?;
    Ok(file)
}

/// The stub as a file that tasks execute.
#[derive(Debug)]
pub struct Stub {
    /// Inherited by every replayed task, hence not close-on-exec.
    file: OwnedFd,
    /// The address of its page.
    page: u64,
    /// The descriptors that tasks keep, in ascending order: its own file, and those that they map.
    keeps: Vec<RawFd>,
}

impl Stub {
    /// Creates the file in memory, of a stub at the address `page`. Its tasks keep the descriptors
    /// `maps` open, to map what is in them, and no others.
    ///
    /// # Errors
    /// The errno of memfd_create(2), dup(2) or write(2).
    pub fn new(page: u64, maps: &[RawFd]) -> Result<Stub> {
        // SAFETY: memfd_create(2) reads one C string.
        let fd = check(unsafe { libc::memfd_create(c"sysreel-stub".as_ptr(), 0) })
            .map_err(|source| Error::io("memfd_create", source))?;
        // SAFETY: the descriptor is new and nothing else owns it.
        let file = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut writer = std::fs::File::from(file.try_clone().map_err(|e| Error::io("dup", e))?);
        let mut keeps = maps.to_vec();
        keeps.push(fd);
        keeps.sort_unstable();
        writer
            .write_all(&image(page, &filter(page, fd)))
            .map_err(|source| Error::io("write of the stub", source))?;
        Ok(Stub { file, page, keeps })
    }

    /// Returns the address of its page.
    pub fn page(&self) -> u64 {
        self.page
    }

    /// Returns its `syscall` instruction.
    pub fn gate(&self) -> InjectionPoint {
        InjectionPoint(self.page + CODE)
    }

    fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

impl Tracer {
    /// Returns a tracer whose tasks die with it in any case (EXITKILL): they must never run on
    /// their own.
    pub fn replaying() -> Tracer {
        Tracer::with_options(
            libc::PTRACE_O_EXITKILL
                | libc::PTRACE_O_TRACESYSGOOD
                | libc::PTRACE_O_TRACEFORK
                | libc::PTRACE_O_TRACEVFORK
                | libc::PTRACE_O_TRACECLONE
                | libc::PTRACE_O_TRACEEXEC,
        )
    }

    /// Starts a task that consists of the fenced stub.
    ///
    /// # Errors
    /// The errno of fork(2) or ptrace(2), or [`Error::Unsupported`] when files in memory cannot be
    /// executed.
    pub fn spawn_stub(&self, stub: &Stub) -> Result<Stop> {
        let fd = stub.fd();
        let argv = [c"".as_ptr(), std::ptr::null()];
        let envp = [std::ptr::null::<libc::c_char>()];
        let maker = own_pid();
        // SAFETY: until execveat or _exit the child calls only async-signal-safe functions
        // (fork(2)).
        let pid = check(unsafe { libc::fork() }).map_err(|e| Error::io("fork", e))?;
        if pid == 0 {
            // SAFETY: as above; the pointers refer to the child's copy of this memory.
            unsafe {
                die_with(maker);
                close_others(&stub.keeps);
                libc::raise(libc::SIGSTOP);
                let empty = c"".as_ptr();
                libc::syscall(
                    libc::SYS_execveat,
                    fd,
                    empty,
                    argv.as_ptr(),
                    envp.as_ptr(),
                    libc::AT_EMPTY_PATH,
                );
                libc::_exit(127);
            }
        }
        let stop = self.hold_until_exec(pid).inspect_err(|_| kill(pid))?;
        self.fence(stub, stop).map_err(|lost| match lost {
            Lost::Gone(_) => died(pid),
            Lost::Failed(error) => error,
        })
    }

    /// Takes the child from its SIGSTOP to the end of its execve.
    fn hold_until_exec(&self, pid: Tid) -> Result<Stop> {
        let mut status = 0;
        // SAFETY: waitpid(2) writes one int.
        while let Err(error) = check(unsafe { libc::waitpid(pid, &mut status, libc::WUNTRACED) }) {
            if error.kind() != std::io::ErrorKind::Interrupted {
                return Err(Error::io("waitpid", error));
            }
        }
        self.seize(pid).map_err(|source| Error::Attach { pid, source, hint: None })?;
        // SAFETY: a signal to a child of this process.
        unsafe { libc::kill(pid, libc::SIGCONT) };
        let mut in_new_image = false;
        loop {
            let Report::Stopped(stop) = self.wait_for(pid)? else {
                let text = "cannot execute the replay stub: vm.memfd_noexec must allow executable \
                            files in memory";
                return Err(Error::Unsupported(text.into()));
            };
            match stop.kind() {
                StopKind::Event(crate::Event::EXEC) => in_new_image = true,
                StopKind::Syscall if in_new_image => return Ok(stop),
                _ => {}
            }
            // SIGCONT and SIGSTOP are suppressed.
            stop.resume(Resume::ToNextSyscall, Signal::NONE);
        }
    }

    /// Installs the fence in a new stub and traps the time-stamp counter.
    fn fence(&self, stub: &Stub, mut stop: Stop) -> Result<Stop, Lost> {
        self.clear(stub, &mut stop)?;
        let no_new_privs = u64::from(libc::PR_SET_NO_NEW_PRIVS.cast_unsigned());
        let filter = u64::from(libc::SECCOMP_SET_MODE_FILTER);
        let calls = [
            (
                "prctl PR_SET_NO_NEW_PRIVS",
                Call::Plain(libc::SYS_prctl, [no_new_privs, 1, 0, 0, 0, 0]),
            ),
            ("prctl PR_SET_TSC", Call::trap_time_stamps()),
            ("seccomp", Call::Plain(libc::SYS_seccomp, [filter, 0, stub.page + PROGRAM, 0, 0, 0])),
        ];
        for (what, call) in calls {
            self.call_in(&mut stop, stub.gate(), call)?.value(what)?;
        }
        Ok(stop)
    }

    /// Makes the task execute the stub again, which discards its memory.
    ///
    /// # Errors
    /// [`Lost::Gone`] when the task ended, [`Lost::Failed`] when a request to the kernel failed.
    pub fn become_stub(&self, stub: &Stub, stop: &mut Stop) -> Result<(), Lost> {
        let fd = i64::from(stub.fd()).cast_unsigned();
        let flags = u64::from(libc::AT_EMPTY_PATH.cast_unsigned());
        let page = stub.page;
        let call =
            Call::Plain(libc::SYS_execveat, [fd, page + EMPTY, page + ARGV, page + ENVP, flags, 0]);
        self.call_without_restore(stop, stub.gate(), call)?.value("execveat of the stub")?;
        self.clear(stub, stop)
    }

    /// Unmaps everything but the stub's page.
    fn clear(&self, stub: &Stub, stop: &mut Stop) -> Result<(), Lost> {
        let mappings = process::mappings(stop.tid())
            .map_err(|source| Error::io("read the maps of a stub", source))?;
        for mapping in mappings {
            // The vsyscall page cannot be unmapped; the fence kills calls made from it.
            if mapping.start == stub.page || mapping.path == b"[vsyscall]" {
                continue;
            }
            let (address, len) = (mapping.start, mapping.end - mapping.start);
            self.call_in(stop, stub.gate(), Call::Munmap { address, len })?.value("munmap")?;
        }
        Ok(())
    }

    /// Kills a replayed task, which is a process of its own, and reaps it.
    ///
    /// # Errors
    /// The errno of wait4(2).
    pub fn end(&self, stop: Stop) -> Result<()> {
        let tid = stop.tid();
        drop(stop);
        kill(tid);
        while let Report::Stopped(stop) = self.wait_for(tid)? {
            stop.resume(Resume::Freely, Signal::NONE);
        }
        Ok(())
    }
}

/// Closes all descriptors but `keeps`, which are in ascending order.
///
/// # Safety
/// For a child between fork and execve: makes async-signal-safe calls only.
unsafe fn close_others(keeps: &[RawFd]) {
    let mut first = 0;
    for last in keeps.iter().map(|fd| fd - 1).chain([RawFd::MAX]) {
        if first <= last {
            // SAFETY: close_range(2), close(2) and getdtablesize(3) take numbers. Nothing uses the
            // descriptors in the child.
            unsafe {
                if libc::syscall(libc::SYS_close_range, first, last, 0) != 0 {
                    // Before Linux 5.9.
                    for fd in first..=last.min(libc::getdtablesize()) {
                        libc::close(fd);
                    }
                }
            }
        }
        first = last.saturating_add(2);
    }
}

fn kill(pid: Tid) {
    // SAFETY: a signal to a child of this process that was not reaped yet.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

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

/// The fence: a classic BPF program over `struct seccomp_data` (seccomp(2)), for a stub at `page`
/// that is executed through `fd`.
fn filter(page: u64, fd: RawFd) -> Vec<u8> {
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
    let after_gate = page + CODE + SYSCALL.len() as u64;
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
        (argument(1), half(page + EMPTY)),
        (argument(1) + 4, half((page + EMPTY) >> 32)),
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

/// The stub as an ELF file of one page (elf(5)), at the address `base`, with the fence.
fn image(base: u64, filter: &[u8]) -> Vec<u8> {
    let mut page = vec![0u8; usize::try_from(PAGE_LEN).unwrap_or(0)];
    let mut at = |offset: u64, bytes: &[u8]| {
        let offset = usize::try_from(offset).unwrap_or(0);
        page[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    // ELF64, little-endian; ET_EXEC, EM_X86_64; a header of 64 bytes, followed by two program
    // headers of 56.
    at(0, b"\x7fELF\x02\x01\x01");
    at(16, &2u16.to_le_bytes());
    at(18, &62u16.to_le_bytes());
    at(20, &1u32.to_le_bytes());
    at(24, &(base + CODE).to_le_bytes());
    at(32, &64u64.to_le_bytes());
    at(52, &64u16.to_le_bytes());
    at(54, &56u16.to_le_bytes());
    at(56, &2u16.to_le_bytes());
    // PT_LOAD, readable and executable: the whole file.
    at(64, &1u32.to_le_bytes());
    at(68, &5u32.to_le_bytes());
    at(80, &base.to_le_bytes());
    at(96, &PAGE_LEN.to_le_bytes());
    at(104, &PAGE_LEN.to_le_bytes());
    at(112, &PAGE_LEN.to_le_bytes());
    // PT_GNU_STACK, readable and writable: no executable stack.
    at(120, &libc::PT_GNU_STACK.to_le_bytes());
    at(124, &6u32.to_le_bytes());
    at(CODE, &SYSCALL);
    at(ARGV, &(base + EMPTY).to_le_bytes());
    at(PROGRAM, &u16::try_from(filter.len() / 8).unwrap_or(0).to_le_bytes());
    at(PROGRAM + 8, &(base + FILTER).to_le_bytes());
    at(FILTER, filter);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SyscallInfo, info::Op};

    #[test]
    fn the_fence_allows_only_listed_calls() {
        let tracer = Tracer::replaying();
        let stub = Stub::new(LOWEST, &[]).unwrap();
        let mut stop = tracer.spawn_stub(&stub).unwrap();
        let tid = stop.tid();
        let paths =
            |tid| process::mappings(tid).unwrap().into_iter().map(|m| m.start).collect::<Vec<_>>();
        assert!(paths(tid).iter().all(|&start| start == LOWEST || start >> 63 == 1));
        let map = Call::Anonymous { address: 0x7000_0000, len: 0x3000, prot: 3, grows_down: false };
        assert_eq!(tracer.call_in(&mut stop, stub.gate(), map).unwrap().result, 0x7000_0000);
        tracer.become_stub(&stub, &mut stop).unwrap();
        assert!(!paths(tid).contains(&0x7000_0000));
        let child =
            tracer.call_in(&mut stop, stub.gate(), Call::clone(false)).unwrap().child.unwrap();
        let Report::Stopped(first) = tracer.wait_for(child).unwrap() else {
            panic!("the child stops")
        };
        tracer.end(first).unwrap();
        // An emulated call stops at its entry and does not reach the fence.
        let mut registers = stop.general().unwrap();
        registers.enter(stub.gate().0, libc::SYS_getpid, [1, 2, 3, 4, 5, 6]);
        stop.set_general(&registers).unwrap();
        stop.resume(Resume::Emulating, Signal::NONE);
        let Report::Stopped(mut stop) = tracer.wait_for(tid).unwrap() else {
            panic!("it was emulated")
        };
        let mut info = SyscallInfo::new();
        stop.syscall_info(&mut info).unwrap();
        assert_eq!(info.op(), Some(Op::ENTRY));
        assert_eq!(info.call().unwrap().1, [1, 2, 3, 4, 5, 6]);
        // The filter's action is taken on the return to user mode (kernel/seccomp.c).
        _ = tracer.call_in(&mut stop, stub.gate(), Call::Plain(libc::SYS_getpid, [0; 6])).unwrap();
        stop.resume(Resume::Freely, Signal::NONE);
        let Report::Gone { status, .. } = tracer.wait_for(tid).unwrap() else {
            panic!("the fence has a hole")
        };
        assert_eq!(status.killed(), Some(Signal(libc::SIGSYS)));
    }

    /// Lets a stub make a call, and returns how it ended: `None` if it goes on.
    fn end_of(page: u64, call: impl Fn(&Stub) -> Call) -> Option<Signal> {
        let tracer = Tracer::replaying();
        let stub = Stub::new(page, &[]).unwrap();
        let mut stop = tracer.spawn_stub(&stub).unwrap();
        let tid = stop.tid();
        match tracer.call_in(&mut stop, stub.gate(), call(&stub)) {
            Ok(called) if called.child.is_some() => {
                let child = called.child.unwrap();
                let Report::Stopped(first) = tracer.wait_for(child).unwrap() else {
                    panic!("the child stops")
                };
                tracer.end(first).unwrap();
            }
            Ok(_) => {}
            Err(Lost::Gone(status)) => return status.killed(),
            Err(Lost::Failed(error)) => panic!("{error}"),
        }
        let map = Call::Anonymous { address: 0x7000_0000, len: 0x1000, prot: 3, grows_down: false };
        match tracer.call_in(&mut stop, stub.gate(), map) {
            Ok(called) => {
                assert_eq!(called.result, 0x7000_0000);
                tracer.end(stop).unwrap();
                None
            }
            Err(Lost::Gone(status)) => status.killed(),
            Err(Lost::Failed(error)) => panic!("task {tid}: {error}"),
        }
    }

    #[test]
    fn the_fence_checks_arguments() {
        let clone = |flags: i32| {
            move |_: &Stub| {
                let flags = u64::from(flags.cast_unsigned());
                Call::Plain(libc::SYS_clone, [flags, 0, 0, 0, 0, 0])
            }
        };
        // Also far from the usual place.
        for page in [LOWEST, 0x1234_5678_9000] {
            assert_eq!(end_of(page, clone(libc::CLONE_PARENT)), None);
            assert_eq!(end_of(page, clone(libc::CLONE_PARENT | libc::CLONE_VM)), None);
            for flags in [libc::CLONE_UNTRACED, libc::CLONE_NEWUSER, libc::CLONE_VFORK, 0] {
                let end = end_of(page, clone(libc::CLONE_PARENT | flags | i32::from(flags == 0)));
                assert_eq!(end, Some(Signal(libc::SIGSYS)), "{flags:#x}");
            }
            let execute = |change: fn(&Stub, &mut [u64; 6])| {
                move |stub: &Stub| {
                    let fd = u64::from(stub.fd().cast_unsigned());
                    let path = stub.page + EMPTY;
                    let empty = u64::from(libc::AT_EMPTY_PATH.cast_unsigned());
                    let mut args = [fd, path, 1, 1, empty, 0];
                    change(stub, &mut args);
                    Call::Plain(libc::SYS_execveat, args)
                }
            };
            // EFAULT, for the vectors.
            assert_eq!(end_of(page, execute(|_, _| {})), None);
            let others: [fn(&Stub, &mut [u64; 6]); 4] = [
                |_, args| args[0] = u64::MAX,
                |stub, args| args[1] = stub.page,
                |_, args| args[1] ^= 1 << 40,
                |_, args| args[4] = 0,
            ];
            for change in others {
                assert_eq!(end_of(page, execute(change)), Some(Signal(libc::SIGSYS)));
            }
            let tsc = |_: &Stub| Call::enable_time_stamps();
            assert_eq!(end_of(page, tsc), Some(Signal(libc::SIGSYS)));
        }
    }

    #[test]
    fn tasks_have_only_the_descriptors_that_they_map() {
        let files = [shared_file(0).unwrap(), shared_file(0).unwrap()];
        let (tracer, stub) = (
            Tracer::replaying(),
            Stub::new(LOWEST, &files.each_ref().map(AsRawFd::as_raw_fd)).unwrap(),
        );
        let stop = tracer.spawn_stub(&stub).unwrap();
        let open = std::fs::read_dir(format!("/proc/{}/fd", stop.tid())).unwrap();
        let mut open: Vec<RawFd> = open
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        open.sort_unstable();
        assert_eq!(open, stub.keeps);
        assert_eq!(open.len(), 3);
        tracer.end(stop).unwrap();
    }

    /// Without its instruction, a task only raises signals.
    #[test]
    fn a_call_without_its_instruction_ends_with_a_reason() {
        let (tracer, stub) = (Tracer::replaying(), Stub::new(LOWEST, &[]).unwrap());
        let mut stop = tracer.spawn_stub(&stub).unwrap();
        let call = Call::Munmap { address: 0x7000_0000, len: 0x1000 };
        let lost = tracer.call_in(&mut stop, InjectionPoint(0x7000_0000), call).unwrap_err();
        let text = lost.to_string();
        assert!(text.contains("cannot execute") && text.contains("0x70000000"), "{text}");
        tracer.end(stop).unwrap();
    }
}

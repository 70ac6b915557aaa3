//! The stub: the program that a replayed task executes before it becomes what was recorded. One
//! page with a `syscall` instruction, and a fence.
//!
//! The page stays mapped for the life of the task. The fence, a seccomp filter, kills every call
//! that does not come from the page's instruction, and every call from it that rebuilding a program
//! does not need.

mod fence;

use crate::raw::{check, die_with, own_pid};
use crate::remote::{Call, InjectionPoint, Lost, SYSCALL, died};
use crate::waiting::Stall;
use crate::{Error, Report, Result, Resume, Signal, Stop, StopKind, Tid, Tracer, process};
use fence::filter;
use std::io::Write;
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
            .write_all(&image(page, &filter(InjectionPoint(page + CODE), page + EMPTY, fd)))
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
        let mut stall = Stall::new(pid, self.patience);
        // SAFETY: waitpid(2) writes one int.
        while let Err(error) = check(unsafe { libc::waitpid(pid, &mut status, libc::WUNTRACED) }) {
            if error.kind() != std::io::ErrorKind::Interrupted {
                return Err(Error::io("waitpid", error));
            }
            stall.check()?;
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
mod tests;

//! Access to a tracee's memory: many places in one system call, each with its own result.

use crate::{Tid, raw};
use std::io;

/// A place to read: `len` bytes at `address` of the tracee, to `offset` in the caller's buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer {
    /// The address in the tracee.
    pub address: u64,
    /// The offset in the buffer.
    pub offset: usize,
    /// The number of bytes to read.
    pub len: usize,
    /// Result: the number of bytes read.
    pub got: usize,
    /// Result: why `got` is less than `len`, or 0.
    pub errno: i32,
}

/// The errno for an address that is not mapped or not readable.
pub const EFAULT: i32 = libc::EFAULT;
/// The errno of a call that is not permitted.
pub const EPERM: i32 = libc::EPERM;
/// The errno of a call that the kernel does not have.
pub const ENOSYS: i32 = libc::ENOSYS;
/// The errno for a process that does not exist.
pub const ESRCH: i32 = libc::ESRCH;
/// The errno for memory that is not there.
pub const ENOMEM: i32 = libc::ENOMEM;
/// The errno for invalid arguments.
pub const EINVAL: i32 = libc::EINVAL;
/// The errno for what needs a privilege (errno(3)).
pub const EACCES: i32 = libc::EACCES;

/// The number of places in one process_vm_readv: a batch that fits the stack, far below UIO_MAXIOV
/// (1024).
const BATCH: usize = 64;
/// A smaller batch, enough for most stops.
const FEW: usize = 4;

/// Reads every transfer into `buffer`. A bad place costs one more system call and does not affect
/// the places after it.
///
/// # Panics
/// When a transfer lies outside `buffer`: an error of the caller, not of the tracee.
pub fn read(tid: Tid, buffer: &mut [u8], transfers: &mut [Transfer]) {
    let mut first = 0;
    while first < transfers.len() {
        let last = transfers.len().min(first + BATCH);
        let batch = &mut transfers[first..last];
        first += match batch.len() {
            ..=FEW => read_batch::<FEW>(tid, buffer, batch),
            _ => read_batch::<BATCH>(tid, buffer, batch),
        };
    }
}

/// Reads up to the first bad place of the batch and returns how many transfers are done.
///
/// # Panics
/// When the batch has more than `N` transfers.
fn read_batch<const N: usize>(tid: Tid, buffer: &mut [u8], batch: &mut [Transfer]) -> usize {
    let mut local = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; N];
    let mut remote = local;
    for (i, transfer) in batch.iter_mut().enumerate() {
        (transfer.got, transfer.errno) = (0, 0);
        let room = &mut buffer[transfer.offset..transfer.offset + transfer.len];
        local[i] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
        remote[i] =
            libc::iovec { iov_base: transfer.address as *mut libc::c_void, iov_len: room.len() };
    }
    let count = batch.len() as libc::c_ulong;
    // SAFETY: the kernel writes only to the local vectors, each of which is a slice of `buffer`
    // checked above; remote addresses are not dereferenced here (process_vm_readv(2)).
    let answer =
        unsafe { libc::process_vm_readv(tid, local.as_ptr(), count, remote.as_ptr(), count, 0) };
    let (mut left, errno) = match usize::try_from(answer) {
        Ok(read) => (read, libc::EFAULT),
        Err(_) => (0, io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)),
    };
    for (i, transfer) in batch.iter_mut().enumerate() {
        transfer.got = left.min(transfer.len);
        left -= transfer.got;
        if transfer.got < transfer.len {
            // The kernel stops at the first unreadable page and returns what it read before it
            // (mm/process_vm_access.c).
            transfer.errno = errno;
            if matches!(errno, libc::EPERM | libc::ENOSYS) {
                peek(tid, buffer, transfer);
            }
            return i + 1;
        }
    }
    batch.len()
}

/// Reads word by word with PTRACE_PEEKDATA, where a seccomp filter forbids process_vm_readv (old
/// container runtimes). An undumpable task refuses both (kernel/ptrace.c, ptrace_access_vm); the
/// first errno is kept then.
fn peek(tid: Tid, buffer: &mut [u8], transfer: &mut Transfer) {
    const WORD: usize = size_of::<usize>();
    while transfer.got < transfer.len {
        let Ok(address) = usize::try_from(transfer.address.wrapping_add(transfer.got as u64))
        else {
            return;
        };
        let skip = address % WORD;
        let mut word = [0u8; WORD];
        // SAFETY: the raw PEEKDATA request stores a word at data, which has that size (ptrace(2),
        // "C library/kernel differences").
        let answer = unsafe {
            raw::ptrace(libc::PTRACE_PEEKDATA, tid, address - skip, word.as_mut_ptr() as usize)
        };
        if answer.is_err() {
            return;
        }
        let count = (WORD - skip).min(transfer.len - transfer.got);
        let at = transfer.offset + transfer.got;
        buffer[at..at + count].copy_from_slice(&word[skip..skip + count]);
        transfer.got += count;
    }
    transfer.errno = 0;
}

/// Writes `bytes` to the tracee. The caller must record it as `altered`.
///
/// # Errors
/// The errno of process_vm_writev(2); EFAULT when only a part was written.
pub fn write(tid: Tid, address: u64, bytes: &[u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: bytes.len() };
    // SAFETY: the kernel reads `bytes` through `local` and checks `remote` against the tracee
    // (process_vm_writev(2)).
    let written = unsafe { libc::process_vm_writev(tid, &local, 1, &remote, 1, 0) };
    match usize::try_from(written) {
        Ok(written) if written == bytes.len() => Ok(()),
        Ok(_) => Err(io::Error::from_raw_os_error(libc::EFAULT)),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// A task's memory through /proc/TID/mem. Protections do not apply, and a stack grows when it is
/// written below its end (mm/memory.c, __access_remote_vm). It belongs to one image and must be
/// reopened after an execve.
#[derive(Debug)]
pub struct Window(std::fs::File);

impl Window {
    /// Opens the memory of a task.
    ///
    /// # Errors
    /// The errno of open(2): ENOENT when the task has ended, EACCES when it is not traced.
    pub fn open(tid: Tid) -> io::Result<Window> {
        std::fs::File::options().read(true).write(true).open(format!("/proc/{tid}/mem")).map(Window)
    }

    /// Reads from `address` up to the first unreadable byte and returns the number of bytes read.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> usize {
        let mut got = 0;
        while got < bytes.len() {
            match std::os::unix::fs::FileExt::read_at(
                &self.0,
                &mut bytes[got..],
                address + got as u64,
            ) {
                Ok(0) | Err(_) => break,
                Ok(more) => got += more,
            }
        }
        got
    }

    /// Calls `each` with every page of writable memory that is not all zero, in ascending order.
    /// `None` when there is more than 1 GiB of it or the mappings cannot be read.
    pub fn writable_pages(&self, tid: Tid, mut each: impl FnMut(u64, &[u8])) -> Option<()> {
        const PAGE: usize = 4096;
        const PIECE: usize = 1 << 20;
        const MOST: u64 = 1 << 30;
        let mappings = crate::process::mappings(tid).ok()?;
        let writable = mappings.iter().filter(|mapping| mapping.permissions[1] == b'w');
        if writable.clone().map(|mapping| mapping.end - mapping.start).sum::<u64>() > MOST {
            return None;
        }
        let mut buffer = vec![0; PIECE];
        for mapping in writable {
            let mut at = mapping.start;
            while at < mapping.end {
                let len = usize::try_from(mapping.end - at).unwrap_or(PIECE).min(PIECE);
                // Pages after the end of a file cannot be read by the task either.
                let got = self.read(at, &mut buffer[..len]);
                for (page, address) in buffer[..got].chunks(PAGE).zip((at..).step_by(PAGE)) {
                    if page.iter().any(|&byte| byte != 0) {
                        each(address, page);
                    }
                }
                at += len as u64;
            }
        }
        Some(())
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// The errno of pwrite(2): EIO for an address that is not mapped.
    pub fn write(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_tid() -> Tid {
        Tid::try_from(std::process::id()).unwrap()
    }

    #[test]
    fn a_bad_place_does_not_hide_the_next() {
        let first = *b"first";
        let second = *b"second";
        let mut buffer = vec![0; 64];
        let mut transfers = [
            Transfer { address: first.as_ptr() as u64, offset: 0, len: 5, ..Transfer::default() },
            Transfer { address: 8, offset: 5, len: 16, ..Transfer::default() },
            Transfer { address: second.as_ptr() as u64, offset: 30, len: 6, ..Transfer::default() },
        ];
        read(own_tid(), &mut buffer, &mut transfers);
        assert_eq!((transfers[0].got, transfers[0].errno), (5, 0));
        assert_eq!((transfers[1].got, transfers[1].errno), (0, libc::EFAULT));
        assert_eq!((transfers[2].got, transfers[2].errno), (6, 0));
        assert_eq!(&buffer[..5], b"first");
        assert_eq!(&buffer[30..36], b"second");
    }

    #[test]
    fn more_places_than_a_batch_are_all_read() {
        let source: Vec<u8> = (0..=255).collect();
        let mut buffer = vec![0; 256];
        let mut transfers: Vec<Transfer> = (0..256)
            .map(|i| Transfer {
                address: &raw const source[255 - i] as u64,
                offset: i,
                len: 1,
                ..Transfer::default()
            })
            .collect();
        read(own_tid(), &mut buffer, &mut transfers);
        assert!(buffer.iter().zip(source.iter().rev()).all(|(a, b)| a == b));
    }
}

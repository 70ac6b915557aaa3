//! Shared mappings of a file: what is stored there survives the death of this process.

use crate::holes::Registered;
use crate::{Error, Result};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// A writable MAP_SHARED mapping of part of a file, or anonymous memory where there is no file to
/// map.
#[derive(Debug)]
pub struct SharedMapping {
    base: *mut u8,
    len: usize,
    /// Handles SIGBUS: any process that can write to the file can truncate it.
    registered: Option<Registered>,
}

// SAFETY: the value owns its mapping as a Box owns its bytes; nothing in it is bound to a thread.
unsafe impl Send for SharedMapping {}

impl SharedMapping {
    /// Maps `len` bytes of `file` from `offset`. The blocks should be allocated beforehand (see
    /// [`allocate`]). Where the file has no blocks, because the disk is full or the file was
    /// truncated, an access would raise SIGBUS (mmap(2)); the memory is replaced by zeros instead
    /// ([`SharedMapping::is_torn`]).
    ///
    /// # Errors
    /// The errno of mmap(2), or EOVERFLOW for an offset beyond `off_t`.
    pub fn map_file(file: &File, offset: u64, len: usize) -> Result<SharedMapping> {
        let offset = libc::off_t::try_from(offset)
            .map_err(|_| Error::io("mmap", std::io::Error::from_raw_os_error(libc::EOVERFLOW)))?;
        let mut mapping = Self::map(len, libc::MAP_SHARED, file.as_raw_fd(), offset)?;
        mapping.registered = Some(Registered::new(mapping.base, len)?);
        Ok(mapping)
    }

    /// Allocates private memory instead, for logs that go to a pipe.
    ///
    /// # Errors
    /// The errno of mmap(2).
    pub fn anonymous(len: usize) -> Result<SharedMapping> {
        Self::map(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    fn map(len: usize, flags: i32, fd: i32, offset: libc::off_t) -> Result<SharedMapping> {
        // SAFETY: a new mapping at an address chosen by the kernel overlaps no other (mmap(2)).
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                fd,
                offset,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(Error::last("mmap", None));
        }
        // Without it the first store to a file mapping fills as much of it as the disk's read-ahead
        // (do_sync_mmap_readahead, mm/filemap.c): up to all of it, with zeros, in a recording that
        // may need one page. SAFETY: advice about an own mapping does not change its contents. It
        // may fail; nothing depends on it.
        unsafe { libc::madvise(base, len, libc::MADV_RANDOM) };
        Ok(SharedMapping { base: base.cast(), len, registered: None })
    }

    /// Whether part of the mapping lost its file blocks and is private memory since.
    pub fn is_torn(&self) -> bool {
        self.registered.as_ref().is_some_and(Registered::is_torn)
    }

    /// The mapped bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping has `len` readable bytes for as long as self lives, and only self
        // writes to it. Another process that writes to the file could change them: callers copy
        // before they read twice.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }

    /// The mapped bytes, for writing.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; &mut self makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.len) }
    }

    /// Stores a number at `offset`, ordered after all previous stores.
    ///
    /// # Panics
    /// When `offset` is not a multiple of 8 or the word does not fit the mapping.
    pub fn store_release(&mut self, offset: usize, value: u64) {
        assert!(
            offset.is_multiple_of(8) && offset + 8 <= self.len,
            "a commit word lies inside its segment, aligned"
        );
        // SAFETY: in bounds and aligned (asserted; mappings are page-aligned), and AtomicU64 has
        // the layout of u64.
        let word = unsafe { AtomicU64::from_ptr(self.base.add(offset).cast()) };
        word.store(value.to_le(), Ordering::Release);
    }
}

impl Drop for SharedMapping {
    fn drop(&mut self) {
        // Unregister first: the SIGBUS handler must not map over what may be mapped here next.
        self.registered = None;
        // SAFETY: base and len are those of the own mapping, which is no longer borrowed.
        unsafe { libc::munmap(self.base.cast(), self.len) };
    }
}

/// Allocates disk blocks for `len` bytes of the file from `offset`. With `keep_size` the file's
/// length does not change.
///
/// # Errors
/// ENOSPC when the disk is full; EOPNOTSUPP on a file system without fallocate(2), which the caller
/// may ignore.
pub fn allocate(file: &File, offset: u64, len: u64, keep_size: bool) -> std::io::Result<()> {
    let mode = if keep_size { libc::FALLOC_FL_KEEP_SIZE } else { 0 };
    let too_large = |_| std::io::Error::from_raw_os_error(libc::EFBIG);
    let (offset, len) = (
        libc::off_t::try_from(offset).map_err(too_large)?,
        libc::off_t::try_from(len).map_err(too_large)?,
    );
    // SAFETY: fallocate(2) takes numbers only.
    crate::raw::check(unsafe { libc::fallocate(file.as_raw_fd(), mode, offset, len) }).map(drop)
}

/// Returns the bytes free to this user on the file's file system.
///
/// # Errors
/// The errno of fstatvfs(3).
pub fn free_space(file: &File) -> std::io::Result<u64> {
    let disk = nix::sys::statvfs::fstatvfs(file)?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

/// Copies the first `len` bytes of a file, or all when it is shorter, to another file. Blocks are
/// shared where the file system can (copy_file_range(2)). File offsets do not move.
///
/// # Errors
/// The errno of reading or writing.
pub fn copy(from: &File, to: &File, len: u64) -> std::io::Result<()> {
    let (mut read, mut written) = (0_i64, 0_i64);
    while let Ok(left @ 1..) = u64::try_from(read).map(|read| len.saturating_sub(read)) {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 30);
        match nix::fcntl::copy_file_range(from, Some(&mut read), to, Some(&mut written), most) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Not supported between these file systems.
            Err(_) => return copy_by_read(from, to, read.unsigned_abs(), len),
        }
    }
    Ok(())
}

fn copy_by_read(from: &File, to: &File, mut at: u64, len: u64) -> std::io::Result<()> {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; 1 << 20];
    while at < len {
        let most = usize::try_from(len - at).unwrap_or(usize::MAX).min(bytes.len());
        let Some(bytes) = bytes.get_mut(..most) else { break };
        match from.read_at(bytes, at)? {
            0 => break,
            n => {
                to.write_all_at(bytes.get(..n).unwrap_or_default(), at)?;
                at += n as u64;
            }
        }
    }
    Ok(())
}

/// Renames a file, unless the new name exists (renameat2(2), RENAME_NOREPLACE).
///
/// # Errors
/// EEXIST when the new name exists, or another errno of renameat2(2).
pub fn rename_to_free(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)?)
}

/// Returns this process's standard output, and makes standard error its standard output from now
/// on, also for the programs it starts.
///
/// # Errors
/// EBADF when the process was started with standard output closed, or an errno of dup(2).
pub fn take_standard_output() -> std::io::Result<File> {
    if crate::startup::was_closed(1) {
        return Err(std::io::Error::from_raw_os_error(libc::EBADF));
    }
    let taken = duplicate(libc::STDOUT_FILENO)?;
    nix::unistd::dup2_stdout(std::io::stderr())?;
    Ok(taken)
}

/// Returns a new descriptor for the same open file description.
///
/// # Errors
/// The errno of fcntl(2).
pub fn duplicate(fd: i32) -> std::io::Result<File> {
    // SAFETY: fcntl(F_DUPFD_CLOEXEC) takes numbers only and returns a new descriptor that nothing
    // else owns.
    unsafe {
        let new = crate::raw::check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3))?;
        Ok(std::os::fd::FromRawFd::from_raw_fd(new))
    }
}

/// The open(2) flag that rejects a symbolic link.
pub const NOFOLLOW: i32 = libc::O_NOFOLLOW;

/// The device number of /dev/null (Documentation/admin-guide/devices.txt).
pub fn null_device() -> u64 {
    libc::makedev(1, 3)
}

/// The effective user id of this process, as which it opens files.
pub fn user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Locks the file exclusively while it is open (flock(2)). Returns false when another process holds
/// the lock.
pub fn lock(file: &File) -> bool {
    // SAFETY: flock(2) takes numbers only.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_reach_the_file_without_a_write() {
        let file = tempfile::tempfile().unwrap();
        allocate(&file, 0, 8192, false).unwrap();
        let mut mapping = SharedMapping::map_file(&file, 4096, 4096).unwrap();
        mapping.bytes_mut()[16..21].copy_from_slice(b"bytes");
        mapping.store_release(8, 5);
        let mut read = [0; 21];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, 4096).unwrap();
        assert_eq!(&read[16..], b"bytes");
        assert_eq!(&read[8..16], &5u64.to_le_bytes());
    }
}

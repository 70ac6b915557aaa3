//! A file's pages shared with the kernel: what is stored there survives the death of this process.

use crate::holes::Registered;
use crate::{Error, Result};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// A writable MAP_SHARED mapping of a part of a file, or anonymous memory where there is no file to
/// map.
#[derive(Debug)]
pub struct SharedMapping {
    base: *mut u8,
    len: usize,
    /// Where SIGBUS is expected: a file can be cut short by anybody who may write to it.
    registered: Option<Registered>,
}

// SAFETY: the mapping is owned by this value alone, like a Box of bytes; nothing in it is bound to
// a thread.
unsafe impl Send for SharedMapping {}

impl SharedMapping {
    /// Maps `len` bytes of `file` from `offset`. The blocks should have been allocated (see
    /// [`allocate`]): memory that the file has no blocks for, because the disk is full or because
    /// the file was cut short, is replaced by zeros when it is touched
    /// ([`SharedMapping::is_torn`]), where it would be SIGBUS (mmap(2)).
    pub fn of_file(file: &File, offset: u64, len: usize) -> Result<SharedMapping> {
        let offset = libc::off_t::try_from(offset)
            .map_err(|_| Error::io("mmap", std::io::Error::from_raw_os_error(libc::EOVERFLOW)))?;
        let mut mapping = Self::map(len, libc::MAP_SHARED, file.as_raw_fd(), offset)?;
        mapping.registered = Some(Registered::new(mapping.base, len)?);
        Ok(mapping)
    }

    /// Private memory of the same shape, for logs that go to a pipe.
    pub fn anonymous(len: usize) -> Result<SharedMapping> {
        Self::map(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    fn map(len: usize, flags: i32, fd: i32, offset: libc::off_t) -> Result<SharedMapping> {
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours
        // (mmap(2)).
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
        // Without it the first store to a file's mapping fills as much of it as the disk reads
        // ahead (do_sync_mmap_readahead, mm/filemap.c): up to all of it, with zeros, in a recording
        // that may need a page. SAFETY: advice about a mapping of our own changes nothing of its
        // contents. It may be refused: nothing depends on it.
        unsafe { libc::madvise(base, len, libc::MADV_RANDOM) };
        Ok(SharedMapping { base: base.cast(), len, registered: None })
    }

    /// Whether some of it was found to have no file behind it, and is memory of this process alone
    /// since then.
    pub fn is_torn(&self) -> bool {
        self.registered.as_ref().is_some_and(Registered::is_torn)
    }

    /// The mapped bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is `len` readable bytes for as long as self lives, and only self
        // writes to it. Other processes that may write to the file could change them: whoever reads
        // more than once copies first.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }

    /// The mapped bytes, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; &mut self makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.len) }
    }

    /// Stores a number at `offset` (a multiple of 8) after everything that was stored before it.
    pub fn store_release(&mut self, offset: usize, value: u64) {
        assert!(
            offset.is_multiple_of(8) && offset + 8 <= self.len,
            "a commit word lies inside its segment, aligned"
        );
        // SAFETY: in bounds and aligned (asserted; mappings start at a page), and AtomicU64 has the
        // layout of u64.
        let word = unsafe { AtomicU64::from_ptr(self.base.add(offset).cast()) };
        word.store(value.to_le(), Ordering::Release);
    }
}

impl Drop for SharedMapping {
    fn drop(&mut self) {
        // It leaves the table first: the handler must not map anything where something else may
        // come to lie.
        self.registered = None;
        // SAFETY: base and len are those of our own mapping, which nobody borrows any more.
        unsafe { libc::munmap(self.base.cast(), self.len) };
    }
}

/// Makes sure the file has disk blocks for `len` bytes from `offset`. With `keep_size` its length
/// does not change.
///
/// Answers ENOSPC when the disk is full; a file system without fallocate(2) answers EOPNOTSUPP,
/// which the caller may pass over.
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

/// How many bytes of a file's disk this user can still have.
pub fn free_space(file: &File) -> std::io::Result<u64> {
    let disk = nix::sys::statvfs::fstatvfs(file)?;
    Ok(disk.blocks_available() * disk.fragment_size())
}

/// Copies the first `len` bytes of a file to another, shared on the disk where the file system can
/// (copy_file_range(2)). Less when there is less. Neither position moves.
pub fn copy(from: &File, to: &File, len: u64) -> std::io::Result<()> {
    let (mut read, mut written) = (0_i64, 0_i64);
    while let Ok(left @ 1..) = u64::try_from(read).map(|read| len.saturating_sub(read)) {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 30);
        match nix::fcntl::copy_file_range(from, Some(&mut read), to, Some(&mut written), most) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Not every pair of file systems can.
            Err(_) => return copy_by_hand(from, to, read.unsigned_abs(), len),
        }
    }
    Ok(())
}

fn copy_by_hand(from: &File, to: &File, mut at: u64, len: u64) -> std::io::Result<()> {
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

/// Renames a file unless something has the new name already (renameat2(2) RENAME_NOREPLACE).
pub fn rename_to_free(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)?)
}

/// The standard output of this process, which from here on is its standard error; so it is for the
/// programs that it starts.
pub fn take_standard_output() -> std::io::Result<File> {
    if crate::startup::was_closed(1) {
        return Err(std::io::Error::from_raw_os_error(libc::EBADF));
    }
    let taken = duplicate(libc::STDOUT_FILENO)?;
    nix::unistd::dup2_stdout(std::io::stderr())?;
    Ok(taken)
}

/// Another descriptor for the open file that this one stands for.
pub fn duplicate(fd: i32) -> std::io::Result<File> {
    // SAFETY: fcntl(F_DUPFD_CLOEXEC) takes numbers only, and what it answers is a new descriptor
    // that nobody else owns.
    unsafe {
        let new = crate::raw::check(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3))?;
        Ok(std::os::fd::FromRawFd::from_raw_fd(new))
    }
}

/// Open the name itself, and fail if it is a symbolic link (open(2)).
pub const NOFOLLOW: i32 = libc::O_NOFOLLOW;

/// The device number of /dev/null (Documentation/admin-guide/devices.txt).
pub fn null_device() -> u64 {
    libc::makedev(1, 3)
}

/// The user as whom this process opens files.
pub fn user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// Takes the file for this process alone, as long as it is open (flock(2)); `false` when another
/// has it.
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
        let mut mapping = SharedMapping::of_file(&file, 4096, 4096).unwrap();
        mapping.bytes_mut()[16..21].copy_from_slice(b"bytes");
        mapping.store_release(8, 5);
        let mut read = [0; 21];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, 4096).unwrap();
        assert_eq!(&read[16..], b"bytes");
        assert_eq!(&read[8..16], &5u64.to_le_bytes());
    }
}
